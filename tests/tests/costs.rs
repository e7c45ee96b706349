//! The questions of docs/costs.md, asked of books that hold a data platform, a warehouse and a service: every command of the page
//! answers, its rows add up, and what the page promises of them holds against independent sums.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{program::Place, snowflake, three_providers};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../docs/costs.md");

fn asked(place: &Place, arguments: &[&str]) -> Value {
    let ran = place.call(&[&["costs", "--json"], arguments].concat()).unwrap();
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    ran.json().unwrap()
}

fn amount(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

/// The first dimension of each row, and its effective cost.
fn rows(answer: &Value) -> BTreeMap<String, Decimal> {
    let rows = answer["rows"].as_array().unwrap().iter();
    let row = |row: &Value| {
        (
            row["dims"][0].as_str().unwrap().to_owned(),
            amount(&row["effective"]),
        )
    };
    rows.map(row).collect()
}

/// The commands of the page that begin with these words, without the program's name and them.
fn commands(words: &str) -> Vec<Vec<&'static str>> {
    let begin = format!("finops-host {words}");
    let lines = PAGE.lines().filter_map(|line| line.strip_prefix(&begin));
    lines.map(|line| line.split_whitespace().collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_of_the_page_is_answered_and_adds_up() {
    let place = three_providers::place().await.unwrap();
    let (pages, commands): (Vec<_>, Vec<_>) = commands("costs")
        .into_iter()
        .partition(|command| command.contains(&"--html"));
    assert!(commands.len() >= 12 && pages.len() >= 2, "{commands:?}");
    for command in &commands {
        let answer = asked(&place, command);
        let rows = answer["rows"].as_array().unwrap();
        assert!(!rows.is_empty(), "{command:?} has no answer");
        for measure in ["effective", "billed", "list"] {
            let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
            for row in rows {
                let sum = sums.entry(row["currency"].as_str().unwrap()).or_default();
                *sum = sum.checked_add(amount(&row[measure])).unwrap();
            }
            for (currency, sum) in sums {
                assert_eq!(amount(&answer["totals"][currency][measure]), sum, "{command:?}");
            }
        }
        let ran = place.call(&[&["costs"], command.as_slice()].concat()).unwrap();
        assert!(
            ran.code == Some(0) && ran.stdout.contains("total"),
            "{command:?}: {ran:?}"
        );
    }
    for command in &pages {
        let ran = place.call(&[&["costs"], command.as_slice()].concat()).unwrap();
        assert_eq!(ran.code, Some(0), "{command:?}: {ran:?}");
        let written = std::fs::read_to_string(place.path().join(file_of(command))).unwrap();
        assert!(written.ends_with("</html>\n"), "{command:?}");
    }
    for (words, key) in [("status --coverage", "coverage"), ("reconcile", "rows")] {
        for command in commands_of(words) {
            let words: Vec<&str> = words.split(' ').collect();
            let ran = place
                .call(&[&words[..], &command[..], &["--json"]].concat())
                .unwrap();
            assert_eq!(ran.code, Some(0), "{words:?} {command:?}: {ran:?}");
            assert!(
                !ran.json().unwrap()[key].as_array().unwrap().is_empty(),
                "{words:?}"
            );
            let shown = place.call(&[&words[..], &command[..]].concat()).unwrap();
            assert!(
                shown.code == Some(0) && shown.stdout.lines().count() > 3,
                "{shown:?}"
            );
        }
    }
}

/// The commands of the page that begin with these words; there is one at least.
fn commands_of(words: &str) -> Vec<Vec<&'static str>> {
    let found = commands(words);
    assert!(!found.is_empty(), "the page has no `{words}`");
    found
}

/// The file after `--html`.
fn file_of<'a>(command: &[&'a str]) -> &'a str {
    let at = command.iter().position(|word| *word == "--html").unwrap();
    command[at + 1]
}

