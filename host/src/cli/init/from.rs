//! `init --from`: the old SaaS agent's file becomes an operator's file for each service.
//! What must hold: no value of the old file is printed, and none but names goes into a new file; everything that is not taken
//! over is told; where something is wrong nothing is written.

use super::services::{Answers, Becomes, Key, SERVICES, SecretPlace, Service};
use crate::{
    cli::{Failed, args, exit::Exit},
    foreign::Foreign,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The largest file that is read.
const LARGEST: u64 = 1 << 20;
/// The longest name that is taken over.
const LONGEST: usize = 256;

/// What became of the old file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Migrated {
    written: Vec<Written>,
    not_taken_over: Vec<String>,
}

/// A file that was written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Written {
    file: PathBuf,
    collector: String,
    /// Variables to set, and to what.
    set: Vec<(String, String)>,
    secret_files: Vec<PathBuf>,
    different: String,
    notes: Vec<String>,
}

/// A service that is to be written.
struct Found {
    service: &'static Service,
    texts: BTreeMap<&'static str, Zeroizing<String>>,
    notes: Vec<String>,
}

/// Reads the old file, and writes the new ones.
pub(super) fn migrate(old: &Path, out: &Path, secrets: Option<&Path>) -> Result<Migrated, Failed> {
    let (found, not_taken_over) = read(old)?;
    if found.is_empty() {
        return Err(Failed::config(format!(
            "{}: no service is enabled there, so nothing was written{}",
            old.display(),
            told(&not_taken_over)
        )));
    }
    empty_directory(out, 0o755)?;
    let secrets = match secrets {
        Some(directory) => {
            empty_directory(directory, 0o700)?;
            let whole = directory
                .canonicalize()
                .map_err(|error| storage(directory, &error))?;
            Some(whole)
        }
        None => None,
    };
    let mut written = Vec::new();
    for service in found {
        written.push(write(&service, old, out, secrets.as_deref())?);
    }
    Ok(Migrated {
        written,
        not_taken_over,
    })
}

/// The services that are enabled, and what is not taken over.
fn read(old: &Path) -> Result<(Vec<Found>, Vec<String>), Failed> {
    let unreadable = |why: String| Failed::config(format!("{}: {why}", old.display()));
    let metadata = fs::metadata(old).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(unreadable(
            "is no regular file of at most 1 MiB; is it the right one?".to_owned(),
        ));
    }
    let text = Zeroizing::new(fs::read(old).map_err(|error| unreadable(format!("cannot be read: {error}")))?);
    // A syntax error of JSON tells a place, and nothing that stands there.
    let file: Value =
        serde_json::from_slice(&text).map_err(|error| unreadable(format!("is no JSON: {error}")))?;
    let Value::Object(file) = file else {
        return Err(unreadable(
            "is no JSON object of services; is it the SaaS agent's file?".to_owned(),
        ));
    };
    let (mut found, mut left, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    if metadata.mode() & 0o004 != 0 {
        left.push(
            "others can read the old file with its secrets: chmod o-r it, or delete it when all is moved"
                .to_owned(),
        );
    }
    for (key, value) in &file {
        let shown = Foreign::from(key.as_str());
        let Some(service) = SERVICES.iter().find(|service| service.key == key) else {
            let known: Vec<&str> = SERVICES.iter().map(|service| service.key).collect();
            left.push(format!(
                "`{shown}` is no service that the old agent knew ({}); look for a collector in docs/providers.md",
                known.join(", ")
            ));
            continue;
        };
        let Value::Object(given) = value else {
            wrong.push(format!("`{shown}` is no object"));
            continue;
        };
        match given.get("enabled") {
            Some(Value::Bool(true)) => match take(service, given) {
                Ok(service) => found.push(service),
                Err(errors) => wrong.extend(errors),
            },
            None | Some(Value::Bool(false) | Value::Null) => {
                left.push(format!(
                    "`{shown}` is not enabled there; set `enabled` to true to take it over"
                ));
            }
            Some(_) => wrong.push(format!("`{shown}.enabled` is neither true nor false")),
        }
    }
    if wrong.is_empty() {
        return Ok((found, left));
    }
    Err(unreadable(format!(
        "nothing was written, since it cannot all be understood{}",
        told(&wrong)
    )))
}

