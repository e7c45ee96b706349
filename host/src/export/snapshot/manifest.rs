//! The manifest: what stands in the directory, for readers. It is made from what the ledger wrote down of the files, and so
//! follows them; its bytes change only where they do.

use super::{SnapshotConfig, directory};
use crate::{
    export::{ExportError, FocusVersion, Format, Sink, Sums, Survey, write::Written},
    ledger::snapshot::{self, FileFacts, SnapshotEpoch},
};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, io, io::Write, path::Path};

/// Name of the manifest.
pub(super) const MANIFEST: &str = "manifest.json";

/// What the ledger keeps of a file beside its name and digest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Detail {
    rows: u64,
    open_rows: u64,
    #[serde(rename = "final")]
    is_final: bool,
    sums: BTreeMap<String, Sums>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    text_columns: Vec<String>,
    /// Rows that break a rule, by rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    findings: BTreeMap<String, u64>,
}

impl Detail {
    pub(super) fn of(written: &Written, is_final: bool) -> Self {
        let findings = written.findings.iter();
        Self {
            rows: written.rows,
            open_rows: written.open,
            is_final,
            sums: written.sums.clone(),
            text_columns: written.text_columns.clone(),
            findings: findings
                .map(|finding| (finding.text.to_owned(), finding.rows))
                .collect(),
        }
    }

    /// Of rows that were looked at and not written.
    pub(super) fn surveyed(survey: &Survey, is_final: bool) -> Self {
        Self {
            rows: survey.rows,
            open_rows: survey.open,
            is_final,
            sums: survey.sums.clone(),
            text_columns: Vec::new(),
            findings: BTreeMap::new(),
        }
    }

    /// How the rows differ from those of a file that was written.
    pub(super) fn differs(&self, written: &Self) -> Option<String> {
        let facts = |it: &Self| (it.rows, it.open_rows, it.is_final, it.sums.clone());
        (facts(self) != facts(written)).then(|| {
            let told = |it: &Self| {
                let sums = it
                    .sums
                    .iter()
                    .map(|(currency, sums)| format!("{} {currency}", sums.billed));
                let sums: Vec<String> = sums.collect();
                let state = if it.is_final { "final" } else { "open" };
                format!(
                    "{} rows, {} of them open, {} billed, {state}",
                    it.rows,
                    it.open_rows,
                    sums.join(" and ")
                )
            };
            format!(
                "the ledger says {}; what was written: {}",
                told(self),
                told(written)
            )
        })
    }

    pub(super) fn json(&self) -> Result<String, ExportError> {
        Ok(serde_json::to_string(self)?)
    }
}

/// Writes the manifest where it is not what it should be.
pub(super) fn write(
    connection: &Connection,
    epoch: &SnapshotEpoch,
    config: &SnapshotConfig,
    ledger: &str,
) -> Result<(), ExportError> {
    let text = text(connection, epoch, (config.version, config.format), ledger)?;
    let path = config.directory.join(MANIFEST);
    if fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    directory::make(&config.directory)?;
    let mut sink = Sink::file(&path)?;
    sink.write_all(text.as_bytes())
        .map_err(|cause| ExportError::io(&path, cause))?;
    sink.finish()?.put()?;
    directory::share(&config.directory, &path)
}

/// What the manifest is to say.
pub(super) fn text(
    connection: &Connection,
    epoch: &SnapshotEpoch,
    (version, format): (FocusVersion, Format),
    ledger: &str,
) -> Result<String, ExportError> {
    let files = snapshot::files(connection, epoch.id)?;
    let files = files
        .iter()
        .map(file)
        .collect::<Result<Vec<Value>, ExportError>>()?;
    let manifest = json!({
        "ledger": ledger,
        "epoch": epoch.number,
        "focus_version": version.name(),
        "format": format.name(),
        "files": files,
    });
    Ok(format!("{manifest:#}\n"))
}

fn file(facts: &FileFacts) -> Result<Value, ExportError> {
    let detail: Detail = serde_json::from_str(&facts.detail)?;
    let mut value = serde_json::to_value(&detail)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("name".to_owned(), json!(facts.name));
        object.insert("provider".to_owned(), json!(facts.provider));
        object.insert("billing_period".to_owned(), json!(facts.month));
        object.insert("basis".to_owned(), json!(facts.basis));
        object.insert("bytes".to_owned(), json!(facts.bytes));
        object.insert("sha256".to_owned(), json!(facts.sha256));
        object.insert("rendered".to_owned(), json!(facts.rendered));
    }
    Ok(value)
}

/// Refuses a directory whose manifest is another ledger's, or no manifest of ours.
pub(super) fn refuse_others(directory: &Path, ledger: &str) -> Result<(), ExportError> {
    let path = directory.join(MANIFEST);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(ExportError::io(&path, cause)),
    };
    let manifest: Option<Value> = serde_json::from_str(&text).ok();
    let named = manifest
        .as_ref()
        .and_then(|manifest| manifest.get("ledger")?.as_str());
    match named {
        Some(name) if name == ledger => Ok(()),
        Some(_) => Err(ExportError::Elsewhere {
            path,
            what:
                "it is the manifest of another ledger's files: name another directory, or delete those files"
                    .to_owned(),
        }),
        None => Err(ExportError::Elsewhere {
            path,
            what: "it is no manifest of finops-host: name another directory, or delete it".to_owned(),
        }),
    }
}
