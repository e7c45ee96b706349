//! The fleet: the instances that are in force, made from the operator's files as they are now.
//!
//! What must hold: a file that is not fit changes nothing but itself, and its former version stays in force; a component is read
//! once for all its instances and compiled once whatever its copies are called; all instances share one ledger, so they name one
//! destination.

use super::{super::Failed, opening::directory_of};
use crate::{
    component::{CacheDir, Compiler, ComponentFile},
    config::{Config, OpenFinOps, Site, Tenant},
    export::snapshot::SnapshotConfig,
    sandbox::Runtime,
    schedule::{Collector, Prepared, Rhythm, fit, load},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The instances in force, by their files, and the one destination of each kind.
#[derive(Clone, Default)]
pub(super) struct Fleet {
    /// By the operator's file.
    pub(super) members: BTreeMap<PathBuf, Member>,
    /// Where entries go.
    pub(super) openfinops: Option<OpenFinOps>,
    /// Where FOCUS files go.
    pub(super) focus: Option<SnapshotConfig>,
    /// Whether instances that failed are to be tried again at once.
    pub(super) retry: bool,
}

/// An operator's file.
#[derive(Clone)]
pub(super) struct Member {
    /// The version of it that is in force, if one ever was.
    pub(super) force: Option<Force>,
    /// Why the file as it lies there is not.
    pub(super) refused: Option<String>,
}

/// An instance in force.
#[derive(Clone)]
pub(super) struct Force {
    /// What runs.
    pub(super) prepared: Arc<Prepared>,
    /// When it runs.
    pub(super) rhythm: Rhythm,
    /// Whether it is another than before.
    pub(super) changed: bool,
}

impl Fleet {
    /// The instances in force, by name.
    pub(super) fn in_force(&self) -> impl Iterator<Item = (&str, &Path, &Force)> {
        self.members.iter().filter_map(|(path, member)| {
            let force = member.force.as_ref()?;
            Some((force.prepared.config.name.as_str(), path.as_path(), force))
        })
    }

    /// The files that are not in force as they lie there, and why.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&Path, &str)> {
        let refused = |(path, member)| -> Option<(&Path, &str)> {
            let (path, member): (&PathBuf, &Member) = (path, member);
            Some((path.as_path(), member.refused.as_deref()?))
        };
        self.members.iter().filter_map(refused)
    }
}

impl Fleet {
    /// The directories of its components.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let components = self
            .in_force()
            .filter_map(|(_, _, force)| force.prepared.config.component.as_deref());
        let directories: BTreeSet<PathBuf> = components.filter_map(directory_of).collect();
        directories.into_iter().collect()
    }
}

/// What turns files into a fleet.
pub(super) struct Loader {
    pub(super) path: PathBuf,
    pub(super) runtime: Arc<Runtime>,
    pub(super) cache: CacheDir,
    pub(super) compiler: Compiler,
    /// Those that instances in force share, by digest.
    pub(super) collectors: HashMap<String, Collector>,
}

/// What a pass over the files keeps in mind, so that what many name is done once.
#[derive(Default)]
struct Pass {
    files: HashMap<PathBuf, Result<Arc<ComponentFile>, String>>,
    unfit: HashMap<String, String>,
}

impl Loader {
    /// Reads all files anew, beside those in force.
    ///
    /// # Errors
    /// Where the host file or directory cannot be read at all: then everything stays as it is.
    pub(super) async fn reload(&mut self, before: &Fleet) -> Result<Fleet, Failed> {
        let site = Site::open(&self.path)?;
        let tenants = site.tenants()?;
        Ok(self.load(tenants, before).await)
    }

    /// A fleet of these files.
    pub(super) async fn load(&mut self, tenants: Vec<Tenant>, before: &Fleet) -> Fleet {
        let mut pass = Pass::default();
        let mut fleet = Fleet::default();
        for Tenant { path, config } in tenants {
            let now = match config {
                Ok(config) => self.prepare(config, &mut pass).await,
                Err(errors) => Err(errors.to_string()),
            };
            let former = before.members.get(&path).and_then(|member| member.force.as_ref());
            let member = match now {
                Ok(prepared) => Member {
                    force: Some(in_force(prepared, former)),
                    refused: None,
                },
                Err(why) => refused(former, with_hint(why, before)),
            };
            fleet.members.insert(path, member);
        }
        one_destination(&mut fleet, before);
        one_name_each(&mut fleet);
        let used: BTreeSet<&str> = fleet
            .in_force()
            .map(|(_, _, force)| force.prepared.sha256.as_str())
            .collect();
        self.collectors.retain(|digest, _| used.contains(digest.as_str()));
        fleet
    }

