//! The period that costs are asked for.

use crate::{
    cli::{
        Failed,
        args::{self, Since},
        environment::clock,
        run::midnight,
    },
    ledger::{as_of::began, overview::sources_overview, record::Period},
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::Offset};
use rusqlite::Connection;

/// The end of a day on which there was something to know.
pub(super) fn end_of(day: Date, connection: &Connection) -> Result<Timestamp, Failed> {
    let after = day
        .tomorrow()
        .map_err(|_| Failed::usage(format!("{day} lies outside the calendar")))?;
    let end = midnight(after)?;
    let now = clock().map_err(Failed::config)?.now();
    if midnight(day)? > now {
        return Err(Failed::usage(format!("--as-of {day} has not come yet")));
    }
    match began(connection)? {
        Some(first) if first < end => Ok(end),
        Some(first) => Err(Failed::usage(format!(
            "--as-of {day} lies before this ledger began: its first commit was at {first}"
        ))),
        None => Err(Failed::usage(format!(
            "--as-of {day}: nothing was committed to this ledger yet"
        ))),
    }
}

/// The period asked for; by default all that the ledger covers.
pub(super) fn period(args: &args::Costs, connection: &Connection) -> Result<Period, Failed> {
    let covered = sources_overview(connection)?;
    let start = match args.since {
        Some(Since::Day(day)) => midnight(day)?,
        Some(Since::DaysBack(days)) => days_back(days)?,
        None => covered
            .iter()
            .map(|row| row.from)
            .min()
            .unwrap_or(Timestamp::UNIX_EPOCH),
    };
    let end = match (args.until, covered.iter().map(|row| row.to).max()) {
        (Some(day), _) => midnight(day)?,
        (None, Some(to)) => next_midnight(to)?,
        (None, None) => start.saturating_add(24.hours()).unwrap_or(Timestamp::MAX),
    };
    Period::new(start, end).ok_or_else(|| Failed::usage("--until must be a day after --since".to_owned()))
}

/// The midnight with which the day begins that lies so many days before today.
fn days_back(days: u16) -> Result<Timestamp, Failed> {
    let today = Offset::UTC
        .to_datetime(clock().map_err(Failed::config)?.now())
        .date();
    let first = today.checked_sub(i64::from(days).days());
    midnight(first.map_err(|_| Failed::usage(format!("--since {days}d lies outside the calendar")))?)
}

/// The period before one, which is as long.
pub(super) fn previous(period: Period) -> Result<Period, Failed> {
    let length = period.end().duration_since(period.start());
    let start = period.start().checked_sub(length).ok();
    start
        .and_then(|start| Period::new(start, period.start()))
        .ok_or_else(|| Failed::usage("the period before lies outside the calendar".to_owned()))
}

fn next_midnight(at: Timestamp) -> Result<Timestamp, Failed> {
    let day: Date = Offset::UTC.to_datetime(at).date();
    let midnight_before = midnight(day)?;
    if midnight_before == at {
        Ok(at)
    } else {
        midnight(day.tomorrow().unwrap_or(day))
    }
}
