//! The expected current records of the counted stream, as tests/golden/gcp.py worked them out from the lines of the export.

use crate::Error;
use jiff::Timestamp;
use serde::Deserialize;

/// States of the export, each following the one before: moments of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// 2026-08-03.
    Initial,
    /// 2026-08-04: corrections of 2 August, a late line of 15 July.
    Late,
    /// 2026-08-07: July is closed with tax, rounding and an adjustment.
    Closed,
    /// 2026-08-09: a correction and a credit for 31 July, billed in August.
    Credited,
}

/// Names of a record's cells.
pub const COLUMNS: [&str; 25] = [
    "day",
    "billing",
    "category",
    "correction",
    "kind",
    "provider",
    "project",
    "project_name",
    "service",
    "service_category",
    "sku",
    "description",
    "region",
    "credit",
    "credit_id",
    "currency",
    "billed",
    "list",
    "contracted",
    "quantity",
    "unit",
    "priced",
    "pricing_unit",
    "pricing",
    "finality",
];

/// One expected record: its cells in the order of [`COLUMNS`].
pub type Record = Vec<Option<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    columns: Vec<String>,
    rows: Vec<Record>,
}

impl State {
    /// All states, in their order.
    pub const ALL: [Self; 4] = [Self::Initial, Self::Late, Self::Closed, Self::Credited];

    /// The time of the run that finds this state.
    ///
    /// # Errors
    /// None, while the times below are times.
    pub fn now(self) -> Result<Timestamp, Error> {
        Ok(match self {
            Self::Initial => "2026-08-03T12:00:00Z",
            Self::Late => "2026-08-04T12:00:00Z",
            Self::Closed => "2026-08-07T12:00:00Z",
            Self::Credited => "2026-08-09T12:00:00Z",
        }
        .parse()?)
    }

    fn text(self) -> &'static str {
        match self {
            Self::Initial => include_str!("../../golden/gcp/initial.json"),
            Self::Late => include_str!("../../golden/gcp/late.json"),
            Self::Closed => include_str!("../../golden/gcp/closed.json"),
            Self::Credited => include_str!("../../golden/gcp/credited.json"),
        }
    }
}

/// All expected records of a state, in order.
///
/// # Errors
/// Where a committed file is damaged.
pub fn records(state: State) -> Result<Vec<Record>, Error> {
    let mut records: Vec<Record> = Vec::new();
    for step in State::ALL.into_iter().filter(|step| *step <= state) {
        let changed: File = serde_json::from_str(step.text())?;
        if changed.columns != COLUMNS {
            return Err(format!("{step:?} has other columns").into());
        }
        records.retain(|record| !changed.rows.iter().any(|row| row.first() == record.first()));
        records.extend(changed.rows);
    }
    records.sort();
    Ok(records)
}
