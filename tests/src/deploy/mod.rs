//! What examples/deploy makes of the program: the image's files, the chart's manifests, the units, each as their own tools see it.
//! What must hold: what is tested is what is shipped, and where a test cannot be made it says so, and fails under `CI=true`.

pub mod built;
pub mod chart;
pub mod container;
pub mod pod;
pub mod systemd;
pub mod yaml;

use crate::{Error, artifacts};
use std::{io::Write as _, path::PathBuf, sync::OnceLock};

/// The user of the image, which Kubernetes and compose name, too.
pub const USER: u32 = 65_532;

/// The folder examples/deploy.
#[must_use]
pub fn examples() -> PathBuf {
    artifacts::root().join("examples/deploy")
}

/// What xtask made and printed the path of, made once.
fn made(once: &OnceLock<Result<PathBuf, String>>, arguments: &[&str]) -> Result<PathBuf, Error> {
    once.get_or_init(|| artifacts::xtask(arguments).map(|path| PathBuf::from(path.trim())))
        .clone()
        .map_err(Into::into)
}

/// The files of the image: `root` and `owned`.
///
/// # Errors
/// Where they cannot be built.
pub fn image() -> Result<PathBuf, Error> {
    static IMAGE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    made(&IMAGE, &["image"])
}

/// Whether this process may do what a container's runtime and systemd do; where not, that is said.
///
/// # Errors
/// Under `CI=true`, where it must.
pub fn may_mount(test: &str) -> Result<bool, Error> {
    if rustix::process::geteuid().is_root() {
        return Ok(true);
    }
    let message = format!("{test}: not done, since only root may mount, and change to another user");
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        return Err(message.into());
    }
    writeln!(std::io::stdout(), "{message}")?;
    Ok(false)
}
