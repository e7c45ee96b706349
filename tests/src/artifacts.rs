//! What tests use that cargo does not build for them: components and the Python environment, made on first use.
//! What must hold: plain `cargo test` works in a fresh clone. `cargo xtask` does the work, once per process, behind a file lock.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The collector of this name, as a component.
pub fn collector(name: &str) -> Result<PathBuf> {
    component("collectors", name)
}

/// The test guest of this name, as a component.
pub fn guest(name: &str) -> Result<PathBuf> {
    component("tests/guests", name)
}

/// The Python that has the real OpenFinOps server.
pub fn python() -> Result<PathBuf> {
    static PYTHON: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let python = PYTHON.get_or_init(|| xtask(&["venv"]).map(|path| PathBuf::from(path.trim())));
    python.clone().map_err(Error::other)
}

/// The Python that has moto.
pub fn moto_python() -> Result<PathBuf> {
    let path = xtask(&["venv", "--moto"]).map_err(Error::other)?;
    Ok(PathBuf::from(path.trim()))
}

/// The root of the project.
#[must_use]
pub fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

fn component(folder: &str, name: &str) -> Result<PathBuf> {
    static BUILT: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    BUILT
        .get_or_init(|| xtask(&["build", "--guests"]).map(drop))
        .clone()
        .map_err(Error::other)?;
    let path = root().join(folder).join(name).with_extension("wasm");
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::other(format!(
        "{folder}/ has no member `{name}`: {} was not built",
        path.display()
    )))
}

/// What `cargo xtask` prints for these arguments; its progress goes to standard error.
pub(crate) fn xtask(arguments: &[&str]) -> std::result::Result<String, String> {
    let what = format!("cargo xtask {}", arguments.join(" "));
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .arg("xtask")
        .args(arguments)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|cause| format!("could not start `{what}`: {cause}"))?;
    if !output.status.success() {
        return Err(format!(
            "`{what}` failed ({}); its messages stand above",
            output.status
        ));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{what}` wrote no UTF-8"))
}
