//! `outbox`: entries that wait, are held, ambiguous or dead; and what the operator decides about them.

use super::{Failed, args, destination::LOCK_WAIT, environment, exit::Exit, render};
use crate::{
    foreign::Foreign,
    ledger::{
        Ledger,
        outbox::{
            DecisionError, EntryState, Filter, Listed, Listing, Retry, SHORT, Travel, destination_row,
            drop_entries, find, list, retry, show,
        },
        store::open_read_only,
    },
};
use rusqlite::Connection;
use serde_json::Value;
use std::{fmt::Write, path::Path};

/// Runs the command.
pub(super) async fn outbox(command: args::Outbox, state: Option<&Path>) -> Result<Exit, Failed> {
    let directory = environment::state_dir(state).map_err(Failed::config)?;
    // None of these makes a ledger where there is none.
    let reader = open_read_only(&directory)?;
    match command {
        args::Outbox::List(args) => listing(&reader, args)?,
        args::Outbox::Show { entry, json } => {
            let entry = show(&reader, find(&reader, &entry)?)?;
            super::print(&if json {
                format!("{:#}", serde_json::json!({ "entry": entry }))
            } else {
                whole(&entry)
            });
        }
        args::Outbox::Retry {
            entries,
            all,
            destination,
        } => {
            let which = if all {
                Retry::Dead(destination)
            } else {
                Retry::These(entries)
            };
            let ledger = Ledger::open(&directory, environment::clock().map_err(Failed::config)?)?;
            let count = decide(&ledger, move |connection| retry(connection, &which)).await?;
            super::print(&match count {
                0 => "no entry is dead".to_owned(),
                count => format!("{count} entries wait again; the next run delivers"),
            });
        }
        args::Outbox::Drop { entries, why } => {
            let clock = environment::clock().map_err(Failed::config)?;
            let (now, count) = (clock.now(), entries.len());
            let ledger = Ledger::open(&directory, clock)?;
            decide(&ledger, move |connection| {
                drop_entries(connection, &entries, &why, now)
            })
            .await?;
            super::print(&format!(
                "{count} entries are dropped and will not be sent; \
                 `finops-host destination rebase` posts what the destination then lacks"
            ));
        }
    }
    Ok(Exit::Done)
}

/// Carries out a decision while nobody delivers.
async fn decide<R, F>(ledger: &Ledger, decision: F) -> Result<R, Failed>
where
    R: Send + 'static,
    F: FnOnce(&mut Connection) -> Result<R, DecisionError> + Send + 'static,
{
    let _turn = ledger.lock_delivery(LOCK_WAIT).await.map_err(Failed::locked)?;
    carry_out(ledger, decision).await
}

/// Carries out a decision. The caller holds the delivery lock.
pub(super) async fn carry_out<R, F>(ledger: &Ledger, decision: F) -> Result<R, Failed>
where
    R: Send + 'static,
    F: FnOnce(&mut Connection) -> Result<R, DecisionError> + Send + 'static,
{
    Ok(ledger.store().decide(decision).await?)
}

impl From<DecisionError> for Failed {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::Unknown(message) => Self::config(message),
            DecisionError::Refused(message) => Self::refused(message),
            DecisionError::Ledger(error) => error.into(),
        }
    }
}

fn listing(reader: &Connection, args: args::OutboxList) -> Result<(), Failed> {
    if let Some(name) = &args.destination {
        destination_row(reader, name)?;
    }
    let states = if args.state.is_empty() {
        EntryState::OPEN.to_vec()
    } else {
        args.state
    };
    let filter = Filter {
        destination: args.destination,
        states,
        most: args.limit,
    };
    let listing = list(reader, &filter)?;
    super::print(&if args.json {
        format!("{:#}", serde_json::json!(listing))
    } else {
        table(&listing, &filter.states)
    });
    Ok(())
}

fn table(listing: &Listing, states: &[EntryState]) -> String {
    if listing.entries.is_empty() {
        let states: Vec<&str> = states.iter().map(|state| state.name()).collect();
        return format!("no entry is {}", states.join(" or "));
    }
    let rows = listing.entries.iter().map(|entry| {
        let dimension = |name: &str| entry.dims.get(name).and_then(Value::as_str).unwrap_or_default();
        vec![
            entry.entry_id.chars().take(SHORT).collect(),
            entry.destination.clone(),
            entry.state.to_string(),
            entry.amount.to_string(),
            entry.currency.clone(),
            dimension("stream").to_owned(),
            dimension("service").to_owned(),
            dimension("charge_start").to_owned(),
            entry.reason.clone().unwrap_or_default(),
        ]
    });
    let mut text = render::table(
        &[
            "entry",
            "destination",
            "state",
            ">amount",
            "currency",
            "stream",
            "service",
            "charged from",
            "reason",
        ],
        rows,
    );
    if listing.untold > 0 {
        let _ = write!(text, "\nand {} more: give --limit", listing.untold);
    }
    text
}

/// An entry, one line for each thing that is known of it.
fn whole(entry: &Listed) -> String {
    let mut text = format!("entry {}\n", entry.entry_id);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {:16} {}", Foreign::from(name), Foreign::from(value));
    };
    let (source, currency) = (&entry.source, &entry.currency);
    line(
        "destination",
        &format!("{}, epoch {}", entry.destination, entry.epoch),
    );
    line("state", entry.state.name());
    if let Some(reason) = &entry.reason {
        line("reason", reason);
    }
    line("amount", &format!("{} {currency}", entry.amount));
    line(
        "total after it",
        &format!(
            "{} {currency}, entry {} of its posting key",
            entry.total_after, entry.sequence
        ),
    );
    if let Some(batch) = &entry.batch {
        line("batch", &travel(batch));
    }
    line(
        "source",
        format!("{}/{}/{}", source.provider, source.billing_account, source.scope).trim_end_matches('/'),
    );
    line("posting key", &entry.posting_key);
    for (name, value) in &entry.dims {
        match value {
            Value::Object(inner) => {
                for (inner, value) in inner {
                    line(&format!("{name}.{inner}"), &plain(value));
                }
            }
            value => line(name, &plain(value)),
        }
    }
    text.trim_end().to_owned()
}

fn travel(batch: &Travel) -> String {
    let mut text = format!("{}, {}, sealed at {}", batch.uid, batch.state, batch.sealed_at);
    if let Some(sent) = batch.last_sent_at {
        let _ = write!(text, ", sent {} times, the last at {sent}", batch.attempts);
    }
    if let Some(next) = batch.next_at {
        let _ = write!(text, ", left alone until {next}");
    }
    if batch.maybe_duplicated {
        text.push_str(", may be there twice");
    }
    if let Some(error) = &batch.last_error {
        let _ = write!(text, ": {error}");
    }
    text
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