    async fn prepare(&mut self, config: Config, pass: &mut Pass) -> Result<Prepared, String> {
        let path = config.component.clone().ok_or_else(|| {
            format!(
                "{}: names no component; add `component = \"COLLECTOR.wasm\"` under [collector]",
                config.path.display()
            )
        })?;
        let read = pass.files.entry(path).or_insert_with_key(|path| {
            ComponentFile::read(path, None)
                .map(Arc::new)
                .map_err(|error| error.to_string())
        });
        let file = read.clone()?;
        file.held_to(config.sha256.as_deref())
            .map_err(|error| error.to_string())?;
        let collector = self.collector(&file, pass).await?;
        let prepared = fit(config, &collector).map_err(|errors| errors.to_string())?;
        match prepared.grant.conflicts().first() {
            Some(conflict) => {
                let path = prepared.config.path.display();
                Err(format!("{path}:{}: {}", conflict.line, conflict.message))
            }
            None => Ok(prepared),
        }
    }

    async fn collector(&mut self, file: &ComponentFile, pass: &mut Pass) -> Result<Collector, String> {
        if let Some(known) = self.collectors.get(&file.sha256) {
            return Ok(known.clone());
        }
        if let Some(why) = pass.unfit.get(&file.sha256) {
            return Err(why.clone());
        }
        match load(&self.runtime, file, &self.cache, &self.compiler).await {
            Ok(collector) => {
                self.collectors.insert(file.sha256.clone(), collector.clone());
                Ok(collector)
            }
            Err(error) => {
                let why = error.to_string();
                pass.unfit.insert(file.sha256.clone(), why.clone());
                Err(why)
            }
        }
    }
}

/// What a new file lacks may be a right that a restart would give.
fn with_hint(why: String, before: &Fleet) -> String {
    if before.members.is_empty() || !why.contains("Permission denied") {
        return why;
    }
    format!(
        "{why}\n(at its start, finops-host was confined to the directories of the files of then: where this lies elsewhere, restart it)"
    )
}

fn in_force(prepared: Prepared, former: Option<&Force>) -> Force {
    let same = former.is_some_and(|former| {
        former.prepared.sha256 == prepared.sha256 && former.prepared.config.reads_as(&prepared.config)
    });
    Force {
        rhythm: Rhythm::of(&prepared.config, &prepared.descriptor),
        prepared: Arc::new(prepared),
        changed: !same,
    }
}

fn refused(former: Option<&Force>, why: String) -> Member {
    Member {
        force: former.map(|former| Force {
            changed: false,
            ..former.clone()
        }),
        refused: Some(why),
    }
}

/// All instances of a ledger name one destination of each kind. The one in force stays as long as any file names it; a file that
/// names another is not fit.
fn one_destination(fleet: &mut Fleet, before: &Fleet) {
    fleet.openfinops = agreed(
        fleet,
        before,
        before.openfinops.as_ref(),
        "[openfinops]",
        |config| config.openfinops.as_ref(),
    );
    fleet.focus = agreed(fleet, before, before.focus.as_ref(), "[focus]", |config| {
        config.focus.as_ref()
    });
}

fn agreed<T: Clone + PartialEq>(
    fleet: &mut Fleet,
    before: &Fleet,
    in_force: Option<&T>,
    section: &str,
    of: fn(&Config) -> Option<&T>,
) -> Option<T> {
    let named = |fleet: &Fleet| -> Vec<(PathBuf, T)> {
        let all = fleet.in_force();
        all.filter_map(|(_, path, force)| Some((path.to_owned(), of(&force.prepared.config)?.clone())))
            .collect()
    };
    let all = named(fleet);
    let (first, stays) = all
        .iter()
        .find(|(_, it)| Some(it) == in_force)
        .or(all.first())?
        .clone();
    for (path, other) in &all {
        if *other == stays {
            continue;
        }
        let why = format!(
            "{}: its {section} is not that of {}: the instances of one `serve` share one ledger, and so one destination; make \
             them the same, or serve this file from a state directory of its own",
            path.display(),
            first.display()
        );
        let former = before.members.get(path).and_then(|member| member.force.as_ref());
        let former = former.filter(|former| of(&former.prepared.config).is_none_or(|it| *it == stays));
        fleet.members.insert(path.clone(), refused(former, why));
    }
    Some(stays)
}

/// A former version that stays in force may bear a name that another file has by now: the newer one has it.
fn one_name_each(fleet: &mut Fleet) {
    let fresh: BTreeSet<String> = fleet
        .members
        .values()
        .filter(|member| member.refused.is_none())
        .filter_map(|member| Some(member.force.as_ref()?.prepared.config.name.clone()))
        .collect();
    for member in fleet
        .members
        .values_mut()
        .filter(|member| member.refused.is_some())
    {
        let taken = member
            .force
            .as_ref()
            .is_some_and(|force| fresh.contains(&force.prepared.config.name));
        if taken {
            member.force = None;
        }
    }
}
