//! `status --coverage`: period by period what the ledger holds of each stream, and what of it may still change.

use super::{Failed, exit::Exit, render, status};
use crate::ledger::{
    coverage::{Coverage, Provisional, Stretch, coverage},
    record::Period,
};
use jiff::{Span, Timestamp, tz::Offset};
use rusqlite::Connection;

/// Stretches that are named in a cell; the rest is counted.
const NAMED: usize = 3;

/// Shows it.
pub(super) fn show(connection: &Connection, json: bool) -> Result<Exit, Failed> {
    let streams = coverage(connection)?;
    super::print(&if json {
        format!("{:#}", serde_json::json!({ "coverage": streams }))
    } else {
        text(&streams)
    });
    Ok(Exit::Done)
}

fn text(streams: &[Coverage]) -> String {
    if streams.is_empty() {
        return "no stream has a partition yet".to_owned();
    }
    let rows = streams.iter().map(|one| {
        vec![
            one.stream.source.path(),
            one.stream.stream.clone(),
            status::role(&one.stream),
            one.newest_complete.map_or_else(
                || "none yet".to_owned(),
                |period| named(period, &one.stream.grain),
            ),
            stretches(one, &one.provisional),
            stretches(one, &one.gaps),
            stretches(one, &one.archived),
        ]
    });
    let table = render::table(
        &[
            "source",
            "stream",
            "role",
            "newest complete",
            "provisional",
            "gaps",
            "archived",
        ],
        rows,
    );
    format!("Coverage: what is complete, what may still change, and what is missing between (UTC)\n{table}")
}

/// A partition by its start, as short as its grain allows.
fn named(period: Period, grain: &str) -> String {
    let format = match grain {
        "month" => "%Y-%m",
        "day" => "%Y-%m-%d",
        _ => "%Y-%m-%d %H:%M",
    };
    period.start().strftime(format).to_string()
}

fn stretches(of: &Coverage, stretches: &[Stretch]) -> String {
    let grain = &of.stream.grain;
    let mut told: Vec<String> = stretches
        .iter()
        .take(NAMED)
        .map(|stretch| told(*stretch, grain))
        .collect();
    let untold = stretches.get(NAMED..).unwrap_or_default();
    if !untold.is_empty() {
        let partitions: u64 = untold.iter().map(|stretch| stretch.partitions).sum();
        told.push(format!("and {partitions} {grain}s more"));
    }
    if told.is_empty() {
        return "none".to_owned();
    }
    told.join(", ")
}

fn told(stretch: Stretch, grain: &str) -> String {
    let last = last_start(stretch, grain);
    let first = Period::covering(stretch.from, stretch.to);
    let mut told = named(first, grain);
    if stretch.partitions > 1 {
        told = format!("{told} to {}", named(Period::covering(last, stretch.to), grain));
    }
    match stretch.why {
        Some(Provisional::Partial) => told.push_str(" (partial)"),
        Some(Provisional::WithinLatency) => told.push_str(" (within latency)"),
        None => {}
    }
    told
}

/// The start of the last partition of a stretch.
fn last_start(stretch: Stretch, grain: &str) -> Timestamp {
    let end = Offset::UTC.to_datetime(stretch.to);
    let span = match grain {
        "month" => Span::new().months(1),
        "day" => Span::new().days(1),
        _ => Span::new().hours(1),
    };
    end.checked_sub(span)
        .ok()
        .and_then(|start| Offset::UTC.to_timestamp(start).ok())
        .unwrap_or(stretch.from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stretch(from: &str, to: &str, partitions: u64, why: Option<Provisional>) -> Stretch {
        Stretch {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            partitions,
            why,
        }
    }

    #[test]
    fn stretches_are_named_by_their_first_and_last_partition() {
        let day = |from: &str, to: &str, count| {
            let at = |day: &str| format!("{day}T00:00:00Z");
            told(stretch(&at(from), &at(to), count, None), "day")
        };
        assert_eq!(day("2026-08-04", "2026-08-05", 1), "2026-08-04");
        assert_eq!(day("2026-08-04", "2026-09-01", 28), "2026-08-04 to 2026-08-31");
        let months = stretch(
            "2026-01-01T00:00:00Z",
            "2026-04-01T00:00:00Z",
            3,
            Some(Provisional::Partial),
        );
        assert_eq!(told(months, "month"), "2026-01 to 2026-03 (partial)");
        let hours = stretch(
            "2026-08-01T22:00:00Z",
            "2026-08-02T00:00:00Z",
            2,
            Some(Provisional::WithinLatency),
        );
        assert_eq!(
            told(hours, "hour"),
            "2026-08-01 22:00 to 2026-08-01 23:00 (within latency)"
        );
    }
}
