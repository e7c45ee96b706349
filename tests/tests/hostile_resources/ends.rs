//! How attacks end: by a limit or by breaking down, and with the exit code that tells whose fault it is.

use finops_host::{
    cli::exit::Exit,
    sandbox::{RunError, failure::LimitReached},
    schedule::RunSummary,
};

/// Asserts that a run was ended by this limit, and that the program would say that the collector is bad.
#[track_caller]
pub(crate) fn assert_limit(what: &str, summary: &RunSummary, limit: LimitReached) {
    match &summary.end {
        Err(error @ RunError::Limit(reached)) => {
            assert_eq!(*reached, limit, "{what}");
            assert_eq!(Exit::of_run(error), Exit::Collector, "{what}");
        }
        other => panic!("{what}: {other:?}"),
    }
    assert_eq!(summary.outcome, "limit", "{what}");
}

/// Asserts that a guest broke down, with these words.
#[track_caller]
pub(crate) fn assert_trapped(what: &str, summary: &RunSummary, words: &str) {
    match &summary.end {
        Err(error @ RunError::Trap(trap)) => {
            assert!(trap.to_string().contains(words), "{what}: {trap}");
            assert_eq!(Exit::of_run(error), Exit::Collector, "{what}");
        }
        other => panic!("{what}: {other:?}"),
    }
    assert_eq!(summary.outcome, "trap", "{what}");
}
