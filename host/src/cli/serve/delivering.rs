//! Delivering beside the runs: entries to OpenFinOps, and FOCUS files, each in a loop of its own, so that neither holds up the
//! other or a run.
//! What must hold: what goes wrong is told once until it changes, and tried again for ever.

use super::{
    super::{Failed, destination, exit::Exit, focus},
    one_run::Crew,
};
use crate::{
    config::OpenFinOps,
    delivery::{DeliveryReport, Ended},
    export::snapshot::SnapshotConfig,
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::sync::watch;

/// The destination of entries, as the ledger calls it.
const DESTINATION: &str = "openfinops";
/// How long one delivery may take before one looks whether the destination is still the same, or the process stops.
const ONE_ROUND: Duration = Duration::from_secs(5);
/// How long a request under way may take to be answered once the process stops: an answer that is not heard has to be looked up
/// after the next start.
const LAST_ANSWER: Duration = Duration::from_secs(8);
/// How long one waits for news: another process may have collected, or resumed a destination.
const WITHOUT_NEWS: Duration = Duration::from_secs(60);

/// That there may be something to deliver.
#[derive(Clone, Debug)]
pub(super) struct News(watch::Sender<u64>);

impl News {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Wakes all that deliver.
    pub(super) fn spread(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// Says a thing once, until another is to be said.
#[derive(Default)]
struct Told(Option<String>);

impl Told {
    fn warn(&mut self, what: String) {
        if self.0.as_ref() != Some(&what) {
            tracing::warn!("{what}");
        }
        self.0 = Some(what);
    }

    fn well(&mut self, what: &str) {
        if self.0.take().is_some() {
            tracing::info!("{what}");
        }
    }
}

/// Delivers what waits for OpenFinOps until the process stops.
pub(super) async fn entries(crew: Arc<Crew>, to: watch::Receiver<Option<OpenFinOps>>) {
    let mut attention = Attention::new(&crew, to);
    let mut told = Told::default();
    loop {
        let mut pause = WITHOUT_NEWS;
        if let Some(openfinops) = attention.now() {
            let mut delivery = pin!(deliver(&crew, &openfinops));
            let delivered = tokio::select! {
                delivered = &mut delivery => delivered,
                () = crew.stop.wait() => {
                    // Every fact is in the ledger before the next step depends on it: it can be left at any point.
                    let _in_time = tokio::time::timeout(LAST_ANSWER, delivery).await;
                    return;
                }
            };
            match delivered {
                Ok(report) => {
                    crew.metrics.delivered(DESTINATION, &report);
                    if tell(&report, &mut told) {
                        pause = Duration::ZERO;
                    }
                }
                Err(failed) => {
                    crew.metrics.delivery_failed(DESTINATION, kind(&failed));
                    told.warn(format!("nothing is delivered: {}", failed.message));
                }
            }
        }
        if !attention.again_after(pause).await {
            return;
        }
    }
}

/// What kept a delivery from working at all, in a word.
fn kind(failed: &Failed) -> &'static str {
    match failed.exit() {
        Some(Exit::Storage) => "storage",
        Some(Exit::Config) => "configuration",
        Some(Exit::Refused) => "refused",
        _ => "other",
    }
}

async fn deliver(crew: &Crew, openfinops: &OpenFinOps) -> Result<DeliveryReport, Failed> {
    let destination = destination::ensure(&crew.ledger, openfinops).await?;
    destination
        .deliver(&crew.ledger, &crew.clock, ONE_ROUND, false)
        .await
}

/// Tells what is new of a delivery; true where it only ran out of time.
fn tell(report: &DeliveryReport, told: &mut Told) -> bool {
    if report.settled > 0 || report.dead > 0 {
        tracing::info!(settled = report.settled, dead = report.dead, "delivered");
    }
    match &report.ended {
        Ended::Drained => {
            told.well("everything is delivered");
            false
        }
        Ended::Paused(why) | Ended::Unexpected(why) => {
            told.warn(format!("delivery is held up: {why}"));
            false
        }
        Ended::OutOfTime => {
            if let Some(why) = &report.last_error {
                told.warn(format!("delivery takes its time: {why}"));
            }
            true
        }
    }
}

/// Renders FOCUS files until the process stops.
pub(super) async fn files(crew: Arc<Crew>, to: watch::Receiver<Option<SnapshotConfig>>) {
    let mut attention = Attention::new(&crew, to);
    let mut told = Told::default();
    loop {
        if let Some(config) = attention.now() {
            match focus::ensure(&crew.ledger, &config).await {
                // Asked to stop, it comes to its own end.
                Ok(known) => {
                    let report = known.render(&crew.ledger, &crew.clock, &crew.stop).await.report;
                    match report.paused.iter().chain(&report.failed).next() {
                        Some(why) => told.warn(format!("FOCUS files are behind: {why}")),
                        None => told.well("FOCUS files are up to date"),
                    }
                }
                Err(failed) => told.warn(format!("no FOCUS files are written: {}", failed.message)),
            }
        }
        if !attention.again_after(WITHOUT_NEWS).await {
            return;
        }
    }
}

/// What one that delivers listens to.
struct Attention<'a, T> {
    crew: &'a Crew,
    to: watch::Receiver<Option<T>>,
    news: watch::Receiver<u64>,
}

impl<'a, T: Clone> Attention<'a, T> {
    fn new(crew: &'a Crew, to: watch::Receiver<Option<T>>) -> Self {
        Self {
            crew,
            to,
            news: crew.news.0.subscribe(),
        }
    }

    /// Where to deliver now. What comes from here on is news again.
    fn now(&mut self) -> Option<T> {
        self.news.mark_unchanged();
        self.to.borrow_and_update().clone()
    }

    /// Waits for news, another destination, or so long; false where the process stops.
    async fn again_after(&mut self, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.crew.stop.wait() => false,
            () = changed(&mut self.to) => true,
            () = changed(&mut self.news) => true,
            () = self.crew.clock.sleep(pause) => true,
        }
    }
}

/// Waits for another value; for ever where none can come.
async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
