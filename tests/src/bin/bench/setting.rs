//! What all measurements stand on: programs, components, operator's files, and a directory that is deleted at the end.

use crate::{child::Simulator, figure::RECORDS};
use clap::Parser;
use finops_host::{component::CacheDir, ledger::record::Period, schedule::Asked};
use finops_tests::{
    Error,
    program::NOW,
    snowflake::identity::{ACCOUNT_IDENTIFIER, HOST as PROVIDER, ROLE, WAREHOUSE},
};
use jiff::{Timestamp, tz::Offset};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// The provider's host name.
pub(crate) const HOST: &str = PROVIDER;
/// The header that says what the bearer token is.
pub(crate) const TOKEN_TYPE: (&str, &str) = (
    "X-Snowflake-Authorization-Token-Type",
    "PROGRAMMATIC_ACCESS_TOKEN",
);
/// Rounds of arithmetic of the guest that computes.
const COMPUTE_ROUNDS: u64 = 200_000_000;
/// First day of the simulator's data.
pub(crate) const SINCE: &str = "2026-06-01";

/// Where programs, components and scripts lie, and how the figures are printed. `cargo xtask bench` fills it in.
#[derive(Parser)]
#[command(about = "Measures finops-host; `cargo xtask bench` builds all that it needs and calls it")]
pub(crate) struct Arguments {
    /// The program finops-host, of the same build
    #[arg(long)]
    pub(crate) host: PathBuf,
    /// The program simulator, of the same build
    #[arg(long)]
    simulator: PathBuf,
    /// The component of the Snowflake collector
    #[arg(long)]
    pub(crate) collector: PathBuf,
    /// The component of the hostile guest
    #[arg(long)]
    pub(crate) guest: PathBuf,
    /// The folder of measure.py and baseline.py
    #[arg(long)]
    pub(crate) scripts: PathBuf,
    /// Measure the ledger alone
    #[arg(long)]
    pub(crate) ledger: bool,
    /// Measure starting and serving alone
    #[arg(long)]
    pub(crate) serve: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Everything that is made before the measuring begins.
pub(crate) struct Setting {
    pub(crate) arguments: Arguments,
    pub(crate) simulator: Simulator,
    directory: TempDir,
}

impl Setting {
    /// Starts the simulator and writes the operator's files.
    pub(crate) fn new(mut arguments: Arguments) -> Result<Self, Error> {
        // The operator's files lie elsewhere, and paths in them are seen from there.
        for path in [
            &mut arguments.host,
            &mut arguments.simulator,
            &mut arguments.collector,
            &mut arguments.guest,
        ] {
            *path = path.canonicalize()?;
        }
        // Beside the programs: a temporary directory may be in memory, where writing through to the disk costs nothing.
        let beside = arguments.host.parent().ok_or("--host lies in no folder")?;
        let directory = tempfile::Builder::new().prefix("bench.").tempdir_in(beside)?;
        let simulator = Simulator::start(&arguments.simulator, directory.path().join("secrets"))?;
        let setting = Self {
            arguments,
            simulator,
            directory,
        };
        fs::write(setting.snowflake(), snowflake(&setting.simulator))?;
        fs::write(setting.records(), records())?;
        fs::write(setting.compute(), compute())?;
        Ok(setting)
    }

    /// A directory for what the measurements write.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A code cache that the measurements share.
    pub(crate) fn cache(&self) -> CacheDir {
        CacheDir::open(&self.directory().join("cache"))
    }

    /// An empty state directory.
    pub(crate) fn fresh_state(&self) -> Result<TempDir, Error> {
        Ok(tempfile::Builder::new()
            .prefix("state.")
            .tempdir_in(self.directory())?)
    }

    /// The operator's file of the Snowflake collector.
    pub(crate) fn snowflake(&self) -> PathBuf {
        self.directory().join("snowflake.toml")
    }

    /// The operator's file of the guest that computes.
    pub(crate) fn compute(&self) -> PathBuf {
        self.directory().join("compute.toml")
    }

    /// The operator's file of the guest that writes records.
    pub(crate) fn records(&self) -> PathBuf {
        self.directory().join("records.toml")
    }
}

/// The clock of all measurements over the simulator's data.
pub(crate) fn now() -> Result<Timestamp, Error> {
    Ok(NOW.parse()?)
}

/// All that the simulator has.
pub(crate) fn backfill() -> Result<Asked, Error> {
    let day: jiff::civil::Date = SINCE.parse()?;
    let start = Offset::UTC.to_timestamp(day.at(0, 0, 0, 0))?;
    let period = Period::new(start, now()?).ok_or("the backfill has no length")?;
    Ok(Asked::Backfill(period))
}

fn snowflake(simulator: &Simulator) -> String {
    let (name, value) = TOKEN_TYPE;
    format!(
        r#"[settings]
account = "{ACCOUNT_IDENTIFIER}"
warehouse = "{WAREHOUSE}"
role = "{ROLE}"

[[allow]]
host = "{HOST}"
methods = ["GET", "POST"]
paths = ["/api/v2/statements"]
credential = "snowflake"
connect-to = "{}"
ca = "secrets/ca.pem"

[credentials.snowflake]
scheme = "bearer"
token = {{ file = "secrets/pat.txt" }}
headers = {{ {name} = "{value}" }}

# A program that is not optimised needs more time.
[limits]
cpu = "10m"
"#,
        simulator.addr
    )
}

fn compute() -> String {
    format!("[settings]\nact = \"compute\"\ncount = {COMPUTE_ROUNDS}\n\n[limits]\ncpu = \"10m\"\n")
}

fn records() -> String {
    format!("[settings]\nact = \"records\"\ncount = {RECORDS}\n\n[limits]\ncpu = \"10m\"\n")
}
