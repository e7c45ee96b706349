//! The commands of `outbox`.

use crate::ledger::outbox::EntryState;
use clap::{Args, Subcommand};

/// The commands of `outbox`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Outbox {
    /// List the entries that wait, are held, ambiguous or dead, oldest first.
    List(OutboxList),
    /// Show an entry: its dimensions, amounts, state and batch.
    Show {
        /// Its id, or a beginning of it that no other has.
        entry: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Let dead entries wait again, under the same ids; the next run delivers them.
    Retry {
        /// Their ids, or beginnings of them.
        #[arg(value_name = "ENTRY", required_unless_present = "all", conflicts_with = "all")]
        entries: Vec<String>,
        /// All that are dead.
        #[arg(long)]
        all: bool,
        /// All that are dead at this destination.
        #[arg(long, value_name = "NAME", requires = "all")]
        destination: Option<String>,
    },
    /// Give entries up: they are never sent.
    ///
    /// The gap at the destination is recorded with the reason, and `status` and `check --ledger` tell of it until
    /// `destination rebase` repairs it. What the destination has or may have cannot be dropped.
    Drop {
        /// Their ids, or beginnings of them.
        #[arg(value_name = "ENTRY", required = true)]
        entries: Vec<String>,
        /// The reason, which is kept.
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
}

/// Options of `outbox list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct OutboxList {
    /// Only those of this destination.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) destination: Option<String>,
    /// Only those in these states, joined by commas: pending, held, ambiguous, settled, dead, dropped.
    #[arg(long, value_name = "STATES", value_delimiter = ',')]
    pub(in crate::cli) state: Vec<EntryState>,
    /// List so many at most.
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    pub(in crate::cli) limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
