//! One call of `collect`: what the host knows and asks for, and how the call ends.

use crate::{
    Failure,
    descriptor::Grain,
    period::{Instant, Period},
};
use serde::de::DeserializeOwned;

/// Whose money it is. The same source must be reported on every host and in every run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Lower-case name of the provider: `snowflake`, `aws`.
    pub provider: String,
    /// The provider's id of the account that is billed.
    pub billing_account: String,
    /// What part of that account this source covers; empty for all of it.
    pub scope: String,
}

impl Source {
    /// The part `scope` of a billed account.
    #[must_use]
    pub fn new(provider: &str, billing_account: &str, scope: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            billing_account: billing_account.to_owned(),
            scope: scope.to_owned(),
        }
    }
}

/// Whether a partition holds all that the provider has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completeness {
    /// Everything that the provider has for it now.
    Complete,
    /// Known to lack something; supersedes nothing.
    Partial,
}

/// A partition that the ledger already holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedPartition {
    /// Its source.
    pub source: Source,
    /// Its start.
    pub start: Instant,
    /// Whether it was complete.
    pub completeness: Completeness,
    /// Up to when its figures were observed at the provider.
    pub observed_through: Instant,
}

/// A checkpoint that the collector stored with a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its source.
    pub source: Source,
    /// The collector's own bytes.
    pub value: Vec<u8>,
}

/// What the host knows of a stream, and what it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamRequest {
    /// Name of the stream.
    pub name: String,
    /// Whether its cadence asks for a reading now.
    pub due: bool,
    /// What to read: the look-back, or the period that the operator asked for.
    pub period: Period,
    /// The committed partitions within that period.
    pub committed: Vec<CommittedPartition>,
    /// The last checkpoint of each source.
    pub checkpoints: Vec<Checkpoint>,
}

impl StreamRequest {
    /// The last checkpoint of a source.
    #[must_use]
    pub fn checkpoint(&self, source: &Source) -> Option<&[u8]> {
        let found = self
            .checkpoints
            .iter()
            .find(|checkpoint| checkpoint.source == *source)?;
        Some(&found.value)
    }

    /// The starts of all partitions of the asked period that have begun, in order.
    #[must_use]
    pub fn begun(&self, grain: Grain, now: Instant) -> Vec<Instant> {
        let end = self.period.end.min(now.saturating_add(1));
        Period { end, ..self.period }.partitions(grain)
    }

    /// Of those, the ones that the ledger does not hold as complete for the source: gaps, and what was partial.
    #[must_use]
    pub fn missing(&self, source: &Source, grain: Grain, now: Instant) -> Vec<Instant> {
        let mut starts = self.begun(grain, now);
        starts.retain(|start| {
            !self.committed.iter().any(|held| {
                held.start == *start && held.source == *source && held.completeness == Completeness::Complete
            })
        });
        starts
    }
}

/// One call of `collect`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The checked settings as a JSON object, defaults filled in.
    pub settings: String,
    /// The host's clock.
    pub now: Instant,
    /// True when the operator asked for the period by hand (backfill).
    pub backfill: bool,
    /// One for each stream of the descriptor.
    pub streams: Vec<StreamRequest>,
}

impl Request {
    /// The settings as a type of the collector's own. Decimals come as text: read them as [`Decimal`](crate::Decimal).
    ///
    /// # Errors
    /// `settings`, naming the key and what is wrong with it.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.settings)
            .map_err(|error| Failure::settings(format_args!("[settings]: {error}")))
    }

    /// What is asked of a stream.
    ///
    /// # Errors
    /// `internal`, where the request does not name it although the descriptor does.
    pub fn stream(&self, name: &str) -> Result<&StreamRequest, Failure> {
        let found = self.streams.iter().find(|stream| stream.name == name);
        found.ok_or_else(|| Failure::internal(format_args!("the host's request lacks the stream `{name}`")))
    }

    /// What is asked of a stream, if it is to be read now: it is due, or the operator asked by hand.
    ///
    /// # Errors
    /// As [`Request::stream`].
    pub fn wanted(&self, name: &str) -> Result<Option<&StreamRequest>, Failure> {
        let stream = self.stream(name)?;
        Ok((stream.due || self.backfill).then_some(stream))
    }
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// The run is finished.
    Done,
    /// Call again: continue from what is committed.
    More,
}

/// How a call of `collect` ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether there is more to do.
    pub progress: Progress,
    /// One line for the operator.
    pub note: Option<String>,
}

impl Outcome {
    /// The run is finished.
    #[must_use]
    pub fn done() -> Self {
        Self {
            progress: Progress::Done,
            note: None,
        }
    }

    /// The host shall call again.
    #[must_use]
    pub fn more() -> Self {
        Self {
            progress: Progress::More,
            note: None,
        }
    }

    /// The same with one line for the operator.
    #[must_use]
    pub fn note(mut self, note: impl std::fmt::Display) -> Self {
        self.note = Some(note.to_string());
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::period::DAY;

    #[test]
    fn missing_are_gaps_and_what_was_partial_until_now() {
        let source = Source::new("p", "a", "");
        let held = |day: i64, completeness| CommittedPartition {
            source: source.clone(),
            start: day * DAY,
            completeness,
            observed_through: 0,
        };
        let stream = StreamRequest {
            period: Period {
                start: 0,
                end: 9 * DAY,
            },
            committed: vec![held(0, Completeness::Complete), held(2, Completeness::Partial)],
            ..StreamRequest::default()
        };
        assert_eq!(
            stream.missing(&source, Grain::Day, 3 * DAY + 1),
            [DAY, 2 * DAY, 3 * DAY]
        );
        assert_eq!(
            stream.missing(&Source::new("p", "b", ""), Grain::Day, DAY - 1),
            [0]
        );
    }

    #[test]
    fn a_setting_that_does_not_fit_is_named() {
        #[derive(Debug, serde::Deserialize)]
        struct Settings {
            #[expect(dead_code)]
            account: String,
        }
        let request = Request {
            settings: "{}".to_owned(),
            ..Request::default()
        };
        let failure = request.settings::<Settings>().unwrap_err();
        assert_eq!(failure.kind, crate::FailureKind::Settings);
        assert!(failure.message.contains("account"), "{failure}");
    }
}
