//! What paid calls of an instance cost, reserved before each attempt and kept by day.
//! What must hold: a reservation is on disk before its call leaves, and what would pass a limit is not reserved.

use super::{
    period::partition_of,
    store::{LedgerError, amount},
};
use crate::{component::descriptor::Grain, sandbox::limits::Spend};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;
use std::fmt;

const DAY: i64 = 86_400;

/// What became of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// It is written down: the call may leave.
    Made,
    /// It would pass this limit; nothing was written.
    Refused {
        /// Which limit.
        per: Span,
        /// The limit in USD.
        limit: Decimal,
        /// What the span's calls have cost already.
        spent: Decimal,
    },
}

/// The spans that a limit counts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// A UTC day.
    Day,
    /// A calendar month in UTC.
    Month,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "per-day",
            Self::Month => "per-month",
        })
    }
}

/// What an instance's paid calls have cost, in USD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpendRow {
    /// The instance.
    pub instance: String,
    /// This UTC day.
    pub today: Decimal,
    /// This calendar month.
    pub month: Decimal,
}

/// Reserves the price of one call.
pub(super) fn reserve(
    connection: &mut Connection,
    instance: &str,
    price: Decimal,
    limits: Spend,
    now: Timestamp,
) -> Result<Reservation, LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let today = day_of(now);
    for (per, limit) in [(Span::Day, limits.per_day), (Span::Month, limits.per_month)] {
        let Some(limit) = limit else { continue };
        let spent = spent_in(&transaction, instance, per, now)?;
        let within = spent.checked_add(price).is_ok_and(|after| after <= limit);
        if !within {
            return Ok(Reservation::Refused { per, limit, spent });
        }
    }
    let before: Option<(String, i64)> = transaction
        .query_row(
            "SELECT amount, calls FROM spend WHERE instance = ? AND day = ?",
            params![instance, today],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let (spent, calls) = match before {
        Some((text, calls)) => (amount(&text)?, calls),
        None => (Decimal::ZERO, 0),
    };
    let after = spent
        .checked_add(price)
        .map_err(|error| LedgerError::Damaged(format!("spend of {instance}: {error}")))?;
    transaction.execute(
        "INSERT INTO spend (instance, day, amount, calls) VALUES (?, ?, ?, ?)
         ON CONFLICT (instance, day) DO UPDATE SET amount = excluded.amount, calls = excluded.calls",
        params![instance, today, after.to_string(), calls.saturating_add(1)],
    )?;
    transaction.commit()?;
    Ok(Reservation::Made)
}

/// What the calls of an instance have cost in the span that holds an instant.
fn spent_in(
    connection: &Connection,
    instance: &str,
    per: Span,
    now: Timestamp,
) -> Result<Decimal, LedgerError> {
    let grain = match per {
        Span::Day => Grain::Day,
        Span::Month => Grain::Month,
    };
    let (first, after) = partition_of(grain, now).map_or_else(
        || (day_of(now), day_of(now).saturating_add(1)),
        |span| (day_of(span.start()), day_of(span.end())),
    );
    let text: String = connection.query_row(
        "SELECT exact_sum(amount) FROM spend WHERE instance = ? AND day >= ? AND day < ?",
        params![instance, first, after],
        |row| row.get(0),
    )?;
    amount(&text)
}

/// What the calls of every instance that paid for some have cost, today and this month.
///
/// # Errors
/// See [`LedgerError`].
pub fn spend_overview(connection: &Connection, now: Timestamp) -> Result<Vec<SpendRow>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT instance FROM spend ORDER BY instance")?;
    let instances = statement.query_map([], |row| row.get::<_, String>(0))?;
    instances
        .map(|instance| {
            let instance = instance?;
            Ok(SpendRow {
                today: spent_in(connection, &instance, Span::Day, now)?,
                month: spent_in(connection, &instance, Span::Month, now)?,
                instance,
            })
        })
        .collect()
}

