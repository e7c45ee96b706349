//! `host.toml`: ceilings over directories of tenants' files, and those files read under them.
//!
//! What must hold: only files of a named directory are read, as they lie there and not through a link that leads out of it;
//! a name belongs to one instance alone.

use super::{
    Around, Config, ConfigErrors, Files,
    ceiling::{self, Ceiling, Resolve},
    errors::Problems,
    permissions,
    reading::{Environment, Reading},
    section::Section,
    syntax_problems,
};
use crate::{egress::credential::open_below, foreign::Foreign};
use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use toml::de::DeTable;

/// A host file: the ceilings of all tenants.
#[derive(Clone, Debug)]
pub struct HostFile {
    /// The file.
    pub path: PathBuf,
    /// One for each directory.
    pub ceilings: Vec<Ceiling>,
    /// How `serve` runs them.
    pub serve: Serve,
    /// What is allowed but unwise, for the operator.
    pub warnings: Vec<String>,
}

/// `[serve]`: how `serve` runs what the host file is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serve {
    /// Where health and metrics are asked for.
    pub listen: Option<SocketAddr>,
    /// How many runs there are at once.
    pub parallel: Option<u32>,
}

/// The most runs at once that may be asked for.
pub const MOST_PARALLEL: u32 = 1_000;

/// An operator's file that `serve` runs.
#[derive(Debug)]
pub struct Tenant {
    /// The file, or its directory where that cannot be read.
    pub path: PathBuf,
    /// The file as it is in force: what it grants, within the ceiling if there is one; or all that is wrong with it.
    pub config: Result<Config, ConfigErrors>,
}

/// What a file turned out to be.
#[derive(Debug)]
pub enum Written {
    /// The file of one instance.
    Instance(Box<Config>),
    /// A host file.
    Host(HostFile),
}

/// Reads a file that may be an instance's or a host's. A host's has `[[directory]]`, or is called `host.toml`.
///
/// # Errors
/// All that is wrong with it.
pub fn read_any(path: &Path) -> Result<Written, ConfigErrors> {
    let text = permissions::read_guarded(path)?;
    let (table, _) = DeTable::parse_recoverable(&text);
    let called = path.file_name().is_some_and(|name| name == "host.toml");
    if called || table.get_ref().contains_key("directory") {
        return read(&text, path, &|path| fs::canonicalize(path)).map(Written::Host);
    }
    let around = Around {
        environment: &|name| std::env::var(name).ok(),
        files: Files::Looked,
        ceiling: None,
    };
    super::read(&text, path, &around).map(|config| Written::Instance(Box::new(config)))
}

impl HostFile {
    /// Reads a host file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = permissions::read_guarded(path)?;
        read(&text, path, &|path| fs::canonicalize(path))
    }

    /// All files of the directories, each read under its ceiling, in the order of the host file and of their names.
    #[must_use]
    pub fn tenants(&self) -> Vec<Tenant> {
        let mut tenants: Vec<Tenant> = self
            .ceilings
            .iter()
            .flat_map(|ceiling| match files(&ceiling.directory, Some(&self.path)) {
                Ok(paths) => paths
                    .into_iter()
                    .map(|path| Tenant {
                        config: under(ceiling, &path),
                        path,
                    })
                    .collect(),
                Err(error) => vec![Tenant {
                    path: ceiling.directory.clone(),
                    config: Err(error),
                }],
            })
            .collect();
        refuse_shared_names(&mut tenants);
        tenants
    }
}

/// Reads a file under its ceiling.
fn under(ceiling: &Ceiling, path: &Path) -> Result<Config, ConfigErrors> {
    let file = open_below(path, std::slice::from_ref(&ceiling.directory)).map_err(|cause| {
        let remedy = "put the file itself into the directory, readable for finops-host";
        ConfigErrors::whole(path, format!("cannot be read: {cause}"), remedy)
    })?;
    let text = permissions::read_open(file, path)?;
    let around = |environment: Environment<'_>| {
        let around = Around {
            environment,
            files: Files::Looked,
            ceiling: Some(ceiling),
        };
        super::read(&text, path, &around)
    };
    environment_under(ceiling, &|name| std::env::var(name).ok(), around)
}

