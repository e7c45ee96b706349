//! `ledger salvage`: what was carried over, what was lost, and what the operator has to do now.

use super::{Failed, environment, exit::Exit};
use crate::ledger::salvage::{Hurt, Outcome, Salvaged, salvage as make};
use jiff::ToSpan;
use std::{collections::BTreeMap, fmt::Write, path::Path};

/// Losses that are shown one by one to people; JSON has all of them.
const SHOWN: usize = 100;

/// Runs the command.
pub(super) fn salvage(directory: &Path, into: Option<&Path>, json: bool) -> Result<Exit, Failed> {
    let now = environment::clock().map_err(Failed::config)?.now();
    let outcome = make(directory, into, now)?;
    super::print(&match (&outcome, json) {
        (Outcome::Whole, true) => "{ \"whole\": true }".to_owned(),
        (Outcome::Finished, true) => "{ \"finished\": true }".to_owned(),
        (Outcome::Salvaged(said), true) => {
            format!("{:#}", serde_json::to_value(said).unwrap_or_default())
        }
        (Outcome::Whole, false) => "nothing is wrong with this ledger, and nothing was done".to_owned(),
        (Outcome::Finished, false) => {
            "the new ledger of an earlier salvage stands in its place now; `finops-host status` shows it"
                .to_owned()
        }
        (Outcome::Salvaged(said), false) => text(said),
    });
    Ok(Exit::Done)
}

fn text(said: &Salvaged) -> String {
    let mut text = format!("a new ledger stands in {}", said.ledger.display());
    let _ = writeln!(text, "; the old one is kept as {}", said.kept.display());
    let of = |table| said.carried.get(table).copied().unwrap_or_default();
    let _ = writeln!(
        text,
        "carried over: {} records in {} partitions, {} entries, {} commits",
        of("record"),
        of("partition"),
        of("entry"),
        of("commits")
    );
    if said.older {
        let _ = writeln!(
            text,
            "it is not known to be the newest state: what came after it, if anything did, is gone"
        );
    }
    for lost in said.lost.iter().take(SHOWN) {
        let _ = writeln!(text, "lost: {} {}: {}", lost.table, lost.row, lost.what);
    }
    if said.lost.len() > SHOWN {
        let _ = writeln!(text, "lost: {} more (--json shows all)", said.lost.len() - SHOWN);
    }
    for line in again(&said.again) {
        let _ = writeln!(text, "{line}");
    }
    for paused in &said.paused {
        let _ = writeln!(text, "{} is paused: {}", paused.destination, paused.reason);
    }
    text.trim_end().to_owned()
}

/// One line for each stream, with the days that an operator can ask for.
fn again(hurt: &[Hurt]) -> Vec<String> {
    let mut streams: BTreeMap<(&str, &str, &str), Vec<&Hurt>> = BTreeMap::new();
    for one in hurt {
        let key = (one.instance.as_str(), one.source.as_str(), one.stream.as_str());
        streams.entry(key).or_default().push(one);
    }
    let lines = streams.into_iter().filter_map(|((instance, source, stream), parts)| {
        let since = parts.iter().map(|part| part.start).min()?;
        // The day after the last one: what ends within a day needs that day, too.
        let until = parts.iter().map(|part| part.end).max()?;
        let until = until.saturating_add((24 * 3_600 - 1).seconds()).unwrap_or(until);
        Some(format!(
            "to be read again: {} partitions of {source}, stream {stream}: the next run of {instance} does so as far as its \
             look-back reaches; beyond, run it once with --since {} --until {}",
            parts.len(),
            since.strftime("%Y-%m-%d"),
            until.strftime("%Y-%m-%d")
        ))
    });
    lines.collect()
}
