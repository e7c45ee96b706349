//! Options of `run` about recordings.

use clap::Args;
use std::path::PathBuf;

/// Options of `run` about recordings.
#[derive(Debug, Args)]
pub(in crate::cli) struct Recording {
    /// Keep what the collector asks and gets in this file, to replay the run without a network.
    ///
    /// No secret stands in it: requests are kept as the collector sent them, before a credential is put on. What the provider
    /// answers is data of yours, such as account names and costs; look before you share it. Nothing of that name may exist.
    /// Goes on with the file's interval as --once does.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub(in crate::cli) record: Option<PathBuf>,
    /// Answer the collector from this recording: no network, no credential, and nothing is sent or paid.
    ///
    /// The file's rules and limits hold as ever, and the clock shows the time of the recording. What is found goes into an
    /// empty ledger, which is thrown away unless --into says otherwise.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) replay: Option<PathBuf>,
    /// Keep what a replay finds in a new ledger in this directory, to look at with --state-dir.
    #[arg(long, value_name = "DIR", requires = "replay")]
    pub(in crate::cli) into: Option<PathBuf>,
}
