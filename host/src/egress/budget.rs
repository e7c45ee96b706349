//! Step 4: what a run may use. Requests and bytes are counted before they are spent, each attempt anew; a price is
//! reserved in the ledger before the attempt that costs it.

use super::{
    in_flight::{Held, InFlight},
    refusal::{Fault, RefusalKind},
    request::Request,
};
use crate::sandbox::limits::Limits;
use finops_decimal::Decimal;
use futures::future::BoxFuture;
use serde::Serialize;
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The ledger's account of paid calls. Its limits are the instance's, beyond one run.
pub trait SpendLedger: Send + Sync + fmt::Debug {
    /// Reserves the price of one call in USD, durably; `Err` says which limit is used up, for the operator.
    fn reserve(&self, usd: Decimal) -> BoxFuture<'_, Result<(), String>>;
}

/// The host's memory that one open reply can hold: what the connection buffers before the guest reads it.
pub(super) const REPLY_WINDOW: u32 = 512 << 10;

/// What a run has used of its limits.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    spend: Option<Arc<dyn SpendLedger>>,
    requests: AtomicU64,
    attempts: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    paid: AtomicU64,
    spent: Mutex<Decimal>,
    slots: Arc<Semaphore>,
    in_flight: InFlight,
    largest: Largest,
}

/// The largest of what each call may have.
#[derive(Debug, Default)]
struct Largest {
    at_once: AtomicU64,
    url: AtomicU64,
    headers: AtomicU64,
    header_bytes: AtomicU64,
    body: AtomicU64,
    reply: AtomicU64,
}

/// The counts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) attempts: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) paid: u64,
    pub(super) spent: Decimal,
    pub(super) peaks: Peaks,
}

/// The most of each limit that was used at once, or by one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Peaks {
    /// Requests under way.
    pub concurrent_requests: u64,
    /// Bytes in flight.
    pub in_flight: u64,
    /// Bytes of a URL.
    pub url: u64,
    /// Headers of a request.
    pub headers: u64,
    /// Bytes of a request's headers.
    pub header_bytes: u64,
    /// Bytes of a request's body.
    pub request_body: u64,
    /// Decoded bytes of a reply.
    pub response: u64,
}

impl Budget {
    pub(super) fn new(limits: &Limits, spend: Option<Arc<dyn SpendLedger>>) -> Self {
        let slots = usize::try_from(limits.concurrent_requests).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            limits: *limits,
            spend,
            requests: AtomicU64::new(0),
            attempts: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            paid: AtomicU64::new(0),
            spent: Mutex::new(Decimal::ZERO),
            slots: Arc::new(Semaphore::new(slots)),
            in_flight: InFlight::new(limits.in_flight),
            largest: Largest::default(),
        }
    }

    /// Counts a call, whatever becomes of it.
    pub(super) fn asked(&self, request: &Request) {
        self.requests.fetch_add(1, Relaxed);
        let bytes = request
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len());
        for (largest, size) in [
            (&self.largest.url, request.url.len()),
            (&self.largest.headers, request.headers.len()),
            (&self.largest.header_bytes, bytes.sum()),
            (
                &self.largest.body,
                request.body.as_ref().map_or(0, bytes::Bytes::len),
            ),
        ] {
            largest.fetch_max(u64::try_from(size).unwrap_or(u64::MAX), Relaxed);
        }
    }

    /// Judges the size of a body, before anything reads it.
    pub(super) fn fits(&self, body: usize) -> Result<(), Fault> {
        if u64::try_from(body).unwrap_or(u64::MAX) > self.limits.request_body {
            return Err(Fault::open(
                RefusalKind::TooLarge,
                format!(
                    "the request's body is larger than {} bytes",
                    self.limits.request_body
                ),
            ));
        }
        Ok(())
    }

    /// The run's memory for bytes in flight. Bodies come charged to it; replies are charged here.
    pub(super) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// Waits for a place among the requests under way.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Fault> {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let taken = u64::from(self.limits.concurrent_requests)
            .saturating_sub(u64::try_from(self.slots.available_permits()).unwrap_or(u64::MAX));
        self.largest.at_once.fetch_max(taken, Relaxed);
        slot.map_err(|_| used_up("requests under way at once"))
    }

    /// Memory for a reply, held as long as its body is open: refused when replies left unread hold it all, since waiting
    /// for them could last for ever.
    pub(super) fn window(&self) -> Result<Held, Fault> {
        let all = usize::try_from(self.limits.in_flight).unwrap_or(usize::MAX);
        let window = usize::try_from(REPLY_WINDOW).unwrap_or(usize::MAX);
        self.in_flight
            .take(window.min(all))
            .map_err(|full| Fault::open(RefusalKind::Throttled, full))
    }

    /// Counts one attempt and reserves its price.
    pub(super) async fn attempt(&self, body: usize, price: Option<Decimal>) -> Result<(), Fault> {
        let body = u64::try_from(body).unwrap_or(u64::MAX);
        take(&self.attempts, 1, self.limits.requests, "requests of this run")?;
        take(&self.sent, body, self.limits.sent, "bytes sent in this run")?;
        if let Some(price) = price {
            if let Some(ledger) = &self.spend {
                ledger.reserve(price).await.map_err(|why| {
                    Fault::hidden(
                        RefusalKind::Throttled,
                        "the operator's limit for paid calls is used up",
                        why,
                    )
                })?;
            }
            self.paid.fetch_add(1, Relaxed);
            let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
            *spent = spent
                .checked_add(price)
                .map_err(|_| used_up("the sum of prices"))?;
        }
        Ok(())
    }

    /// Counts decoded bytes of a reply that has given `before` already.
    pub(super) fn received(&self, before: u64, bytes: usize) -> Result<u64, Fault> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let so_far = before.saturating_add(bytes);
        if so_far > self.limits.response {
            return Err(Fault::open(
                RefusalKind::TooLarge,
                format!("the reply is larger than {} bytes", self.limits.response),
            ));
        }
        take(
            &self.received,
            bytes,
            self.limits.received,
            "bytes received in this run",
        )?;
        self.largest.reply.fetch_max(so_far, Relaxed);
        Ok(so_far)
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Relaxed),
            attempts: self.attempts.load(Relaxed),
            sent: self.sent.load(Relaxed),
            received: self.received.load(Relaxed),
            paid: self.paid.load(Relaxed),
            spent: *self.spent.lock().unwrap_or_else(PoisonError::into_inner),
            peaks: Peaks {
                concurrent_requests: self.largest.at_once.load(Relaxed),
                in_flight: self.in_flight.peak(),
                url: self.largest.url.load(Relaxed),
                headers: self.largest.headers.load(Relaxed),
                header_bytes: self.largest.header_bytes.load(Relaxed),
                request_body: self.largest.body.load(Relaxed),
                response: self.largest.reply.load(Relaxed),
            },
        }
    }
}

