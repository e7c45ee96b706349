//! Writing one stream of one source: partitions that are complete and those that are not go to two writers of the same commit.

use finops_collector::{
    Completeness, CostRecord, Failure, Host, Instant, PartitionWriter, Period, Seal, Sealed, Source,
    descriptor::Grain,
};

/// A partition to be replaced, and whether it will hold everything.
pub(crate) type Partition = (Instant, Completeness);

/// The writers of one stream and source.
pub(crate) struct Book<'h> {
    stream: &'static str,
    grain: Grain,
    complete: Page<'h>,
    partial: Page<'h>,
}

struct Page<'h> {
    starts: Vec<Instant>,
    writer: Option<PartitionWriter<'h>>,
}

impl<'h> Page<'h> {
    fn open(
        host: &'h dyn Host,
        stream: &str,
        source: &Source,
        mut starts: Vec<Instant>,
    ) -> Result<Self, Failure> {
        starts.sort_unstable();
        let writer = match starts.is_empty() {
            true => None,
            false => Some(PartitionWriter::open(host, stream, source, &starts)?),
        };
        Ok(Self { starts, writer })
    }
}

impl<'h> Book<'h> {
    /// Opens the writers.
    pub(crate) fn open(
        host: &'h dyn Host,
        stream: &'static str,
        source: &Source,
        grain: Grain,
        partitions: &[Partition],
    ) -> Result<Self, Failure> {
        let of = |wanted: Completeness| {
            let matching = partitions
                .iter()
                .filter(|(_, completeness)| *completeness == wanted);
            Page::open(host, stream, source, matching.map(|(start, _)| *start).collect())
        };
        Ok(Self {
            stream,
            grain,
            complete: of(Completeness::Complete)?,
            partial: of(Completeness::Partial)?,
        })
    }

    /// Adds a record to the partition of its charge period.
    pub(crate) fn write(&mut self, record: CostRecord) -> Result<(), Failure> {
        let start = Period::around(record.charge_period.start, self.grain).start;
        for page in [&mut self.complete, &mut self.partial] {
            if let (Ok(_), Some(writer)) = (page.starts.binary_search(&start), &mut page.writer) {
                return writer.write(record);
            }
        }
        Err(Failure::internal(format_args!(
            "a record of {} lies outside the partitions that are replaced",
            self.stream
        )))
    }

    /// Ends writing; the checkpoint goes with one of the writers.
    pub(crate) fn seal(self, now: Instant, checkpoint: &[u8]) -> Result<Vec<Sealed<'h>>, Failure> {
        let mut sealed = Vec::new();
        let mut checkpoint = Some(checkpoint.to_vec()).filter(|value| !value.is_empty());
        for (page, seal) in [
            (self.complete, Seal::complete(now)),
            (self.partial, Seal::partial(now)),
        ] {
            if let Some(writer) = page.writer {
                sealed.push(writer.seal(&seal.checkpoint(checkpoint.take()))?);
            }
        }
        Ok(sealed)
    }
}
