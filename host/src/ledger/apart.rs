//! Money that counts elsewhere, such as on a marketplace's bill: kept in the ledger, in no total and no delivery.
//! What must hold: switching posts the reversal or the opening of all that stands, in the transaction that switches.

use super::{moves, recount::post_without_commit, store::LedgerError};
use rusqlite::{Connection, params};

/// Whether the money of an instance counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Money {
    /// It does.
    #[default]
    Counts,
    /// It is kept apart: the operator said `count = false`.
    Apart,
}

impl Money {
    /// As the database has it.
    pub(super) fn counts(self) -> bool {
        self == Self::Counts
    }
}

/// Makes the sources of an instance count, or not.
pub(super) fn settle(transaction: &Connection, instance: &str, money: Money) -> Result<(), LedgerError> {
    let sources: Vec<i64> = {
        let mut statement = transaction
            .prepare_cached("SELECT id FROM source WHERE instance = ? AND counts <> ? ORDER BY id")?;
        let rows = statement.query_map(params![instance, money.counts()], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for source in sources {
        moves::begin(transaction)?;
        moves::all_of_source(transaction, source, money.counts())?;
        let switch = || {
            transaction.execute(
                "UPDATE source SET counts = ? WHERE id = ?",
                params![money.counts(), source],
            )
        };
        // Only a source that counts posts: it must while its money leaves, and once its money enters.
        match money {
            Money::Counts => {
                switch()?;
                post_without_commit(transaction)?;
            }
            Money::Apart => {
                post_without_commit(transaction)?;
                switch()?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        component::descriptor::Grain,
        ledger::{
            RunInfo,
            query::{CostFilter, costs},
            sample,
            store::open_read_only,
        },
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    fn begin(bench: &mut sample::Bench, money: Money) {
        let info = RunInfo {
            money,
            ..sample::info("acme-prod")
        };
        bench.run = bench.block(bench.ledger.begin_run(info)).unwrap();
        assert_eq!(bench.findings(), [""; 0]);
    }

    fn sums(bench: &sample::Bench, money: Money) -> Vec<String> {
        let connection = open_read_only(bench.directory.path()).unwrap();
        let filter = CostFilter {
            money,
            ..CostFilter::default()
        };
        costs(&connection, &filter)
            .unwrap()
            .iter()
            .map(|row| row.effective.to_string())
            .collect()
    }

    #[test]
    fn money_that_is_kept_apart_leaves_the_books_and_enters_them_again_with_what_changed_meanwhile() {
        let mut bench = sample::Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        let commit = |bench: &sample::Bench, cost| {
            let records = vec![sample::record(DAY, "Compute", cost)];
            bench.commit(&stream, &[DAY], records).unwrap();
        };
        commit(&bench, "5");
        begin(&mut bench, Money::Apart);
        assert_eq!(bench.entries(), ["pending|5|5", "pending|-5|0"]);
        commit(&bench, "7");
        assert_eq!(
            bench.entries().len(),
            2,
            "nothing is posted of what is kept apart"
        );
        assert_eq!(
            (sums(&bench, Money::Counts), sums(&bench, Money::Apart)),
            (vec![], vec!["7".to_owned()])
        );
        begin(&mut bench, Money::Apart);
        assert_eq!(bench.entries().len(), 2, "saying it again changes nothing");
        begin(&mut bench, Money::Counts);
        assert_eq!(bench.entries(), ["pending|5|5", "pending|-5|0", "pending|7|7"]);
        assert_eq!(
            (sums(&bench, Money::Counts), sums(&bench, Money::Apart)),
            (vec!["7".to_owned()], vec![])
        );
    }

    #[test]
    fn a_source_that_is_new_under_such_a_run_never_counts() {
        let mut bench = sample::Bench::posting();
        begin(&mut bench, Money::Apart);
        let records = vec![sample::record(DAY, "Compute", "5")];
        bench
            .commit(&sample::stream("daily", Grain::Day), &[DAY], records)
            .unwrap();
        assert_eq!(bench.entries(), [""; 0]);
        assert_eq!(bench.rows("SELECT counts FROM source"), ["0"]);
        assert_eq!(bench.findings(), [""; 0]);
    }
}
