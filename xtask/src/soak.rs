//! `soak`: the crash test for as long as one likes, and an export of a million lines.
//! What must hold: they are the very tests that `test` runs, with more rounds (and, unless one is given, a seed of their own) and
//! more lines.

use crate::command;
use crate::failure::{Context as _, Failure, Result};
use crate::say;
use std::process::Command;
use std::time::SystemTime;

/// Lines of the large export.
const LINES: u32 = 1_000_000;
/// How often it is killed unless the command line says otherwise.
const ROUNDS: u64 = 1_000;

/// How long, and which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Siege {
    /// Rounds of killing.
    pub(crate) rounds: u64,
    /// Where the draws begin; none: somewhere new.
    pub(crate) seed: Option<u64>,
}

/// What the words behind the command ask for.
pub(crate) fn siege(words: &[String]) -> Result<Siege> {
    let mut siege = Siege {
        rounds: ROUNDS,
        seed: None,
    };
    let mut words = words.iter();
    while let Some(flag) = words.next() {
        if !["--rounds", "--seed"].contains(&flag.as_str()) {
            return Err(Failure::new(format!("`soak` does not know `{flag}`")));
        }
        let word = words
            .next()
            .ok_or_else(|| Failure::new(format!("`{flag}` needs a number")))?;
        let number = word
            .parse()
            .map_err(|_| Failure::new(format!("`{flag}` needs a number, not `{word}`")))?;
        match flag.as_str() {
            "--rounds" => siege.rounds = number,
            _ => siege.seed = Some(number),
        }
    }
    Ok(siege)
}

/// Runs it.
pub(crate) fn soak(siege: &Siege) -> Result<()> {
    let seed = match siege.seed {
        Some(seed) => seed,
        None => fresh_seed()?,
    };
    say::step("Soaking", &format!("{} rounds from seed {seed}", siege.rounds));
    let mut rounds = test("crash");
    rounds
        .env("FINOPS_CRASH_ROUNDS", siege.rounds.to_string())
        .env("FINOPS_CRASH_SEED", seed.to_string());
    command::run(&mut rounds)?;
    say::step(
        "Soaking",
        &format!("an export of {LINES} lines, larger than its reader's memory"),
    );
    let mut lines = test("aws_export");
    lines
        .arg("an_export_larger_than_the_guests_memory_is_read_whole")
        .env("FINOPS_EXPORT_LINES", LINES.to_string());
    command::run(&mut lines)
}

/// One of the tests, whose output is shown.
fn test(name: &str) -> Command {
    let mut test = command::cargo("test");
    test.args(["--package", "finops-tests", "--test", name, "--", "--nocapture"]);
    test
}

/// A seed that was not there before.
fn fresh_seed() -> Result<u64> {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .context(|| "the clock of this machine stands before 1970".to_owned())?;
    Ok(now.as_secs())
}
