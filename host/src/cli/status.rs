//! `status`: the last runs, what they cost and were denied, what the ledger covers, what was paid, what waits for delivery.

mod runs;

use super::{
    Failed, args, coverage,
    environment::{clock, state_dir},
    exit::Exit,
    render, room,
};
use crate::ledger::{
    held::review,
    orphans::{Orphan, orphans},
    outbox::EntryState,
    overlaps::{Overlap, overlaps},
    overview::{
        self, ArchiveRow, OutboxRow, StreamRow, archives_overview, outbox_overview, sources_overview,
    },
    quota,
    snapshot::{SnapshotRow, snapshots},
    spend::{SpendRow, spend_overview},
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
    if args.coverage {
        return coverage::show(&connection, args.json);
    }
    let newest = overview::runs(&connection, RUNS)?;
    let archives = archives_overview(&connection)?;
    let streams = sources_overview(&connection)?;
    let outbox = outbox_overview(&connection)?;
    let snapshots = snapshots(&connection)?;
    let held = review(&connection)?;
    let orphans = orphans(&connection)?;
    let overlaps = overlaps(&connection)?;
    let now = clock().map_err(Failed::config)?.now();
    let spend = spend_overview(&connection, now)?;
    let size = quota::outbox(&connection)?;
    if args.json {
        let value = serde_json::json!({
            "state_dir": directory, "runs": newest, "streams": streams, "outbox": outbox, "outbox_size": size, "held": held, "spend": spend,
            "orphans": orphans, "overlaps": overlaps, "snapshots": snapshots, "archives": archives,
        });
        super::print(&format!("{value:#}"));
        return Ok(Exit::Done);
    }
    let mut parts = vec![format!("Ledger in {}", directory.display())];
    parts.push(format!("Runs\n{}", runs::table(&newest)));
    parts.extend(runs::denied(&newest));
    parts.extend(runs::unused_grants(&newest));
    parts.push(format!("Coverage\n{}", streams_table(&streams)));
    if !orphans.is_empty() {
        let lines: Vec<String> = orphans.iter().map(Orphan::told).collect();
        parts.push(format!("No longer reported\n{}", lines.join("\n")));
    }
    if !overlaps.is_empty() {
        let lines: Vec<String> = overlaps.iter().map(Overlap::told).collect();
        parts.push(format!("Perhaps counted twice\n{}", lines.join("\n")));
    }
    if !spend.is_empty() {
        parts.push(format!("Paid calls, in USD\n{}", spend_table(&spend)));
    }
    if !outbox.is_empty() {
        parts.push(format!(
            "Delivery\n{}\n{}",
            outbox_table(&outbox),
            room::waiting(&size)
        ));
    } else if snapshots.is_empty() {
        parts.push("Delivery\nno destination has entries; the ledger itself is the destination".to_owned());
    }
    parts.extend(gaps(&outbox));
    if !snapshots.is_empty() {
        parts.push(format!("FOCUS files\n{}", snapshots_table(&snapshots)));
    }
    if !archives.is_empty() {
        parts.push(format!("Archives\n{}", archives_table(&archives)));
    }
    if !held.is_empty() {
        parts.push(format!(
            "Held for review: {} commits; see `finops-host ledger review`",
            held.len()
        ));
    }
    super::print(&parts.join("\n\n"));
    Ok(Exit::Done)
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// What a stream is to the books.
pub(super) fn role(row: &StreamRow) -> String {
    let mut role = match (&row.retired_by, &row.view_of) {
        (Some(nobody), _) if nobody.is_empty() => "retired".to_owned(),
        (Some(successor), _) => format!("retired for {successor}"),
        (None, Some(parent)) => format!("view of {parent}"),
        (None, None) => "counted".to_owned(),
    };
    if !row.counts {
        role.push_str(", kept apart");
    }
    if row.frozen {
        role.push_str(", frozen");
    }
    role
}

fn spend_table(spend: &[SpendRow]) -> String {
    let rows = spend
        .iter()
        .map(|row| vec![row.instance.clone(), row.today.to_string(), row.month.to_string()]);
    render::table(&["instance", ">today", ">this month"], rows)
}

fn streams_table(streams: &[StreamRow]) -> String {
    let rows = streams.iter().map(|row| {
        vec![
            row.source.path(),
            row.stream.clone(),
            role(row),
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

fn archives_table(archives: &[ArchiveRow]) -> String {
    let rows = archives.iter().map(|row| {
        vec![
            row.source.path(),
            row.stream.clone(),
            minute(row.from),
            minute(row.to),
            row.partitions.to_string(),
            row.records.to_string(),
            render::size(row.bytes),
            minute(row.last),
        ]
    });
    render::table(
        &[
            "source",
            "stream",
            "from",
            "to before",
            ">partitions",
            ">records",
            ">size",
            "last archived",
        ],
        rows,
    )
}

/// What destinations lack, and the commands that mend it; one line for each state and currency.
pub(super) fn gaps(outbox: &[OutboxRow]) -> Vec<String> {
    let lines = outbox.iter().filter_map(|row| {
        let OutboxRow {
            destination,
            entries,
            amount,
            currency,
            ..
        } = row;
        let why = match row.state {
            EntryState::Dead => format!(
                "it refused them: see `finops-host outbox list --destination {destination} --state dead`, \
                 then retry or drop them"
            ),
            EntryState::Dropped => format!(
                "they were dropped: `finops-host destination rebase {destination}` posts what is missing"
            ),
            EntryState::Held => {
                "it takes another currency: `other-currencies = \"send\"` under [openfinops] \
                                 sends them as they are"
                    .to_owned()
            }
            _ => return None,
        };
        Some(format!(
            "{destination} lacks {entries} entries, {amount} {currency} in all, since {why}"
        ))
    });
    lines.collect()
}

pub(super) fn snapshots_table(snapshots: &[SnapshotRow]) -> String {
    let rows = snapshots.iter().map(|row| {
        let state = match (&row.paused, &row.error) {
            (Some(why), _) => format!("paused: {why}"),
            (None, Some(why)) => format!("failed: {why}"),
            (None, None) => row.state.clone(),
        };
        vec![
            row.destination.clone(),
            state,
            row.directory.clone(),
            format!("{} {}", row.version, row.format),
            row.files.to_string(),
            row.waiting.to_string(),
            row.final_months.to_string(),
            row.rendered.map(minute).unwrap_or_default(),
        ]
    });
    render::table(
        &[
            "destination",
            "state",
            "directory",
            "FOCUS",
            ">files",
            ">waiting",
            ">final months",
            "up to date",
        ],
        rows,
    )
}

pub(super) fn outbox_table(outbox: &[OutboxRow]) -> String {
    let rows = outbox.iter().map(|row| {
        vec![
            row.destination.clone(),
            row.paused
                .as_ref()
                .map_or_else(|| row.destination_state.clone(), |why| format!("paused: {why}")),
            row.state.to_string(),
            row.entries.to_string(),
            row.amount.to_string(),
            row.currency.clone(),
            row.oldest.map(minute).unwrap_or_default(),
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
            "oldest of",
        ],
        rows,
    )
}
