//! What commands print for people: tables and short summaries. Everything that a guest or provider wrote is shown escaped.

use crate::{
    delivery::{DeliveryReport, Ended},
    foreign::Foreign,
    schedule::{Prepared, RunSummary},
};
use comfy_table::{Cell, CellAlignment, Table, presets};
use std::fmt::Write;

/// A table with these columns; the names of right-aligned ones begin with `>`.
pub(super) fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|name| Cell::new(name.trim_start_matches('>'))));
    for row in rows {
        table.add_row(row.into_iter().map(|text| Cell::new(Foreign::new(text))));
    }
    for (index, name) in columns.iter().enumerate() {
        if let (true, Some(column)) = (name.starts_with('>'), table.column_mut(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// A run, in some lines.
pub(super) fn summary(prepared: &Prepared, summary: &RunSummary, dry_run: bool) -> String {
    let mut text = String::new();
    let counts = &summary.counts;
    let changes = counts.receipts;
    let lead = if dry_run { "would change" } else { "changed" };
    let _ = writeln!(
        text,
        "{}: {} in {:.1?} ({} requests, {} records)",
        summary.instance,
        summary.outcome,
        std::time::Duration::from_millis(summary.usage.wall_ms),
        summary.egress.requests,
        counts.records,
    );
    if let Some(error) = &summary.error {
        let _ = writeln!(text, "  failed   {error}");
    }
    if let Some(note) = &summary.note {
        let _ = writeln!(text, "  note     {note}");
    }
    let _ = writeln!(
        text,
        "  {lead:8} {} new, {} revised, {} withdrawn, {} unchanged{}",
        changes.added,
        changes.revised,
        changes.withdrawn,
        changes.unchanged,
        if changes.held > 0 {
            format!("; {} commits held for review", changes.held)
        } else {
            String::new()
        },
    );
    for rule in &prepared.grant.rules {
        let used = if summary.egress.unused_rules.contains(&rule.line) {
            ", not used"
        } else {
            ""
        };
        let methods: Vec<&str> = rule.methods.iter().map(|method| method.as_str()).collect();
        let paths: Vec<&str> = rule.paths.iter().map(|path| path.as_str()).collect();
        let credential = rule
            .credential
            .as_ref()
            .map(|name| format!(" with `{name}`"))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "  granted  {} {} {}{credential}{used}",
            methods.join("|"),
            rule.host,
            paths.join("|")
        );
    }
    if summary.egress.denied.is_empty() {
        let _ = writeln!(text, "  denied   nothing");
    }
    for denied in &summary.egress.denied {
        let _ = writeln!(
            text,
            "  denied   {} {} ({} times): {}",
            Foreign::from(denied.method.as_str()),
            Foreign::from(denied.url.as_str()),
            denied.times,
            denied.why
        );
        for line in denied.remedy.iter().flat_map(|remedy| remedy.lines()) {
            let _ = writeln!(text, "    {line}");
        }
    }
    let _ = writeln!(
        text,
        "  used     {} ms CPU, {} MiB memory, {} KiB sent, {} KiB received{}",
        summary.usage.cpu_ms,
        summary.usage.memory >> 20,
        summary.egress.sent >> 10,
        summary.egress.received >> 10,
        if prepared.cached {
            ", code from the cache"
        } else {
            ""
        },
    );
    text.trim_end().to_owned()
}

/// A delivery, in some lines.
pub(super) fn delivery(report: &DeliveryReport) -> String {
    let counts = &report.counts;
    let mut text = format!(
        "delivery: {} entries settled, {} waiting, {} held, {} dead\n",
        report.settled,
        counts.pending + counts.ambiguous,
        counts.held,
        counts.dead
    );
    match &report.ended {
        Ended::Drained => {}
        Ended::Paused(why) => {
            let _ = writeln!(text, "  paused: {why}");
        }
        Ended::Unexpected(why) => {
            let _ = writeln!(text, "  not settled: {why}");
        }
        Ended::OutOfTime => {
            let why = report
                .last_error
                .as_deref()
                .unwrap_or("it takes longer than there was time");
            let _ = writeln!(text, "  the rest is sent later: {why}");
        }
    }
    if report.maybe_duplicated > 0 {
        let _ = writeln!(
            text,
            "  {} batches may be there twice: look for equal entry ids",
            report.maybe_duplicated
        );
    }
    text.trim_end().to_owned()
}
