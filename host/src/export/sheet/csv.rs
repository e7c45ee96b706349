//! CSV after RFC 4180 with a header. NULL is an empty field.

use super::{ExportError, Heading, Sheet, Sink, Value};
use std::path::PathBuf;

pub(super) struct Csv {
    writer: csv::Writer<Sink>,
    path: PathBuf,
}

impl Csv {
    pub(super) fn open(headings: &[Heading], sink: Sink) -> Result<Self, ExportError> {
        let path = sink.path().to_owned();
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::Any(b'\n'))
            .from_writer(sink);
        writer
            .write_record(headings.iter().map(|heading| heading.name.as_bytes()))
            .map_err(|error| ExportError::format(&path, error))?;
        Ok(Self { writer, path })
    }
}

impl Sheet for Csv {
    fn row(&mut self, values: &[Value<'_>]) -> Result<(), ExportError> {
        let failed = |error| ExportError::format(&self.path, error);
        for value in values {
            let text = value.written();
            self.writer
                .write_field(text.as_deref().unwrap_or_default())
                .map_err(failed)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(failed)
    }

    fn finish(self: Box<Self>) -> Result<Sink, ExportError> {
        let path = self.path;
        self.writer
            .into_inner()
            .map_err(|error| ExportError::format(&path, error.error()))
    }
}
