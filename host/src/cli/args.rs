//! The command line.

mod costs;
mod export;
mod init;
mod new;
mod outbox;
mod reconcile;
mod recording;

pub(super) use costs::{Compare, Costs, Since};
pub(super) use export::Export;
pub(super) use init::Init;
pub(super) use new::New;
pub(super) use outbox::{Outbox, OutboxList};
pub(super) use reconcile::Reconcile;
pub(super) use recording::Recording;

use super::terminal::Colours;
use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use std::{path::PathBuf, time::Duration};

/// Runs cost collectors as sandboxed WebAssembly components and keeps what they find in an exact ledger.
///
/// A collector can do only what the operator's file grants: calls to the hosts, methods and paths it lists, with the
/// credentials that the host puts on them. What it finds goes into a ledger that takes restated bills, reruns and crashes
/// without counting a cent twice, and from there to OpenFinOps.
#[derive(Debug, Parser)]
#[command(name = "finops-host", version, max_term_width = 110)]
pub(super) struct Cli {
    /// Where the ledger lies.
    ///
    /// Else the environment's FINOPS_HOST_STATE_DIR, systemd's STATE_DIRECTORY, or finops-host below
    /// XDG_STATE_HOME (normally ~/.local/state).
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,

    /// How much to log: error, warn, info, debug or trace.
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    pub(super) log: String,

    /// When to use colours: auto (on a terminal), always or never. NO_COLOR and CLICOLOR_FORCE are heeded.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        value_enum,
        hide_possible_values = true
    )]
    pub(super) color: Colours,

    /// Show no moving line while a run works. There is none anyway in a pipe, with --json, CI set or TERM=dumb.
    #[arg(long, global = true)]
    pub(super) no_progress: bool,

    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a collector, once or every `interval` of its file, and deliver what is new.
    Run(Run),
    /// Run every instance of a directory, or of a host file, on its own schedule, until told to stop.
    Serve(Serve),
    /// Show what a component is and what it asks for, before it is granted anything.
    Inspect(Inspect),
    /// Print an operator's file for a collector, filled from its own description, to review and edit; or turn the old SaaS
    /// agent's file into such files.
    Init(Init),
    /// Begin a collector of your own: a crate with a small one that works, its test, and a recording to run it from.
    New(New),
    /// Check an operator's file and its component; with --probe, provider and destination; with --ledger, the ledger's laws.
    Check(Check),
    /// Show costs from the ledger, exactly summed.
    Costs(Costs),
    /// Compare the books of a billing month with the totals that providers told; a difference exits 74.
    ///
    /// A total is what a reply said of itself when it was read, kept with the commit that it was checked against. It is compared
    /// with the records as they are now, by source, stream and currency. Where a provider gives none, that is said: nothing was
    /// compared then.
    Reconcile(Reconcile),
    /// Write FOCUS files of what the ledger holds: CSV, Parquet or JSON lines.
    Export(Export),
    /// Show runs, coverage and what waits for delivery.
    Status(Status),
    /// Decide on commits that were held for review, whose money a source is, and what goes on counting.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Show entries that wait for a destination, or that it refused; try those again, or give some up.
    #[command(subcommand)]
    Outbox(Outbox),
    /// Show destinations; pause delivery to one, let it go on, or repair what one lacks.
    #[command(subcommand)]
    Destination(Destination),
    /// Print what a shell needs to complete command lines.
    Completions(Completions),
    /// Print the manual page, or write one for each command.
    Man(Man),
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    pub(super) shell: clap_complete::Shell,
}

/// Options of `man`.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Write a page for each command into this directory.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The collector: a WebAssembly component.
    pub(super) wasm: PathBuf,
    /// The operator's file, which grants what the collector may do.
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
    /// Run once even if the file has an interval.
    #[arg(long)]
    pub(super) once: bool,
    /// Store and send nothing; show the difference a run would make.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// First day to read (UTC): a backfill.
    #[arg(long, value_name = "DAY")]
    pub(super) since: Option<jiff::civil::Date>,
    /// Day after the last one to read (UTC); default: today.
    #[arg(long, value_name = "DAY", requires = "since")]
    pub(super) until: Option<jiff::civil::Date>,
    /// How long to try delivering after a single run.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(super) deliver_for: Duration,
    /// How long to wait for another run of the same instance.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub(super) lock_wait: Duration,
    /// Deliver even if the destination already knows a source that this ledger never sent.
    ///
    /// A lost or new ledger, a moved endpoint, or another measure or group-by begins with everything that the ledger
    /// holds. Where the destination kept what it got before, that money would be there twice.
    #[arg(long)]
    pub(super) fresh: bool,
    /// Let a changed price list of the settings change what past days have cost.
    ///
    /// Without it, a commit that would price complete past days anew is held for review. With --dry-run, it shows the
    /// difference.
    #[arg(long)]
    pub(super) reprice: bool,
    #[command(flatten)]
    pub(super) recording: Recording,
    /// Print the run's summary as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Options of `serve`.
