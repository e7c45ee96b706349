//! `export`: FOCUS files of what the ledger holds now, or of the journal.

use super::{
    Failed, args,
    environment::state_dir,
    exit::Exit,
    focus::exit_of,
    output::{is_terminal, sink},
    render,
    run::midnight,
};
use crate::{
    component::descriptor::Basis,
    export::{
        EntrySelection, ExportError, Finding, Format, Records, Rows, Selection, Sink, Span, Strictness,
        Survey, Written, WrittenEntries, entries, write_records,
    },
    ledger::{
        record::{Period, basis_name},
        store::open_read_only,
    },
};
use jiff::Timestamp;
use rusqlite::Connection;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Where files go.
enum To {
    Output,
    File(PathBuf),
    Directory(PathBuf),
}

/// Runs the command.
pub(super) fn export(args: &args::Export, state: Option<&Path>) -> Result<Exit, Failed> {
    let to = to(args)?;
    let span = span(args)?;
    let reader = open_read_only(&state_dir(state).map_err(Failed::config)?)?;
    // One state of the ledger for all passes.
    let reading = reader.unchecked_transaction().map_err(ExportError::from)?;
    if args.entries {
        journal(args, span, &to, &reading)
    } else {
        records(args, span, &to, &reading)
    }
}

fn records(args: &args::Export, span: Option<Span>, to: &To, reading: &Connection) -> Result<Exit, Failed> {
    let selection = Selection {
        span,
        provider: args.provider.clone(),
        basis: None,
    };
    let all = Records {
        connection: reading,
        selection: selection.clone(),
    };
    let mut surveys = BTreeMap::from([(Basis::Billed, Survey::new(args.focus))]);
    all.each(&mut |row| {
        let survey = surveys.entry(row.record.basis);
        survey.or_insert_with(|| Survey::new(args.focus)).add(row)
    })?;
    let wanted: Vec<Basis> = match (args.basis, to) {
        (Some(basis), _) => vec![basis],
        (None, To::Directory(_)) => surveys.keys().copied().collect(),
        (None, To::File(_) | To::Output) => vec![Basis::Billed],
    };
    let strictness = if args.strict {
        Strictness::Strict
    } else {
        Strictness::Lenient
    };
    let mut written = Vec::new();
    // All are written before the first is put, so that a refusal changes nothing.
    let mut finished = Vec::new();
    for basis in &wanted {
        let name = format!("cost-and-usage-{}", basis_name(*basis));
        let empty = Survey::new(args.focus);
        let rows = Records {
            connection: reading,
            selection: Selection {
                basis: Some(*basis),
                ..selection.clone()
            },
        };
        let survey = surveys.get(basis).unwrap_or(&empty);
        let sink = open(to, &name, args.format)?;
        let (file, whole) = write_records(&rows, survey, (args.focus, args.format), strictness, sink)?;
        written.push((*basis, file));
        finished.push(whole);
    }
    for whole in finished {
        whole.put()?;
    }
    for (basis, survey) in surveys.iter().filter(|(basis, _)| !wanted.contains(basis)) {
        if survey.rows > 0 {
            let name = basis_name(*basis);
            tracing::warn!(
                "{} records of basis {name} are not in this file: `--basis {name}`, or a directory as --out, writes them",
                survey.rows
            );
        }
    }
    tell(args, to, &written);
    Ok(Exit::Done)
}

fn journal(args: &args::Export, span: Option<Span>, to: &To, reading: &Connection) -> Result<Exit, Failed> {
    let charges = match span {
        Some(Span::Billing(_)) => {
            let message = "entries have no billing period: give --since and --until instead of --period";
            return Err(Failed::usage(message.to_owned()));
        }
        Some(Span::Charges(period)) => Some(period),
        None => None,
    };
    let selection = EntrySelection {
        charges,
        provider: args.provider.clone(),
    };
    let sink = open(to, "entries", args.format)?;
    let (written, whole) = entries(reading, &selection, args.format, sink)?;
    whole.put()?;
    if args.json {
        super::print(&format!("{:#}", serde_json::json!({ "files": [written] })));
    } else if !matches!(to, To::Output) {
        super::print(&entries_table(&written));
    }
    Ok(Exit::Done)
}

