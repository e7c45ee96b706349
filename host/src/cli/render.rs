//! What commands print for people: tables and short summaries. Everything that a guest or provider wrote is shown escaped.

use super::{
    run_table,
    terminal::{self, Tone},
};
use crate::{
    config::{show_duration, show_size},
    delivery::{DeliveryReport, Ended},
    export::snapshot::SnapshotReport,
    foreign::Foreign,
    ledger::{Archived, outbox::Posted},
    sandbox::Totals,
    schedule::{Figure, Prepared, RunSummary, Unit},
};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use std::{fmt::Write, time::Duration};

/// A table with these columns; the names of right-aligned ones begin with `>`. In a window that is too narrow for it words
/// are wrapped; where that would tear words and figures, each row is a block of lines instead.
pub(super) fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let shown = |row: Vec<String>| {
        row.into_iter()
            .map(|text| Foreign::new(text).to_string())
            .collect()
    };
    let rows: Vec<Vec<String>> = rows.into_iter().map(shown).collect();
    let names: Vec<&str> = columns.iter().map(|name| name.trim_start_matches('>')).collect();
    let width = terminal::manners().width;
    if width.is_some_and(|width| narrowest(&names, &rows) > usize::from(width)) {
        return blocks(&names, &rows);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.force_no_tty();
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width);
    }
    table.set_header(names.iter().map(Cell::new));
    for row in &rows {
        table.add_row(row.iter().map(Cell::new));
    }
    for (index, name) in columns.iter().enumerate() {
        let Some(column) = table.column_mut(index) else {
            continue;
        };
        if name.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if width.is_some() {
            let word = u16::try_from(longest_word(index, &names, &rows) + GAP).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(word)));
        }
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Columns of blanks around a cell.
const GAP: usize = 2;

/// The longest word of a column.
fn longest_word(column: usize, names: &[&str], rows: &[Vec<String>]) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
    let words = cells
        .chain(names.get(column).copied())
        .flat_map(str::split_whitespace);
    words.map(|word| word.chars().count()).max().unwrap_or(0)
}

/// How wide a table is at least, if no word is torn.
fn narrowest(names: &[&str], rows: &[Vec<String>]) -> usize {
    (0..names.len())
        .map(|column| longest_word(column, names, rows) + GAP)
        .sum()
}

/// Each row as lines of a name and a value; what is empty is left out.
fn blocks(names: &[&str], rows: &[Vec<String>]) -> String {
    let wide = names
        .iter()
        .map(|name| name.trim().chars().count())
        .max()
        .unwrap_or(0);
    let block = |row: &Vec<String>| {
        let cells = names.iter().zip(row).filter(|(_, cell)| !cell.trim().is_empty());
        let lines: Vec<String> = cells
            .map(|(name, cell)| format!("  {:wide$}  {}", name.trim(), cell.trim()))
            .collect();
        lines.join("\n")
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

/// What became of what a run committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is in the ledger.
    Yes,
    /// It was compared with the ledger and thrown away.
    Compared,
    /// It was thrown away.
    No,
}

/// A run, in some lines.
pub(super) fn summary(prepared: &Prepared, summary: &RunSummary, kept: Kept) -> String {
    let mut text = String::new();
    let counts = &summary.counts;
    let _ = writeln!(
        text,
        "{}: {} in {:.1?} ({} requests, {} records)",
        summary.instance,
        outcome(summary).of(&summary.outcome),
        Duration::from_millis(summary.usage.wall_ms),
        summary.egress.requests,
        counts.records,
    );
    if let Some(error) = &summary.error {
        let _ = writeln!(text, "  {}   {error}", Tone::Bad.of("failed"));
    }
    if let Some(note) = &summary.note {
        let _ = writeln!(text, "  note     {note}");
    }
    match kept {
        Kept::Yes => changed(&mut text, "changed", &counts.receipts),
        Kept::Compared => changed(&mut text, "would change", &counts.receipts),
        Kept::No => {}
    }
    if kept != Kept::No && counts.receipts.commits > 0 {
        let _ = writeln!(text, "  books    {}", run_table::money(&counts.money));
    }
    if let Some(streams) = run_table::streams(summary) {
        let _ = writeln!(text, "{streams}");
    }
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
            "  {}   {} {} ({} times): {}",
            Tone::Warning.of("denied"),
            Foreign::from(denied.method.as_str()),
            Foreign::from(denied.url.as_str()),
            denied.times,
            denied.why
        );
        for line in denied.remedy.iter().flat_map(|remedy| remedy.lines()) {
            let _ = writeln!(text, "    {line}");
        }
    }
    if summary.egress.paid_calls > 0 {
        let _ = writeln!(
            text,
            "  paid     {} USD for {} calls",
            summary.egress.spent, summary.egress.paid_calls
        );
    }
    for (name, times) in &summary.egress.dropped_headers {
        let _ = writeln!(
            text,
            "  left out header {} ({times} times)",
            Foreign::from(name.as_str())
        );
    }
    let shown = summary.limits.iter().filter(|figure| figure.used > 0).map(figure);
    let _ = writeln!(text, "{}", wrapped("  used     ", shown));
    if prepared.cached {
        let _ = writeln!(text, "  code     from the cache");
    }
    if let Some(next) = run_table::next(prepared, summary, kept) {
        let _ = writeln!(text, "  next     {next}");
    }
    text.trim_end().to_owned()
}

