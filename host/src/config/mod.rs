//! The operator's file: the collector's whole authority, read once.
//!
//! What must hold: everything wrong with a file is said at once, each with line, cause and remedy; an unknown key is an
//! error; a file that others can write is refused; no secret is shown.

mod allow;
mod ceiling;
mod collector;
mod credentials;
mod cron;
mod errors;
mod files;
mod focus;
mod host;
mod limits;
mod mask;
mod openfinops;
mod permissions;
mod reading;
mod section;
mod settings;
mod site;
mod suggest;
mod tags;
mod template;
mod units;
pub mod wants;

#[cfg(test)]
mod tests;

pub use ceiling::Ceiling;
pub use cron::{Cron, CronError};
pub use errors::{ConfigError, ConfigErrors, Place};
pub use host::{HostFile, MOST_PARALLEL, Serve, Tenant, Written, read_any};
pub use openfinops::OpenFinOps;
pub use site::Site;
pub use template::template;
pub use units::duration;
pub(crate) use units::{show_duration, show_size};

use crate::{
    component::descriptor::LookBack,
    egress::{credential::CredentialSpec, rule::Rule},
    export::snapshot::SnapshotConfig,
    ledger::{HoldPolicy, Money, tags::Tags},
    sandbox::limits::Limits,
};
use errors::{Problems, Span};
use reading::{Environment, Reading};
use section::{Item, Section};
use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};
use toml::de::{DeTable, DeValue};

/// One instance, as its file describes it.
#[derive(Clone)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// Name of the instance.
    pub name: String,
    /// The collector's file, where this one names it.
    pub component: Option<PathBuf>,
    /// Time between two runs; `None`: run once, or under `serve` by `cron` or the streams' cadences.
    pub interval: Option<Duration>,
    /// When `serve` runs it, instead of `interval`.
    pub cron: Option<Cron>,
    /// The most by which `serve` puts its runs off its schedule, so that instances do not all run at once.
    pub jitter: Option<Duration>,
    /// The only digest that the component may have: SHA-256 in lower-case hex.
    pub sha256: Option<String>,
    /// What the collector may call.
    pub rules: Vec<Rule>,
    /// How the host authenticates those calls.
    pub credentials: Vec<CredentialSpec>,
    /// What one run may use.
    pub limits: Limits,
    /// Where entries go, besides the ledger.
    pub openfinops: Option<OpenFinOps>,
    /// Where FOCUS files go.
    pub focus: Option<SnapshotConfig>,
    /// Files that it names: secrets and certificates.
    pub files: Vec<PathBuf>,
    /// The operator's own tags of its money.
    pub tags: Tags,
    /// Whether its money counts, or is kept apart.
    pub money: Money,
    /// How far back every stream is read, instead of its own look-back.
    pub look_back: Option<LookBack>,
    /// Which commits are held for review.
    pub hold: HoldPolicy,
    /// Months after which a partition's detail is archived; `None`: never.
    pub archive_after: Option<u32>,
    /// What is allowed but unwise, for the operator.
    pub warnings: Vec<String>,
    text: String,
    settings: settings::Written,
    /// The limits that the file itself gives, and where.
    limits_at: Vec<(String, Span)>,
}

impl Config {
    /// Reads a file: who can write it, what it says, and whether the files that it names can be read.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = permissions::read_guarded(path)?;
        let around = Around {
            environment: &|name| std::env::var(name).ok(),
            files: Files::Looked,
            ceiling: None,
        };
        read(&text, path, &around)
    }

    /// Reads a file for a run that uses no credential: neither the secrets nor the certificates that it names are looked for,
    /// and a variable that is not set has a stand-in.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load_without_secrets(path: &Path) -> Result<Self, ConfigErrors> {
        let text = permissions::read_guarded(path)?;
        let around = Around {
            environment: &|name| std::env::var(name).ok(),
            files: Files::Unused,
            ceiling: None,
        };
        let mut config = read(&text, path, &around)?;
        config.files.clear();
        Ok(config)
    }

    /// Reads the text of a file at `path`, without touching the disk.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        let around = Around {
            environment: &|name| std::env::var(name).ok(),
            files: Files::Left,
            ceiling: None,
        };
        read(text, path, &around)
    }
}

impl Config {
    /// Whether two files say the same, word for word. What they name, such as secrets, may have changed all the same.
    #[must_use]
    pub fn reads_as(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Without the settings, which may come from variables.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("path", &self.path)
            .field("name", &self.name)
            .field("rules", &self.rules)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// What a variable of the environment that is not set has, where no secret is used.
const NOT_SET: &str = "(not set)";

/// What a file is read against.
struct Around<'a> {
    environment: Environment<'a>,
    files: Files,
    ceiling: Option<&'a Ceiling>,
}

/// Whether the files that a file names are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Files {
    Looked,
    Left,
    Unused,
}

