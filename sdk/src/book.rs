//! Writing one stream of one source: partitions that are complete and those that are not go to writers of their own in
//! the same commit.

use crate::{
    CostRecord, Failure, Host, Instant, PartitionWriter, Period, Seal, Sealed, Source, descriptor::Grain,
};
use std::collections::BTreeMap;

/// Which partitions are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partitions {
    /// These hold everything, with or without records.
    pub complete: Vec<Instant>,
    /// These may lack something and are replaced all the same.
    pub partial: Vec<Instant>,
    /// These may lack something and are replaced only where there are records.
    pub if_seen: Vec<Instant>,
}

/// The writers of one stream and source.
pub struct Book<'h> {
    host: &'h dyn Host,
    stream: &'static str,
    source: Source,
    grain: Grain,
    partitions: Partitions,
    complete: Option<PartitionWriter<'h>>,
    partial: Option<PartitionWriter<'h>>,
    seen: BTreeMap<Instant, PartitionWriter<'h>>,
}

impl<'h> Book<'h> {
    /// Opens the writers.
    ///
    /// # Errors
    /// The host's.
    pub fn open(
        host: &'h dyn Host,
        stream: &'static str,
        source: &Source,
        grain: Grain,
        mut partitions: Partitions,
    ) -> Result<Self, Failure> {
        let open = |starts: &mut Vec<Instant>| {
            starts.sort_unstable();
            (!starts.is_empty())
                .then(|| PartitionWriter::open(host, stream, source, starts))
                .transpose()
        };
        let complete = open(&mut partitions.complete)?;
        let partial = open(&mut partitions.partial)?;
        Ok(Self {
            host,
            stream,
            source: source.clone(),
            grain,
            partitions,
            complete,
            partial,
            seen: BTreeMap::new(),
        })
    }

    /// Adds a record to the partition of its charge period.
    ///
    /// # Errors
    /// The host's; `internal` for a record outside all partitions.
    pub fn write(&mut self, record: CostRecord) -> Result<(), Failure> {
        let start = Period::around(record.charge_period.start, self.grain).start;
        let among = |starts: &[Instant]| starts.binary_search(&start).is_ok();
        if let Some(writer) = self
            .complete
            .as_mut()
            .filter(|_| among(&self.partitions.complete))
        {
            return writer.write(record);
        }
        if let Some(writer) = self.partial.as_mut().filter(|_| among(&self.partitions.partial)) {
            return writer.write(record);
        }
        if let Some(writer) = self.seen.get_mut(&start) {
            return writer.write(record);
        }
        if !self.partitions.if_seen.contains(&start) {
            return Err(Failure::internal(format_args!(
                "a record of {} lies outside the partitions that are replaced",
                self.stream
            )));
        }
        let mut writer = PartitionWriter::open(self.host, self.stream, &self.source, &[start])?;
        writer.write(record)?;
        self.seen.insert(start, writer);
        Ok(())
    }

    /// Ends writing; the checkpoint, if not empty, goes with one of the writers.
    ///
    /// # Errors
    /// The host's.
    pub fn seal(self, now: Instant, checkpoint: &[u8]) -> Result<Vec<Sealed<'h>>, Failure> {
        let mut checkpoint = Some(checkpoint.to_vec()).filter(|value| !value.is_empty());
        let complete = self.complete.map(|writer| (writer, Seal::complete(now)));
        let partial = self
            .partial
            .into_iter()
            .chain(self.seen.into_values())
            .map(|writer| (writer, Seal::partial(now)));
        let seal =
            |(writer, seal): (PartitionWriter<'h>, Seal)| writer.seal(&seal.checkpoint(checkpoint.take()));
        complete.into_iter().chain(partial).map(seal).collect()
    }
}
