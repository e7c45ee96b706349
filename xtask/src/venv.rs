//! `venv`: the Python environments of the tests, under the target directory: one with the real OpenFinOps server and readers
//! of FOCUS files, one with moto, whose packages cannot live together, one with Kubernetes' schemas.
//! What must hold: each is exactly what its constraints say, and is made again when those change or a try broke off.

use crate::command;
use crate::failure::{Context as _, Failure, Result};
use crate::lock;
use crate::say;
use crate::workspace::Workspace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    /// Its folder under the target directory.
    folder: &'static str,
    constraints: &'static str,
    wanted: &'static [&'static str],
}

/// The real OpenFinOps server and readers of FOCUS files; psutil is needed by the server though it does not say so.
pub(crate) const OPENFINOPS: Environment = Environment {
    folder: "venv",
    constraints: "tests/constraints.txt",
    wanted: &[
        "openfinops==0.3.0",
        "psutil",
        "focus-data-toolkit==0.14.1",
        "pyarrow",
    ],
};

/// moto's simulated AWS; its server needs flask and flask-cors.
pub(crate) const MOTO: Environment = Environment {
    folder: "venv-moto",
    constraints: "tests/constraints-moto.txt",
    wanted: &["moto[ec2,s3]==5.2.1", "flask", "flask-cors"],
};

/// The schemas of Kubernetes' objects, of many of its versions.
pub(crate) const KUBERNETES: Environment = Environment {
    folder: "venv-kubernetes",
    constraints: "tests/constraints-kubernetes.txt",
    wanted: &["kubernetes-validate==1.37.0"],
};

/// The oldest Python that the pinned packages install on.
const OLDEST: (u32, u32) = (3, 11);

/// Makes the environment if it is not there, and gives the path of its Python.
pub(crate) fn python(root: &Workspace, environment: Environment) -> Result<PathBuf> {
    let constraints = root.root.join(environment.constraints);
    let pinned =
        fs::read_to_string(&constraints).context(|| format!("could not read {}", constraints.display()))?;
    let folder = root.target.join(environment.folder);
    let python = folder.join("bin/python");

    let _lock = lock::wait(&folder.with_extension("lock"))?;
    let stamp = folder.join("made-from.txt");
    let made_from = format!("{}\n{pinned}", environment.wanted.join(" "));
    if fs::read_to_string(&stamp).is_ok_and(|old| old == made_from) && python.exists() {
        return Ok(python);
    }
    say::step(
        "Making",
        &format!("{} with {}", folder.display(), environment.wanted.join(" ")),
    );
    make(&folder, environment)?;
    install(&python, &constraints, environment)?;
    fs::write(&stamp, made_from).context(|| format!("could not write {}", stamp.display()))?;
    Ok(python)
}

/// An empty environment in place of whatever an earlier try left.
fn make(folder: &Path, environment: Environment) -> Result<()> {
    let version = command::output(Command::new("python3").arg("--version")).map_err(|failure| {
        Failure::new(format!(
            "{failure}; install Python {}.{} or newer",
            OLDEST.0, OLDEST.1
        ))
    })?;
    check_version(version.trim(), environment)?;
    command::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(folder),
    )
    .map_err(|failure| Failure::new(format!("{failure}; on Debian and Ubuntu install python3-venv")))
}

fn install(python: &Path, constraints: &Path, environment: Environment) -> Result<()> {
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]);
    command::run(pip.arg("--constraint").arg(constraints).args(environment.wanted))
}

/// Refuses a Python for which the pinned packages do not exist, since pip would say so only in a riddle.
fn check_version(text: &str, environment: Environment) -> Result<()> {
    let mut parts = text
        .trim_start_matches("Python ")
        .split('.')
        .map(str::parse::<u32>);
    if let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next())
        && (major, minor) >= OLDEST
    {
        return Ok(());
    }
    Err(Failure::new(format!(
        "python3 is `{text}`, but the packages of {} need Python {}.{} or newer; install one and put it first in PATH",
        environment.constraints, OLDEST.0, OLDEST.1
    )))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    #[test]
    fn a_new_enough_python_is_taken() {
        check_version("Python 3.11.7", OPENFINOPS).unwrap();
        check_version("Python 3.14.0rc1", OPENFINOPS).unwrap();
        check_version("Python 4.0", OPENFINOPS).unwrap();
    }

    #[test]
    fn an_old_python_or_none_is_refused_with_the_version_needed() {
        for text in ["Python 3.9.2", "Python 2.7.18", "nonsense", ""] {
            let failure = check_version(text, OPENFINOPS).unwrap_err().to_string();
            assert!(failure.contains("need Python 3.11 or newer"), "{failure}");
        }
    }
}