fn to(args: &args::Export) -> Result<To, Failed> {
    let text = args.out.to_string_lossy();
    if text == "-" {
        if args.json {
            let message = "--json reports on files: give --out";
            return Err(Failed::usage(message.to_owned()));
        }
        if args.format == Format::Parquet && is_terminal() {
            let message = "Parquet is nothing for a terminal: give --out";
            return Err(Failed::usage(message.to_owned()));
        }
        return Ok(To::Output);
    }
    if text.ends_with('/') || args.out.is_dir() {
        return Ok(To::Directory(args.out.clone()));
    }
    Ok(To::File(args.out.clone()))
}

/// A file of that name where the operator wants it.
fn open(to: &To, name: &str, format: Format) -> Result<Sink, ExportError> {
    match to {
        To::Output => Ok(sink()),
        To::File(path) => Sink::file(path),
        To::Directory(directory) => {
            let path = directory.join(format!("{name}.{}", format.name()));
            std::fs::create_dir_all(directory).map_err(|cause| ExportError::Io {
                path: directory.clone(),
                cause,
            })?;
            Sink::file(&path)
        }
    }
}

/// The time asked for.
fn span(args: &args::Export) -> Result<Option<Span>, Failed> {
    if let Some(month) = args.period {
        return Ok(Some(Span::Billing(month.period())));
    }
    if args.since.is_none() && args.until.is_none() {
        return Ok(None);
    }
    let start = args.since.map_or(Ok(Timestamp::MIN), midnight)?;
    let end = args.until.map_or(Ok(Timestamp::MAX), midnight)?;
    let period = Period::new(start, end);
    period
        .map(|period| Some(Span::Charges(period)))
        .ok_or_else(|| Failed::usage("--until must be a day after --since".to_owned()))
}

fn tell(args: &args::Export, to: &To, written: &[(Basis, Written)]) {
    if args.json {
        let files: Vec<serde_json::Value> = written
            .iter()
            .map(|(basis, file)| {
                let mut value = serde_json::to_value(file).unwrap_or_default();
                if let Some(object) = value.as_object_mut() {
                    object.insert("basis".to_owned(), basis_name(*basis).into());
                }
                value
            })
            .collect();
        let report = serde_json::json!({
            "focus_version": args.focus.name(), "format": args.format.name(), "files": files,
        });
        super::print(&format!("{report:#}"));
        return;
    }
    let findings = written.iter().flat_map(|(_, file)| &file.findings);
    for line in findings.map(Finding::told) {
        tracing::warn!("{line}");
    }
    for (_, file) in written.iter().filter(|(_, file)| !file.text_columns.is_empty()) {
        tracing::warn!(
            "{}: {} hold more than 38 digits and are text",
            file.path.display(),
            file.text_columns.join(", ")
        );
    }
    if !matches!(to, To::Output) {
        super::print(&table(written));
    }
}

fn table(written: &[(Basis, Written)]) -> String {
    let mut lines = Vec::new();
    for (basis, file) in written {
        let mut first = [
            file.path.display().to_string(),
            basis_name(*basis).to_owned(),
            file.rows.to_string(),
        ];
        for (currency, sums) in &file.sums {
            let mut line = std::mem::take(&mut first).to_vec();
            line.extend([
                sums.effective.to_string(),
                sums.billed.to_string(),
                currency.clone(),
            ]);
            lines.push(line);
        }
        if file.sums.is_empty() {
            let mut line = first.to_vec();
            line.resize(6, String::new());
            lines.push(line);
        }
    }
    render::table(
        &["file", "basis", ">rows", ">effective", ">billed", "currency"],
        lines,
    )
}

fn entries_table(written: &WrittenEntries) -> String {
    let mut lines = Vec::new();
    for (destination, sums) in &written.sums {
        for (currency, sum) in sums {
            lines.push(vec![destination.clone(), sum.to_string(), currency.clone()]);
        }
    }
    let table = render::table(&["destination", ">sum of entries", "currency"], lines);
    format!("{}: {} entries\n{table}", written.path.display(), written.rows)
}

impl From<ExportError> for Failed {
    fn from(error: ExportError) -> Self {
        let exit = match exit_of(&error) {
            Exit::NotDelivered => Exit::Storage,
            other => other,
        };
        Self::new(exit, error.to_string())
    }
}
