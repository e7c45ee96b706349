//! The fingerprint of a partition: which records stand in it, in whatever order, in 32 bytes. An unchanged reading is known
//! by it without sorting and comparing a million keys.
//! What must hold: it is that of the current records, or none is kept. A sum of hashes is no defence against records made
//! to collide; who writes them lies of nothing but the source that is theirs anyway.

use super::store::{Hash, LedgerError, digest_parts};
use rusqlite::{
    Connection, OptionalExtension, ToSql, params,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

/// The sum of the hashes of records, modulo 2^256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint([u64; 4]);

impl Fingerprint {
    /// That of one record.
    pub(super) fn of(key: &Hash, revision: &Hash) -> Self {
        Self::from_bytes(&digest_parts([key.as_slice(), revision]))
    }

    /// With the records of another.
    pub(super) fn with(self, other: Self) -> Self {
        let mut sum = [0; 4];
        let mut carried = false;
        for (place, (one, two)) in sum.iter_mut().zip(self.0.iter().zip(other.0)) {
            let (once, over) = one.overflowing_add(two);
            let (twice, again) = once.overflowing_add(u64::from(carried));
            *place = twice;
            carried = over || again;
        }
        Self(sum)
    }

    /// Without the records of another.
    pub(super) fn without(self, other: Self) -> Self {
        let complement = Self(other.0.map(|part| !part));
        self.with(complement).with(Self([1, 0, 0, 0]))
    }

    fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut parts = [0; 4];
        for (part, bytes) in parts.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *part = u64::from_le_bytes(*bytes);
        }
        Self(parts)
    }
}

impl ToSql for Fingerprint {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|part| part.to_le_bytes()).collect();
        Ok(ToSqlOutput::from(bytes))
    }
}

impl FromSql for Fingerprint {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        let bytes = bytes.try_into().map_err(|_| FromSqlError::InvalidBlobSize {
            expected_size: 32,
            blob_size: bytes.len(),
        })?;
        Ok(Self::from_bytes(bytes))
    }
}

/// The fingerprint of what stands in a partition, where one is kept.
pub(super) fn standing(
    connection: &Connection,
    stream: i64,
    start: i64,
) -> Result<Option<Fingerprint>, LedgerError> {
    let kept = connection
        .prepare_cached("SELECT fingerprint FROM partition WHERE stream = ? AND start = ?")?
        .query_row([stream, start], |row| row.get(0))
        .optional()?;
    Ok(kept.flatten())
}

/// What a writer staged for one partition: how many records, and their fingerprint. None where it staged nothing, or is not
/// of this process.
pub(super) fn staged(
    connection: &Connection,
    writer: i64,
    start: i64,
) -> Result<Option<(u64, Fingerprint)>, LedgerError> {
    let staged = connection
        .prepare_cached("SELECT records, fingerprint FROM temp.staged_print WHERE writer = ? AND start = ?")?
        .query_row([writer, start], |row| {
            Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))
        })
        .optional()?;
    Ok(staged)
}

/// The partitions of a writer that it read just as they stand.
pub(super) fn same(
    connection: &Connection,
    writer: i64,
    stream: i64,
) -> Result<Vec<(i64, u64)>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT staged_print.start, records FROM temp.staged_print
         JOIN partition ON partition.stream = ?2 AND partition.start = staged_print.start
         WHERE writer = ?1 AND partition.fingerprint = staged_print.fingerprint ORDER BY staged_print.start",
    )?;
    let rows = statement.query_map([writer, stream], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Adds records to what a writer staged for one partition.
pub(super) fn note(
    connection: &Connection,
    (writer, start): (i64, i64),
    records: u64,
    of: Fingerprint,
) -> Result<(), LedgerError> {
    let (before, sum) = staged(connection, writer, start)?.unwrap_or_default();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO temp.staged_print (writer, start, records, fingerprint) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![
            writer,
            start,
            i64::try_from(before + records).unwrap_or(i64::MAX),
            sum.with(of)
        ])?;
    Ok(())
}

