//! An answer that is kept for a while, so that asking often costs no more than asking now and then.
//! What must hold: it is made by one caller at a time, off the async threads, and finished even if that caller goes away.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// An answer, and until when it stands.
type Standing<T> = (Instant, Arc<T>);

/// What was last answered, and how long an answer stands.
#[derive(Debug)]
pub(super) struct Kept<T> {
    slot: Arc<Mutex<Option<Standing<T>>>>,
    least: Duration,
    /// How many times as long as it took to make, within [`LONGEST`].
    times: u32,
}

/// The longest that an answer stands, however long it took.
const LONGEST: Duration = Duration::from_secs(60);

impl<T: Send + Sync + 'static> Kept<T> {
    /// One that stands for so long at least, and so many times as long as it took to make.
    pub(super) fn new(least: Duration, times: u32) -> Self {
        Self {
            slot: Arc::default(),
            least,
            times,
        }
    }

    /// The answer that still stands, or else a new one. `None`: making it failed, which is a bug.
    pub(super) async fn get(&self, make: impl FnOnce() -> T + Send + 'static) -> Option<Arc<T>> {
        let (slot, least, times) = (Arc::clone(&self.slot), self.least, self.times);
        let asked = tokio::spawn(async move {
            let mut slot = slot.lock().await;
            let begun = Instant::now();
            if let Some((until, answer)) = &*slot
                && begun < *until
            {
                return Some(Arc::clone(answer));
            }
            let answer = Arc::new(tokio::task::spawn_blocking(make).await.ok()?);
            let now = Instant::now();
            let stands = now.duration_since(begun).saturating_mul(times).min(LONGEST);
            let until = now.checked_add(stands.max(least)).unwrap_or(now);
            *slot = Some((until, Arc::clone(&answer)));
            Some(answer)
        });
        asked.await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn an_answer_stands_for_its_time_and_then_is_made_anew() {
        let kept = Kept::new(HOUR, 0);
        assert_eq!(*kept.get(|| 1).await.unwrap(), 1);
        assert_eq!(*kept.get(|| 2).await.unwrap(), 1);
        let fleeting = Kept::new(Duration::ZERO, 0);
        assert_eq!(*fleeting.get(|| 1).await.unwrap(), 1);
        assert_eq!(*fleeting.get(|| 2).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn an_answer_is_made_once_even_if_who_asked_first_goes_away() {
        let kept = Arc::new(Kept::new(HOUR, 0));
        let (go, wait) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let first = Arc::clone(&kept);
        let asking = tokio::spawn(async move {
            let make = move || {
                begun.send(()).unwrap();
                wait.recv().unwrap();
                1
            };
            first.get(make).await
        });
        begins.await.unwrap();
        asking.abort();
        let second = tokio::spawn(async move { kept.get(|| 2).await });
        go.send(()).unwrap();
        assert_eq!(*second.await.unwrap().unwrap(), 1);
    }

    #[tokio::test]
    async fn a_maker_that_panics_leaves_no_answer_and_no_lock() {
        let kept = Kept::new(HOUR, 0);
        #[allow(clippy::panic)]
        let none = kept.get(|| panic!("a bug")).await;
        assert_eq!(none, None::<Arc<u8>>);
        assert_eq!(kept.get(|| 1).await.as_deref(), Some(&1));
    }
}
