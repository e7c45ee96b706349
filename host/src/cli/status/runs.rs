//! The runs in `status`: when each ran, what it did to the books and cost, what it was denied. What a run said of itself when it
//! ended is read from its report; one of an older program lacks some of it, which shows as an empty cell.

use super::minute;
use crate::{
    cli::{render, run_table},
    config::show_duration,
    ledger::overview::RunRow,
};
use finops_decimal::Decimal;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub(super) fn table(runs: &[RunRow]) -> String {
    let rows = runs.iter().map(|run| {
        vec![
            run.run.to_string(),
            run.instance.clone(),
            minute(run.started),
            took(run),
            run.outcome
                .clone()
                .unwrap_or_else(|| "running, or killed".to_owned()),
            figure(run, "/egress/requests"),
            figure(run, "/counts/records"),
            changed(run),
            books(run),
            paid(run),
            items(run, "/egress/denied").len().to_string(),
            run.note.clone().unwrap_or_default(),
        ]
    });
    render::table(
        &[
            ">run",
            "instance",
            "started",
            ">took",
            "outcome",
            ">requests",
            ">records",
            ">+new ~revised -gone",
            ">into the books",
            ">paid USD",
            ">denied",
            "note",
        ],
        rows,
    )
}

fn at<'a>(run: &'a RunRow, pointer: &str) -> Option<&'a Value> {
    run.report.as_ref().and_then(|report| report.pointer(pointer))
}

fn figure(run: &RunRow, pointer: &str) -> String {
    at(run, pointer).map(ToString::to_string).unwrap_or_default()
}

/// How long it took.
fn took(run: &RunRow) -> String {
    let wall = at(run, "/usage/wall_ms").and_then(Value::as_u64);
    wall.map(|wall| show_duration(Duration::from_millis(wall)))
        .unwrap_or_default()
}

/// What it changed, in records: `+12 ~3 -0`, and how many commits were held.
fn changed(run: &RunRow) -> String {
    let count = |name: &str| at(run, &format!("/counts/receipts/{name}")).and_then(Value::as_u64);
    let (Some(added), Some(revised), Some(withdrawn)) =
        (count("added"), count("revised"), count("withdrawn"))
    else {
        return String::new();
    };
    match count("held") {
        Some(held) if held > 0 => format!("+{added} ~{revised} -{withdrawn}, {held} held"),
        _ => format!("+{added} ~{revised} -{withdrawn}"),
    }
}

/// The money that came into the books by it.
fn books(run: &RunRow) -> String {
    let money = at(run, "/counts/money").cloned();
    let money: Option<BTreeMap<String, Decimal>> = money.and_then(|money| serde_json::from_value(money).ok());
    money.map(|money| run_table::money(&money)).unwrap_or_default()
}

/// What its paid calls cost, and how many there were.
fn paid(run: &RunRow) -> String {
    let calls = at(run, "/egress/paid-calls").and_then(Value::as_u64).unwrap_or(0);
    let spent = at(run, "/egress/spent").and_then(Value::as_str);
    match (calls, spent) {
        (0, _) | (_, None) => String::new(),
        (calls, Some(spent)) => format!("{spent} ({calls} calls)"),
    }
}

/// The newest run of each instance.
fn newest(runs: &[RunRow]) -> impl Iterator<Item = &RunRow> {
    let mut seen = BTreeSet::new();
    runs.iter().filter(move |run| seen.insert(run.instance.as_str()))
}

/// A list in a run's report.
fn items<'a>(run: &'a RunRow, pointer: &str) -> &'a [Value] {
    let found = run.report.as_ref().and_then(|report| report.pointer(pointer));
    found.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What the newest run of each instance was denied, and the rules that would allow it.
pub(super) fn denied(runs: &[RunRow]) -> Option<String> {
    let mut lines = Vec::new();
    for run in newest(runs) {
        for call in items(run, "/egress/denied") {
            let text = |key: &str| call.get(key).and_then(Value::as_str).unwrap_or_default();
            lines.push(format!(
                "{} (run {}): {} {} ({} times): {}",
                run.instance,
                run.run,
                text("method"),
                text("url"),
                call.get("times").and_then(Value::as_u64).unwrap_or(1),
                text("why")
            ));
            lines.extend(text("remedy").lines().map(|line| format!("    {line}")));
        }
    }
    (!lines.is_empty()).then(|| format!("Denied\n{}", lines.join("\n")))
}

/// The lines of rules that the newest run of each instance had no use for.
pub(super) fn unused_grants(runs: &[RunRow]) -> Option<String> {
    let lines: Vec<String> = newest(runs)
        .filter_map(|run| {
            let unused = items(run, "/egress/unused-rules");
            let named: Vec<String> = unused.iter().map(ToString::to_string).collect();
            (!named.is_empty()).then(|| {
                format!(
                    "{}: the rules on lines {} of its file",
                    run.instance,
                    named.join(", ")
                )
            })
        })
        .collect();
    (!lines.is_empty()).then(|| format!("Granted and not used\n{}", lines.join("\n")))
}
