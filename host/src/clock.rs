//! The one source of time. Everything that asks for the time or waits asks a [`Clock`], so that tests move it by hand.

use jiff::{SignedDuration, Timestamp};
use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

/// Time as the host sees it.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current instant.
    fn now(&self) -> Timestamp;

    /// Waits that long.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// The system's clock, optionally moved by a fixed offset.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock {
    offset: SignedDuration,
}

impl SystemClock {
    /// A clock that shows `now` at this moment and goes on from there: for demonstrations over recorded data.
    #[must_use]
    pub fn starting_at(now: Timestamp) -> Self {
        Self {
            offset: now.duration_since(Timestamp::now()),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
            .saturating_add(self.offset)
            .unwrap_or(Timestamp::MAX)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
