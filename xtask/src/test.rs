//! `test`: builds what tests need, then runs the tests of every workspace and adds up what the runners report.
//! What must hold: no runner's words are swallowed, and one failing workspace does not keep the next from running.

use crate::build::{self, Profile, Wanted};
use crate::command;
use crate::failure::{Failure, Result};
use crate::say;
use crate::venv;
use crate::workspace::Workspace;
use std::fmt;
use std::process::Command;

/// The test that needs the program built with points at which it ends. The rest is tested without them.
const FAIL_POINTS: [&str; 6] = [
    "--package",
    "finops-tests",
    "--features",
    "failing-host",
    "--test",
    "fail_points",
];

/// Runs all tests, or those that `extra` (passed on to `cargo test`) chooses.
pub(crate) fn test(root: &Workspace, extra: &[String]) -> Result<()> {
    build::build(root, Wanted::All, Profile::Dev)?;
    venv::python(root, venv::OPENFINOPS)?;
    venv::python(root, venv::MOTO)?;

    let mut failed = Vec::new();
    let mut totals = Totals::default();
    for (name, workspace) in [
        ("root", Some(root)),
        (build::COLLECTORS, root.below(build::COLLECTORS)?.as_ref()),
    ] {
        let Some(workspace) = workspace else { continue };
        let Some(scope) = scope(workspace, extra) else {
            continue;
        };
        let mut cargo = workspace.cargo("test");
        cargo.args(scope).args(extra);
        let (sum, outcome) = run(name, &mut cargo)?;
        totals.add(&sum);
        failed.extend(outcome.err().map(|failure| failure.to_string()));
    }
    if extra.is_empty() {
        let (sum, outcome) = run("root", root.cargo("test").args(FAIL_POINTS))?;
        totals.add(&sum);
        failed.extend(outcome.err().map(|failure| failure.to_string()));
    }
    say::step("Total", &totals.to_string());
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(failed.join("; ")))
    }
}

/// The arguments that choose packages of this workspace; none if `extra` names packages and they are all elsewhere.
fn scope(workspace: &Workspace, extra: &[String]) -> Option<&'static [&'static str]> {
    let own = |package: &str| workspace.members.iter().any(|member| member.name == package);
    let named = packages(extra);
    if named.is_empty() {
        Some(&["--workspace"])
    } else if named.into_iter().any(own) {
        Some(&[])
    } else {
        None
    }
}

/// The packages that cargo's arguments name.
fn packages(extra: &[String]) -> Vec<&str> {
    let own = extra.iter().map(String::as_str).take_while(|word| *word != "--");
    let before = std::iter::once("").chain(own.clone());
    let named = before.zip(own).filter_map(|(flag, word)| match flag {
        "-p" | "--package" => Some(word),
        _ => word.strip_prefix("--package="),
    });
    named.collect()
}

fn run(name: &str, cargo: &mut Command) -> Result<(Totals, Result<()>)> {
    say::step("Testing", &format!("the {name} workspace"));
    let mut totals = Totals::default();
    let status = command::each_line(cargo, |line| {
        say::result(line);
        totals.read(line);
    })?;
    say::step("Tested", &format!("the {name} workspace: {totals}"));
    Ok((totals, command::expect_success(cargo, status)))
}

/// What the test runners report, added up.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    runners: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
    filtered_out: u64,
}

impl Totals {
    /// Adds what a runner's last line says: `test result: ok. 5 passed; 0 failed; 0 ignored; ...`.
    fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        self.runners += 1;
        let counts = result.split_once(". ").map_or("", |(_, counts)| counts);
        for (number, what) in counts.split("; ").filter_map(|count| count.split_once(' ')) {
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                "filtered out" => self.filtered_out += number,
                _ => {}
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.runners += other.runners;
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.filtered_out += other.filtered_out;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} passed, {} failed, {} ignored, {} filtered out by {} test runners",
            self.passed, self.failed, self.ignored, self.filtered_out, self.runners
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;
    use crate::workspace::Member;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn collectors() -> Workspace {
        let member = Member {
            name: "snowflake".into(),
            id: "i".into(),
            folder: "/p/snowflake".into(),
        };
        Workspace {
            root: "/p".into(),
            target: "/t".into(),
            members: vec![member],
        }
    }

    #[test]
    fn the_runners_totals_are_added_up() {
        let mut totals = Totals::default();
        totals.read("running 5 tests");
        totals.read(
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s",
        );
        totals.read("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 3.20s");
        assert_eq!(
            totals.to_string(),
            "6 passed, 2 failed, 1 ignored, 2 filtered out by 2 test runners"
        );
    }

    #[test]
    fn without_a_package_all_of_every_workspace_is_tested() {
        assert_eq!(
            scope(&collectors(), &words("statement -- --nocapture")),
            Some(["--workspace"].as_slice())
        );
    }

    #[test]
    fn a_named_package_is_tested_only_where_it_is_a_member() {
        assert_eq!(
            scope(&collectors(), &words("-p snowflake split")),
            Some([].as_slice())
        );
        assert_eq!(scope(&collectors(), &words("--package finops-host")), None);
    }

    #[test]
    fn what_stands_after_two_dashes_names_no_package() {
        assert_eq!(packages(&words("name -- -p snowflake")), Vec::<&str>::new());
    }

    #[test]
    fn a_package_is_named_in_any_of_cargos_ways() {
        let extra = words("-p one --package two --package=three --lib");
        assert_eq!(packages(&extra), ["one", "two", "three"]);
    }
}
