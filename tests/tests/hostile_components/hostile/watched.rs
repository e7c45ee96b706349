//! Runs cases one after another on a thread of their own, and fails, naming the case, when one panics or does not end.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

/// Far more than any case takes, on a machine that does other things too. The compile child is killed before.
const PATIENCE: Duration = Duration::from_secs(180);

/// The outcome of each case.
///
/// # Panics
/// Where a case panics, hangs or ends in an error that it must not.
pub(super) fn watched<F>(seed: u64, cases: u64, mut case: F) -> Vec<&'static str>
where
    F: FnMut(u64) -> Result<&'static str, String> + Send + 'static,
{
    let (done, outcomes) = channel();
    thread::spawn(move || {
        for number in 0..cases {
            let outcome = catch_unwind(AssertUnwindSafe(|| case(number))).unwrap_or_else(|panic| {
                let text = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied());
                Err(format!("panicked: {}", text.unwrap_or("without a message")))
            });
            if done.send(outcome).is_err() {
                return;
            }
        }
    });
    (0..cases)
        .map(|number| match outcomes.recv_timeout(PATIENCE) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(what)) => panic!("case {number} of FINOPS_TEST_SEED={seed}: {what}"),
            Err(RecvTimeoutError::Timeout) => {
                panic!("case {number} of FINOPS_TEST_SEED={seed} does not end")
            }
            Err(RecvTimeoutError::Disconnected) => {
                panic!("case {number} of FINOPS_TEST_SEED={seed} ended its thread")
            }
        })
        .collect()
}
