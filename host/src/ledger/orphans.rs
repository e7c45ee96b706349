//! Orphans: sources that their instance no longer reports, such as a subscription taken out of its settings. Reads only.
//! What must hold: none is told of a source that was frozen or retired, for the operator has decided on it.

use super::{record::Source, store::LedgerError};
use crate::foreign::Foreign;
use rusqlite::{Connection, params};
use serde::Serialize;

/// Runs that were done and committed something, but nothing of the source, before it is told.
const RUNS: i64 = 3;

/// A source that its instance no longer reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Orphan {
    /// Whose money.
    pub source: Source,
    /// The instance that owns it.
    pub instance: String,
    /// The last run that committed something of it.
    pub run: i64,
    /// Runs of the instance since, which committed something else.
    pub runs_since: u64,
}

impl Orphan {
    /// What to do.
    #[must_use]
    pub fn told(&self) -> String {
        let name = Foreign::new(self.source.path());
        format!(
            "{name}: the last {} runs of {} read nothing of it; `finops-host ledger freeze {name}` keeps its money in \
             the books, `finops-host ledger retire {name}` takes it out",
            self.runs_since,
            Foreign::new(self.instance.as_str())
        )
    }
}

/// The sources that their instance no longer reports.
///
/// # Errors
/// See [`LedgerError`].
pub fn orphans(connection: &Connection) -> Result<Vec<Orphan>, LedgerError> {
    // A run touched a source where one of its commits is the last on a partition, or is held.
    let mut statement = connection.prepare_cached(
        "SELECT provider, billing_account, scope, instance, last, since FROM (
             SELECT source.*, touched.last,
                    (SELECT count(*) FROM run WHERE run.instance = source.instance AND run.id > touched.last
                     AND outcome = 'done' AND EXISTS (SELECT 1 FROM commits WHERE commits.run = run.id)) AS since
             FROM source JOIN (
                 SELECT source, max(run) AS last FROM (
                     SELECT stream.source, commits.run FROM partition JOIN stream ON stream.id = partition.stream
                         JOIN commits ON commits.id = partition.commit_id
                     UNION ALL
                     SELECT stream.source, staged_writer.run FROM staged_writer
                         JOIN stream ON stream.id = staged_writer.stream WHERE commit_id IS NOT NULL)
                 GROUP BY source) AS touched ON touched.source = source.id
             WHERE frozen = 0)
         WHERE since >= ? ORDER BY provider, billing_account, scope",
    )?;
    let mut rows = statement.query(params![RUNS])?;
    let mut orphans = Vec::new();
    while let Some(row) = rows.next()? {
        orphans.push(Orphan {
            source: Source {
                provider: row.get(0)?,
                billing_account: row.get(1)?,
                scope: row.get(2)?,
            },
            instance: row.get(3)?,
            run: row.get(4)?,
            runs_since: row.get::<_, i64>(5)?.unsigned_abs(),
        });
    }
    Ok(orphans)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        component::descriptor::Grain,
        ledger::{Freeze, sample, store::open_read_only},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    fn told(bench: &sample::Bench) -> Vec<String> {
        let connection = open_read_only(bench.directory.path()).unwrap();
        let orphans = orphans(&connection).unwrap();
        orphans
            .iter()
            .map(|orphan| format!("{} {}", orphan.source.path(), orphan.runs_since))
            .collect()
    }

    /// A run that reads one account and ends so.
    fn run(bench: &mut sample::Bench, account: Option<&str>, outcome: &str) {
        bench.run = bench
            .block(bench.ledger.begin_run(sample::info("acme-prod")))
            .unwrap();
        if let Some(account) = account {
            let source = Source {
                billing_account: account.to_owned(),
                ..sample::source()
            };
            let stream = sample::stream("daily", Grain::Day);
            let (ledger, run) = (bench.ledger.clone(), bench.run);
            let seal = sample::seal(crate::ledger::Completeness::Complete);
            bench.block(async {
                let writer = ledger
                    .open_writer(run, &stream, &source, vec![sample::at(DAY)])
                    .await
                    .unwrap();
                ledger.seal(writer, seal).await.unwrap();
                ledger
                    .commit(run, vec![writer], sample::trusting())
                    .await
                    .unwrap();
            });
        }
        let ended = bench
            .ledger
            .end_run(bench.run, outcome, None, serde_json::Value::Null);
        bench.block(ended).unwrap();
    }

    #[test]
    fn a_source_is_an_orphan_once_three_good_runs_read_only_others() {
        let mut bench = sample::Bench::new();
        run(&mut bench, Some("OLD"), "done");
        for (account, outcome) in [
            (Some("NEW"), "done"),
            (None, "done"),
            (Some("NEW"), "trap"),
            (Some("NEW"), "done"),
        ] {
            run(&mut bench, account, outcome);
        }
        assert_eq!(
            told(&bench),
            [""; 0],
            "failed runs and runs without a commit say nothing"
        );
        run(&mut bench, Some("NEW"), "done");
        assert_eq!(told(&bench), ["acme/OLD 3"]);
        let old = Source {
            billing_account: "OLD".to_owned(),
            ..sample::source()
        };
        bench.block(bench.ledger.freeze(&old, Freeze::Frozen)).unwrap();
        assert_eq!(told(&bench), [""; 0], "the operator has decided");
        bench.block(bench.ledger.freeze(&old, Freeze::Open)).unwrap();
        run(&mut bench, Some("OLD"), "done");
        assert_eq!(told(&bench), [""; 0]);
    }
}
