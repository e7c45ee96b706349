//! `check`: everything that can be known to be wrong before a run, with `--probe` what provider and destination say of it, and
//! with `--ledger` the ledger's laws. A host file is checked with every operator's file under it.

use super::{
    Failed, args,
    environment::state_dir,
    exit::Exit,
    probe::{self, Probed},
    status::gaps,
    terminal::{self, Tone},
};
use crate::{
    component::{CacheDir, Compiler, ComponentError, ComponentFile},
    config::{Config, ConfigErrors, Site, Tenant, Written, read_any},
    egress::Grant,
    export::{ExportError, snapshot::prove},
    ledger::{check, overview::outbox_overview, store::open_read_only},
    sandbox::Runtime,
    schedule::{PrepareError, Prepared, prepare},
};
use rusqlite::Connection;
use serde::Serialize;
use std::path::Path;

/// What was found.
#[derive(Default, Serialize)]
struct Found {
    errors: Vec<String>,
    warnings: Vec<String>,
    /// The operator's files, where a host file was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<File>>,
    /// What provider and destination say, where they were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<Probed>,
    /// The ledger's differences, where it was checked.
    ledger: Option<Vec<String>>,
}

/// What was found in one operator's file under a host file.
#[derive(Serialize)]
struct File {
    path: String,
    /// The instance; `None`: the file does not say, or is refused.
    instance: Option<String>,
    errors: Vec<String>,
    warnings: Vec<String>,
}

/// Runs the command.
pub(super) async fn check(args: args::Check, state: Option<&Path>) -> Result<Exit, Failed> {
    let state = state_dir(state).map_err(Failed::config)?;
    let mut found = Found::default();
    match (args.config.as_deref().map(read).transpose()?, &args.component) {
        (None, _) => {}
        (Some(Checked::Site(_)), Some(_)) => {
            let message = "--component goes with the file of one instance, not with a host file or directory";
            return Err(Failed::usage(message.to_owned()));
        }
        (Some(Checked::Site(site)), None) => check_site(&site, &mut found)?,
        (Some(Checked::Instance(config)), component) => {
            (found.errors, found.warnings) = check_grant(&config);
            if let Some(wasm) = component {
                let runtime = Runtime::new().map_err(PrepareError::from)?;
                let prepared = check_component(&runtime, wasm, *config, &state).await?;
                // What the file itself forbids is not tried.
                if args.probe && found.errors.is_empty() {
                    found.probe = Some(probe::probe(&runtime, prepared, &state).await?);
                }
            }
        }
    }
    if args.ledger {
        let reader = open_read_only(&state)?;
        let report = check::check(&reader)?;
        // The laws hold in spite of them, since they are recorded.
        found.warnings.extend(gaps(&outbox_overview(&reader)?));
        let mut findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        findings.extend(prove_files(&reader)?);
        found.ledger = Some(findings);
    }
    if args.json {
        super::print(&format!("{:#}", serde_json::to_value(&found).unwrap_or_default()));
    } else {
        super::print_toned(&text(&found));
    }
    Ok(exit(&found))
}

/// What is not as the ledger says in the directories of FOCUS files.
fn prove_files(reader: &Connection) -> Result<Vec<String>, Failed> {
    match prove(reader) {
        Ok(found) => Ok(found.into_iter().map(|what| format!("files: {what}")).collect()),
        // The checker has told of a ledger that is damaged; the rest needs one that is whole.
        Err(ExportError::Ledger(error)) => Ok(vec![format!("files: {error}")]),
        Err(error) => Err(error.into()),
    }
}

fn exit(found: &Found) -> Exit {
    let bad = |file: &File| !file.errors.is_empty();
    let probed = found.probe.as_ref().map_or(Exit::Done, Probed::exit);
    if found.ledger.as_ref().is_some_and(|findings| !findings.is_empty()) {
        Exit::Storage.or(probed)
    } else if found.errors.is_empty() && !found.files.iter().flatten().any(bad) {
        probed
    } else {
        Exit::Config.or(probed)
    }
}

/// What is checked.
enum Checked {
    /// The file of one instance.
    Instance(Box<Config>),
    /// What `serve` would run.
    Site(Site),
}

fn read(path: &Path) -> Result<Checked, ConfigErrors> {
    if path.is_dir() {
        return Site::open(path).map(Checked::Site);
    }
    read_any(path).map(|written| match written {
        Written::Instance(config) => Checked::Instance(config),
        Written::Host(host) => Checked::Site(Site::Host(host)),
    })
}

