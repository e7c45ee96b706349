//! `costs`: what the ledger's current records come to, exactly summed.

use super::{
    Failed, args,
    environment::{clock, state_dir},
    exit::Exit,
    render,
    run::midnight,
};
use crate::ledger::{
    Money,
    as_of::{began, turn_back},
    dimension::Dimension,
    overview::sources_overview,
    query::{CostFilter, CostRow, costs as sum},
    record::Period,
    store::open_read_only,
};
use finops_decimal::Decimal;
use jiff::{Timestamp, ToSpan, civil::Date, tz::Offset};
use rusqlite::Connection;
use std::{collections::BTreeMap, path::Path};

/// Runs the command.
pub(super) fn costs(args: &args::Costs, state: Option<&Path>) -> Result<Exit, Failed> {
    let group_by = args
        .by
        .iter()
        .map(|name| {
            name.parse::<Dimension>()
                .map_err(|error| Failed::usage(error.to_string()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let connection = open_read_only(&state_dir(state).map_err(Failed::config)?)?;
    if let Some(day) = args.as_of {
        turn_back(&connection, end_of(day, &connection)?)?;
    }
    let period = period(args, &connection)?;
    let mut filter = CostFilter {
        period: Some(period),
        provider: args.provider.clone(),
        stream: args.stream.clone(),
        group_by,
        ..CostFilter::default()
    };
    let rows = sum(&connection, &filter)?;
    filter.money = Money::Apart;
    let apart = sum(&connection, &filter)?;
    let totals = totals(&rows)?;
    if args.json {
        let mut value = serde_json::json!({
            "from": period.start(), "to": period.end(), "by": args.by, "rows": rows, "totals": totals,
        });
        if let Some(object) = value.as_object_mut() {
            if let Some(day) = args.as_of {
                object.insert("as_of".to_owned(), serde_json::json!(day));
            }
            if args.all {
                object.insert("apart".to_owned(), serde_json::json!(apart));
            }
        }
        super::print(&format!("{value:#}"));
        return Ok(Exit::Done);
    }
    super::print(&text(args, period, &rows, &totals));
    if args.all && !apart.is_empty() {
        let lines = apart.iter().map(line);
        let table = render::table(&columns(args), lines);
        super::print(&format!(
            "\nKept apart (`count = false`): in no total and no delivery\n{table}"
        ));
    } else if !apart.is_empty() {
        super::print("(money of instances with `count = false` is not shown: --all shows it apart)");
    }
    Ok(Exit::Done)
}

/// The billed and effective sums of a currency.
#[derive(Default, serde::Serialize)]
struct Total {
    billed: Decimal,
    effective: Decimal,
}

fn totals(rows: &[CostRow]) -> Result<BTreeMap<String, Total>, Failed> {
    let mut totals: BTreeMap<String, Total> = BTreeMap::new();
    for row in rows {
        let total = totals.entry(row.currency.clone()).or_default();
        let add = |sum: Decimal, part| {
            sum.checked_add(part)
                .map_err(|error| Failed::bug(error.to_string()))
        };
        total.billed = add(total.billed, row.billed)?;
        total.effective = add(total.effective, row.effective)?;
    }
    Ok(totals)
}

fn columns(args: &args::Costs) -> Vec<&str> {
    let mut columns: Vec<&str> = args.by.iter().map(String::as_str).collect();
    columns.extend([">effective", ">billed", "currency", "basis", ">records"]);
    columns
}

fn line(row: &CostRow) -> Vec<String> {
    let mut line = row.dims.clone();
    let bases: Vec<&str> = row.bases.iter().copied().collect();
    let open = if row.open > 0 { ", open" } else { "" };
    line.extend([
        row.effective.to_string(),
        row.billed.to_string(),
        row.currency.clone(),
        format!("{}{open}", bases.join(", ")),
        row.records.to_string(),
    ]);
    line
}

fn text(args: &args::Costs, period: Period, rows: &[CostRow], totals: &BTreeMap<String, Total>) -> String {
    let mut lines: Vec<Vec<String>> = rows.iter().map(line).collect();
    for (currency, total) in totals {
        let mut line = vec![String::new(); args.by.len()];
        if let Some(first) = line.first_mut() {
            *first = "total".to_owned();
        }
        line.extend([
            total.effective.to_string(),
            total.billed.to_string(),
            currency.clone(),
            String::new(),
            String::new(),
        ]);
        lines.push(line);
    }
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let mut heading = format!(
        "Costs from {} to before {} (UTC)",
        day(period.start()),
        day(period.end())
    );
    if let Some(day) = args.as_of {
        heading.push_str(&format!(", as they were known by the end of {day}"));
    }
    if rows.is_empty() {
        return format!("{heading}\nnone");
    }
    format!("{heading}\n{}", render::table(&columns(args), lines))
}

/// The end of a day on which there was something to know.
fn end_of(day: Date, connection: &Connection) -> Result<Timestamp, Failed> {
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
fn period(args: &args::Costs, connection: &Connection) -> Result<Period, Failed> {
    let covered = sources_overview(connection)?;
    let start = match args.since {
        Some(day) => midnight(day)?,
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

fn next_midnight(at: Timestamp) -> Result<Timestamp, Failed> {
    let day: Date = Offset::UTC.to_datetime(at).date();
    let midnight_before = midnight(day)?;
    if midnight_before == at {
        Ok(at)
    } else {
        midnight(day.tomorrow().unwrap_or(day))
    }
}
