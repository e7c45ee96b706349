//! The operator's file: the collector's whole authority, read once.
//!
//! What must hold: everything wrong with a file is said at once, each with line, cause and remedy; an unknown key is an
//! error; a file that others can write is refused; no secret is shown.

mod allow;
mod credentials;
mod errors;
mod limits;
mod mask;
mod openfinops;
mod permissions;
mod reading;
mod section;
mod settings;
mod suggest;
mod template;
mod units;

#[cfg(test)]
mod tests;

pub use errors::{ConfigError, ConfigErrors, Place};
pub use openfinops::OpenFinOps;
pub use template::template;
pub use units::duration;

use crate::{
    egress::{credential::CredentialSpec, rule::Rule},
    sandbox::limits::Limits,
};
use errors::Problems;
use reading::{Environment, NamedFile, Reading};
use section::{Item, Section};
use std::{
    cell::RefCell,
    fmt,
    fs::File,
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
    /// Time between two runs; `None`: run once.
    pub interval: Option<Duration>,
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
    /// What is allowed but unwise, for the operator.
    pub warnings: Vec<String>,
    text: String,
    settings: settings::Written,
}

impl Config {
    /// Reads a file: who can write it, what it says, and whether the files that it names can be read.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = permissions::read_guarded(path)?;
        let (config, files) = read(&text, path, &|name| std::env::var(name).ok())?;
        with_files(config, &files)
    }

    /// Reads the text of a file at `path`, without touching the disk.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        read(text, path, &|name| std::env::var(name).ok()).map(|(config, _)| config)
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

/// Checks that the named files can be read, and warns where others can read a secret.
fn with_files(mut config: Config, files: &[NamedFile]) -> Result<Config, ConfigErrors> {
    let problems = Problems::default();
    for named in files {
        let shown = named.path.display();
        match File::open(&named.path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_dir() => problems.add(
                &named.span,
                named.key.clone(),
                format!("{shown} is a directory"),
                "name the file in it".to_owned(),
            ),
            Ok(metadata) if named.secret && permissions::others_read(&metadata) => {
                let line = errors::line(&config.text, named.span.start);
                config.warnings.push(format!(
                    "{}:{line}: `{}`: others can read the secret file {shown}; chmod o-r it",
                    config.path.display(),
                    named.key
                ));
            }
            Ok(_) => {}
            Err(cause) => problems.add(
                &named.span,
                named.key.clone(),
                format!("{shown} cannot be read: {cause}"),
                "check the path (relative to this file) and its permissions".to_owned(),
            ),
        }
    }
    problems.into_result(&config.path, &config.text)?;
    Ok(config)
}

fn read(
    text: &str,
    path: &Path,
    environment: Environment<'_>,
) -> Result<(Config, Vec<NamedFile>), ConfigErrors> {
    let (table, syntax) = DeTable::parse_recoverable(text);
    syntax_problems(&syntax).into_result(path, text)?;
    let problems = Problems::default();
    let reading = Reading {
        text,
        directory: path.parent().unwrap_or(Path::new("")),
        environment,
        files: RefCell::default(),
    };
    let config = document(table.get_ref(), path, &reading, &problems);
    problems.into_result(path, text)?;
    Ok((config, reading.files.into_inner()))
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
        sha256: None,
        rules: root
            .take("allow")
            .map(|item| allow::read(&item, reading, &names))
            .unwrap_or_default(),
        credentials: credentials
            .map(|item| credentials::read(&item, reading))
            .unwrap_or_default(),
        limits: section("limits").map(limits::read).unwrap_or_default(),
        openfinops: section("openfinops").and_then(openfinops::read),
        warnings: Vec::new(),
        text: reading.text.to_owned(),
        settings: section("settings")
            .map(|section| settings::read(&section, reading))
            .unwrap_or_default(),
    };
    collector(section("collector"), reading, &mut config, problems);
    if let Some(item) = root.take("focus") {
        item.at_key(
            "FOCUS files are not in this version",
            "remove the section; `finops-host costs --json` prints what the ledger holds",
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

fn collector(section: Option<Section<'_>>, reading: &Reading<'_>, config: &mut Config, problems: &Problems) {
    let mut name = None;
    if let Some(section) = section {
        name = section.take("name").and_then(|item| {
            let name = item.text("a name such as \"snowflake-prod\"")?;
            if !is_name(name) {
                item.problem("this is no name", NAME_RULE);
            }
            Some(name.to_owned())
        });
        config.component = section
            .take("component")
            .and_then(|item| reading.path(&item, "the collector's .wasm file"));
        config.interval = section
            .take("interval")
            .and_then(|item| item.duration(Duration::from_secs(1), Duration::from_secs(366 * 86_400)));
        config.sha256 = section.take("sha256").and_then(|item| digest(&item));
        if let Some(item) = section.take("cron") {
            item.at_key(
                "only `serve` takes `cron`, and this version has no `serve`",
                "use `interval`, or start `run` from a timer",
            );
        }
        section.finish();
    }
    config.name = name.unwrap_or_else(|| {
        let stem = config.path.file_stem().unwrap_or_default().to_string_lossy();
        if !is_name(&stem) {
            let what = "the file's own name cannot name the instance";
            let remedy = format!("add [collector] name = \"...\": {NAME_RULE}");
            problems.add(&(0..0), "collector.name", what, remedy);
        }
        stem.into_owned()
    });
}

const NAME_RULE: &str = "at most 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit";

fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn digest(item: &Item<'_>) -> Option<String> {
    let expected = "the 64 hex digits that `finops-host inspect` or `sha256sum` shows";
    let text = item.text(expected)?.to_ascii_lowercase();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(text);
    }
    item.problem("this is no SHA-256 digest", format!("write {expected}"));
    None
}
