//! The chart as helm renders it.

use super::{examples, made, yaml};
use crate::Error;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

/// The release of all tests.
pub const RELEASE: &str = "finops";
/// Its namespace.
pub const NAMESPACE: &str = "costs";

/// The chart.
#[must_use]
pub fn folder() -> PathBuf {
    examples().join("chart")
}

/// The values that stand beside the chart, each a whole deployment.
///
/// # Errors
/// Where they cannot be listed.
pub fn examples_of_values() -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder().join("ci"))?;
    let mut found = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, Error>>()?;
    found.sort();
    Ok(found)
}

/// What `helm lint --strict` says of the chart with these values.
///
/// # Errors
/// Where it does not like them: with what it says.
pub fn lint(values: &Path) -> Result<String, Error> {
    said(&helm(&["lint", "--strict"], values)?)
}

/// The manifests that the chart makes of these values. Each fits the schemas of Kubernetes.
///
/// # Errors
/// Where helm refuses, with what it says, or a manifest does not fit.
pub fn render(values: &Path) -> Result<Vec<Value>, Error> {
    yaml::manifests(&said(&helm(
        &["template", RELEASE, "--namespace", NAMESPACE],
        values,
    )?)?)
}

/// What helm says against these values.
///
/// # Errors
/// Where it takes them.
pub fn refusal(values: &str) -> Result<String, Error> {
    let home = tempfile::tempdir()?;
    let file = home.path().join("values.yaml");
    std::fs::write(&file, values)?;
    match said(&helm(&["template", RELEASE], &file)?) {
        Ok(rendered) => Err(format!("helm took\n{values}\nand made\n{rendered}").into()),
        Err(refusal) => Ok(refusal.to_string()),
    }
}

fn helm(words: &[&str], values: &Path) -> Result<Output, Error> {
    static HELM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let home = tempfile::tempdir()?;
    // Its own configuration and cache, not this user's.
    let output = Command::new(made(&HELM, &["helm"])?)
        .args(words)
        .arg(folder())
        .arg("--values")
        .arg(values)
        .env_clear()
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .output()?;
    Ok(output)
}

fn said(output: &Output) -> Result<String, Error> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{}{}", text(&output.stdout), text(&output.stderr)).into())
}
