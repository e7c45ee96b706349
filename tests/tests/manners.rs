//! What a person at a terminal sees of a run and a pipe does not: a line that moves, colours, tables as wide as the window.
//! Nothing that a guest says becomes part of it, and nothing but a terminal is sent an escape byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    artifacts,
    program::{Place, Ran},
    stage::Stage,
    terminal::on_terminal,
};
use std::process::Command;

const WIDE: u16 = 240;
const ESCAPE: char = '\u{1b}';

/// A run of the Snowflake collector against its simulator; `more` are further arguments.
fn collecting(stage: &Stage, more: &[&str]) -> Command {
    let mut command = stage.place.command().unwrap();
    command
        .args([
            "run".as_ref(),
            artifacts::collector("snowflake").unwrap().as_os_str(),
        ])
        .args(["--config", "snowflake.toml", "--since", "2026-06-01"])
        .args(more);
    command
}

fn terminal(command: &Command) -> String {
    let ran = tokio::task::block_in_place(|| on_terminal(command, WIDE)).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

fn piped(command: &mut Command) -> Ran {
    tokio::task::block_in_place(|| Ran::of(&command.output().unwrap()))
}

/// The escape sequences of a text, each with its last letter.
fn sequences(text: &str) -> Vec<String> {
    let mut parts = text.split(ESCAPE);
    parts.next();
    parts
        .map(|part| match part.strip_prefix('[') {
            Some(rest) => {
                let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
                rest.chars().take(end + 1).collect()
            }
            None => format!("no CSI: {}", part.chars().take(3).collect::<String>()),
        })
        .collect()
}

fn colours(text: &str) -> usize {
    sequences(text).iter().filter(|end| end.ends_with('m')).count()
}

/// The money that each run says it brought into the books.
fn books(shown: &str) -> Vec<Decimal> {
    let lines = shown
        .lines()
        .filter_map(|line| line.trim().strip_prefix("books    +"));
    lines
        .map(|amount| amount.strip_suffix(" USD").unwrap().parse().unwrap())
        .collect()
}

/// What all costs of the ledger come to.
fn total(place: &Place) -> Decimal {
    let answer = place.call(&["costs", "--json"]).unwrap().json().unwrap();
    let rows = answer["rows"].as_array().unwrap();
    let amounts = rows
        .iter()
        .map(|row| row["effective"].as_str().unwrap().parse().unwrap());
    Decimal::sum(amounts).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_a_terminal_shows_where_it_is_what_it_found_and_a_coloured_outcome() {
    let stage = Stage::new("", "").await.unwrap();
    let shown = terminal(&collecting(&stage, &[]));
    // A backfill is cut into several runs; each has its line, and afterwards the table that stays.
    let books = books(&shown);
    assert!(books.len() > 1, "{shown:?}");
    assert_eq!(Decimal::sum(books.clone()).unwrap(), total(&stage.place));
    for amount in &books {
        let moving = format!(" records, {amount} USD");
        let (before, _) = shown
            .rsplit_once(&moving)
            .unwrap_or_else(|| panic!("{moving}: {shown:?}"));
        let line = before.rsplit(['\r', '\n']).next().unwrap();
        assert!(
            line.contains(" requests, ") && line.contains(" 2026-"),
            "{line:?}"
        );
    }
    let done = format!("snowflake-test: {ESCAPE}[32mdone{ESCAPE}[0m in ");
    let (_, after) = shown.split_once(&done).unwrap_or_else(|| panic!("{shown:?}"));
    assert_eq!(after.matches(&done).count() + 1, books.len(), "{after:?}");
    for column in [
        "partitions",
        "records",
        "new",
        "revised",
        "withdrawn",
        "unchanged",
    ] {
        assert!(after.contains(column), "{column}: {after:?}");
    }
    assert!(
        after.contains("next     see the money: finops-host costs"),
        "{after:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_run_in_a_pipe_shows_the_table_alone_and_not_one_escape_byte() {
    let stage = Stage::new("", "").await.unwrap();
    let ran = piped(collecting(&stage, &[]).env("TERM", "xterm"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        !ran.stdout.contains(ESCAPE) && !ran.stderr.contains(ESCAPE),
        "{ran:?}"
    );
    assert!(
        !ran.stdout.contains('\r') && !ran.stderr.contains('\r'),
        "{ran:?}"
    );
    assert!(ran.stdout.starts_with("snowflake-test: done in "), "{ran:?}");
    assert_eq!(
        Decimal::sum(books(&ran.stdout)).unwrap(),
        total(&stage.place),
        "{ran:?}"
    );
    for line in ran.stderr.lines() {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "{line:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_says_that_the_books_are_unchanged() {
    let stage = Stage::new("", "").await.unwrap();
    assert_eq!(piped(&mut collecting(&stage, &[])).code, Some(0));
    let ran = piped(&mut collecting(&stage, &[]));
    let runs = ran.stdout.matches("books    unchanged").count();
    assert!(runs > 1 && books(&ran.stdout).is_empty(), "{ran:?}");
    let status = stage.place.call(&["status"]).unwrap();
    let rows: Vec<&str> = status
        .stdout
        .lines()
        .filter(|line| line.contains(" snowflake-test ") && line.contains(" done "))
        .collect();
    assert_eq!(rows.len(), 2 * runs, "{status:?}");
    let (second, first) = rows.split_at(runs);
    for row in second {
        assert!(row.contains("+0 ~0 -0") && row.contains("unchanged"), "{row}");
    }
    let amounts = first.iter().map(|row| {
        let (before, _) = row.split_once(" USD ").unwrap();
        before.rsplit('+').next().unwrap().parse().unwrap()
    });
    assert_eq!(Decimal::sum(amounts).unwrap(), total(&stage.place), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_wants_no_colours_gets_none() {
    let stage = Stage::new("", "").await.unwrap();
    for command in [
        collecting(&stage, &[]).env("NO_COLOR", "1"),
        &mut collecting(&stage, &["--color", "never"]),
    ] {
        let shown = terminal(command);
        assert_eq!(colours(&shown), 0, "{shown:?}");
        assert!(shown.contains(" records"), "{shown:?}");
    }
    let forced = terminal(collecting(&stage, &["--color=always"]).env("NO_COLOR", "1"));
    assert!(colours(&forced) > 0, "{forced:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_moves_where_the_operator_a_ci_or_a_dumb_terminal_does_not_want_it() {
    let stage = Stage::new("", "").await.unwrap();
    let moves = |shown: &str| shown.contains('\r') || sequences(shown).iter().any(|end| !end.ends_with('m'));
    assert!(
        moves(&terminal(&collecting(&stage, &[]))),
        "the test sees a line that moves"
    );
    for command in [
        &mut collecting(&stage, &["--no-progress"]),
        &mut collecting(&stage, &["--json"]),
        collecting(&stage, &[]).env("CI", "true"),
    ] {
        let shown = terminal(command);
        assert!(!moves(&shown), "{shown:?}");
    }
    let dumb = terminal(collecting(&stage, &[]).env("TERM", "dumb"));
    assert!(!dumb.contains([ESCAPE, '\r']), "{dumb:?}");
}

#[test]
fn colours_that_are_forced_go_into_a_pipe_and_errors_begin_red() {
    let place = Place::new().unwrap();
    let mut command = place.command().unwrap();
    command.args(["run", "none.wasm", "--config", "none.toml"]);
    let plain = Ran::of(&command.output().unwrap());
    assert!(
        plain.stderr.contains("error: ") && !plain.stderr.contains(ESCAPE),
        "{plain:?}"
    );
    for forced in [
        command.env("CLICOLOR_FORCE", "1"),
        place
            .command()
            .unwrap()
            .args(["run", "none.wasm", "--config", "none.toml", "--color", "always"]),
    ] {
        let ran = Ran::of(&forced.output().unwrap());
        let red = format!("{ESCAPE}[1m{ESCAPE}[31merror:{ESCAPE}[0m ");
        assert!(ran.stderr.contains(&red), "{ran:?}");
    }
}

/// A run of the collector that does what `act` says, on a terminal.
fn hostile(place: &Place, act: &str) -> String {
    let file = format!("[collector]\nname = \"hostile\"\n\n[settings]\nact = \"{act}\"\ncount = 40\n");
    let config = place.file("hostile.toml", file).unwrap();
    let mut command = place.command().unwrap();
    command
        .arg("run")
        .arg(artifacts::guest("hostile").unwrap())
        .arg("--config")
        .arg(config);
    on_terminal(&command, WIDE).unwrap().stdout
}

#[test]
fn a_guest_moves_no_cursor_and_sets_no_colour_of_a_terminal() {
    // What the line that moves and the program's own colours need.
    const OURS: [&str; 12] = [
        "2K", "1A", "1B", "0m", "1m", "31m", "32m", "33m", "2m", "34m", "35m", "3m",
    ];
    let place = Place::new().unwrap();
    for act in ["say", "say-note", "say-failure", "say-stream", "forge-log"] {
        let shown = hostile(&place, act);
        let foreign: Vec<String> = sequences(&shown)
            .into_iter()
            .filter(|end| !OURS.contains(&end.as_str()))
            .collect();
        assert!(foreign.is_empty(), "{act}: {foreign:?} in {shown:?}");
        assert!(
            !shown.contains(['\u{9b}', '\u{202e}', '\u{2066}', '\u{7}', '\u{7f}', '\u{200b}']),
            "{act}: {shown:?}"
        );
        assert!(
            shown.lines().all(|line| !line.starts_with("FORGED")),
            "{act}: {shown:?}"
        );
    }
}

#[test]
fn log_lines_stand_whole_above_the_line_that_moves() {
    let place = Place::new().unwrap();
    let shown = hostile(&place, "flood-log");
    let whole = "x".repeat(400);
    let lines: Vec<&str> = shown.lines().filter(|line| line.contains(&whole)).collect();
    assert_eq!(lines.len(), 40, "{shown:?}");
    for line in lines {
        // What stood there before is gone, the line itself is in one piece.
        let said = line.rsplit("\u{1b}[2K").next().unwrap().trim_start_matches('\r');
        assert!(
            !said.contains("requests,") && !said.contains("starting"),
            "{line:?}"
        );
        assert!(said.contains("INFO"), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_no_wider_than_the_window_and_in_a_pipe_each_row_is_a_line() {
    let stage = Stage::new("", "").await.unwrap();
    assert_eq!(piped(&mut collecting(&stage, &[])).code, Some(0));
    let mut status = stage.place.command().unwrap();
    status.args(["costs", "--by", "service,source,stream,day", "--color", "never"]);
    let wide = piped(&mut status).stdout;
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest(&wide) > 80, "{wide}");
    let narrow = tokio::task::block_in_place(|| on_terminal(&status, 80))
        .unwrap()
        .stdout;
    let table: Vec<&str> = narrow
        .lines()
        .filter(|line| !line.contains("FINOPS_HOST_NOW"))
        .collect();
    assert!(widest(&table.join("\n")) <= 80, "{narrow}");
}