fn read(text: &str, path: &Path, around: &Around<'_>) -> Result<Config, ConfigErrors> {
    let (table, syntax) = DeTable::parse_recoverable(text);
    syntax_problems(&syntax).into_result(path, text)?;
    let problems = Problems::default();
    let reading = Reading {
        stand_in: (around.files == Files::Unused).then_some(NOT_SET),
        roots: around.ceiling.map(|ceiling| ceiling.secrets.as_slice()),
        ..Reading::of(text, path, around.environment)
    };
    let mut config = document(table.get_ref(), path, &reading, &problems);
    config.files = reading
        .files
        .borrow()
        .iter()
        .map(|named| named.path.clone())
        .collect();
    if let Some(ceiling) = around.ceiling {
        for excess in ceiling::exceeds(ceiling, &config, &reading.variables.borrow()) {
            problems.add(&excess.at, excess.key, excess.what, excess.remedy);
        }
    }
    if around.files == Files::Looked {
        let warnings = files::look(&reading, path, around.ceiling, &problems);
        config.warnings.extend(warnings);
    }
    problems.into_result(path, text)?;
    if let Some(ceiling) = around.ceiling {
        config.limits = ceiling::lowered(&config.limits, &ceiling.limits);
    }
    Ok(config)
}

fn syntax_problems(syntax: &[toml::de::Error]) -> Problems {
    let problems = Problems::default();
    for error in syntax {
        let remedy = "this is TOML: text stands in quotes, tables begin with [name]".to_owned();
        problems.add(&error.span().unwrap_or(0..0), "", error.message(), remedy);
    }
    problems
}

fn document(table: &DeTable<'_>, path: &Path, reading: &Reading<'_>, problems: &Problems) -> Config {
    let root = Section::root(table, problems);
    let section = |key: &'static str| {
        root.take(key)
            .and_then(|item| item.section(&format!("a [{key}] table")))
    };
    let credentials = root.take("credentials");
    let names = credentials.as_ref().map(names).unwrap_or_default();
    let mut config = Config {
        path: path.to_owned(),
        name: String::new(),
        component: None,
        interval: None,
        cron: None,
        jitter: None,
        sha256: None,
        rules: root
            .take("allow")
            .map(|item| allow::read(&item, reading, &names))
            .unwrap_or_default(),
        credentials: credentials
            .map(|item| credentials::read(&item, reading))
            .unwrap_or_default(),
        limits: Limits::default(),
        openfinops: section("openfinops").and_then(|section| openfinops::read(&section, reading)),
        focus: section("focus").and_then(|section| focus::read(&section, path, reading)),
        files: Vec::new(),
        tags: section("tags")
            .map(|section| tags::read(&section))
            .unwrap_or_default(),
        money: Money::default(),
        look_back: None,
        hold: HoldPolicy::default(),
        archive_after: None,
        warnings: Vec::new(),
        text: reading.text.to_owned(),
        settings: section("settings")
            .map(|section| settings::read(&section, reading))
            .unwrap_or_default(),
        limits_at: Vec::new(),
    };
    if let Some(section) = section("limits") {
        (config.limits, config.limits_at) = limits::read(&section);
    }
    collector::read(section("collector"), reading, &mut config, problems);
    if let Some(item) = root.take("directory") {
        item.at_key(
            "this is a table of a host file, which is over the files of instances",
            "name an instance's own file here; `finops-host check` takes host files",
        );
    }
    root.finish();
    config.warnings.extend(spending(&config));
    config
}

/// What a price or a spending limit lacks without the other.
fn spending(config: &Config) -> Option<String> {
    let path = config.path.display();
    let priced = config.rules.iter().find(|rule| rule.price.is_some());
    match (priced, config.limits.spend.is_unlimited()) {
        (Some(rule), true) => Some(format!(
            "{path}:{}: calls of this rule cost money, and nothing limits how much: add [limits] spend = {{ per-month = \"20.00\" }}",
            rule.line
        )),
        (None, false) => Some(format!(
            "{path}: [limits] spend limits nothing: no rule has a `price`"
        )),
        _ => None,
    }
}

/// The names of a table's entries.
fn names<'a>(item: &Item<'a>) -> Vec<&'a str> {
    match item.value {
        DeValue::Table(table) => table.keys().map(|key| key.get_ref().as_ref()).collect(),
        _ => Vec::new(),
    }
}