/// What became of a partition's fingerprint by a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Became {
    /// All of it is new, and this.
    New(Fingerprint),
    /// What `temp.change` says.
    Changed,
    /// It is worked out from the records.
    Unknown,
}

/// Keeps the fingerprint of a partition after its records were replaced.
pub(super) fn settle(transaction: &Connection, partition: i64, became: Became) -> Result<(), LedgerError> {
    let kept: Option<Fingerprint> = transaction
        .prepare_cached("SELECT fingerprint FROM partition WHERE id = ?")?
        .query_row([partition], |row| row.get(0))?;
    let now = match (became, kept) {
        (Became::New(print), _) => print,
        (Became::Changed, Some(kept)) => {
            let gone = sum(
                transaction,
                "SELECT key, revision FROM temp.change JOIN record ON record.id = old",
                [],
            )?;
            let come = sum(
                transaction,
                "SELECT key, revision FROM temp.change JOIN temp.staged ON staged.id = new",
                [],
            )?;
            kept.without(gone).with(come)
        }
        (Became::Changed, None) | (Became::Unknown, _) => current(transaction, partition)?,
    };
    transaction
        .prepare_cached("UPDATE partition SET fingerprint = ? WHERE id = ?")?
        .execute(params![now, partition])?;
    Ok(())
}

/// The fingerprint of the current records of a partition, from the records themselves.
pub(super) fn current(connection: &Connection, partition: i64) -> Result<Fingerprint, LedgerError> {
    let sql = "SELECT key, revision FROM record WHERE partition = ? AND until_commit IS NULL";
    sum(connection, sql, [partition])
}

