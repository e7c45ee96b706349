//! The command line.

mod init;
mod new;
mod reconcile;
mod recording;

pub(super) use init::Init;
pub(super) use new::New;
pub(super) use reconcile::Reconcile;
pub(super) use recording::Recording;

use super::terminal::Colours;
use crate::{
    component::descriptor::Basis,
    export::{FocusVersion, Format},
    ledger::{
        destination::Measure,
        month::Month,
        outbox::EntryState,
        record::{ChargeCategory, basis_name},
    },
};
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

/// Options of `costs`.
#[derive(Debug, Args)]
pub(super) struct Costs {
    /// First day (UTC), or how many days back from today, such as 7d; default: the first that the ledger covers.
    #[arg(long, value_name = "DAY")]
    pub(super) since: Option<Since>,
    /// Day after the last one (UTC); default: after the last that it covers.
    #[arg(long, value_name = "DAY")]
    pub(super) until: Option<jiff::civil::Date>,
    /// Rows by these dimensions, joined by commas: provider, source, stream, service, category, charge-category, account,
    /// sub-account, region, resource, resource-name, resource-type, sku, user, basis, day, month, tag:NAME, x_NAME.
    #[arg(
        long,
        value_name = "DIMENSIONS",
        value_delimiter = ',',
        default_value = "service"
    )]
    pub(super) by: Vec<String>,
    /// Only this provider.
    #[arg(long)]
    pub(super) provider: Option<String>,
    /// Only this stream; a view is shown too if it is named.
    #[arg(long)]
    pub(super) stream: Option<String>,
    /// Show this cost alone, the largest first; default: effective and billed, in the order of the dimensions.
    ///
    /// A record without list or contracted cost counts with what was billed.
    #[arg(long, value_parser = one_of(&Measure::ALL, Measure::name))]
    pub(super) measure: Option<Measure>,
    /// Leave out charges of these categories, joined by commas: usage, purchase, tax, credit, adjustment.
    #[arg(long, value_name = "CATEGORIES", value_delimiter = ',', value_parser = charge_category())]
    pub(super) exclude: Vec<ChargeCategory>,
    /// Show the largest so many rows of each currency, and the others as one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) top: Option<u32>,
    /// Beside each row, what it came to in the period before, which is as long.
    #[arg(long, value_name = "WITH")]
    pub(super) compare: Option<Compare>,
    /// Also what was consumed, by unit.
    #[arg(long)]
    pub(super) quantities: bool,
    /// What the providers had said by the end of that day (UTC), not what they say now.
    #[arg(long, value_name = "DAY")]
    pub(super) as_of: Option<jiff::civil::Date>,
    /// Also the money of instances with `count = false`, apart and in no total.
    #[arg(long)]
    pub(super) all: bool,
    /// Draw bars beside a time series also where standard output is no terminal: rows by day or month.
    #[arg(long)]
    pub(super) bars: bool,
    /// Write one page for browsers into this file instead: charts and tables, readable without a network or scripts.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "bars", "all"])]
    pub(super) html: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Where a period begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// With this day.
    Day(jiff::civil::Date),
    /// With the day that lies so many days before today.
    DaysBack(u16),
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(days) = text.strip_suffix('d') {
            return days.parse().map(Self::DaysBack).map_err(|_| {
                format!("{days:?} is no number of days; write 7d, or a day such as 2026-08-01")
            });
        }
        text.parse()
            .map(Self::Day)
            .map_err(|error| format!("{error}; write a day such as 2026-08-01, or 7d"))
    }
}

/// What costs are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Compare {
    /// The period before, which is as long.
    Previous,
}

/// A charge category in any case; `credits` is one, too.
fn charge_category() -> impl TypedValueParser<Value = ChargeCategory> {
    clap::builder::StringValueParser::new().try_map(|text| {
        let wanted = text.to_lowercase();
        let found = ChargeCategory::ALL.into_iter().find(|category| {
            let name = category.name().to_lowercase();
            wanted == name || wanted.strip_suffix('s') == Some(&name)
        });
        found.ok_or("there are usage, purchase, tax, credit and adjustment")
    })
}

/// Options of `export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The format of the files.
    #[arg(long, default_value = "csv", value_parser = one_of(&Format::ALL, Format::name))]
    pub(super) format: Format,
    /// The version of FOCUS.
    #[arg(long, value_name = "VERSION", default_value = "1.4", value_parser = one_of(&FocusVersion::ALL, FocusVersion::name))]
    pub(super) focus: FocusVersion,
    /// First day (UTC) on which charges begin.
    #[arg(long, value_name = "DAY")]
    pub(super) since: Option<jiff::civil::Date>,
    /// Day after the last one (UTC).
    #[arg(long, value_name = "DAY")]
    pub(super) until: Option<jiff::civil::Date>,
    /// Only billing periods that begin in this month, such as 2026-10.
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["since", "until"])]
    pub(super) period: Option<Month>,
    /// Only this provider.
    #[arg(long)]
    pub(super) provider: Option<String>,
    /// Only amounts of this basis; default: billed, and into a directory each basis as a file of its own.
    #[arg(long, value_parser = one_of(&BASES, basis_name))]
    pub(super) basis: Option<Basis>,
    /// A file, a directory (or what ends with /), or - for standard output.
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub(super) out: PathBuf,
    /// The journal instead: every entry that was made for a destination.
    #[arg(long, conflicts_with_all = ["basis", "strict"])]
    pub(super) entries: bool,
    /// Write nothing where a row is not what the specification says.
    #[arg(long)]
    pub(super) strict: bool,
    /// Print JSON about the files.
    #[arg(long)]
    pub(super) json: bool,
}

/// All bases.
const BASES: [Basis; 3] = [Basis::Billed, Basis::ListPrice, Basis::Estimated];

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

/// The commands of `outbox`.
#[derive(Debug, Subcommand)]
pub(super) enum Outbox {
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
pub(super) struct OutboxList {
    /// Only those of this destination.
    #[arg(long, value_name = "NAME")]
    pub(super) destination: Option<String>,
    /// Only those in these states, joined by commas: pending, held, ambiguous, settled, dead, dropped.
    #[arg(long, value_name = "STATES", value_delimiter = ',')]
    pub(super) state: Vec<EntryState>,
    /// List so many at most.
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    pub(super) limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
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
