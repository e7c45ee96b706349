//! A ledger, a server and a clock that jumps over every wait.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::server::Server;
use crate::{
    clock::{Clock, SharedClock},
    delivery::{DeliveryConfig, DeliveryReport, Until, deliver},
    ledger::outbox::fixture::{Books, DESTINATION},
};
use finops_decimal::Decimal;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

/// A clock whose waits are over at once, and have then taken their time.
#[derive(Debug)]
pub(super) struct JumpingClock(Mutex<Timestamp>);

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut now = self.0.lock().unwrap();
        *now += duration;
        Box::pin(tokio::task::yield_now())
    }
}

pub(super) struct World {
    pub(super) books: Books,
    pub(super) server: Server,
    pub(super) config: DeliveryConfig,
    pub(super) clock: SharedClock,
    start: Timestamp,
}

impl World {
    pub(super) async fn new() -> Self {
        let server = Server::start().await;
        let start = "2026-03-01T00:00:00Z".parse().unwrap();
        Self {
            books: Books::new(),
            config: DeliveryConfig::new(server.endpoint.clone(), "box"),
            server,
            clock: Arc::new(JumpingClock(Mutex::new(start))),
            start,
        }
    }

    /// With one source and so many entries of 1, 2, 3, ...
    pub(super) async fn with_entries(count: i64) -> Self {
        let world = Self::new().await;
        let source = world.books.source("account");
        for amount in 1..=count {
            world.books.entry(source, &amount.to_string());
        }
        world
    }

    pub(super) async fn deliver(&self, until: Until) -> DeliveryReport {
        deliver(&self.books.store, DESTINATION, &self.config, &self.clock, until)
            .await
            .unwrap()
    }

    pub(super) async fn drain(&self) -> DeliveryReport {
        self.deliver(Until::Drained).await
    }

    /// Until so many seconds from now.
    pub(super) async fn deliver_for(&self, seconds: i64) -> DeliveryReport {
        let deadline = self.clock.now() + SignedDuration::from_secs(seconds);
        self.deliver(Until::Deadline(deadline)).await
    }

    /// Time that has passed for the host.
    pub(super) fn elapsed(&self) -> SignedDuration {
        self.clock.now().duration_since(self.start)
    }

    /// The stored entries by id; one that is stored twice must be the same both times.
    pub(super) fn stored_entries(&self) -> BTreeMap<String, Value> {
        let mut entries = BTreeMap::new();
        for row in self.server.stored() {
            for entry in row["metrics"]["cost_entries"].as_array().unwrap() {
                let id = entry["entry_id"].as_str().unwrap().to_owned();
                let before = entries.insert(id, entry.clone());
                assert!(before.is_none_or(|before| before == *entry));
            }
        }
        entries
    }

    /// The exact sum of what is stored, each entry once.
    pub(super) fn stored_sum(&self) -> Decimal {
        let amounts = self.stored_entries().into_values();
        Decimal::sum(amounts.map(|entry| {
            entry["tags"]["finops_host.amount"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        }))
        .unwrap()
    }
}
