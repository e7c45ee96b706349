//! One batch: sending it or looking it up, and recording in the ledger what became of it.
//!
//! What must hold: it is recorded as possibly stored before its bytes leave; it is settled only by a success or by being found.

use super::{
    backoff, body,
    client::MAX_RECENT,
    deliver::{Delivery, after, random},
    lookup::{self, Look},
    outcome::{Exchange, Outcome, classify, failure},
    refusal::{Fault, Verdict},
    report::{DeliveryError, Ended},
};
use crate::{
    ledger::outbox::{self, Batch, Taken},
    trace,
};
use jiff::Timestamp;
use tracing::{Instrument, Span};

const INGEST: &str = "api/v1/telemetry/ingest";
/// Certain absences in a row after which a batch is sent again.
const ABSENCES: u32 = 2;
/// How often the window of a look-up is widened at once.
const WIDENINGS: usize = 2;
/// Failures that the delay between inconclusive look-ups is drawn for: up to 32 s.
const LOOK_AGAIN: u32 = 5;

/// How many entries like those of a batch fit into one: a little less, so that a body is rarely rendered twice.
fn fitting(batch: &Batch, bytes: usize) -> Option<usize> {
    let each = batch.body.len().checked_div(batch.entries.len())?;
    Some((bytes - bytes / 32).checked_div(each)?.max(1))
}

