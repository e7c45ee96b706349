//! The manual that the program carries: completions that shells take, a page for each command, help that tells exit codes,
//! environment and files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::program::{Place, Ran};
use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Command, Stdio},
};

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

fn said(place: &Place, arguments: &[&str]) -> String {
    let ran = place.call(arguments).unwrap();
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    ran.stdout
}

/// Every command, as it is called, by the lists in the help texts.
fn commands(place: &Place) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut open = vec![String::new()];
    while let Some(path) = open.pop() {
        let mut arguments: Vec<&str> = path.split_whitespace().collect();
        arguments.push("-h");
        let help = said(place, &arguments);
        if let Some((_, listed)) = help.split_once("\nCommands:\n") {
            let listed = listed.split("\n\n").next().unwrap().lines();
            let names = listed
                .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
                .map(|line| line.split_whitespace().next().unwrap());
            for name in names.filter(|name| *name != "help") {
                open.push(format!("{path} {name}").trim().to_owned());
            }
        }
        all.insert(path);
    }
    all
}

#[test]
fn each_shell_gets_completions_that_know_every_command() {
    let place = Place::new().unwrap();
    let commands = commands(&place);
    assert!(commands.len() > 25, "{commands:?}");
    for shell in SHELLS {
        let script = said(&place, &["completions", shell]);
        for command in &commands {
            let name = command.rsplit(' ').next().unwrap();
            assert!(script.contains(name), "{shell}: {command}");
        }
    }
    let unknown = place.call(&["completions", "csh"]).unwrap();
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
}

#[test]
fn bash_takes_its_completions_and_completes_with_them() {
    let place = Place::new().unwrap();
    let script = said(&place, &["completions", "bash"]);
    let path = place.file("completions.bash", &script).unwrap();
    let parsed = Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(parsed.status.success(), "{:?}", Ran::of(&parsed));
    let asks = "source \"$1\"; COMP_WORDS=(finops-host ledger re); COMP_CWORD=2; \
                _finops__host finops-host re ledger; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let asked = Command::new("bash")
        .args(["-c", asks, "asks"])
        .arg(&path)
        .output()
        .unwrap();
    let asked = Ran::of(&asked);
    let replies: Vec<&str> = asked.stdout.lines().collect();
    assert_eq!(replies, ["review", "reject", "retire"], "{asked:?}");
}

#[test]
fn every_command_has_a_page_that_is_a_page() {
    let place = Place::new().unwrap();
    said(&place, &["man", "--out", "man1"]);
    let expected: BTreeSet<String> = commands(&place)
        .iter()
        .map(|command| format!("{}.1", format!("finops-host {command}").trim().replace(' ', "-")))
        .collect();
    let directory = place.path().join("man1");
    let entries = fs::read_dir(&directory).unwrap();
    let written: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(written, expected);
    for name in &written {
        let page = fs::read_to_string(directory.join(name)).unwrap();
        let title = format!(".TH {} 1 ", name.trim_end_matches(".1"));
        assert!(page.contains(&title), "{name}: {page}");
        for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS"] {
            assert_eq!(page.matches(section).count(), 1, "{name}: {section}");
        }
        // What begins with a dot or an apostrophe is a request; only these are.
        for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
            let request = line.split_whitespace().next().unwrap();
            let known = [
                ".TH", ".SH", ".TP", ".PP", ".RS", ".RE", ".IP", ".br", ".ie", ".el", ".nf", ".fi", ".SS",
                "\\'",
            ];
            assert!(known.contains(&request), "{name}: {line}");
        }
        assert_typesets(name, &page);
    }
    // The first page alone tells what holds for all.
    let first = said(&place, &["man"]);
    assert_eq!(
        first.trim_end(),
        fs::read_to_string(directory.join("finops-host.1"))
            .unwrap()
            .trim_end()
    );
    for section in ["EXIT CODES", "ENVIRONMENT", "FILES", "EXAMPLES"] {
        assert!(first.contains(section), "{section}");
    }
}

/// groff, where there is one, typesets it without a warning.
#[allow(clippy::print_stdout)]
fn assert_typesets(name: &str, page: &str) {
    let groff = Command::new("groff")
        .args(["-man", "-ww", "-z", "-Tutf8", "-Kutf8"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut groff) = groff else {
        println!("{name}: no groff here; its structure alone was looked at");
        return;
    };
    groff.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let ran = Ran::of(&groff.wait_with_output().unwrap());
    assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{name}: {ran:?}");
}

#[test]
fn the_help_tells_exit_codes_environment_files_and_examples() {
    let place = Place::new().unwrap();
    let help = said(&place, &["--help"]);
    for section in ["Exit codes:", "Environment:", "Files:", "Examples:"] {
        assert!(help.contains(section), "{section}: {help}");
    }
    for code in [0, 2, 65, 69, 70, 74, 75, 78] {
        assert!(
            help.lines()
                .any(|line| line.starts_with(&format!("  {code:<3} "))),
            "{code}: {help}"
        );
    }
    for word in ["FINOPS_HOST_STATE_DIR", "NO_COLOR", "ledger.db", "archive/"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    for command in ["run", "check", "costs", "init", "export", "status"] {
        let help = said(&place, &[command, "--help"]);
        assert!(help.contains("Examples:\n  finops-host "), "{help}");
    }
    // The short help stays short.
    let short = said(&place, &["-h"]);
    assert!(
        short.lines().count() < 50 && !short.contains("Exit codes"),
        "{short}"
    );
}
