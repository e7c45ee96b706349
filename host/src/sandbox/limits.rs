//! Limits of one run, with the defaults of the sandbox page. Sizes in bytes.

use finops_decimal::Decimal;
use std::time::Duration;

/// What one run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memories and tables together (a table entry is 16 bytes).
    pub memory: u64,
    /// CPU time over the whole run.
    pub cpu: Duration,
    /// Wall-clock time over the whole run.
    pub wall: Duration,
    /// Requests, attempts included.
    pub requests: u64,
    /// Requests under way at once.
    pub concurrent_requests: u32,
    /// Host-side bytes in flight.
    pub in_flight: u64,
    /// One request body.
    pub request_body: u64,
    /// All request bodies.
    pub sent: u64,
    /// One reply, streamed, decoded.
    pub response: u64,
    /// One reply asked for whole, decoded.
    pub response_whole: u64,
    /// All replies, decoded.
    pub received: u64,
    /// Records written.
    pub records: u64,
    /// Bytes of staged records and of observations.
    pub staged: u64,
    /// Partitions written.
    pub partitions: u64,
    /// Open writers at once.
    pub writers: u32,
    /// Observations put.
    pub observations: u64,
    /// Log bytes.
    pub log: u64,
    /// Money for paid calls. It counts over the instance's runs, not over one.
    pub spend: Spend,
}

/// What an instance may spend on calls that have a price, in USD. Days and months are those of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    /// Over one day; `None`: without limit.
    pub per_day: Option<Decimal>,
    /// Over one calendar month; `None`: without limit.
    pub per_month: Option<Decimal>,
}

impl Spend {
    /// Whether there is no limit at all.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.per_day.is_none() && self.per_month.is_none()
    }
}

/// Longest URL.
pub const URL: usize = 8 << 10;
/// Most headers each way.
pub const HEADERS: usize = 64;
/// Bytes of headers each way.
pub const HEADER_BYTES: usize = 32 << 10;
/// Bytes of one record, and of one observation.
pub const RECORD: usize = 32 << 10;
/// Bytes of a source's billing account, and of its scope.
pub const SOURCE: usize = 1 << 10;
/// Tags of one record; as many dimensions of one observation.
pub const TAGS: usize = 64;
/// Records, or observations, of one batch.
pub const BATCH: usize = 10_000;
/// The most that one record may cost, in whatever currency: a trillion. Two hundred million such records can still be added.
pub const COST: i64 = 1_000_000_000_000;
/// Bytes of a checkpoint.
pub const CHECKPOINT: usize = 64 << 10;
/// Bytes of a guest's message.
pub const MESSAGE: usize = 4 << 10;
/// What a line of the log counts beside its text: an empty line is written, too.
pub const LOG_LINE: usize = 128;
/// Denied calls remembered.
pub const DENIED_REMEMBERED: usize = 100;

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        Self {
            memory: 128 * MIB,
            cpu: Duration::from_secs(30),
            wall: Duration::from_secs(600),
            requests: 2_000,
            concurrent_requests: 8,
            in_flight: 64 * MIB,
            request_body: 4 * MIB,
            sent: 64 * MIB,
            response: GIB,
            response_whole: 16 * MIB,
            received: 4 * GIB,
            records: 5_000_000,
            staged: 2 * GIB,
            partitions: 1_000,
            writers: 16,
            observations: 100_000,
            log: MIB,
            spend: Spend::default(),
        }
    }
}