fn used_up(what: &str) -> Fault {
    Fault::open(
        RefusalKind::Throttled,
        format!("a limit of the host is used up: {what}"),
    )
}

fn take(counter: &AtomicU64, amount: u64, limit: u64, what: &str) -> Result<(), Fault> {
    counter
        .fetch_update(Relaxed, Relaxed, |used| {
            used.checked_add(amount).filter(|next| *next <= limit)
        })
        .map(|_| ())
        .map_err(|_| used_up(what))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Debug)]
    struct Purse(Mutex<Decimal>);

    impl SpendLedger for Purse {
        fn reserve(&self, usd: Decimal) -> BoxFuture<'_, Result<(), String>> {
            let mut left = self.0.lock().unwrap();
            let answer = if *left < usd {
                Err("per-day is used up".to_owned())
            } else {
                *left = left.checked_sub(usd).unwrap();
                Ok(())
            };
            Box::pin(async move { answer })
        }
    }

    fn kind<T: fmt::Debug>(outcome: Result<T, Fault>) -> RefusalKind {
        outcome.unwrap_err().refusal.kind
    }

    #[tokio::test]
    async fn requests_and_bytes_end_with_their_limits() {
        let budget = Budget::new(
            &Limits {
                requests: 3,
                request_body: 10,
                sent: 15,
                ..Limits::default()
            },
            None,
        );
        assert_eq!(kind(budget.fits(11)), RefusalKind::TooLarge);
        budget.attempt(10, None).await.unwrap();
        assert_eq!(kind(budget.attempt(10, None).await), RefusalKind::Throttled);
        budget.attempt(5, None).await.unwrap();
        assert_eq!(kind(budget.attempt(0, None).await), RefusalKind::Throttled);
        assert_eq!(budget.counts().sent, 15);
    }

    #[tokio::test]
    async fn paid_calls_are_reserved_first_and_end_with_the_purse() {
        let purse = Arc::new(Purse(Mutex::new("0.02".parse().unwrap())));
        let budget = Budget::new(&Limits::default(), Some(purse));
        let price = Some("0.01".parse().unwrap());
        budget.attempt(0, price).await.unwrap();
        budget.attempt(0, price).await.unwrap();
        assert_eq!(kind(budget.attempt(0, price).await), RefusalKind::Throttled);
        budget.attempt(0, None).await.unwrap();
        assert_eq!(budget.counts().paid, 2);
    }

    #[test]
    fn replies_end_with_their_own_limit_and_the_runs() {
        let budget = Budget::new(
            &Limits {
                response: 10,
                received: 15,
                ..Limits::default()
            },
            None,
        );
        assert_eq!(budget.received(0, 10).unwrap(), 10);
        assert_eq!(kind(budget.received(10, 1)), RefusalKind::TooLarge);
        assert_eq!(kind(budget.received(0, 6)), RefusalKind::Throttled);
        assert_eq!(budget.received(0, 5).unwrap(), 5);
    }

    #[test]
    fn memory_held_by_open_replies_is_refused_not_waited_for() {
        let budget = Budget::new(
            &Limits {
                in_flight: u64::from(REPLY_WINDOW),
                ..Limits::default()
            },
            None,
        );
        let open = budget.window().unwrap();
        assert_eq!(kind(budget.window()), RefusalKind::Throttled);
        assert!(budget.in_flight().body(vec![1]).is_err());
        drop(open);
        budget.in_flight().body(vec![1]).unwrap();
    }
}
