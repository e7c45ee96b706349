//! `reconcile`: the books of a billing month against what providers call the total.
//! What must hold: agreement is printed only where something was compared.

use super::{Failed, args, environment::state_dir, exit::Exit, render};
use crate::{
    foreign::Foreign,
    ledger::{
        month::Month,
        reconcile::{Reconciled, Verdict, reconcile as compare},
        store::open_read_only,
    },
};
use std::{collections::BTreeSet, path::Path};

/// Invoices that are named; the others are counted.
const NAMED: usize = 8;

/// Runs the command.
pub(super) fn reconcile(args: &args::Reconcile, state: Option<&Path>) -> Result<Exit, Failed> {
    let connection = open_read_only(&state_dir(state).map_err(Failed::config)?)?;
    let rows = compare(&connection, args.period, args.provider.as_deref())?;
    super::print(&if args.json {
        format!("{:#}", serde_json::json!({ "period": args.period, "rows": rows }))
    } else {
        text(args.period, &rows)
    });
    let differs = rows.iter().any(|row| row.verdict == Verdict::Differs);
    Ok(if differs { Exit::Storage } else { Exit::Done })
}

fn text(month: Month, rows: &[Reconciled]) -> String {
    if rows.is_empty() {
        return format!("nothing of billing periods that begin in {month}, and no total of it");
    }
    let cells = rows.iter().map(|row| {
        let amount = |amount: Option<finops_decimal::Decimal>| {
            amount.map_or_else(|| "not told".to_owned(), |amount| amount.to_string())
        };
        let difference = row.difference.filter(|_| compared(row.verdict));
        vec![
            row.source.path(),
            row.stream.clone(),
            row.books.to_string(),
            amount(row.told),
            difference.map_or_else(|| "-".to_owned(), |amount| amount.to_string()),
            row.currency.clone(),
            verdict(row).to_owned(),
        ]
    });
    let table = render::table(
        &[
            "source",
            "stream",
            ">books",
            ">total told",
            ">difference",
            "currency",
            "verdict",
        ],
        cells,
    );
    let mut parts = vec![format!(
        "Billed cost of billing periods that begin in {month}, against the totals that providers told\n{table}"
    )];
    let notes: Vec<String> = rows.iter().flat_map(notes).collect();
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.push(counted(rows));
    parts.join("\n\n")
}

/// Whether the whole of something was compared.
fn compared(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Agrees | Verdict::Differs | Verdict::PartlyCovered
    )
}

fn verdict(row: &Reconciled) -> &'static str {
    match row.verdict {
        Verdict::Agrees => "agrees",
        Verdict::Differs => "DIFFERS",
        Verdict::PartlyCovered => "compared in part",
        Verdict::Incomplete => "not compared: incomplete",
        Verdict::NoTotal => "not compared: no total",
    }
}

/// What a reader must know of a row, a line each.
fn notes(row: &Reconciled) -> Vec<String> {
    let of = Foreign::new(format!("{} {} {}", row.source.path(), row.stream, row.currency));
    let mut notes = Vec::new();
    let compared = row.compared.unwrap_or_default();
    match row.verdict {
        Verdict::Agrees => {}
        Verdict::Differs => notes.push(format!(
            "{of}: the records that the total was of come to {compared} now; `finops-host check --ledger` says whether rows are \
             damaged, and a run that reads the month again mends them"
        )),
        Verdict::PartlyCovered => notes.push(format!(
            "{of}: what is told comes to {compared}, and the records that it is of agree; the month's books are {}: a part of the month \
             has no total, or the total is of another month's charges, too",
            row.books
        )),
        Verdict::Incomplete => notes.push(format!(
            "{of}: its collector says that the month lacks something, so its total is none of the whole; see the run's warnings"
        )),
        Verdict::NoTotal => notes.push(format!(
            "{of}: its provider or collector gives no total to compare with{}",
            match invoices(&row.invoices) {
                Some(invoices) => format!("; compare the books with {invoices}"),
                None => "; compare the books with the provider's invoice".to_owned(),
            }
        )),
    }
    if row.open > 0 {
        notes.push(format!(
            "{of}: {} of {} records may still change at the provider",
            row.open, row.records
        ));
    }
    if !row.not_billed.is_zero() {
        notes.push(format!(
            "{of}: {} beside it are estimates or list prices, which are on no invoice yet",
            row.not_billed
        ));
    }
    notes
}

fn invoices(ids: &BTreeSet<String>) -> Option<String> {
    let named: Vec<String> = ids
        .iter()
        .take(NAMED)
        .map(|id| Foreign::from(id.as_str()).to_string())
        .collect();
    let more = ids.len().saturating_sub(NAMED);
    match (ids.len(), more) {
        (0, _) => None,
        (1, _) => Some(format!("invoice {}", named.join(""))),
        (_, 0) => Some(format!("invoices {}", named.join(", "))),
        (_, more) => Some(format!("invoices {} and {more} more", named.join(", "))),
    }
}

/// How many rows are what, in a line.
fn counted(rows: &[Reconciled]) -> String {
    let of = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let told = [
        (Verdict::Agrees, "agree"),
        (Verdict::Differs, "differ"),
        (Verdict::PartlyCovered, "compared in part"),
        (Verdict::Incomplete, "incomplete"),
        (Verdict::NoTotal, "without a total"),
    ];
    let told = told
        .into_iter()
        .map(|(verdict, name)| (of(verdict), name))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"));
    told.collect::<Vec<_>>().join(", ")
}
