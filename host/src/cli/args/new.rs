//! Options of `new`.

use clap::Args;
use std::path::PathBuf;

/// Options of `new`.
#[derive(Debug, Args)]
pub(in crate::cli) struct New {
    /// The collector's name, and that of its crate: lower-case letters, digits and `-`, such as acme-cloud.
    pub(in crate::cli) name: String,
    /// Where to put it; default: a directory of that name here. It must be empty, or not there.
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) directory: Option<PathBuf>,
    /// The SDK in a checkout of finops-host: its directory sdk.
    #[arg(long, value_name = "DIR", conflicts_with = "sdk_git")]
    pub(in crate::cli) sdk_path: Option<PathBuf>,
    /// The SDK in a git repository of finops-host.
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) sdk_git: Option<String>,
}
