//! YAML as JSON, and Kubernetes' own schemas: both by a Python of their own, so that nothing here reads YAML in its own way.

use super::made;
use crate::{Error, artifacts};
use serde_json::Value;
use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// Versions of Kubernetes whose schemas manifests are held against: the oldest that the chart takes, and the newest known.
pub const KUBERNETES: [&str; 2] = ["1.27", "1.37"];

/// All documents of a text.
///
/// # Errors
/// Where it is no YAML.
pub fn documents(text: &str) -> Result<Vec<Value>, Error> {
    ask(text, &[])
}

/// All documents of a text, each of which fits the strict schema of these versions of Kubernetes.
///
/// # Errors
/// Where it is no YAML, or one does not fit: with its kind, name and version.
pub fn manifests(text: &str) -> Result<Vec<Value>, Error> {
    ask(text, &KUBERNETES)
}

fn ask(text: &str, versions: &[&str]) -> Result<Vec<Value>, Error> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let mut child = Command::new(made(&PYTHON, &["venv", "--kubernetes"])?)
        .arg(artifacts::root().join("tests/python/manifests.py"))
        .args(versions)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // It reads all before it answers, so that neither end waits for the other.
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
