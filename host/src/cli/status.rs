//! `status`: the last runs, what the ledger covers, what waits for delivery.

use super::{Failed, args, environment::state_dir, exit::Exit, render};
use crate::ledger::{
    held::review,
    overview::{OutboxRow, RunRow, StreamRow, outbox_overview, runs, sources_overview},
    store::open_read_only,
};
use jiff::Timestamp;
use std::path::Path;

/// Runs that are shown.
const RUNS: u32 = 10;

/// Runs the command.
pub(super) fn status(args: &args::Status, state: Option<&Path>) -> Result<Exit, Failed> {
    let directory = state_dir(state).map_err(Failed::config)?;
    let connection = open_read_only(&directory)?;
    let runs = runs(&connection, RUNS)?;
    let streams = sources_overview(&connection)?;
    let outbox = outbox_overview(&connection)?;
    let held = review(&connection)?;
    if args.json {
        let value = serde_json::json!({
            "state_dir": directory, "runs": runs, "streams": streams, "outbox": outbox, "held": held,
        });
        super::print(&format!("{value:#}"));
        return Ok(Exit::Done);
    }
    let mut parts = vec![format!("Ledger in {}", directory.display())];
    parts.push(format!("Runs\n{}", runs_table(&runs)));
    parts.push(format!("Coverage\n{}", streams_table(&streams)));
    parts.push(if outbox.is_empty() {
        "Delivery\nno destination has entries; the ledger itself is the destination".to_owned()
    } else {
        format!("Delivery\n{}", outbox_table(&outbox))
    });
    if !held.is_empty() {
        parts.push(format!("Held for review: {} commits", held.len()));
    }
    super::print(&parts.join("\n\n"));
    Ok(Exit::Done)
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

fn runs_table(runs: &[RunRow]) -> String {
    let rows = runs.iter().map(|run| {
        let count = |pointer: &str| {
            let value = run.report.as_ref().and_then(|report| report.pointer(pointer));
            value.map(ToString::to_string).unwrap_or_default()
        };
        vec![
            run.run.to_string(),
            run.instance.clone(),
            minute(run.started),
            run.outcome
                .clone()
                .unwrap_or_else(|| "running, or killed".to_owned()),
            count("/egress/requests"),
            count("/counts/records"),
            count("/egress/denied").matches("\"url\"").count().to_string(),
            run.note.clone().unwrap_or_default(),
        ]
    });
    render::table(
        &[
            ">run",
            "instance",
            "started",
            "outcome",
            ">requests",
            ">records",
            ">denied",
            "note",
        ],
        rows,
    )
}

fn streams_table(streams: &[StreamRow]) -> String {
    let rows = streams.iter().map(|row| {
        let source = &row.source;
        vec![
            format!("{}/{}/{}", source.provider, source.billing_account, source.scope)
                .trim_end_matches('/')
                .to_owned(),
            row.stream.clone(),
            row.view_of
                .as_ref()
                .map_or_else(|| "counted".to_owned(), |parent| format!("view of {parent}")),
            minute(row.from),
            minute(row.to),
            format!("{} {}s, {} partial", row.partitions, row.grain, row.partial),
            format!("{} of {} count", row.counted, row.records),
        ]
    });
    render::table(
        &[
            "source",
            "stream",
            "role",
            "from",
            "to before",
            "partitions",
            "records",
        ],
        rows,
    )
}

fn outbox_table(outbox: &[OutboxRow]) -> String {
    let rows = outbox.iter().map(|row| {
        vec![
            row.destination.clone(),
            row.paused
                .as_ref()
                .map_or_else(|| row.destination_state.clone(), |why| format!("paused: {why}")),
            row.state.clone(),
            row.entries.to_string(),
            row.amount.to_string(),
            row.currency.clone(),
        ]
    });
    render::table(
        &[
            "destination",
            "state",
            "entries are",
            ">entries",
            ">amount",
            "currency",
        ],
        rows,
    )
}
