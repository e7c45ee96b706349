//! The loop that empties an outbox: open batches first, then newly sealed ones, each until it has certainly been taken.
//!
//! What must hold: every fact is in the ledger before the next step depends on it, so that dropping the future at any await
//! loses nothing; all waiting goes through the clock; a paused destination is left alone.

use super::{
    backoff,
    body::{self, Head},
    client::Client,
    refusal::Search,
    registration::{self, Agents},
    report::{DeliveryConfig, DeliveryError, DeliveryReport, Ended, Until},
};
use crate::{
    clock::SharedClock,
    ledger::{
        outbox::{self, BatchState, DestinationRow, Extras, SealOrder, Share, Step},
        store::{LedgerError, Store},
    },
};
use jiff::Timestamp;
use rusqlite::Connection;
use std::time::Duration;

/// The agents that a destination knows although this ledger has never sent it anything of their sources: another ledger
/// has, or this one before it was lost, moved or began a new epoch. Sending all again would count that money twice.
///
/// # Errors
/// See [`DeliveryError`].
pub async fn known_before(
    ledger: &Store,
    destination: DestinationRow,
    config: &DeliveryConfig,
) -> Result<Vec<String>, DeliveryError> {
    let newcomers = ledger
        .with(move |connection| outbox::newcomers(connection, destination))
        .await?;
    if newcomers.is_empty() {
        return Ok(Vec::new());
    }
    let client = Client::new(&config.endpoint, config.ca.as_deref(), config.timeouts)?;
    Ok(registration::known(&client, &newcomers, None).await)
}

/// The agents that a destination still lists although it is said to have been emptied, of the sources whose money it was
/// sent; `None` where it cannot be asked.
///
/// # Errors
/// See [`DeliveryError`].
pub async fn known_still(
    ledger: &Store,
    destination: DestinationRow,
    config: &DeliveryConfig,
) -> Result<Option<Vec<String>>, DeliveryError> {
    let sources = ledger
        .with(move |connection| outbox::settled_sources(connection, destination))
        .await?;
    let client = Client::new(&config.endpoint, config.ca.as_deref(), config.timeouts)?;
    Ok(registration::still_known(&client, &sources, None).await)
}

/// Delivers what waits for a destination. The caller holds the delivery lock.
///
/// # Errors
/// See [`DeliveryError`]; what the destination answers is no error but part of the report.
pub async fn deliver(
    ledger: &Store,
    destination: DestinationRow,
    config: &DeliveryConfig,
    clock: &SharedClock,
    until: Until,
) -> Result<DeliveryReport, DeliveryError> {
    let mut delivery = Delivery {
        ledger,
        destination,
        config,
        clock,
        until,
        latest: clock.now(),
        client: Client::new(&config.endpoint, config.ca.as_deref(), config.timeouts)?,
        agents: Agents::default(),
        search: Search::default(),
        fitting: config.batch_entries,
        sent: 0,
        found: 0,
        settled: 0,
        dead: 0,
        maybe_duplicated: 0,
        last_error: None,
    };
    let ended = loop {
        if let Some(ended) = delivery.step().await? {
            break ended;
        }
    };
    let counts = delivery
        .with(move |connection| outbox::counts(connection, destination))
        .await?;
    Ok(DeliveryReport {
        ended,
        sent: delivery.sent,
        found: delivery.found,
        settled: delivery.settled,
        dead: delivery.dead,
        maybe_duplicated: delivery.maybe_duplicated,
        counts,
        last_error: delivery.last_error,
    })
}

/// A delivery under way.
pub(super) struct Delivery<'a> {
    pub(super) ledger: &'a Store,
    pub(super) destination: DestinationRow,
    pub(super) config: &'a DeliveryConfig,
    pub(super) clock: &'a SharedClock,
    pub(super) until: Until,
    /// The clock when it was last looked at.
    latest: Timestamp,
    pub(super) client: Client,
    pub(super) agents: Agents,
    pub(super) search: Search,
    /// Entries that probably fit into a batch.
    pub(super) fitting: usize,
    pub(super) sent: u64,
    pub(super) found: u64,
    pub(super) settled: u64,
    pub(super) dead: u64,
    pub(super) maybe_duplicated: u64,
    pub(super) last_error: Option<String>,
}

