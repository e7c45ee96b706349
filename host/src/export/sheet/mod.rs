//! A file of rows in one of the formats.
//! What must hold: a value is written as it is or not at all; NULL is never an empty text or a zero.

mod csv;
mod jsonl;
mod parquet;

use super::{ExportError, Format, Kind, Sink, Value};

/// A column as a sheet needs it.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// Takes rows.
pub(super) trait Sheet {
    /// Writes a row; the values stand in the order of the headings.
    fn row(&mut self, values: &[Value<'_>]) -> Result<(), ExportError>;

    /// Writes what is left.
    fn finish(self: Box<Self>) -> Result<Sink, ExportError>;
}

/// A sheet with its headings written. `facts` are kept where the format has a place for them.
pub(super) fn open(
    format: Format,
    headings: Vec<Heading>,
    facts: &[(&str, &str)],
    sink: Sink,
) -> Result<Box<dyn Sheet>, ExportError> {
    Ok(match format {
        Format::Csv => Box::new(csv::Csv::open(&headings, sink)?),
        Format::Jsonl => Box::new(jsonl::Jsonl::open(&headings, sink)?),
        Format::Parquet => Box::new(parquet::Parquet::open(headings, facts, sink)?),
    })
}