#[tokio::test(flavor = "multi_thread")]
async fn bars_are_drawn_where_they_are_asked_for_and_never_into_a_pipe_unasked() {
    let place = three_providers::place().await.unwrap();
    let days = [
        "costs",
        "--provider",
        "snowflake",
        "--stream",
        "spend-billed",
        "--by",
        "day",
        "--since",
        "20d",
    ];
    let plain = place.call(&days).unwrap().stdout;
    assert!(plain.contains("2026-07-") && !plain.contains('█'), "{plain}");
    let drawn = place.call(&[&days[..], &["--bars"]].concat()).unwrap().stdout;
    let answer = asked(&place, &days[1..]);
    let rows = answer["rows"].as_array().unwrap();
    let amounts: Vec<Decimal> = rows.iter().map(|row| amount(&row["effective"])).collect();
    let largest = amounts.iter().copied().max().unwrap();
    for (line, cost) in drawn.lines().skip(2).zip(&amounts) {
        let blocks = line.chars().filter(|c| *c == '█').count();
        let forty = cost.checked_mul(Decimal::from(40_u32)).unwrap();
        let long = forty.div_rounded(largest, 0).unwrap();
        let apart = long
            .checked_sub(Decimal::from(u32::try_from(blocks).unwrap()))
            .unwrap();
        assert!(apart.abs() <= Decimal::ONE, "{cost} of {largest}: {drawn}");
        let any = line.contains(['█', '▏', '▎', '▍', '▌', '▋', '▊', '▉']);
        assert_eq!(any, !cost.is_zero(), "{drawn}");
    }
    assert!(amounts.len() > 10 && drawn.contains(&"█".repeat(40)), "{drawn}");
    for (more, says) in [
        (&["--bars", "--by", "service"][..], "add day or month to --by"),
        (&["--html", "x.html", "--json"][..], "cannot be used with"),
        (&["--html", "."][..], "this is a directory"),
    ] {
        let ran = place.call(&[&["costs"], more].concat()).unwrap();
        assert!(ran.code == Some(2) && ran.stderr.contains(says), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_promises_holds_against_independent_sums() {
    let place = three_providers::place().await.unwrap();
    // By warehouse: money as the golden script has it, and credits.
    let by_warehouse = asked(
        &place,
        &[
            "--stream",
            "warehouse-hours",
            "--by",
            "resource-name",
            "--quantities",
        ],
    );
    let mut golden: BTreeMap<String, Decimal> = BTreeMap::new();
    let records = snowflake::golden::records(snowflake::golden::State::Initial).unwrap();
    for record in records.iter().filter(|record| record.stream == "warehouse-hours") {
        let name = record.resource_name.clone().unwrap();
        let sum = golden.entry(name).or_default();
        *sum = sum.checked_add(record.effective).unwrap();
    }
    assert!(golden.len() > 2, "{golden:?}");
    assert_eq!(rows(&by_warehouse), golden);
    for row in by_warehouse["rows"].as_array().unwrap() {
        let units: Vec<&String> = row["quantities"].as_object().unwrap().keys().collect();
        assert_eq!(units, ["Credits"], "{row}");
    }
    // By job: the same money as the bill of the same days.
    let since = ["--provider", "databricks", "--since", "1d"];
    let bill = asked(&place, &since);
    let jobs = asked(
        &place,
        &[&since[..], &["--stream", "by-job-run", "--by", "x_JobId"]].concat(),
    );
    assert_eq!(
        jobs["totals"]["USD"]["effective"],
        bill["totals"]["USD"]["effective"]
    );
    assert!(rows(&jobs).len() > 1, "{jobs}");
    // By team: what has no such tag stands in a row of its own.
    let teams = rows(&asked(&place, &["--provider", "databricks", "--by", "tag:team"]));
    assert!(teams.len() > 1 && teams.contains_key(""), "{teams:?}");
    let providers: BTreeSet<String> = rows(&asked(&place, &["--by", "provider"])).into_keys().collect();
    assert_eq!(
        providers.iter().map(String::as_str).collect::<Vec<_>>(),
        ["databricks", "openai", "snowflake"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_rows_the_period_before_and_what_is_left_out() {
    let place = three_providers::place().await.unwrap();
    let all = asked(
        &place,
        &[
            "--provider",
            "snowflake",
            "--by",
            "service",
            "--measure",
            "billed",
        ],
    );
    let top = asked(
        &place,
        &[
            "--provider",
            "snowflake",
            "--by",
            "service",
            "--measure",
            "billed",
            "--top",
            "2",
        ],
    );
    let (all_rows, top_rows) = (all["rows"].as_array().unwrap(), top["rows"].as_array().unwrap());
    assert_eq!(top_rows[..2], all_rows[..2]);
    assert_eq!(top_rows.len(), 3);
    assert_eq!(top_rows[2]["others"], all_rows.len() - 2);
    assert_eq!(top["totals"], all["totals"]);
    let largest: Vec<Decimal> = all_rows.iter().map(|row| amount(&row["billed"])).collect();
    assert!(largest.is_sorted_by(|one, two| one >= two), "{largest:?}");

    let compared = asked(
        &place,
        &[
            "--provider",
            "snowflake",
            "--since",
            "7d",
            "--compare",
            "previous",
        ],
    );
    let (from, to) = (
        compared["compared_with"]["from"].as_str().unwrap(),
        compared["compared_with"]["to"].as_str().unwrap(),
    );
    let before = asked(
        &place,
        &[
            "--provider",
            "snowflake",
            "--since",
            &from[..10],
            "--until",
            &to[..10],
        ],
    );
    assert_eq!(
        compared["totals"]["USD"]["previous"],
        before["totals"]["USD"]["effective"]
    );

    let credits = asked(&place, &["--by", "charge-category"]);
    let gross = asked(
        &place,
        &["--by", "charge-category", "--exclude", "credits,adjustment"],
    );
    let mut left = rows(&credits);
    left.remove("Credit");
    left.remove("Adjustment");
    assert!(left.len() < rows(&credits).len());
    assert_eq!(rows(&gross), left);

    for (arguments, says) in [
        (["--since", "7x"], "7d"),
        (
            ["--exclude", "fun"],
            "usage, purchase, tax, credit and adjustment",
        ),
        (["--top", "0"], "0 is not in"),
        (["--by", "colour"], "no dimension"),
    ] {
        let ran = place.call(&[&["costs"], &arguments[..]].concat()).unwrap();
        assert!(
            ran.code == Some(2) && ran.stderr.contains(says),
            "{arguments:?}: {ran:?}"
        );
    }
}