impl Delivery<'_> {
    /// One step; `Some` once there is nothing more to do here and now.
    async fn step(&mut self) -> Result<Option<Ended>, DeliveryError> {
        let now = self.clock.now();
        self.follow(now);
        if self.left() == Some(Duration::ZERO) {
            return self.out_of_time().await;
        }
        let (order, head) = self.order(now)?;
        let destination = self.destination;
        let step = self
            .with(move |connection| {
                outbox::next_step(connection, destination, &order, &|contents| {
                    body::render(&head, contents)
                })
            })
            .await?;
        match step {
            Step::Paused(reason) => Ok(Some(Ended::Paused(reason))),
            Step::Drained => Ok(Some(Ended::Drained)),
            Step::Wait(at) => self.wait(at).await,
            Step::Batch(batch) => match batch.state {
                BatchState::Sealed => self.send(*batch).await,
                BatchState::Ambiguous => self.look_up(*batch).await,
            },
        }
    }

    /// A clock that was set back takes the deadline with it: it does not give more time.
    fn follow(&mut self, now: Timestamp) {
        let back = self.latest.duration_since(now);
        if let Until::Deadline(deadline) = &mut self.until
            && back.is_positive()
        {
            *deadline = deadline.saturating_sub(back).unwrap_or(now);
        }
        self.latest = now;
    }

    async fn wait(&mut self, at: Timestamp) -> Result<Option<Ended>, DeliveryError> {
        if let Until::Deadline(deadline) = self.until
            && at > deadline
        {
            return self.out_of_time().await;
        }
        let wait = at.duration_since(self.clock.now());
        self.clock
            .sleep(Duration::try_from(wait).unwrap_or(Duration::ZERO))
            .await;
        Ok(None)
    }

    /// The deadline has come: it is out of time unless nothing was left.
    async fn out_of_time(&mut self) -> Result<Option<Ended>, DeliveryError> {
        let destination = self.destination;
        let counts = self
            .with(move |connection| outbox::counts(connection, destination))
            .await?;
        Ok(Some(if counts.open() == 0 {
            Ended::Drained
        } else {
            Ended::OutOfTime
        }))
    }

    pub(super) async fn pause(&mut self, why: String) -> Result<Option<Ended>, DeliveryError> {
        let reason = self.note(why);
        let destination = self.destination;
        let stored = reason.clone();
        self.with(move |connection| outbox::pause(connection, destination, &stored))
            .await?;
        Ok(Some(Ended::Paused(reason)))
    }

    /// Nothing is sent before a drawn delay, or what the destination asked for, is over.
    pub(super) async fn back_off(
        &mut self,
        why: String,
        wish: Option<Duration>,
    ) -> Result<Option<Ended>, DeliveryError> {
        self.note(why);
        self.agents.forget();
        let (destination, now, random) = (self.destination, self.clock.now(), random()?);
        self.with(move |connection| {
            let drawn = backoff::delay(outbox::attempt(connection, destination)?, random);
            let delay = wish.map_or(drawn, |wish| wish.max(drawn));
            outbox::back_off(connection, destination, after(now, delay))
        })
        .await?;
        Ok(None)
    }

    /// Remembers the last thing that went wrong.
    pub(super) fn note(&mut self, why: String) -> String {
        self.last_error = Some(why.clone());
        why
    }

    /// How to seal the next batch, and what its body says of it.
    pub(super) fn order(&self, now: Timestamp) -> Result<(SealOrder, Head), DeliveryError> {
        let uid = format!("{:016x}{:016x}", random()?, random()?);
        let order = SealOrder {
            uid: uid.clone(),
            now,
            bytes: self.config.batch_bytes,
            share: Share {
                entries: self.config.batch_entries.min(self.fitting),
                extras: Extras::With,
            },
            shares: self.search.shares().clone(),
        };
        let head = Head {
            uid,
            sealed_at: now,
            hostname: self.config.hostname.clone(),
        };
        Ok((order, head))
    }

    /// Time until the deadline; `None` without one.
    pub(super) fn left(&self) -> Option<Duration> {
        match self.until {
            Until::Drained => None,
            Until::Deadline(deadline) => {
                let left = deadline.duration_since(self.clock.now());
                Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
            }
        }
    }

    pub(super) async fn with<R, F>(&self, job: F) -> Result<R, LedgerError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<R, LedgerError> + Send + 'static,
    {
        self.ledger.with(job).await
    }
}

pub(super) fn after(now: Timestamp, delay: Duration) -> Timestamp {
    now.saturating_add(delay).unwrap_or(Timestamp::MAX)
}

pub(super) fn random() -> Result<u64, DeliveryError> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| DeliveryError::Random)?;
    Ok(u64::from_be_bytes(bytes))
}
