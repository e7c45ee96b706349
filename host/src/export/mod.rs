//! FOCUS files: the ledger's current records, or its journal, as CSV, Parquet and JSON lines.
//!
//! What must hold: the sums of the files are the sums of the ledger, to the last digit and per currency; views are in no
//! file, and money that is not billed is in a file of its own that says so. Reads only; rows stream, so memory stays flat.

mod columns;
mod entries;
mod file;
mod row;
mod select;
mod sheet;
pub mod snapshot;
mod survey;
#[cfg(test)]
mod tests;
mod validate;
mod version;
mod write;

pub use columns::{Column, Kind, Presence, record_columns};
pub use entries::{EntrySelection, WrittenEntries, entries};
pub use file::{Finished, Sink};
pub use row::{Origin, Row, Standing, Value};
pub use select::{Records, Rows, Selection, Span};
pub use survey::{Sums, Survey};
pub use validate::{Example, Finding, Rule};
pub use version::{FocusVersion, Format};
pub use write::{ExportError, Strictness, Written, write_records};
