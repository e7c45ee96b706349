//! The ledger as it was: what the provider had said by an instant, read from the states that records ever had.
//! What must hold: nothing is written but to temporary tables of the reader's own connection; which of several streams
//! counts is decided anew over what was known then, completeness included. What the operator keeps apart is today's word.

use super::{archive::CONTENT, error::instant, store::LedgerError, supersede};
use jiff::Timestamp;
use rusqlite::Connection;

/// When the first commit was applied; `None`: none was.
///
/// # Errors
/// See [`LedgerError`].
pub fn began(connection: &Connection) -> Result<Option<Timestamp>, LedgerError> {
    let first: Option<i64> =
        connection.query_row("SELECT min(at) FROM commits WHERE state = 'applied'", [], |row| {
            row.get(0)
        })?;
    first.map(instant).transpose()
}

/// Turns a reader's connection back: from here on it sees records, partitions and streams as they were just before an
/// instant. It cannot be turned forward again.
///
/// # Errors
/// See [`LedgerError`].
pub fn turn_back(connection: &Connection, until: Timestamp) -> Result<(), LedgerError> {
    connection.execute_batch(&views(until.as_second()))?;
    let sources: Vec<i64> = {
        let mut statement = connection.prepare("SELECT id FROM source ORDER BY id")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    // `counts` is as a record's last commit left it; where the rule says otherwise of that time, it is turned.
    for source in sources {
        for chain in supersede::chains(connection, source)? {
            for stretch in chain.stretches(connection)? {
                chain.find_flips(connection, stretch)?;
                connection.execute(
                    "INSERT INTO temp.turned (record) SELECT record FROM temp.flip",
                    [],
                )?;
            }
        }
    }
    Ok(())
}

/// Temporary views that stand before the tables of the same names.
fn views(until: i64) -> String {
    format!(
        "PRAGMA temp_store = MEMORY;
         CREATE TEMP TABLE turned (record INTEGER PRIMARY KEY);
         CREATE TEMP TABLE known (partition INTEGER PRIMARY KEY, completeness TEXT, commit_id INTEGER NOT NULL);
         INSERT INTO temp.known SELECT partition, completeness, max(commit_id)
             FROM main.commit_partition JOIN main.commits ON commits.id = commit_id
             WHERE at < {until} GROUP BY partition;
         CREATE TEMP VIEW partition AS
             SELECT p.id, stream, start, stop, COALESCE(known.completeness, p.completeness) AS completeness,
                    observed_through, known.commit_id, archived
             FROM main.partition AS p JOIN temp.known ON known.partition = p.id;
         DROP VIEW IF EXISTS temp.whole_record;
         CREATE TEMP VIEW record AS
             SELECT r.id, r.partition, r.key, r.revision, {CONTENT} AS content, r.service, r.currency, r.billed, r.effective,
                    r.list, r.contracted, counts <> EXISTS (SELECT 1 FROM temp.turned WHERE turned.record = r.id) AS counts,
                    from_commit, NULL AS until_commit, checksum
             FROM main.record AS r JOIN main.commits AS made ON made.id = from_commit
             LEFT JOIN main.commits AS ended ON ended.id = r.until_commit
             WHERE made.at < {until} AND (ended.at IS NULL OR ended.at >= {until});
         CREATE TEMP VIEW whole_record AS SELECT * FROM temp.record;
         CREATE TEMP VIEW stream AS
             SELECT id, source, name, definition, grain, basis, key_version, last_read, retired_at,
                    iif(retired_at < {until}, retired_by, NULL) AS retired_by,
                    iif(view_of IS NULL AND EXISTS (SELECT 1 FROM main.stream AS old WHERE old.source = s.source
                            AND old.retired_by = s.name AND old.retired_at >= {until}),
                        json_extract(definition, '$.view_of'), view_of) AS view_of
             FROM main.stream AS s;"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        component::descriptor::{Grain, Stream},
        ledger::{
            Completeness, Retire,
            dimension::Dimension,
            query::{CostFilter, costs},
            record::CostRecord,
            sample::{self, Bench},
            store::open_read_only,
        },
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    /// Stream, cost and currency as the ledger had them at a time.
    fn said(bench: &Bench, until: &str) -> Vec<String> {
        let connection = open_read_only(bench.directory.path()).unwrap();
        turn_back(&connection, sample::at(until)).unwrap();
        let filter = CostFilter {
            group_by: vec![Dimension::Stream],
            ..CostFilter::default()
        };
        let rows = costs(&connection, &filter).unwrap();
        let line = |row: &crate::ledger::query::CostRow| {
            format!("{} {} {}", row.dims.join(","), row.effective, row.currency)
        };
        rows.iter().map(line).collect()
    }

    fn go_to(bench: &Bench, now: &str) {
        *bench.clock.0.lock().unwrap() = sample::at(now);
    }

    fn write(bench: &Bench, stream: &Stream, cost: &str, completeness: Completeness) {
        let euros = CostRecord {
            billing_currency: "EUR".to_owned(),
            ..sample::record(DAY, "Compute", "1")
        };
        let records = vec![sample::record(DAY, "Compute", cost), euros];
        bench.commit_as(stream, &[DAY], records, completeness).unwrap();
    }

    #[test]
    fn every_past_day_gives_what_was_said_then_in_each_currency() {
        let bench = Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        for (now, cost) in [
            ("2026-08-10T12:00:00Z", "5.00000001"),
            ("2026-08-11T12:00:00Z", "7"),
            ("2026-08-12T12:00:00Z", "5.00000001"),
        ] {
            go_to(&bench, now);
            write(&bench, &stream, cost, Completeness::Complete);
        }
        assert_eq!(
            said(&bench, "2026-08-10T12:00:00Z"),
            [""; 0],
            "the end of time is not part of it"
        );
        for (until, cost) in [
            ("2026-08-11T00:00:00Z", "5.00000001"),
            ("2026-08-12T00:00:00Z", "7"),
            ("2026-08-13T00:00:00Z", "5.00000001"),
        ] {
            assert_eq!(
                said(&bench, until),
                ["daily 1 EUR".to_owned(), format!("daily {cost} USD")]
            );
        }
        let connection = open_read_only(bench.directory.path()).unwrap();
        assert_eq!(
            began(&connection).unwrap(),
            Some(sample::at("2026-08-10T12:00:00Z"))
        );
        assert_eq!(bench.findings(), [""; 0]);
    }

    #[test]
    fn what_counted_then_counts_and_not_what_counts_today() {
        let bench = Bench::posting();
        let estimate = sample::stream("estimate", Grain::Day);
        let bill = sample::better("bill", Grain::Day, "estimate", None);
        write(&bench, &estimate, "5", Completeness::Complete);
        go_to(&bench, "2026-08-11T12:00:00Z");
        write(&bench, &bill, "3", Completeness::Partial);
        go_to(&bench, "2026-08-12T12:00:00Z");
        write(&bench, &bill, "3", Completeness::Complete);
        go_to(&bench, "2026-08-13T12:00:00Z");
        write(&bench, &bill, "4", Completeness::Complete);
        go_to(&bench, "2026-08-14T12:00:00Z");
        let (source, what) = (sample::source(), Retire::Stream("bill".to_owned()));
        bench.block(bench.ledger.retire(&source, &what)).unwrap();
        for (until, wanted) in [
            ("2026-08-11T00:00:00Z", "estimate 5 USD"),
            ("2026-08-12T00:00:00Z", "estimate 5 USD"),
            ("2026-08-13T00:00:00Z", "bill 3 USD"),
            ("2026-08-14T00:00:00Z", "bill 4 USD"),
            ("2026-08-15T00:00:00Z", "estimate 5 USD"),
        ] {
            assert_eq!(said(&bench, until).last().unwrap(), wanted, "{until}");
        }
    }

    #[test]
    fn a_view_that_counts_today_was_a_view_before() {
        let bench = Bench::posting();
        let daily = sample::stream("daily", Grain::Day);
        let view = Stream {
            view_of: Some("daily".to_owned()),
            ..sample::stream("by-tag", Grain::Day)
        };
        write(&bench, &daily, "5", Completeness::Complete);
        write(&bench, &view, "4", Completeness::Complete);
        go_to(&bench, "2026-08-12T12:00:00Z");
        let what = Retire::InFavourOf {
            stream: "daily".to_owned(),
            successor: "by-tag".to_owned(),
        };
        bench
            .block(bench.ledger.retire(&sample::source(), &what))
            .unwrap();
        assert_eq!(
            said(&bench, "2026-08-12T00:00:00Z").last().unwrap(),
            "daily 5 USD"
        );
        assert_eq!(
            said(&bench, "2026-08-13T00:00:00Z"),
            ["by-tag 1 EUR", "by-tag 4 USD"]
        );
    }
}