///
/// Each file names its collector with `[collector] component` and when it runs with `interval` or `cron`; with neither, the
/// cadences of its streams rule. SIGHUP, or a changed file or component, has all files read again: those that are fit are taken
/// over for their next run, the others stay as they were, and why is told. A broken instance never holds up another.
///
/// SIGTERM ends it within 25 seconds; what is committed stays, and what waits for delivery is sent after the next start.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// A directory of operator's files, or a host file, which is a ceiling over such directories.
    pub(super) path: PathBuf,
    /// Where /livez, /readyz and /metrics are asked for; /statusz answers this machine alone. Default: 127.0.0.1:9464.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) listen: Option<std::net::SocketAddr>,
    /// How many runs there are at once; each may use the memory that its limits allow. Default: 8.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MOST_PARALLEL)))]
    pub(super) parallel: Option<u32>,
}

/// Options of `inspect`.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The component.
    pub(super) wasm: PathBuf,
    /// Neither compile nor run it: only what the file itself shows.
    #[arg(long = "static")]
    pub(super) only_static: bool,
    /// Compare what it wants with what this operator's file grants.
    #[arg(long, value_name = "FILE", conflicts_with = "only_static")]
    pub(super) config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The operator's file; or a host file or a directory, then every operator's file that `serve` would run of it.
    #[arg(required_unless_present = "ledger")]
    pub(super) config: Option<PathBuf>,
    /// The component to check it against.
    #[arg(long, value_name = "WASM", requires = "config")]
    pub(super) component: Option<PathBuf>,
    /// Ask the provider and the destination whether a run would work.
    ///
    /// The component is run as always: under the file's rules, credentials and limits. It calls as little as may be, and says
    /// what a first run would read where it knows. Nothing that it finds is kept, and nothing is posted; paid calls are paid.
    #[arg(long, requires = "component")]
    pub(super) probe: bool,
    /// Prove the ledger's laws over every row.
    #[arg(long)]
    pub(super) ledger: bool,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// One of several values by its name.
fn one_of<T>(all: &'static [T], name: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.iter().map(|value| name(*value))).try_map(move |text| {
        let found = all.iter().copied().find(|value| name(*value) == text);
        found.ok_or("this is not known")
    })
}

/// Options of `status`.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Show instead what the ledger holds of each stream: the newest complete period, what of it may still change (partial, or
    /// read within the source's latency), gaps, and what is archived.
    #[arg(long)]
    pub(super) coverage: bool,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// The commands of `ledger`.
#[derive(Debug, Subcommand)]
pub(super) enum Ledger {
    /// List the commits that are held, and why.
    Review {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Apply a held commit as it was written.
    Accept {
        /// Its number, from `ledger review`.
        commit: i64,
    },
    /// Give a held commit up; what stands stays.
    Reject {
        /// Its number, from `ledger review`.
        commit: i64,
    },
    /// Give a source to another instance.
    Adopt {
        /// The source, as `status` shows it: PROVIDER/BILLING-ACCOUNT or PROVIDER/BILLING-ACCOUNT/SCOPE.
        source: String,
        /// The instance that is to own it.
        instance: String,
    },
    /// Let a source take no more commits; its records keep counting.
    Freeze {
        /// The source, as `status` shows it.
        source: String,
    },
    /// Let a frozen source take commits again.
    Unfreeze {
        /// The source, as `status` shows it.
        source: String,
    },
    /// Take a source, or one of its streams, out of the books; its records stay as history.
    ///
    /// What was posted of it is reversed, and it takes no more commits. This is final: freeze a source that may come back.
    Retire {
        /// The source, as `status` shows it.
        source: String,
        /// Only this stream of it.
        #[arg(long, value_name = "NAME")]
        stream: Option<String>,
        /// The stream that takes its place: a new grain or key of the same money, or a view that is to count.
        ///
        /// Wherever this one is complete, its records count instead. Where it has nothing yet, the retired one's go on.
        #[arg(long, value_name = "NAME", requires = "stream")]
        in_favour_of: Option<String>,
    },
    /// Make a new ledger of what can be read of a damaged one, or take an older state of it knowingly.
    ///
    /// What is lost is named row by row. Partitions that lost something are read again by the next runs. A destination of
    /// which it is not certain what it has is paused, so that nothing is sent to it twice unasked. The damaged files are kept
    /// under another name.
    Salvage {
        /// Put the new ledger into this directory, and leave everything here as it is.
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The commands of `destination`.
#[derive(Debug, Subcommand)]
pub(super) enum Destination {
    /// List destinations and what waits for them.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send nothing to a destination until it is resumed.
    Pause {
        /// Its name.
        #[arg(default_value = "openfinops")]
        name: String,
    },
    /// Let a paused destination go on, at once.
    Resume {
        /// Its name.
        #[arg(default_value = "openfinops")]
        name: String,
    },
    /// Begin anew at a journal: post what it lacks, and no more.
    ///
    /// What it certainly has is carried over, dead and dropped entries are closed, and the difference to what the
    /// providers say now is posted for the next run to deliver.
    Rebase {
        /// Its name.
        #[arg(default_value = "openfinops")]
        name: String,
        /// It was emptied: send everything again. Refused while it lists a source that it was sent.
        #[arg(long)]
        emptied: bool,
    },
}

/// A duration such as `90s`, `15m`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    crate::config::duration(text).ok_or_else(|| "give a time such as 90s, 15m or 1h30m".to_owned())
}
