//! Asking again until something is ready, at growing distances and only until a deadline.

use crate::{Failure, Host};
use std::time::Duration;

/// How long to wait between two questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// Before the second question.
    pub first: Duration,
    /// The delay doubles up to this.
    pub longest: Duration,
    /// All waiting together. After it, no more question is asked.
    pub deadline: Duration,
}

/// An answer to a question that may come too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll<T> {
    /// It is there.
    Ready(T),
    /// Ask again.
    Pending,
}

/// Asks until it is ready.
///
/// # Errors
/// What `question` returns; `unreachable` when the deadline has passed.
pub fn poll<T>(
    host: &dyn Host,
    delays: &Delays,
    mut question: impl FnMut() -> Result<Poll<T>, Failure>,
) -> Result<T, Failure> {
    let start = host.now();
    let mut delay = delays.first.min(delays.longest);
    let mut waited = Duration::ZERO;
    loop {
        if let Poll::Ready(answer) = question()? {
            return Ok(answer);
        }
        let passed = Duration::from_secs(u64::try_from(host.now().saturating_sub(start)).unwrap_or(0));
        let left = delays.deadline.saturating_sub(waited.max(passed));
        if left.is_zero() {
            let seconds = delays.deadline.as_secs();
            return Err(Failure::unreachable(format_args!(
                "still not ready after {seconds} s"
            )));
        }
        let pause = delay.min(left);
        host.sleep(pause);
        waited += pause;
        delay = delay.saturating_mul(2).min(delays.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    const DELAYS: Delays = Delays {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(4),
        deadline: Duration::from_secs(10),
    };

    #[test]
    fn delays_double_up_to_the_longest_and_end_at_the_deadline() {
        let host = FakeHost::new();
        let mut asked = 0;
        let failure = poll::<()>(&host, &DELAYS, || {
            asked += 1;
            Ok(Poll::Pending)
        });
        assert_eq!(failure, Err(Failure::unreachable("still not ready after 10 s")));
        assert_eq!(
            host.sleeps().iter().map(Duration::as_secs).collect::<Vec<_>>(),
            [1, 2, 4, 3]
        );
        assert_eq!(asked, 5);
    }

    #[test]
    fn the_first_answer_ends_it() {
        let host = FakeHost::new();
        let mut asked = 0;
        let answer = poll(&host, &DELAYS, || {
            asked += 1;
            Ok(if asked == 3 {
                Poll::Ready(asked)
            } else {
                Poll::Pending
            })
        });
        assert_eq!(answer, Ok(3));
        assert_eq!(host.sleeps().len(), 2);
    }
}