/// Days since the epoch.
fn day_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{
        super::{
            Ledger,
            sample::{HandClock, at},
            store::open_read_only,
        },
        *,
    };
    use std::sync::{Arc, Mutex};

    struct Spender {
        directory: tempfile::TempDir,
        clock: Arc<HandClock>,
        ledger: Ledger,
        limits: Spend,
    }

    impl Spender {
        fn new(per_day: Option<&str>, per_month: Option<&str>) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let clock = Arc::new(HandClock(Mutex::new(at("2026-08-30T10:00:00Z"))));
            let ledger = Ledger::open(directory.path(), Arc::clone(&clock) as _).unwrap();
            let amount = |text: Option<&str>| text.map(|text| text.parse().unwrap());
            let limits = Spend {
                per_day: amount(per_day),
                per_month: amount(per_month),
            };
            Self {
                directory,
                clock,
                ledger,
                limits,
            }
        }

        fn go_to(&self, now: &str) {
            *self.clock.0.lock().unwrap() = at(now);
        }

        async fn pay(&self, instance: &str, price: &str) -> Reservation {
            let price = price.parse().unwrap();
            self.ledger
                .reserve_spend(instance, price, self.limits)
                .await
                .unwrap()
        }

        fn overview(&self) -> Vec<(String, String, String)> {
            let connection = open_read_only(self.directory.path()).unwrap();
            spend_overview(&connection, crate::clock::Clock::now(&*self.clock))
                .unwrap()
                .into_iter()
                .map(|row| (row.instance, row.today.to_string(), row.month.to_string()))
                .collect()
        }
    }

    #[tokio::test]
    async fn a_day_and_a_month_hold_to_the_last_digit() {
        let spender = Spender::new(Some("0.03"), Some("0.05"));
        for _ in 0..3 {
            assert_eq!(spender.pay("aws", "0.01").await, Reservation::Made);
        }
        let refused = spender.pay("aws", "0.000000000000000001").await;
        let (limit, spent) = ("0.03".parse().unwrap(), "0.03".parse().unwrap());
        let per = Span::Day;
        assert_eq!(refused, Reservation::Refused { per, limit, spent });
        spender.go_to("2026-08-31T00:00:00Z");
        assert_eq!(spender.pay("aws", "0.02").await, Reservation::Made);
        let refused = spender.pay("aws", "0.01").await;
        assert!(
            matches!(refused, Reservation::Refused { per: Span::Month, .. }),
            "{refused:?}"
        );
        spender.go_to("2026-09-01T00:00:00Z");
        assert_eq!(spender.pay("aws", "0.01").await, Reservation::Made);
        assert_eq!(spender.overview(), [("aws".into(), "0.01".into(), "0.01".into())]);
    }

    #[tokio::test]
    async fn a_price_above_the_limit_is_never_paid_and_instances_do_not_share() {
        let spender = Spender::new(Some("1"), None);
        assert!(matches!(
            spender.pay("a", "1.01").await,
            Reservation::Refused { .. }
        ));
        assert_eq!(spender.pay("a", "1").await, Reservation::Made);
        assert_eq!(spender.pay("b", "1").await, Reservation::Made);
        assert!(matches!(spender.pay("b", "1").await, Reservation::Refused { .. }));
    }

    #[tokio::test]
    async fn what_is_reserved_outlives_the_process_and_is_written_down_without_a_limit_too() {
        let spender = Spender::new(None, None);
        assert_eq!(spender.pay("aws", "0.01").await, Reservation::Made);
        let again = Ledger::open(spender.directory.path(), Arc::clone(&spender.clock) as _).unwrap();
        let limits = Spend {
            per_day: Some("0.015".parse().unwrap()),
            per_month: None,
        };
        let refused = again
            .reserve_spend("aws", "0.01".parse().unwrap(), limits)
            .await
            .unwrap();
        assert!(matches!(refused, Reservation::Refused { .. }), "{refused:?}");
    }
}
