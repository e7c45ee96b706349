//! The one trait before everything that a collector asks of its host, so that the same code runs in the sandbox and,
//! natively, against [`testing::FakeHost`](crate::testing::FakeHost).

use crate::{
    Completeness, CostRecord, Decimal, Failure, HttpRequest, Instant, Observation, Response, Source,
};
use std::{fmt::Display, time::Duration};

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For whoever looks for a mistake.
    Debug,
    /// What happens.
    Info,
    /// Something to look at.
    Warn,
    /// Something is wrong.
    Error,
}

/// An open writer of the host. [`PartitionWriter`](crate::PartitionWriter) is the comfortable way to use one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriterId(pub u32);

/// What the provider's reply says of itself; the host checks it against the records written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlTotals {
    /// Number of rows written.
    pub rows: Option<u64>,
    /// Sum of the billed cost per currency.
    pub billed_cost: Vec<(String, Decimal)>,
}

/// How a writer's partitions are to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Whether they hold everything.
    pub completeness: Completeness,
    /// Up to when the figures were observed at the provider.
    pub observed_through: Instant,
    /// Control totals over all partitions of the writer.
    pub control: Option<ControlTotals>,
    /// Replaces the checkpoint of the writer's stream and source.
    pub checkpoint: Option<Vec<u8>>,
}

impl Seal {
    /// Partitions that hold everything that the provider has now.
    #[must_use]
    pub fn complete(observed_through: Instant) -> Self {
        Self {
            completeness: Completeness::Complete,
            observed_through,
            control: None,
            checkpoint: None,
        }
    }

    /// Partitions that are known to lack something.
    #[must_use]
    pub fn partial(observed_through: Instant) -> Self {
        Self {
            completeness: Completeness::Partial,
            ..Self::complete(observed_through)
        }
    }

    /// With a new checkpoint of the stream and source.
    #[must_use]
    pub fn checkpoint(mut self, value: Option<Vec<u8>>) -> Self {
        self.checkpoint = value;
        self
    }
}

/// What a commit changed, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Records written.
    pub written: u64,
    /// Same as before.
    pub unchanged: u64,
    /// Same key, other content.
    pub revised: u64,
    /// New keys.
    pub added: u64,
    /// Keys that are gone.
    pub withdrawn: u64,
    /// Written records merged into another of the same key.
    pub merged: u64,
    /// Not applied: held for the operator's review.
    pub held: bool,
}

/// Everything that a collector asks of its host.
pub trait Host {
    /// Sends one request and waits for the reply's headers. A status that is no success is a reply, not an error.
    ///
    /// # Errors
    /// `denied`, `unreachable`, or `throttled` by a limit of the host.
    fn send(&self, request: &HttpRequest) -> Result<Response, Failure>;

    /// Sends several at once; replies stand in the order of the requests.
    fn send_many(&self, requests: &[HttpRequest]) -> Vec<Result<Response, Failure>>;

    /// Opens a writer that replaces the partitions that start at the given instants.
    ///
    /// # Errors
    /// The host's, for an unknown stream or an unaligned partition.
    fn open(&self, stream: &str, source: &Source, partitions: &[Instant]) -> Result<WriterId, Failure>;

    /// Adds records, in any order.
    ///
    /// # Errors
    /// The host's, for a record that it refuses.
    fn write(&self, writer: WriterId, records: &[CostRecord]) -> Result<(), Failure>;

    /// Ends writing and says what a commit shall do.
    ///
    /// # Errors
    /// The host's, where control totals and records differ.
    fn seal(&self, writer: WriterId, seal: &Seal) -> Result<(), Failure>;

    /// Commits sealed writers in one transaction, all or none. They are used up.
    ///
    /// # Errors
    /// The host's; then nothing was committed.
    fn commit(&self, writers: &[WriterId]) -> Result<Vec<Receipt>, Failure>;

    /// Gives a writer up with all that was written to it.
    fn discard(&self, writer: WriterId);

    /// Stores observations.
    ///
    /// # Errors
    /// The host's, for an observation that it refuses.
    fn observe(&self, observations: &[Observation]) -> Result<(), Failure>;

    /// Writes one line to the run's bounded log.
    fn log(&self, level: Level, message: &str);

    /// The secret of a credential whose rule says `reveal = true`.
    ///
    /// # Errors
    /// `denied` otherwise.
    fn reveal(&self, credential: &str) -> Result<String, Failure>;

    /// Waits.
    fn sleep(&self, duration: Duration);

    /// The clock.
    fn now(&self) -> Instant;

    /// Random bytes that nobody can foretell.
    ///
    /// # Errors
    /// `internal`, where there are none.
    fn random(&self) -> Result<[u8; 16], Failure>;
}

impl dyn Host + '_ {
    /// A random UUID (version 4) as text.
    ///
    /// # Errors
    /// As [`Host::random`].
    pub fn uuid(&self) -> Result<String, Failure> {
        let number = u128::from_be_bytes(self.random()?);
        let version = 0x4_u128 << 76;
        let variant = 0x2_u128 << 62;
        let number = number & !(0xf_u128 << 76) & !(0x3_u128 << 62) | version | variant;
        let digits = format!("{number:032x}");
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range).unwrap_or_default());
        Ok(parts.join("-"))
    }

    /// Writes a line of level info.
    pub fn info(&self, message: impl Display) {
        self.log(Level::Info, &message.to_string());
    }

    /// Writes a line of level warn.
    pub fn warn(&self, message: impl Display) {
        self.log(Level::Warn, &message.to_string());
    }
}
