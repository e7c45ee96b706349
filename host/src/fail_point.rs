//! Points at which tests end the process: before and after each transaction of the ledger and each request.
//! What must hold: without the feature `fail-points` there is nothing here to reach, and the program `finops-host` does not
//! compile with it; only a program of the tests does.

use rusqlite::Connection;

/// A kind of point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "fail-points"), allow(dead_code))]
pub(crate) enum Point {
    /// A transaction is whole and not yet committed.
    BeforeCommit,
    /// A transaction is committed, and nobody knows.
    AfterCommit,
    /// Nothing of a request to a destination has left.
    BeforeDelivery,
    /// A destination has answered, and nobody knows.
    AfterDelivery,
    /// Nothing of a request to a provider has left.
    BeforeProvider,
    /// A provider has answered, and nobody knows.
    AfterProvider,
    /// An archive file is whole and not in its place yet.
    BeforeArchive,
    /// An archive file stands in its place, and no row names it.
    AfterArchive,
}

/// Passes a point; where a test has chosen it, the process ends here.
#[inline]
pub(crate) fn pass(point: Point) {
    #[cfg(feature = "fail-points")]
    armed::pass(point);
    #[cfg(not(feature = "fail-points"))]
    let _ = point;
}

/// Lets commits of a connection pass a point.
#[cfg(feature = "fail-points")]
pub(crate) fn watch(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.commit_hook(Some(armed::commits))
}

/// Nothing is watched.
#[cfg(not(feature = "fail-points"))]
#[inline]
pub(crate) fn watch(_: &mut Connection) -> rusqlite::Result<()> {
    Ok(())
}

/// Passes the point after a commit, if there was one since it was last asked.
#[inline]
pub(crate) fn pass_committed() {
    #[cfg(feature = "fail-points")]
    armed::pass_committed();
}

/// `FINOPS_FAIL_POINT` names the point: its number from 1, with `:error` where a commit shall be refused by the database
/// instead of ending the process. Which it was is told on standard error.
#[cfg(feature = "fail-points")]
mod armed {
    use super::Point;
    use std::sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    };

    struct Aim {
        number: u64,
        error: bool,
    }

    static AIM: LazyLock<Option<Aim>> = LazyLock::new(|| {
        let text = std::env::var("FINOPS_FAIL_POINT").ok()?;
        let (number, error) = match text.strip_suffix(":error") {
            Some(number) => (number, true),
            None => (text.as_str(), false),
        };
        let number = number.parse().ok()?;
        Some(Aim { number, error })
    });
    static PASSED: AtomicU64 = AtomicU64::new(0);
    static COMMITTED: AtomicBool = AtomicBool::new(false);

    pub(super) fn pass(point: Point) {
        if hit(point).is_some() {
            std::process::abort();
        }
    }

    pub(super) fn commits() -> bool {
        match hit(Point::BeforeCommit) {
            Some(aim) if aim.error => true,
            Some(_) => std::process::abort(),
            None => {
                COMMITTED.store(true, Ordering::SeqCst);
                false
            }
        }
    }

    pub(super) fn pass_committed() {
        if COMMITTED.swap(false, Ordering::SeqCst) {
            pass(Point::AfterCommit);
        }
    }

    #[allow(clippy::print_stderr)] // The test reads it; no log level may leave it out.
    fn hit(point: Point) -> Option<&'static Aim> {
        let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        let aim = AIM.as_ref().filter(|aim| aim.number == number)?;
        eprintln!("fail point {number}: {point:?}");
        Some(aim)
    }
}
