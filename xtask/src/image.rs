//! `image`: the files of the container image, laid out in a folder: the static program, the collectors, the roots of trust.
//! What must hold: the Dockerfile copies this folder and nothing else, so that a test runs what the image would run.

use crate::build::{self, Profile};
use crate::failure::{Context as _, Failure, Result};
use crate::say;
use crate::workspace::Workspace;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Where Debian keeps the certificates of the authorities that it trusts; finops-host looks there, too.
const ROOTS: &str = "etc/ssl/certs/ca-certificates.crt";

/// Lays the files out and gives their folder: `root` belongs to root in the image, `owned` to the user that it runs as.
pub(crate) fn image(root: &Workspace, profile: Profile) -> Result<PathBuf> {
    build::components(root, &[build::COLLECTORS])?;
    let program = build::static_program(root, "finops-host", profile)?;
    let folder = root.target.join("image");
    if folder.exists() {
        fs::remove_dir_all(&folder).context(|| format!("could not empty {}", folder.display()))?;
    }
    put(&program, &folder.join("root/finops-host"), 0o755)?;
    for component in shipped(root)? {
        let name = component.file_name().unwrap_or_default();
        put(&component, &folder.join("root/collectors").join(name), 0o644)?;
    }
    let roots = Path::new("/").join(ROOTS);
    put(&roots, &folder.join("root").join(ROOTS), 0o644).map_err(|failure| {
        Failure::new(format!("{failure}; on Debian and Ubuntu install ca-certificates"))
    })?;
    // The ledger's directory: a volume that is mounted there for the first time takes its owner and rights.
    let state = folder.join("owned/state");
    fs::create_dir_all(&state)
        .and_then(|()| fs::set_permissions(&state, Permissions::from_mode(0o700)))
        .context(|| format!("could not make {}", state.display()))?;
    say::step("Laid out", &folder.display().to_string());
    Ok(folder)
}

/// The components of the members of the collectors' workspace; others may lie there from earlier versions.
fn shipped(root: &Workspace) -> Result<Vec<PathBuf>> {
    let collectors = root.below(build::COLLECTORS)?;
    let collectors = collectors.ok_or_else(|| Failure::new("there are no collectors to ship"))?;
    let members = collectors.members.iter();
    Ok(members
        .map(|member| member.folder.with_extension("wasm"))
        .collect())
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let what = || format!("could not copy {} to {}", from.display(), to.display());
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).context(what)?;
    }
    fs::copy(from, to).context(what)?;
    fs::set_permissions(to, Permissions::from_mode(mode)).context(what)
}
