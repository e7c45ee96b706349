//! JSON lines: an object a row, every column in it. Decimals are strings; times too; tags are an object.

use super::{ExportError, Heading, Sheet, Sink, Value};
use std::io::Write;

pub(super) struct Jsonl {
    sink: Sink,
    /// Each column's name as it stands in a line: quoted, with what goes before and after it.
    names: Vec<String>,
    line: Vec<u8>,
}

impl Jsonl {
    pub(super) fn open(headings: &[Heading], sink: Sink) -> Result<Self, ExportError> {
        let names = headings.iter().enumerate().map(|(index, heading)| {
            let before = if index == 0 { '{' } else { ',' };
            let name = serde_json::to_string(&heading.name)
                .map_err(|error| ExportError::format(sink.path(), error))?;
            Ok(format!("{before}{name}:"))
        });
        Ok(Self {
            names: names.collect::<Result<_, ExportError>>()?,
            sink,
            line: Vec::new(),
        })
    }
}

impl Sheet for Jsonl {
    fn row(&mut self, values: &[Value<'_>]) -> Result<(), ExportError> {
        self.line.clear();
        for (name, value) in self.names.iter().zip(values) {
            self.line.extend_from_slice(name.as_bytes());
            let written = match value {
                Value::Null => serde_json::to_writer(&mut self.line, &()),
                Value::Whole(count) => serde_json::to_writer(&mut self.line, count),
                Value::Map(map) => serde_json::to_writer(&mut self.line, map),
                Value::Text(_) | Value::Decimal(_) | Value::Time(_) => {
                    serde_json::to_writer(&mut self.line, &value.written())
                }
            };
            written.map_err(|error| ExportError::format(self.sink.path(), error))?;
        }
        self.line.extend_from_slice(b"}\n");
        let written = self.sink.write_all(&self.line);
        written.map_err(|cause| ExportError::io(self.sink.path(), cause))
    }

    fn finish(self: Box<Self>) -> Result<Sink, ExportError> {
        Ok(self.sink)
    }
}
