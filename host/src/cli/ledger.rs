//! `ledger`: held commits, whose money a source is, and what goes on counting.

use super::{Failed, args, environment, exit::Exit, salvage};
use crate::{
    foreign::Foreign,
    ledger::{
        Freeze, Ledger, Receipt, Recounted, Retire, WriteError,
        held::{Proposal, review},
        record::Source,
        store::open_read_only,
    },
};
use std::{fmt::Write, path::Path};

/// Runs the command.
pub(super) async fn ledger(command: args::Ledger, state: Option<&Path>) -> Result<Exit, Failed> {
    let directory = environment::state_dir(state).map_err(Failed::config)?;
    if let args::Ledger::Salvage { into, json } = command {
        return salvage::salvage(&directory, into.as_deref(), json);
    }
    // None of these makes a ledger where there is none.
    let reader = open_read_only(&directory)?;
    if let args::Ledger::Review { json } = command {
        let held = review(&reader)?;
        super::print(&if json {
            format!("{:#}", serde_json::json!({ "held": held }))
        } else {
            text(&held)
        });
        return Ok(Exit::Done);
    }
    let ledger = Ledger::open(&directory, environment::clock().map_err(Failed::config)?)?;
    match command {
        args::Ledger::Review { .. } | args::Ledger::Salvage { .. } => {}
        args::Ledger::Accept { commit } => {
            let receipts = ledger.accept(commit).await.map_err(refused)?;
            let sum = |count: fn(&Receipt) -> u64| receipts.iter().map(count).sum::<u64>();
            super::print(&format!(
                "commit {commit} is applied: {} new, {} revised, {} withdrawn; the next run delivers",
                sum(|receipt| receipt.added),
                sum(|receipt| receipt.revised),
                sum(|receipt| receipt.withdrawn)
            ));
        }
        args::Ledger::Reject { commit } => {
            ledger.reject(commit).await.map_err(refused)?;
            super::print(&format!("commit {commit} is given up; what stands stays"));
        }
        args::Ledger::Adopt { source, instance } => {
            if !ledger.adopt(&parse(&source)?, &instance).await? {
                return Err(Failed::config(format!(
                    "there is no source `{source}`; `finops-host status` shows them"
                )));
            }
            super::print(&format!("{source} belongs to the instance {instance} now"));
        }
        args::Ledger::Freeze { source } => {
            let of = parse(&source)?;
            ledger.freeze(&of, Freeze::Frozen).await.map_err(refused)?;
            super::print(&format!(
                "{source} is frozen: it takes no commits, and its records keep counting"
            ));
        }
        args::Ledger::Unfreeze { source } => {
            let of = parse(&source)?;
            ledger.freeze(&of, Freeze::Open).await.map_err(refused)?;
            super::print(&format!("{source} takes commits again"));
        }
        args::Ledger::Retire {
            source,
            stream,
            in_favour_of,
        } => {
            let what = match (stream, in_favour_of) {
                (None, _) => Retire::Source,
                (Some(stream), None) => Retire::Stream(stream),
                (Some(stream), Some(successor)) => Retire::InFavourOf { stream, successor },
            };
            let of = parse(&source)?;
            let recounted = ledger.retire(&of, &what).await.map_err(refused)?;
            super::print(&told(&source, &what, &recounted));
        }
    }
    Ok(Exit::Done)
}

fn refused(error: WriteError) -> Failed {
    match error {
        WriteError::Refused { message, .. } => Failed::config(message),
        WriteError::Ledger(error) => error.into(),
    }
}

/// What retiring did.
fn told(source: &str, what: &Retire, recounted: &Recounted) -> String {
    let shown = |name: &str| Foreign::from(name).to_string();
    let mut text = match what {
        Retire::Source => format!("{source} is retired"),
        Retire::Stream(stream) => format!("the stream {} of {source} is retired", shown(stream)),
        Retire::InFavourOf { stream, successor } => format!(
            "the stream {} of {source} is retired in favour of {}",
            shown(stream),
            shown(successor)
        ),
    };
    let Recounted {
        left,
        entered,
        change,
    } = recounted;
    let _ = write!(text, ": {left} records no longer count, {entered} count instead");
    for (currency, sum) in change {
        let _ = write!(text, "; {sum} {} in the books", shown(currency));
    }
    text.push_str("; the next run delivers");
    text
}

fn parse(text: &str) -> Result<Source, Failed> {
    let wrong = "a source is PROVIDER/BILLING-ACCOUNT or PROVIDER/BILLING-ACCOUNT/SCOPE";
    read_source(text).ok_or_else(|| Failed::usage(wrong.to_owned()))
}

/// A source as `status` shows it.
fn read_source(text: &str) -> Option<Source> {
    let (provider, rest) = text.split_once('/')?;
    let (billing_account, scope) = rest.split_once('/').unwrap_or((rest, ""));
    let source = Source {
        provider: provider.to_owned(),
        billing_account: billing_account.to_owned(),
        scope: scope.to_owned(),
    };
    (!provider.is_empty() && !billing_account.is_empty()).then_some(source)
}

fn text(held: &[Proposal]) -> String {
    if held.is_empty() {
        return "no commit is held".to_owned();
    }
    let mut text = String::new();
    for proposal in held {
        let _ = writeln!(text, "commit {}, held at {}", proposal.commit, proposal.at);
        for line in proposal.reason.lines() {
            let _ = writeln!(text, "  {}", Foreign::from(line));
        }
        for stream in &proposal.streams {
            let _ = writeln!(
                text,
                "  it would put {} records into {} partitions of {}",
                stream.records,
                stream.partitions.len(),
                Foreign::from(stream.stream.as_str())
            );
        }
        let _ = writeln!(
            text,
            "  apply it with `finops-host ledger accept {0}`, or give it up with `finops-host ledger reject {0}`",
            proposal.commit
        );
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_as_status_shows_it() {
        let of =
            |text| read_source(text).map(|source| (source.provider, source.billing_account, source.scope));
        let some = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(of("snowflake/MYORG/ACCT"), some("snowflake", "MYORG", "ACCT"));
        assert_eq!(of("aws/123"), some("aws", "123", ""));
        assert_eq!(of("aws"), None);
        assert_eq!(of("/x"), None);
    }
}
