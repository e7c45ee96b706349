//! Writing whole partitions: records go to the host in batches, and nothing counts before the commit.
//! What must hold: a writer that is dropped before its commit leaves the ledger as it was.

use crate::{CostRecord, Failure, Host, Instant, Receipt, Seal, Source, WriterId};

/// Records that go to the host in one call.
pub const BATCH: usize = 1_000;

/// Replaces some partitions of one stream and source.
pub struct PartitionWriter<'h> {
    handle: Handle<'h>,
    batch: Vec<CostRecord>,
}

/// A writer whose records are all there, ready to be committed.
pub struct Sealed<'h>(Handle<'h>);

struct Handle<'h> {
    host: &'h dyn Host,
    writer: Option<WriterId>,
}

impl Handle<'_> {
    fn id(&self) -> Result<WriterId, Failure> {
        self.writer
            .ok_or_else(|| Failure::internal("the writer is used up"))
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.host.discard(writer);
        }
    }
}

impl<'h> PartitionWriter<'h> {
    /// Opens a writer that replaces the partitions that start at the given instants.
    ///
    /// # Errors
    /// The host's.
    pub fn open(
        host: &'h dyn Host,
        stream: &str,
        source: &Source,
        partitions: &[Instant],
    ) -> Result<Self, Failure> {
        let writer = host.open(stream, source, partitions)?;
        Ok(Self {
            handle: Handle {
                host,
                writer: Some(writer),
            },
            batch: Vec::new(),
        })
    }

    /// Adds a record, in any order.
    ///
    /// # Errors
    /// The host's, for this record or one of the batch before it.
    pub fn write(&mut self, record: CostRecord) -> Result<(), Failure> {
        self.batch.push(record);
        if self.batch.len() >= BATCH {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Ends writing.
    ///
    /// # Errors
    /// The host's.
    pub fn seal(mut self, seal: &Seal) -> Result<Sealed<'h>, Failure> {
        self.flush()?;
        self.handle.host.seal(self.handle.id()?, seal)?;
        Ok(Sealed(self.handle))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.handle.host.write(self.handle.id()?, &self.batch)?;
        self.batch.clear();
        Ok(())
    }
}

/// Commits sealed writers in one transaction, all or none. Without any, nothing is done.
///
/// # Errors
/// The host's; then nothing was committed.
pub fn commit(host: &dyn Host, writers: Vec<Sealed<'_>>) -> Result<Vec<Receipt>, Failure> {
    if writers.is_empty() {
        return Ok(Vec::new());
    }
    let ids = writers
        .iter()
        .map(|sealed| sealed.0.id())
        .collect::<Result<Vec<_>, _>>()?;
    let receipts = host.commit(&ids)?;
    for mut sealed in writers {
        sealed.0.writer.take();
    }
    Ok(receipts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::{Decimal, Period, period::DAY, testing::FakeHost};

    fn record(start: Instant) -> CostRecord {
        let period = Period {
            start,
            end: start + DAY,
        };
        CostRecord::new(
            period,
            "acct",
            "Example",
            ("Things", "Other"),
            (Decimal::ONE, "USD"),
        )
    }

    #[test]
    fn records_reach_the_ledger_in_batches_and_together() {
        let host = FakeHost::new();
        let source = Source::new("example", "acct", "");
        let mut writer = PartitionWriter::open(&host, "spend", &source, &[0]).unwrap();
        for _ in 0..2_500 {
            writer.write(record(5)).unwrap();
        }
        assert_eq!(host.batches(), [1_000, 1_000]);
        let sealed = writer.seal(&Seal::complete(DAY)).unwrap();
        assert!(host.commits().is_empty());
        commit(&host, vec![sealed]).unwrap();
        assert_eq!(host.batches(), [1_000, 1_000, 500]);
        assert_eq!(host.commits()[0].records.len(), 2_500);
        assert_eq!(host.open_writers(), 0);
    }

    #[test]
    fn a_dropped_writer_leaves_nothing() {
        let host = FakeHost::new();
        let source = Source::new("example", "acct", "");
        let mut writer = PartitionWriter::open(&host, "spend", &source, &[0]).unwrap();
        writer.write(record(0)).unwrap();
        drop(writer.seal(&Seal::partial(DAY)).unwrap());
        assert_eq!(host.open_writers(), 0);
        assert!(host.commits().is_empty());
    }
}