fn told(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

/// What a service's object gives.
fn take(service: &'static Service, given: &Map<String, Value>) -> Result<Found, Vec<String>> {
    let (mut texts, mut notes, mut wrong) = (BTreeMap::new(), Vec::new(), Vec::new());
    for Key { name, becomes } in service.keys {
        let at = format!("`{}.{name}`", service.key);
        let text = match given.get(*name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Some(Value::Number(number)) if *becomes == Becomes::Name => Some(number.to_string()),
            None | Some(Value::Null | Value::String(_)) => None,
            Some(_) => {
                wrong.push(format!("{at} is no text"));
                continue;
            }
        };
        match (becomes, text) {
            (Becomes::Nothing(why), Some(_)) => notes.push(format!("{at} is not needed: {why}")),
            (Becomes::Nothing(_), None) => {}
            (Becomes::Name, None) => wrong.push(format!("{at} is missing")),
            (Becomes::Name, Some(text)) if is_name(&text) => {
                texts.insert(*name, Zeroizing::new(text));
            }
            (Becomes::Name, Some(_)) => wrong.push(format!("{at} is no name of letters, digits and hyphens")),
            (Becomes::Secret(_), None) => {
                notes.push(format!("{at} is missing there: get it from {}", service.title))
            }
            (Becomes::Secret(_), Some(text)) => {
                texts.insert(*name, Zeroizing::new(text));
            }
        }
    }
    for key in given.keys() {
        if key != "enabled" && service.keys.iter().all(|known| known.name != key) {
            notes.push(format!(
                "`{}.{}` is no key that the old agent read; it is not taken over",
                service.key,
                Foreign::from(key.as_str())
            ));
        }
    }
    match wrong.is_empty() {
        true => Ok(Found {
            service,
            texts,
            notes,
        }),
        false => Err(wrong),
    }
}

/// It stands in a path and a quoted text: nothing that would need escaping there.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn write(found: &Found, old: &Path, out: &Path, secrets: Option<&Path>) -> Result<Written, Failed> {
    let service = found.service;
    let mut set: Vec<(String, String)> = Vec::new();
    let mut secret_files = Vec::new();
    for Key { name, becomes } in service.keys {
        let Becomes::Secret(variable) = becomes else {
            continue;
        };
        match (secrets, found.texts.get(name)) {
            (Some(directory), Some(secret)) => {
                let path = secret_file(directory, service, name);
                create(&path, secret.as_bytes(), 0o600)?;
                secret_files.push(path);
            }
            (Some(directory), None) => secret_files.push(secret_file(directory, service, name)),
            (None, _) => set.push((
                (*variable).to_owned(),
                format!("the secret `{}.{name}` of {}", service.key, old.display()),
            )),
        }
    }
    let wanted = service.wanted.iter();
    set.extend(wanted.map(|(variable, what)| ((*variable).to_owned(), (*what).to_owned())));
    let place = |key: &str| match secrets {
        Some(directory) => SecretPlace::File(secret_file(directory, service, key)),
        None => SecretPlace::Variable(variable_of(service, key)),
    };
    let name = |key: &str| {
        found
            .texts
            .get(key)
            .map_or_else(String::new, |text| text.as_str().to_owned())
    };
    let answers = Answers {
        name: &name,
        secret: &place,
    };
    let file = out.join(format!("{}.toml", service.collector));
    create(&file, service.file(&answers).as_bytes(), 0o644)?;
    Ok(Written {
        file,
        collector: service.collector.to_owned(),
        set,
        secret_files,
        different: service.different.to_owned(),
        notes: found.notes.clone(),
    })
}

fn secret_file(directory: &Path, service: &Service, key: &str) -> PathBuf {
    directory.join(format!("{}.{key}", service.collector))
}

/// The variable that a secret is read from.
fn variable_of(service: &Service, key: &str) -> &'static str {
    let variable = service.keys.iter().find_map(|known| match known.becomes {
        Becomes::Secret(variable) if known.name == key => Some(variable),
        _ => None,
    });
    variable.unwrap_or_default()
}

fn storage(path: &Path, error: &io::Error) -> Failed {
    Failed::new(Exit::Storage, format!("{}: {error}", path.display()))
}

/// Makes the directory, or takes an empty one.
fn empty_directory(path: &Path, mode: u32) -> Result<(), Failed> {
    match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failed::config(format!(
            "{} is not empty, and what is there is not overwritten: name a new directory",
            path.display()
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(path)
            .map_err(|error| storage(path, &error)),
        Err(error) => Err(storage(path, &error)),
    }
}

fn create(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failed> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .map_err(|error| storage(path, &error))
}

/// Runs `init --from`, and tells what it did.
pub(super) fn run(args: &args::Init, old: &Path, out: &Path) -> Result<Exit, Failed> {
    let migrated = migrate(old, out, args.secrets_to.as_deref())?;
    if args.json {
        super::super::print(&format!(
            "{:#}",
            serde_json::to_value(&migrated).unwrap_or_default()
        ));
    } else {
        super::super::print(migrated.text().trim_end());
    }
    Ok(Exit::Done)
}

impl Migrated {
    fn text(&self) -> String {
        let mut text = String::new();
        for written in &self.written {
            text += &format!("{}\n", written.file.display());
            for (variable, what) in &written.set {
                text += &format!("  set        {variable}: {what}\n");
            }
            for file in &written.secret_files {
                text += &format!("  secret     {}\n", file.display());
            }
            text += &format!("  different  {}\n", written.different);
            for note in &written.notes {
                text += &format!("  note       {note}\n");
            }
            text += &format!(
                "  next       finops-host check {} --component collectors/{}.wasm --probe\n\n",
                written.file.display(),
                written.collector
            );
        }
        if !self.not_taken_over.is_empty() {
            text += &format!("Not taken over{}\n\n", told(&self.not_taken_over));
        }
        text + "Stop the old agent before the first run: docs/migrate.md."
    }
}
