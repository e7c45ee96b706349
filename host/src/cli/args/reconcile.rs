//! Options of `reconcile`.

use crate::ledger::month::Month;
use clap::Args;

/// Options of `reconcile`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Reconcile {
    /// The month in which billing periods begin, such as 2026-10.
    #[arg(long, value_name = "MONTH")]
    pub(in crate::cli) period: Month,
    /// Only this provider.
    #[arg(long)]
    pub(in crate::cli) provider: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