impl Delivery<'_> {
    /// Sends a batch that is certainly not there.
    pub(super) async fn send(&mut self, batch: Batch) -> Result<Option<Ended>, DeliveryError> {
        let (now, left) = (self.clock.now(), self.left());
        let hostname = &self.config.hostname;
        let registered = self
            .agents
            .ensure(&self.client, &batch.source, hostname, now, left);
        if let Err(outcome) = registered.await {
            return match outcome {
                Outcome::Unexpected(why) => self.unexpected(why).await,
                Outcome::Configuration(why) => self.pause(why).await,
                Outcome::Retry { why, after } => self.back_off(why, after).await,
                // Registration passes over the rest.
                _ => Ok(None),
            };
        }
        let begun = batch.clone();
        let now = self.clock.now();
        if self
            .with(move |connection| outbox::begin_attempt(connection, &begun, now))
            .await?
            == Taken::No
        {
            return Ok(None);
        }
        self.sent += 1;
        let span = self.span(&batch, trace::Step::Send);
        let post = self.client.post(INGEST, batch.body.clone(), self.left());
        let exchange = heard(post.instrument(span.clone()).await, &span);
        if matches!(exchange, Exchange::NotConnected(_) | Exchange::Lost(_)) {
            self.agents.forget();
        }
        let outcome = classify(&exchange, self.clock.now());
        trace::delivered(&span, outcome.name());
        match outcome {
            Outcome::Settled => self.settle(batch).await,
            Outcome::Unexpected(why) => {
                self.hold(batch, why.clone()).await?;
                self.unexpected(why).await
            }
            Outcome::Retry { why, after } => {
                self.put_back(batch, why.clone()).await?;
                self.back_off(why, after).await
            }
            Outcome::Ambiguous(why) => {
                // Looked up at once, by the next step.
                let (now, error) = (self.clock.now(), self.note(why));
                self.with(move |connection| outbox::hold_until(connection, &batch, whole(now), &error))
                    .await?;
                Ok(None)
            }
            Outcome::Rejected(why) => self.refused(batch, Fault::Rejected, why).await,
            Outcome::TooLarge(why) => self.refused(batch, Fault::TooLarge, why).await,
            Outcome::Configuration(why) => {
                self.put_back(batch, why.clone()).await?;
                self.pause(why).await
            }
        }
    }

    /// Looks up a batch that may be there.
    pub(super) async fn look_up(&mut self, batch: Batch) -> Result<Option<Ended>, DeliveryError> {
        let mut hours = lookup::hours(batch.sealed_at, self.clock.now());
        for _ in 0..=WIDENINGS {
            let path = format!("api/v1/telemetry/recent?hours={hours}");
            let span = self.span(&batch, trace::Step::LookUp);
            let get = self.client.get(&path, MAX_RECENT, self.left());
            let exchange = heard(get.instrument(span.clone()).await, &span);
            let outcome = match &exchange {
                Exchange::Answered(reply) => match failure(reply, self.clock.now()) {
                    Some(outcome) => outcome,
                    None => {
                        let look = lookup::judge(reply, &batch.uid, batch.sealed_at, hours);
                        trace::delivered(&span, look.name());
                        match look {
                            Look::Found => {
                                self.found += 1;
                                return self.settle(batch).await;
                            }
                            Look::Absent => return self.absent(batch).await,
                            Look::Unknown(why) => return self.inconclusive(batch, why).await,
                            Look::Widen(needed) => {
                                hours = needed;
                                continue;
                            }
                            Look::Unexpected(why) => {
                                self.hold(batch, why.clone()).await?;
                                return self.unexpected(why).await;
                            }
                        }
                    }
                },
                _ => classify(&exchange, self.clock.now()),
            };
            trace::delivered(&span, outcome.name());
            return match outcome {
                Outcome::Retry { why, after } => self.back_off(why, after).await,
                Outcome::Configuration(why) => self.pause(why).await,
                Outcome::Ambiguous(why)
                | Outcome::Rejected(why)
                | Outcome::TooLarge(why)
                | Outcome::Unexpected(why) => {
                    self.inconclusive(batch, format!("the list of recent batches: {why}"))
                        .await
                }
                Outcome::Settled => Ok(None),
            };
        }
        self.inconclusive(batch, "the destination's clock moves".to_owned())
            .await
    }

    /// The span of a request about a batch.
    fn span(&self, batch: &Batch, step: trace::Step) -> Span {
        let (host, port) = self.client.peer();
        trace::delivery(host, port, &batch.uid, batch.entries.len(), step)
    }

    async fn settle(&mut self, batch: Batch) -> Result<Option<Ended>, DeliveryError> {
        self.search.taken(&batch, self.config.batch_entries);
        self.fitting = fitting(&batch, self.config.batch_bytes).unwrap_or(self.fitting);
        let (count, destination) = (batch.entries.len() as u64, self.destination);
        let (order, head) = self.order(self.clock.now())?;
        let taken = self
            .with(move |connection| {
                outbox::settle_and_seal(connection, &batch, destination, &order, &|contents| {
                    body::render(&head, contents)
                })
            })
            .await?;
        if taken == Taken::Yes {
            self.settled += count;
        }
        Ok(None)
    }

    /// The look-up certainly did not find it: once more a request time-out later, then send again.
    async fn absent(&mut self, batch: Batch) -> Result<Option<Ended>, DeliveryError> {
        if batch.looked_absent + 1 >= ABSENCES {
            self.put_back(batch, "certainly not stored, sent again".to_owned())
                .await?;
        } else {
            let next = after(self.clock.now(), self.config.timeouts.total);
            self.with(move |connection| outbox::absent(connection, &batch, next))
                .await?;
        }
        Ok(None)
    }

    /// The look-up proved nothing: hold the batch, and in the end send it again as maybe duplicated.
    async fn inconclusive(&mut self, batch: Batch, why: String) -> Result<Option<Ended>, DeliveryError> {
        let error = self.note(why);
        let now = self.clock.now();
        let sent_at = batch.last_sent_at.unwrap_or(batch.sealed_at);
        // A clock that went back since would otherwise hold the batch until it has caught up.
        if now.duration_since(sent_at).abs() >= self.config.hold {
            tracing::warn!(batch = %batch.uid, "sent again although it may be stored: {error}");
            self.with(move |connection| outbox::send_again(connection, &batch, &error))
                .await?;
            self.maybe_duplicated += 1;
        } else {
            let next = after(now, backoff::delay(LOOK_AGAIN, random()?));
            self.with(move |connection| outbox::hold_until(connection, &batch, next, &error))
                .await?;
        }
        Ok(None)
    }

    async fn refused(
        &mut self,
        batch: Batch,
        fault: Fault,
        why: String,
    ) -> Result<Option<Ended>, DeliveryError> {
        let verdict = self.search.refused(&batch, fault);
        let error = self.note(why);
        let now = self.clock.now();
        match verdict {
            Verdict::Dissolve => {
                self.with(move |connection| outbox::dissolve(connection, &batch, &error))
                    .await?;
            }
            Verdict::DeadLetter => {
                self.dead += 1;
                self.with(move |connection| outbox::dead_letter(connection, &batch, &error, now))
                    .await?;
            }
            Verdict::GiveUpExtras => {
                tracing::warn!(batch = %batch.uid, "observations and events were refused and are left out: {error}");
                self.with(move |connection| outbox::give_up_extras(connection, &batch, &error))
                    .await?;
            }
            Verdict::Pause => {
                self.put_back(batch, error.clone()).await?;
                return self
                    .pause(format!(
                        "three different batches were refused in a row; the last: {error}; \
                         correct the destination, then run `finops-host destination resume`"
                    ))
                    .await;
            }
        }
        Ok(None)
    }

    async fn put_back(&mut self, batch: Batch, why: String) -> Result<(), DeliveryError> {
        self.with(move |connection| outbox::put_back(connection, &batch, &why))
            .await?;
        Ok(())
    }

    /// Keeps a batch as perhaps stored, to be looked up once the destination's back-off is over.
    async fn hold(&mut self, batch: Batch, why: String) -> Result<(), DeliveryError> {
        let now = whole(self.clock.now());
        self.with(move |connection| outbox::hold_until(connection, &batch, now, &why))
            .await?;
        Ok(())
    }

    async fn unexpected(&mut self, why: String) -> Result<Option<Ended>, DeliveryError> {
        self.back_off(why.clone(), None).await?;
        Ok(Some(Ended::Unexpected(why)))
    }
}

/// Writes down in a span what was heard.
fn heard(exchange: Exchange, span: &Span) -> Exchange {
    match &exchange {
        Exchange::NotConnected(_) => trace::failed(span, "no-connection"),
        Exchange::Lost(_) => trace::failed(span, "no-answer"),
        Exchange::Answered(reply) => trace::answered(span, reply.status),
    }
    exchange
}

/// The second in which an instant lies: stored so, it is due at once.
fn whole(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