/// The host file, where there is one, and each operator's file under its ceiling.
fn check_site(site: &Site, found: &mut Found) -> Result<(), Failed> {
    found.warnings.extend(site.warnings().iter().cloned());
    let tenants = site.tenants()?;
    for directory in site.directories() {
        if !tenants.iter().any(|tenant| tenant.path.starts_with(&directory)) {
            found.warnings.push(format!(
                "{} holds no operator's file (*.toml)",
                directory.display()
            ));
        }
    }
    found.files = Some(tenants.iter().map(check_tenant).collect());
    Ok(())
}

fn check_tenant(tenant: &Tenant) -> File {
    let path = tenant.path.display().to_string();
    match &tenant.config {
        Ok(config) => {
            let (mut errors, mut warnings) = check_grant(config);
            match &config.component {
                None => warnings.push(format!(
                    "{path}: names no component, so `serve` could not start it: add [collector] component = \"x.wasm\""
                )),
                // Read, not run: its settings are checked by --component, and by `serve`.
                Some(component) => match ComponentFile::read(component, config.sha256.as_deref()) {
                    Ok(_) => {}
                    // A file may be checked where its component is not.
                    Err(error @ ComponentError::Unreadable { .. }) => warnings.push(error.to_string()),
                    Err(error) => errors.push(error.to_string()),
                },
            }
            File {
                path,
                instance: Some(config.name.clone()),
                errors,
                warnings,
            }
        }
        Err(refused) => File {
            path,
            instance: None,
            errors: refused.to_string().lines().map(str::to_owned).collect(),
            warnings: Vec::new(),
        },
    }
}

/// Errors and warnings about what a file grants.
fn check_grant(config: &Config) -> (Vec<String>, Vec<String>) {
    let grant = Grant {
        rules: config.rules.clone(),
        credentials: config.credentials.clone(),
    };
    let place = |line: usize| format!("{}:{line}", config.path.display());
    let conflicts = grant.conflicts();
    let errors = conflicts
        .iter()
        .map(|it| format!("{}: {}", place(it.line), it.message));
    let remarks = grant.warnings();
    let remarks = remarks
        .iter()
        .map(|it| format!("{}: {}", place(it.line), it.message));
    let revealed = config.credentials.iter().filter(|spec| spec.reveal).map(|spec| {
        format!(
            "{}: THE SECRET OF `{}` IS REVEALED TO THE COLLECTOR",
            place(spec.line),
            spec.name
        )
    });
    let warnings = config.warnings.iter().cloned();
    (
        errors.collect(),
        warnings.chain(remarks).chain(revealed).collect(),
    )
}

/// The component with its pin, and the settings against its descriptor.
async fn check_component(
    runtime: &Runtime,
    wasm: &Path,
    config: Config,
    state: &Path,
) -> Result<Prepared, Failed> {
    let cache = CacheDir::open(&state.join("cache"));
    Ok(prepare(runtime, wasm, config, &cache, &Compiler::this_program()?).await?)
}

/// The words of a tenant's file are not the operator's: each line is shown escaped.
fn text(found: &Found) -> String {
    let mut lines: Vec<String> = Vec::new();
    let remarks = |errors: &[String], warnings: &[String]| {
        let errors = errors
            .iter()
            .map(|error| format!("{} {error}", Tone::Bad.of("error:")));
        let warnings = warnings
            .iter()
            .map(|warning| format!("{} {warning}", Tone::Warning.of("warning:")));
        errors.chain(warnings).collect::<Vec<_>>()
    };
    lines.extend(remarks(&found.errors, &found.warnings));
    for file in found.files.iter().flatten() {
        let verdict = match file.errors.is_empty() {
            true => Tone::Good.of("ok"),
            false => Tone::Bad.of("REFUSED"),
        };
        let instance = file.instance.as_ref().map(|name| format!(" (instance {name})"));
        lines.push(format!(
            "{}: {verdict}{}",
            file.path,
            instance.unwrap_or_default()
        ));
        let remarks = remarks(&file.errors, &file.warnings);
        lines.extend(remarks.iter().map(|line| format!("  {line}")));
    }
    lines.extend(found.probe.iter().flat_map(Probed::lines));
    if let Some(findings) = &found.ledger {
        lines.extend(findings.iter().map(|finding| format!("ledger: {finding}")));
        if findings.is_empty() {
            lines.push("the ledger's laws hold over every row".to_owned());
        }
    } else if exit(found) == Exit::Done {
        lines.push("nothing is wrong".to_owned());
    }
    lines
        .iter()
        .map(|line| terminal::escaped(line))
        .collect::<Vec<_>>()
        .join("\n")
}
