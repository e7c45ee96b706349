//! Clocks that do not go evenly: a machine that is suspended, a clock that is set while delivery waits. No storm of
//! requests, no wait for a clock to catch up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::{
    server::{Answer, Fate, status},
    world::World,
};
use crate::{
    clock::Clock,
    delivery::{Ended, Until},
};
use finops_decimal::Decimal;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

const INGEST: &str = "POST /api/v1/telemetry/ingest";
const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);
const SUSPENDED: SignedDuration = SignedDuration::from_hours(8);

/// A clock whose waits are over at once; after each it has also gone by the next of these steps.
#[derive(Debug)]
struct Uneven {
    now: Mutex<Timestamp>,
    steps: Mutex<VecDeque<SignedDuration>>,
    waits: Mutex<Vec<Duration>>,
}

impl Clock for Uneven {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.waits.lock().unwrap().push(duration);
        let step = self.steps.lock().unwrap().pop_front().unwrap_or_default();
        let mut now = self.now.lock().unwrap();
        *now = *now + duration + step;
        Box::pin(tokio::task::yield_now())
    }
}

/// A world of one entry under such a clock.
async fn world(steps: impl IntoIterator<Item = SignedDuration>) -> (World, Arc<Uneven>) {
    let mut world = World::with_entries(1).await;
    let clock = Arc::new(Uneven {
        now: Mutex::new(world.clock.now()),
        steps: Mutex::new(steps.into_iter().collect()),
        waits: Mutex::default(),
    });
    world.clock = clock.clone();
    (world, clock)
}

fn busy(seconds: u32) -> (Fate, Answer) {
    let header: &'static str = match seconds {
        0 => "",
        _ => "Retry-After: 600\r\n",
    };
    (Fate::Lost, Answer::Status(503, header, String::new()))
}

#[tokio::test]
async fn a_suspended_machine_tries_once_when_it_wakes_up() {
    for answer in [
        busy(0),
        busy(600),
        (Fate::Stored, status(500)),
        (Fate::Lost, Answer::Reset),
    ] {
        let (world, clock) = world([SUSPENDED]).await;
        world.server.script([answer.clone()]);
        assert_eq!(world.drain().await.ended, Ended::Drained);
        let again = usize::from(answer.0 == Fate::Lost);
        assert_eq!(world.server.requests(INGEST), 1 + again, "{answer:?}");
        assert_eq!(world.stored_sum(), Decimal::ONE);
        assert!(clock.waits.lock().unwrap().len() <= 1, "{answer:?}: {clock:?}");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_during_a_wait_delays_nothing_beyond_the_longest_wait() {
    for step in [
        SignedDuration::from_secs(-300),
        SignedDuration::from_hours(-1),
        -YEAR,
    ] {
        let (world, clock) = world([step]).await;
        world.server.script([busy(600)]);
        assert_eq!(world.drain().await.ended, Ended::Drained, "{step:?}");
        assert_eq!(world.server.requests(INGEST), 2, "{step:?}");
        let waited: Duration = clock.waits.lock().unwrap().iter().sum();
        assert!(waited <= Duration::from_secs(900), "{step:?}: {clock:?}");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_during_a_wait_neither_prolongs_the_time_for_delivery_nor_makes_a_storm() {
    for step in [YEAR, SUSPENDED, SignedDuration::from_hours(-1), -YEAR] {
        let (world, clock) = world([step, step, step]).await;
        world.server.policy(|_| busy(0));
        let deadline = world.clock.now() + SignedDuration::from_mins(2);
        let report = world.deliver(Until::Deadline(deadline)).await;
        assert_eq!(report.ended, Ended::OutOfTime, "{step:?}");
        let waits = clock.waits.lock().unwrap();
        let waited: Duration = waits.iter().sum();
        // What was waited until a step back was seen is waited again.
        assert!(waited <= Duration::from_secs(130), "{step:?}: {waits:?}");
        assert!(
            world.server.requests(INGEST) <= waits.len() + 1,
            "{step:?}: {waits:?}"
        );
    }
}