fn sum(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Fingerprint, LedgerError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut sum = Fingerprint::default();
    while let Some(row) = rows.next()? {
        sum = sum.with(Fingerprint::of(&row.get(0)?, &row.get(1)?));
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn print(byte: u8) -> Fingerprint {
        Fingerprint::of(&[byte; 32], &[7; 32])
    }

    proptest! {
        #[test]
        fn the_order_makes_no_difference_and_what_goes_leaves_no_trace(
            some in prop::collection::vec(any::<u8>(), 0..20),
            more in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let sum = |of: &mut dyn Iterator<Item = &u8>| of.fold(Fingerprint::default(), |sum, byte| sum.with(print(*byte)));
            let forth = sum(&mut some.iter().chain(&more));
            prop_assert_eq!(forth, sum(&mut more.iter().rev().chain(some.iter().rev())));
            prop_assert_eq!(forth.without(sum(&mut more.iter())), sum(&mut some.iter()));
        }
    }

    #[test]
    fn a_carry_goes_through_all_parts_and_over_the_end() {
        let most = Fingerprint([u64::MAX; 4]);
        let one = Fingerprint([1, 0, 0, 0]);
        assert_eq!(most.with(one), Fingerprint::default());
        assert_eq!(Fingerprint::default().without(one), most);
        assert_eq!(
            Fingerprint([u64::MAX, 0, 0, 0]).with(one),
            Fingerprint([0, 1, 0, 0])
        );
    }

    #[test]
    fn another_key_or_revision_is_another_fingerprint_and_comes_back_from_the_database() {
        let one = print(1);
        assert_ne!(one, Fingerprint::of(&[7; 32], &[1; 32]));
        assert_ne!(one.with(one), one);
        let connection = Connection::open_in_memory().unwrap();
        let back: Fingerprint = connection.query_row("SELECT ?", [one], |row| row.get(0)).unwrap();
        assert_eq!(back, one);
    }

    mod books {
        use crate::{
            component::descriptor::Grain,
            ledger::{Completeness, Receipt, record::CostRecord, sample, stage::WriterId},
        };

        const DAY: &str = "2026-08-01T00:00:00Z";
        const NEXT: &str = "2026-08-02T00:00:00Z";

        fn reading(cost: &str) -> Vec<CostRecord> {
            vec![
                sample::record(DAY, "Compute", cost),
                sample::record(DAY, "Storage", "2"),
                sample::record(NEXT, "Compute", "3"),
            ]
        }

        fn sealed(bench: &sample::Bench, records: Vec<CostRecord>) -> WriterId {
            let stream = sample::stream("daily", Grain::Day);
            let seal = sample::seal(Completeness::Complete);
            bench.sealed(&stream, &[DAY, NEXT], records, seal).unwrap()
        }

        fn commit(bench: &sample::Bench, writer: WriterId) -> Receipt {
            let committed = bench.ledger.commit(bench.run, vec![writer], sample::trusting());
            bench.block(committed).unwrap()[0].clone()
        }

        /// Written, unchanged, revised, added, withdrawn, merged.
        fn counts(receipt: Receipt) -> [u64; 6] {
            let Receipt {
                written,
                unchanged,
                revised,
                added,
                withdrawn,
                merged,
                ..
            } = receipt;
            [written, unchanged, revised, added, withdrawn, merged]
        }

        #[test]
        fn partitions_that_are_read_as_they_stand_are_not_sorted_and_others_beside_them_are() {
            let bench = sample::Bench::posting();
            assert_eq!(
                counts(commit(&bench, sealed(&bench, reading("1")))),
                [3, 0, 0, 3, 0, 0]
            );
            let mut backwards = reading("1");
            backwards.reverse();
            let writer = sealed(&bench, backwards);
            assert!(
                bench
                    .seal_of(writer)
                    .contains(r#""same":[1785542400,1785628800]"#)
            );
            assert_eq!(counts(commit(&bench, writer)), [3, 3, 0, 0, 0, 0]);
            let writer = sealed(&bench, reading("1.5"));
            assert!(bench.seal_of(writer).contains(r#""same":[1785628800]"#));
            assert_eq!(counts(commit(&bench, writer)), [3, 2, 1, 0, 0, 0]);
            assert_eq!(
                counts(commit(&bench, sealed(&bench, Vec::new()))),
                [0, 0, 0, 0, 3, 0]
            );
            assert_eq!(
                counts(commit(&bench, sealed(&bench, reading("1")))),
                [3, 0, 0, 3, 0, 0]
            );
            assert_eq!(bench.findings(), [""; 0]);
        }

        #[test]
        fn what_was_read_as_it_stood_is_compared_where_it_stands_so_no_more() {
            let bench = sample::Bench::posting();
            commit(&bench, sealed(&bench, reading("1")));
            let as_it_stood = sealed(&bench, reading("1"));
            commit(&bench, sealed(&bench, reading("1.5")));
            let before = bench.entries().len();
            assert_eq!(counts(commit(&bench, as_it_stood)), [3, 2, 1, 0, 0, 0]);
            assert_eq!(bench.entries()[before..], ["pending|-0.5|1"]);
            assert_eq!(bench.findings(), [""; 0]);
        }

        #[test]
        fn a_repeated_key_is_no_partition_as_it_stands_and_its_sum_is_known_the_next_time() {
            let bench = sample::Bench::posting();
            let twice = || {
                vec![
                    sample::record(DAY, "Compute", "1"),
                    sample::record(DAY, "Compute", "1"),
                ]
            };
            assert_eq!(
                counts(commit(&bench, sealed(&bench, twice()))),
                [2, 0, 0, 1, 0, 1]
            );
            assert_eq!(
                counts(commit(&bench, sealed(&bench, twice()))),
                [2, 1, 0, 0, 0, 1]
            );
            assert_eq!(bench.findings(), [""; 0]);
        }

        #[test]
        fn a_partition_without_a_fingerprint_is_compared_and_gets_one() {
            let bench = sample::Bench::posting();
            commit(&bench, sealed(&bench, reading("1")));
            bench.doctor("UPDATE partition SET fingerprint = NULL");
            for (cost, expected) in [("1", [3, 3, 0, 0, 0, 0]), ("2", [3, 2, 1, 0, 0, 0])] {
                assert_eq!(counts(commit(&bench, sealed(&bench, reading(cost)))), expected);
                assert_eq!(
                    bench.rows("SELECT count(*) FROM partition WHERE fingerprint IS NULL"),
                    ["0"]
                );
                assert_eq!(bench.findings(), [""; 0]);
            }
        }
    }
}
