//! Overlaps: sources that may tell of the same money, such as a payer and its member account. Reads only.
//! What must hold: only sources that count are told of; the newest partition of each stream is looked at, not all of it.

use super::{record::Source, store::LedgerError};
use crate::foreign::Foreign;
use rusqlite::Connection;
use serde::Serialize;

/// Two sources that may tell of the same money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overlap {
    /// The one that holds the other's account as a sub-account, or all of the account of which the other is a part.
    pub whole: Source,
    /// The other.
    pub part: Source,
}

impl Overlap {
    /// What to do.
    #[must_use]
    pub fn told(&self) -> String {
        let name = |source: &Source| Foreign::new(source.path());
        format!(
            "{} may be part of {}: where it is, `count = false` under [collector] of one keeps its money out of totals",
            name(&self.part),
            name(&self.whole)
        )
    }
}

/// The pairs of sources that may tell of the same money.
///
/// # Errors
/// See [`LedgerError`].
pub fn overlaps(connection: &Connection) -> Result<Vec<Overlap>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "WITH counting AS (
             SELECT * FROM source WHERE counts = 1 AND EXISTS (SELECT 1 FROM stream WHERE stream.source = source.id
                 AND COALESCE(retired_by, 'no') <> '' AND EXISTS (SELECT 1 FROM partition WHERE stream = stream.id))),
         pairs AS (
             SELECT whole.id AS whole, part.id AS part FROM counting AS whole JOIN counting AS part
             ON whole.provider = part.provider AND whole.id <> part.id),
         below AS (
             SELECT DISTINCT stream.source, json_extract(content, '$.SubAccountId') AS account
             FROM stream JOIN partition ON partition.stream = stream.id JOIN whole_record AS record ON record.partition = partition.id
             WHERE stream.source IN (SELECT whole FROM pairs) AND until_commit IS NULL AND record.counts = 1
               AND start = (SELECT max(start) FROM partition AS newest WHERE newest.stream = stream.id))
         SELECT w.provider, w.billing_account, w.scope, p.provider, p.billing_account, p.scope
         FROM pairs JOIN source AS w ON w.id = whole JOIN source AS p ON p.id = part
         WHERE (w.billing_account = p.billing_account AND w.scope = '' AND p.scope <> '')
            OR (w.billing_account <> p.billing_account
                AND EXISTS (SELECT 1 FROM below WHERE below.source = whole
                            AND account IN (p.billing_account, NULLIF(p.scope, ''))))
         ORDER BY 1, 2, 3, 4, 5, 6",
    )?;
    let mut rows = statement.query([])?;
    let mut overlaps = Vec::new();
    while let Some(row) = rows.next()? {
        let source = |first: usize| -> rusqlite::Result<Source> {
            Ok(Source {
                provider: row.get(first)?,
                billing_account: row.get(first + 1)?,
                scope: row.get(first + 2)?,
            })
        };
        overlaps.push(Overlap {
            whole: source(0)?,
            part: source(3)?,
        });
    }
    Ok(overlaps)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        component::descriptor::Grain,
        ledger::{Retire, sample, store::open_read_only},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    fn told(bench: &sample::Bench) -> Vec<String> {
        let connection = open_read_only(bench.directory.path()).unwrap();
        let overlaps = overlaps(&connection).unwrap();
        overlaps
            .iter()
            .map(|pair| format!("{} in {}", pair.part.path(), pair.whole.path()))
            .collect()
    }

    fn write(bench: &sample::Bench, account: &str, scope: &str, sub_account: Option<&str>) -> Source {
        let source = Source {
            billing_account: account.to_owned(),
            scope: scope.to_owned(),
            ..sample::source()
        };
        let mut record = sample::record(DAY, "Compute", "1");
        record.sub_account_id = sub_account.map(str::to_owned);
        let stream = sample::stream("daily", Grain::Day);
        let seal = sample::seal(crate::ledger::Completeness::Complete);
        bench.block(async {
            let opened = bench
                .ledger
                .open_writer(bench.run, &stream, &source, vec![sample::at(DAY)]);
            let writer = opened.await.unwrap();
            bench.ledger.write(writer, vec![record]).await.unwrap();
            bench.ledger.seal(writer, seal).await.unwrap();
            bench
                .ledger
                .commit(bench.run, vec![writer], sample::trusting())
                .await
                .unwrap();
        });
        source
    }

    #[test]
    fn a_payer_and_its_member_overlap_until_one_no_longer_counts() {
        let bench = sample::Bench::new();
        write(&bench, "PAYER", "", Some("MEMBER"));
        write(&bench, "STRANGER", "", Some("OTHER"));
        assert_eq!(told(&bench), [""; 0]);
        let member = write(&bench, "MEMBER", "", Some("MEMBER"));
        assert_eq!(told(&bench), ["acme/MEMBER in acme/PAYER"]);
        bench
            .block(bench.ledger.retire(&member, &Retire::Source))
            .unwrap();
        assert_eq!(told(&bench), [""; 0]);
    }

    #[test]
    fn all_of_an_account_overlaps_with_a_part_of_it() {
        let bench = sample::Bench::new();
        write(&bench, "ORG", "group", None);
        write(&bench, "ORG", "other", None);
        assert_eq!(told(&bench), [""; 0], "two parts are disjoint");
        write(&bench, "ORG", "", None);
        assert_eq!(
            told(&bench),
            ["acme/ORG/group in acme/ORG", "acme/ORG/other in acme/ORG"]
        );
    }
}