/// The environment as a tenant's file sees it: a variable beyond the ceiling is not looked up, since whether it is set is
/// not the tenant's to know. The file is refused for naming it.
pub(super) fn environment_under<T>(
    ceiling: &Ceiling,
    whole: Environment<'_>,
    read: impl FnOnce(Environment<'_>) -> T,
) -> T {
    read(&|name| {
        if ceiling.admits_variable(name) {
            whole(name)
        } else {
            Some(String::new())
        }
    })
}

/// The operator's files of a directory, by name. Hidden ones and those below are none, and the host file is none.
pub(super) fn files(directory: &Path, host_file: Option<&Path>) -> Result<Vec<PathBuf>, ConfigErrors> {
    let unreadable = |cause: io::Error| {
        let what = format!("the directory cannot be read: {cause}");
        ConfigErrors::whole(directory, what, "check its permissions")
    };
    let host_file = host_file.map(fs::canonicalize).transpose().map_err(unreadable)?;
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let path = directory.join(&name);
        let Some(name) = name.to_str() else { continue };
        if name.ends_with(".toml") && !name.starts_with('.') && Some(&path) != host_file.as_ref() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Checkpoints, locks and books go by an instance's name: two that share one are both refused.
pub(super) fn refuse_shared_names(tenants: &mut [Tenant]) {
    let mut named: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for tenant in tenants.iter() {
        if let Ok(config) = &tenant.config {
            named
                .entry(config.name.clone())
                .or_default()
                .push(tenant.path.clone());
        }
    }
    for tenant in tenants {
        let Ok(config) = &tenant.config else { continue };
        let others: Vec<_> = named
            .get(&config.name)
            .into_iter()
            .flatten()
            .filter(|path| **path != tenant.path)
            .map(|path| path.display().to_string())
            .collect();
        if !others.is_empty() {
            let what = format!(
                "the instance name `{}` is also that of {}",
                config.name,
                others.join(", ")
            );
            let remedy = "give each its own [collector] name, or file name";
            tenant.config = Err(ConfigErrors::whole(&tenant.path, what, remedy));
        }
    }
}

/// Reads the text of a host file at `path`.
pub(super) fn read(text: &str, path: &Path, resolve: Resolve<'_>) -> Result<HostFile, ConfigErrors> {
    let (table, syntax) = DeTable::parse_recoverable(text);
    syntax_problems(&syntax).into_result(path, text)?;
    let problems = Problems::default();
    let reading = Reading::of(text, path, &|_| None);
    let root = Section::root(table.get_ref(), &problems);
    let ceilings = root
        .take("directory")
        .map(|item| ceiling::read(&item, path, &reading, resolve))
        .unwrap_or_default();
    let serve = root
        .take("serve")
        .and_then(|item| item.section("a [serve] table"))
        .map(|section| serving(&section))
        .unwrap_or_default();
    root.finish();
    for (one, other) in pairs(&ceilings) {
        if one.directory.starts_with(&other.directory) || other.directory.starts_with(&one.directory) {
            let at = super::errors::line_span(text, other.line);
            let what = format!(
                "{} overlaps {} of line {}, and a file has one ceiling",
                other.directory.display(),
                one.directory.display(),
                one.line
            );
            problems.add(
                &at,
                "directory.path",
                what,
                "make the directories disjoint".to_owned(),
            );
        }
    }
    problems.into_result(path, text)?;
    let warnings = warnings(path, &ceilings);
    Ok(HostFile {
        path: path.to_owned(),
        ceilings,
        serve,
        warnings,
    })
}

fn serving(section: &Section<'_>) -> Serve {
    let listen = section
        .take("listen")
        .and_then(|item| item.parse("an address and a port, such as \"0.0.0.0:9464\""));
    let parallel = section
        .take("parallel")
        .and_then(|item| item.count(1, MOST_PARALLEL.into()))
        .and_then(|count| u32::try_from(count).ok());
    section.finish();
    Serve { listen, parallel }
}

/// What one tenant could get at of another's, and ceilings over nothing.
fn warnings(path: &Path, ceilings: &[Ceiling]) -> Vec<String> {
    let place = |ceiling: &Ceiling| format!("{}:{}", path.display(), ceiling.line);
    let mut found = Vec::new();
    if ceilings.is_empty() {
        found.push(format!(
            "{}: names no [[directory]], so no operator's file is read",
            path.display()
        ));
    }
    let nested = |a: &Path, b: &Path| a.starts_with(b) || b.starts_with(a);
    for (one, other) in pairs(ceilings) {
        let share =
            |a: &Ceiling, b: &Ceiling| a.secrets.iter().any(|x| b.files().iter().any(|y| nested(x, y)));
        if share(one, other) || share(other, one) {
            found.push(format!(
                "{}: its secrets overlap the files of line {}: one tenant can use the other's",
                place(other),
                one.line
            ));
        }
        if let (Some(a), Some(b)) = (&one.env_prefix, &other.env_prefix)
            && (a.starts_with(b.as_str()) || b.starts_with(a.as_str()))
        {
            found.push(format!(
                "{}: `{b}` overlaps `{a}` of line {}: one tenant can use the other's variables",
                place(other),
                one.line
            ));
        }
    }
    for ceiling in ceilings.iter().filter(|ceiling| ceiling.reveal) {
        found.push(format!(
            "{}: FILES OF {} MAY REVEAL SECRETS TO THEIR COLLECTORS",
            place(ceiling),
            Foreign::from(ceiling.directory.display().to_string())
        ));
    }
    found
}

fn pairs(ceilings: &[Ceiling]) -> impl Iterator<Item = (&Ceiling, &Ceiling)> {
    ceilings
        .iter()
        .enumerate()
        .flat_map(|(index, other)| ceilings.iter().take(index).map(move |one| (one, other)))
}
