//! Arguments of `init`.

use clap::Args;
use std::path::PathBuf;

/// Options of `init`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Init {
    /// The component.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    pub(in crate::cli) wasm: Option<PathBuf>,
    /// Instead: write a file for each service of this saas_config.json of OpenFinOps' old SaaS agent.
    ///
    /// Secrets are not copied: the files name environment variables, and the command prints which to set. Services that are
    /// disabled or not known, and keys that are not taken over, are listed.
    #[arg(long, value_name = "FILE", requires = "out")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// The directory to write into: a new or an empty one.
    #[arg(long, value_name = "DIR", requires = "from")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Write the secrets into files of this directory (new or empty), which only you can read; the operator's files name them.
    #[arg(long, value_name = "DIR", requires = "from")]
    pub(in crate::cli) secrets_to: Option<PathBuf>,
    /// With --from: print JSON about what was written and what is to be done.
    #[arg(long, requires = "from")]
    pub(in crate::cli) json: bool,
}
