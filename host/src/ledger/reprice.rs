//! Prices of the past: which revisions come from the price lists of the settings, and not from the provider.
//! What must hold: a card that changes what a complete day has cost is found; more usage at the same price is not.

use super::store::LedgerError;
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// Whether a partition stands as complete.
pub(super) fn stood_complete(
    transaction: &Connection,
    stream: i64,
    start: Timestamp,
) -> Result<bool, LedgerError> {
    Ok(transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM partition WHERE stream = ? AND start = ? AND completeness = 'complete')",
        )?
        .query_row(params![stream, start.as_second()], |row| row.get(0))?)
}

/// The revised records whose money the settings' prices changed: they stand on another card, or on the same one with the
/// same quantities.
pub(super) fn repriced(transaction: &Connection, commit: i64, partition: i64) -> Result<u64, LedgerError> {
    let count: i64 = transaction
        .prepare_cached(
            "SELECT count(*) FROM record AS old
             JOIN record AS new ON new.partition = old.partition AND new.key = old.key AND new.until_commit IS NULL
             WHERE old.partition = ?2 AND old.until_commit = ?1 AND new.from_commit = ?1
               AND (old.billed <> new.billed OR old.effective <> new.effective
                    OR old.list IS NOT new.list OR old.contracted IS NOT new.contracted)
               AND new.content ->> '$.PriceCard' IS NOT NULL
               AND (old.content ->> '$.PriceCard' IS NOT new.content ->> '$.PriceCard'
                    OR (COALESCE(new.content ->> '$.PricingQuantity', new.content ->> '$.ConsumedQuantity') IS NOT NULL
                        AND old.content ->> '$.PricingQuantity' IS new.content ->> '$.PricingQuantity'
                        AND old.content ->> '$.ConsumedQuantity' IS new.content ->> '$.ConsumedQuantity'))",
        )?
        .query_row(params![commit, partition], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use crate::{
        component::descriptor::Grain,
        ledger::{
            CommitOptions, Completeness, Receipt, Repricing,
            held::review,
            record::CostRecord,
            sample::{self, Bench},
            store::open_read_only,
        },
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    /// A day's estimate of so many credits at a price of the settings.
    fn priced(cost: &str, credits: &str, card: &str) -> Vec<CostRecord> {
        vec![CostRecord {
            price_card: Some(card.to_owned()),
            pricing_quantity: Some(credits.parse().unwrap()),
            ..sample::record(DAY, "Compute", cost)
        }]
    }

    fn read(bench: &Bench, records: Vec<CostRecord>, repricing: Repricing) -> Receipt {
        let seal = sample::seal(Completeness::Complete);
        let writer = bench
            .sealed(&sample::stream("daily", Grain::Day), &[DAY], records, seal)
            .unwrap();
        let options = CommitOptions {
            repricing,
            ..CommitOptions::default()
        };
        let receipts = bench.block(bench.ledger.commit(bench.run, vec![writer], options));
        receipts.unwrap()[0].clone()
    }

    #[test]
    fn another_price_for_the_past_waits_until_the_operator_asks_for_it() {
        let bench = Bench::posting();
        let (hold, apply) = (Repricing::Hold, Repricing::Apply);
        assert!(!read(&bench, priced("30", "10", "price@default"), hold).held);
        assert!(
            read(&bench, priced("31", "10", "price@default"), hold).held,
            "the same card, another price"
        );
        let receipt = read(&bench, priced("31", "10", "price@2026-08-01"), hold);
        assert!(receipt.held && receipt.revised == 1, "another card");
        let connection = open_read_only(bench.directory.path()).unwrap();
        let [proposal] = review(&connection).unwrap().try_into().unwrap();
        assert!(
            proposal.reason.contains("--reprice") && proposal.reason.contains("30 to 31 USD"),
            "{proposal:?}"
        );
        assert_eq!(bench.entries(), ["pending|30|30"]);
        let usage = priced("33", "11", "price@default");
        assert!(
            !read(&bench, usage, hold).held,
            "more usage at the same price is the provider's word"
        );
        assert!(!read(&bench, priced("34", "11", "price@2026-08-01"), apply).held);
        assert_eq!(bench.entries().last().unwrap(), "pending|1|34");
        assert_eq!(bench.findings(), [""; 0]);
    }

    #[test]
    fn a_day_that_is_not_over_or_was_not_complete_takes_another_price() {
        let bench = Bench::posting();
        let partial = |cost| {
            let seal = sample::seal(Completeness::Partial);
            let writer = bench
                .sealed(
                    &sample::stream("daily", Grain::Day),
                    &[DAY],
                    priced(cost, "10", "price@default"),
                    seal,
                )
                .unwrap();
            let committed = bench
                .ledger
                .commit(bench.run, vec![writer], CommitOptions::default());
            bench.block(committed).unwrap()[0].clone()
        };
        assert!(!partial("30").held);
        assert!(!partial("31").held, "it was not complete");
        *bench.clock.0.lock().unwrap() = sample::at("2026-08-01T20:00:00Z");
        assert!(!read(&bench, priced("32", "10", "price@default"), Repricing::Hold).held);
        assert!(
            !read(&bench, priced("33", "10", "price@default"), Repricing::Hold).held,
            "it is not over"
        );
    }
}
