//! What the end of a run shows of its work: a row for each stream, the money that came into the books, and what to do next.
//! What must hold: money is told per currency and exact; what to do next is a command or a place in a file, never advice alone.

use super::{render, render::Kept};
use crate::{
    foreign::Foreign,
    sandbox::{FailureKind, RunError},
    schedule::{Prepared, RunSummary},
};
use finops_decimal::Decimal;
use std::collections::BTreeMap;

/// A row for each stream that was read, indented as the summary is; `None` where nothing was read.
pub(super) fn streams(summary: &RunSummary) -> Option<String> {
    let streams = &summary.counts.streams;
    if streams.is_empty() {
        return None;
    }
    let rows = streams.iter().map(|(name, stream)| {
        let changes = &stream.changes;
        let mut row = vec![format!("  {name}")];
        let counts = [
            stream.partitions,
            changes.written,
            changes.added,
            changes.revised,
            changes.withdrawn,
            changes.unchanged,
            changes.held,
        ];
        row.extend(counts.map(|count| count.to_string()));
        row
    });
    let columns = [
        "  stream",
        ">partitions",
        ">records",
        ">new",
        ">revised",
        ">withdrawn",
        ">unchanged",
        ">held",
    ];
    Some(render::table(&columns, rows))
}

/// What came into the books: `+12.5 USD, -3 EUR`.
pub(super) fn money(money: &BTreeMap<String, Decimal>) -> String {
    let parts: Vec<String> = money
        .iter()
        .map(|(currency, amount)| {
            let sign = if *amount > Decimal::ZERO { "+" } else { "" };
            format!("{sign}{amount} {}", Foreign::from(currency.as_str()))
        })
        .collect();
    match parts.is_empty() {
        true => "unchanged".to_owned(),
        false => parts.join(", "),
    }
}

/// What the operator does next.
pub(super) fn next(prepared: &Prepared, summary: &RunSummary, kept: Kept) -> Option<String> {
    let file = prepared.config.path.display();
    let next = match &summary.end {
        _ if !summary.egress.denied.is_empty() => {
            format!("what was denied and should not be: put the lines above into {file}, and run again")
        }
        Ok(()) if summary.counts.receipts.held > 0 && kept == Kept::Yes => {
            "see what is held: finops-host ledger review".to_owned()
        }
        Ok(()) if kept == Kept::Yes => "see the money: finops-host costs".to_owned(),
        Ok(()) if kept == Kept::Compared => "the same without --dry-run keeps it".to_owned(),
        Ok(()) => return None,
        Err(RunError::Failure(failure)) => match failure.kind {
            FailureKind::Settings | FailureKind::Denied => format!("correct {file}, and run again"),
            FailureKind::Credential => {
                format!(
                    "see to the credential in {file}; then try it without keeping anything: finops-host check {file} --component {} --probe",
                    prepared.wasm.display()
                )
            }
            FailureKind::Unreachable | FailureKind::Throttled | FailureKind::Provider => {
                "what was committed stays; run again later".to_owned()
            }
            FailureKind::MalformedReply | FailureKind::Incomplete | FailureKind::Internal => {
                "what was committed stays; tell the collector's author what failed, and the version: finops-host status --json"
                    .to_owned()
            }
        },
        Err(RunError::Limit(_)) => {
            format!("what was committed stays; raise the limit under [limits] in {file}, or read less: --since, --until")
        }
        Err(RunError::Stopped) => "what was committed stays; the next run goes on from there".to_owned(),
        Err(_) => return None,
    };
    Some(next)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn money_has_its_sign_and_each_currency_stands_by_itself() {
        let mut sums = BTreeMap::new();
        assert_eq!(money(&sums), "unchanged");
        sums.insert("EUR".to_owned(), "-3.10".parse().unwrap());
        sums.insert("USD".to_owned(), "12.5".parse().unwrap());
        assert_eq!(money(&sums), "-3.1 EUR, +12.5 USD");
    }
}