/// How an outcome is to be taken.
fn outcome(summary: &RunSummary) -> Tone {
    match &summary.end {
        Ok(()) if summary.counts.receipts.held > 0 || !summary.egress.denied.is_empty() => Tone::Warning,
        Ok(()) => Tone::Good,
        Err(_) => Tone::Bad,
    }
}

fn changed(text: &mut String, lead: &str, changes: &Totals) {
    let held = match changes.held {
        0 => String::new(),
        held => format!(
            "; {}",
            Tone::Warning.of(&format!("{held} commits held for review"))
        ),
    };
    let _ = writeln!(
        text,
        "  {lead:8} {} new, {} revised, {} withdrawn, {} unchanged{held}",
        changes.added, changes.revised, changes.withdrawn, changes.unchanged,
    );
}

/// What was used of a limit.
fn figure(figure: &Figure) -> String {
    let shown = |number: u64| match figure.unit {
        Unit::Bytes => size(number),
        Unit::Milliseconds => show_duration(Duration::from_millis(number)),
        Unit::Count => number.to_string(),
    };
    format!(
        "{} {} of {}",
        figure.limit,
        shown(figure.used),
        shown(figure.most)
    )
}

/// A size at a glance: `3.1MiB`.
pub(super) fn size(bytes: u64) -> String {
    if bytes < 1 << 20 || bytes.is_multiple_of(1 << 20) {
        return show_size(bytes);
    }
    let tenths = (u128::from(bytes) * 10) >> 20;
    format!("{}.{}MiB", tenths / 10, tenths % 10)
}

/// Parts joined by commas, in lines of at most 100 characters that begin below each other.
fn wrapped(lead: &str, parts: impl Iterator<Item = String>) -> String {
    const WIDTH: usize = 100;
    let mut lines = vec![lead.to_owned()];
    for part in parts {
        let room = lines.last().map_or(0, |line| WIDTH.saturating_sub(line.len()));
        if room < part.len() + 1 {
            lines.push(" ".repeat(lead.len()));
        }
        if let Some(line) = lines.last_mut() {
            let gap = if line.len() > lead.len() { " " } else { "" };
            line.push_str(&format!("{gap}{part},"));
        }
    }
    lines.join("\n").trim_end_matches(',').to_owned()
}

/// What a dry run would have sent, in one line.
pub(super) fn would_post(posted: &Posted) -> String {
    let Posted {
        destination,
        currency,
        entries,
        sum,
    } = posted;
    let currency = Foreign::new(currency.as_str());
    format!("  would send {entries} entries of {sum} {currency} in all to {destination}")
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
    if counts.held + counts.dead > 0 {
        let _ = writeln!(
            text,
            "  held and dead entries: `finops-host outbox list --state held,dead`"
        );
    }
    match &report.ended {
        Ended::Drained => {}
        Ended::Paused(why) => {
            let _ = writeln!(text, "  {}: {why}", Tone::Bad.of("paused"));
        }
        Ended::Unexpected(why) => {
            let _ = writeln!(text, "  {}: {why}", Tone::Bad.of("not settled"));
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

/// A rendering of FOCUS files, in some lines.
pub(super) fn snapshot(report: &SnapshotReport) -> String {
    if let Some(why) = &report.paused {
        return format!("focus: paused: {why}");
    }
    let mut text = format!(
        "focus: {} files written, {} unchanged, {} deleted\n",
        report.written.len(),
        report.unchanged,
        report.deleted.len()
    );
    for month in &report.closed {
        let _ = writeln!(text, "  final    {}", Foreign::from(month.as_str()));
    }
    for why in &report.failed {
        let _ = writeln!(text, "  failed   {}", Foreign::from(why.as_str()));
    }
    text.trim_end().to_owned()
}

/// What was archived, in a line.
pub(super) fn archived(archived: &Archived) -> String {
    format!(
        "archived: the detail of {} partitions, {} records in {}",
        archived.partitions,
        archived.records,
        size(archived.bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_wrapped_below_each_other() {
        let parts = ["cpu 12ms of 30s", "memory 3.1MiB of 128MiB"];
        let shown = wrapped(
            "  used     ",
            parts.into_iter().cycle().take(6).map(str::to_owned),
        );
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            lines.len() > 1 && lines.iter().all(|line| line.len() <= 100),
            "{shown}"
        );
        assert!(
            lines.iter().skip(1).all(|line| line.starts_with("           ")),
            "{shown}"
        );
        assert!(shown.ends_with("128MiB"), "{shown}");
    }

    #[test]
    fn a_row_that_does_not_fit_is_a_block_of_lines_and_no_figure_is_torn() {
        let rows = vec![vec!["compute".to_owned(), String::new(), "1234.56".to_owned()]];
        assert_eq!(narrowest(&["service", "note", "billed"], &rows), 7 + 4 + 7 + 6);
        assert_eq!(
            blocks(&["service", "note", "billed"], &rows),
            "  service  compute\n  billed   1234.56"
        );
    }

    #[test]
    fn a_figure_is_read_at_a_glance() {
        let of = |unit, used, most| {
            figure(&Figure {
                limit: "it",
                unit,
                used,
                most,
            })
        };
        assert_eq!(of(Unit::Bytes, 3_300_000, 128 << 20), "it 3.1MiB of 128MiB");
        assert_eq!(of(Unit::Bytes, 512, 32 << 10), "it 512B of 32KiB");
        assert_eq!(of(Unit::Milliseconds, 1_250, 30_000), "it 1s250ms of 30s");
        assert_eq!(of(Unit::Count, 7, 2_000), "it 7 of 2000");
    }
}
