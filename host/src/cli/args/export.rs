//! Options of `export`.

use super::one_of;
use crate::{
    component::descriptor::Basis,
    export::{FocusVersion, Format},
    ledger::{month::Month, record::basis_name},
};
use clap::Args;
use std::path::PathBuf;

/// Options of `export`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// The format of the files.
    #[arg(long, default_value = "csv", value_parser = one_of(&Format::ALL, Format::name))]
    pub(in crate::cli) format: Format,
    /// The version of FOCUS.
    #[arg(long, value_name = "VERSION", default_value = "1.4", value_parser = one_of(&FocusVersion::ALL, FocusVersion::name))]
    pub(in crate::cli) focus: FocusVersion,
    /// First day (UTC) on which charges begin.
    #[arg(long, value_name = "DAY")]
    pub(in crate::cli) since: Option<jiff::civil::Date>,
    /// Day after the last one (UTC).
    #[arg(long, value_name = "DAY")]
    pub(in crate::cli) until: Option<jiff::civil::Date>,
    /// Only billing periods that begin in this month, such as 2026-10.
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["since", "until"])]
    pub(in crate::cli) period: Option<Month>,
    /// Only this provider.
    #[arg(long)]
    pub(in crate::cli) provider: Option<String>,
    /// Only amounts of this basis; default: billed, and into a directory each basis as a file of its own.
    #[arg(long, value_parser = one_of(&BASES, basis_name))]
    pub(in crate::cli) basis: Option<Basis>,
    /// A file, a directory (or what ends with /), or - for standard output.
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub(in crate::cli) out: PathBuf,
    /// The journal instead: every entry that was made for a destination.
    #[arg(long, conflicts_with_all = ["basis", "strict"])]
    pub(in crate::cli) entries: bool,
    /// Write nothing where a row is not what the specification says.
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Print JSON about the files.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// All bases.
const BASES: [Basis; 3] = [Basis::Billed, Basis::ListPrice, Basis::Estimated];
