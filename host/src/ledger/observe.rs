//! Observations: keyed numbers that are not money. The newest of each key stands; an older one changes nothing.

use super::{
    error::{WriteError, damaged},
    record::Source,
    run::RunId,
    source,
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::BTreeMap;

/// A number that is not money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Its kind.
    pub name: String,
    /// What it is about.
    pub source: Source,
    /// When it was true.
    pub at: Timestamp,
    /// Its key, next to name and source.
    pub dims: BTreeMap<String, String>,
    /// The number.
    pub value: Decimal,
    /// Its unit.
    pub unit: String,
}

/// Stores observations of a run's instance; each that is newer than what stands gets the next `seq`.
pub(super) fn put(
    connection: &mut Connection,
    run: RunId,
    observations: &[Observation],
) -> Result<(), WriteError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let claimant = super::run::claimant(&transaction, run)?;
    for observation in observations {
        let source = source::claim(&transaction, &observation.source, &claimant)?;
        let dims = serde_json::to_string(&observation.dims).map_err(|error| damaged("observation", error))?;
        transaction
            .prepare_cached(
                "INSERT INTO observation (source, name, dims, value, unit, at, seq)
                 VALUES (?, ?, ?, ?, ?, ?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM observation))
                 ON CONFLICT (source, name, dims) DO UPDATE SET value = excluded.value, unit = excluded.unit,
                     at = excluded.at, seq = excluded.seq
                 WHERE excluded.at >= observation.at",
            )?
            .execute(params![
                source,
                observation.name,
                dims,
                observation.value.to_string(),
                observation.unit,
                observation.at.as_second()
            ])?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::sample;

    #[test]
    fn the_newest_of_a_key_stands() {
        let bench = sample::Bench::new();
        let observed = |at: &str, value: &str| Observation {
            name: "credits".to_owned(),
            source: sample::source(),
            at: sample::at(at),
            dims: BTreeMap::from([("warehouse".to_owned(), "A".to_owned())]),
            value: value.parse().unwrap(),
            unit: "Credits".to_owned(),
        };
        for (at, value) in [
            ("2026-08-01T01:00:00Z", "1"),
            ("2026-08-01T03:00:00Z", "3"),
            ("2026-08-01T02:00:00Z", "2"),
        ] {
            let put = bench
                .ledger
                .put_observations(bench.run, vec![observed(at, value)]);
            bench.block(put).unwrap();
        }
        assert_eq!(bench.rows("SELECT value, seq FROM observation"), ["3|2"]);
    }
}
