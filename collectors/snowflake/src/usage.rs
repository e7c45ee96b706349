//! What the account used on some days: credits by warehouse and user, bytes by database. The weights of every split.
//! What must hold: order is that of the agreed splits (warehouse id as a number, user name, database name).

use crate::{
    refusal::Refusal,
    statement::Session,
    views::{self, Cut, HourRow, WarehouseId},
};
use finops_collector::{Decimal, Failure, Host, Period, jiff::civil::Date, period::day_of};
use std::collections::BTreeMap;

/// A warehouse's day.
#[derive(Clone, Debug, Default)]
pub(crate) struct WarehouseDay {
    pub(crate) name: String,
    pub(crate) compute: Decimal,
    pub(crate) cloud: Decimal,
    /// Compute credits that queries used, as the metering view says; none where it does not.
    pub(crate) attributed: Option<Decimal>,
    /// Hours with compute credits.
    pub(crate) active_hours: u32,
}

/// Bytes of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored<'a> {
    /// None for stages.
    pub(crate) database: Option<&'a str>,
    /// `database`, `failsafe` or `stage`.
    pub(crate) kind: &'static str,
    pub(crate) bytes: Decimal,
}

#[derive(Clone, Copy, Debug, Default)]
struct DatabaseDay {
    bytes: Decimal,
    failsafe: Decimal,
}

/// What the account used on some days.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) hours: Vec<HourRow>,
    warehouses: BTreeMap<Date, BTreeMap<WarehouseId, WarehouseDay>>,
    /// None where the attribution view cannot be read.
    users: Option<BTreeMap<(Date, WarehouseId), BTreeMap<String, Decimal>>>,
    databases: BTreeMap<Date, BTreeMap<String, DatabaseDay>>,
    stages: BTreeMap<Date, Decimal>,
}

/// What is needed of a usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Warehouses' hours alone.
    Warehouses,
    /// Users and storage too, for splits.
    Splits,
}

impl Usage {
    /// Reads what was used. A missing attribution view is a warning; anything else missing is a failure.
    pub(crate) fn read(
        host: &dyn Host,
        session: &Session<'_>,
        days: Period,
        depth: Depth,
    ) -> Result<Self, Failure> {
        let mut usage = Self::default();
        usage.add_hours(host, views::hours(session, days)?)?;
        if depth == Depth::Warehouses {
            return Ok(usage);
        }
        match views::attribution(session, days, Cut::Users) {
            Ok(rows) => {
                let mut users = BTreeMap::new();
                for row in rows {
                    let of_warehouse: &mut BTreeMap<_, _> =
                        users.entry((row.day, row.warehouse)).or_default();
                    add(
                        of_warehouse.entry(row.user).or_default(),
                        positive(host, row.credits, "a user's credits"),
                    )?;
                }
                usage.users = Some(users);
            }
            Err(Refusal::Unreadable(failure)) => {
                host.warn(format_args!("costs of warehouses stay without users: {failure}"));
            }
            Err(Refusal::Failed(failure)) => return Err(failure),
        }
        for row in views::databases(session, days)? {
            let database = usage
                .databases
                .entry(row.day)
                .or_default()
                .entry(row.name)
                .or_default();
            add(
                &mut database.bytes,
                positive(host, row.bytes, "a database's bytes"),
            )?;
            add(
                &mut database.failsafe,
                positive(host, row.failsafe, "a database's failsafe bytes"),
            )?;
        }
        for (day, bytes) in views::stages(session, days)? {
            add(
                usage.stages.entry(day).or_default(),
                positive(host, bytes, "the stages' bytes"),
            )?;
        }
        Ok(usage)
    }

    fn add_hours(&mut self, host: &dyn Host, mut hours: Vec<HourRow>) -> Result<(), Failure> {
        for row in &mut hours {
            row.compute = positive(host, row.compute, "a warehouse's compute credits");
            row.cloud = positive(host, row.cloud, "a warehouse's cloud-services credits");
            let of_day = self.warehouses.entry(day_of(row.start)).or_default();
            let day = of_day.entry(row.warehouse.clone()).or_default();
            day.name.clone_from(&row.name);
            add(&mut day.compute, row.compute)?;
            add(&mut day.cloud, row.cloud)?;
            if let Some(attributed) = row.attributed {
                add(day.attributed.get_or_insert_default(), attributed)?;
            }
            if !row.compute.is_zero() {
                day.active_hours += 1;
            }
        }
        hours.sort_by(|a, b| (a.start, &a.warehouse).cmp(&(b.start, &b.warehouse)));
        self.hours = hours;
        Ok(())
    }

    /// Whether nothing was used and nothing stored.
    pub(crate) fn is_empty(&self) -> bool {
        self.hours.is_empty() && self.databases.is_empty() && self.stages.is_empty()
    }

    /// The warehouses of a day by id.
    pub(crate) fn warehouses(&self, day: Date) -> impl Iterator<Item = (&WarehouseId, &WarehouseDay)> {
        self.warehouses.get(&day).into_iter().flatten()
    }

    /// The users of a warehouse's day by name with their credits; none where that is not known.
    pub(crate) fn users(&self, day: Date, warehouse: &WarehouseId) -> Option<Vec<(&str, Decimal)>> {
        let users = self.users.as_ref()?.get(&(day, warehouse.clone()));
        Some(
            users
                .into_iter()
                .flatten()
                .map(|(user, credits)| (user.as_str(), *credits))
                .collect(),
        )
    }

    /// What was stored on a day: each database and its failsafe by name, then the stages.
    pub(crate) fn stored(&self, day: Date) -> impl Iterator<Item = Stored<'_>> {
        let databases = self
            .databases
            .get(&day)
            .into_iter()
            .flatten()
            .flat_map(|(name, database)| {
                let database = [("database", database.bytes), ("failsafe", database.failsafe)];
                database.map(|(kind, bytes)| Stored {
                    database: Some(name),
                    kind,
                    bytes,
                })
            });
        let stages = self.stages.get(&day).map(|bytes| Stored {
            database: None,
            kind: "stage",
            bytes: *bytes,
        });
        databases.chain(stages)
    }
}

/// Adds exactly.
pub(crate) fn add(sum: &mut Decimal, more: Decimal) -> Result<(), Failure> {
    *sum = sum
        .checked_add(more)
        .map_err(|error| Failure::malformed(format_args!("adding up usage: {error}")))?;
    Ok(())
}

/// The number, or zero with a warning where it is negative: no share can be less than nothing.
fn positive(host: &dyn Host, number: Decimal, what: &str) -> Decimal {
    if number.is_negative() {
        host.warn(format_args!("{what} are negative ({number}) and take no share"));
        return Decimal::ZERO;
    }
    number
}
