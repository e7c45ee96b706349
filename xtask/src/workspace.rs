//! Where things are: the project's cargo workspaces, as `cargo metadata` tells.
//! What must hold: no path is guessed, and each workspace has a target directory of its own, also under CARGO_TARGET_DIR.

use crate::command;
use crate::failure::{Context as _, Failure, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One cargo workspace of the project.
pub(crate) struct Workspace {
    /// The folder of its Cargo.toml.
    pub(crate) root: PathBuf,
    /// Where it is built; no other workspace of the project is built there.
    pub(crate) target: PathBuf,
    /// Its packages.
    pub(crate) members: Vec<Member>,
}

/// One package of a workspace.
pub(crate) struct Member {
    /// Its name in Cargo.toml.
    pub(crate) name: String,
    /// Cargo's own name for it, as in cargo's JSON messages.
    pub(crate) id: String,
    /// The folder of its Cargo.toml.
    pub(crate) folder: PathBuf,
}

impl Workspace {
    /// The workspace that we were started in.
    pub(crate) fn root() -> Result<Self> {
        Self::read(&mut metadata())
    }

    /// The workspace in a folder below this one; none if there is no such folder.
    pub(crate) fn below(&self, folder: &str) -> Result<Option<Self>> {
        let folder = self.root.join(folder);
        if !folder.exists() {
            return Ok(None);
        }
        let mut workspace = Self::read(metadata().arg("--manifest-path").arg(folder.join("Cargo.toml")))?;
        workspace.target = own_target(&self.target, workspace.target, &folder);
        Ok(Some(workspace))
    }

    /// A cargo call on this workspace, in its own target directory.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut cargo = command::cargo(subcommand);
        cargo.arg("--manifest-path").arg(self.root.join("Cargo.toml"));
        cargo.arg("--target-dir").arg(&self.target);
        cargo
    }

    fn read(metadata: &mut Command) -> Result<Self> {
        let text = command::output(metadata)?;
        Self::parse(&text).context(|| format!("`{}` is not understood", command::text(metadata)))
    }

    fn parse(text: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(text).context(|| "not JSON".to_owned())?;
        let packages = json.get("packages").and_then(Value::as_array);
        let packages = packages.ok_or_else(|| Failure::new("no `packages` in it"))?;
        Ok(Self {
            root: string(&json, "workspace_root")?.into(),
            target: string(&json, "target_directory")?.into(),
            members: packages.iter().map(Member::parse).collect::<Result<_>>()?,
        })
    }
}

impl Member {
    fn parse(package: &Value) -> Result<Self> {
        let manifest = PathBuf::from(string(package, "manifest_path")?);
        Ok(Self {
            name: string(package, "name")?,
            id: string(package, "id")?,
            folder: manifest.parent().map(Path::to_owned).unwrap_or_default(),
        })
    }
}

fn metadata() -> Command {
    let mut metadata = command::cargo("metadata");
    metadata.args(["--no-deps", "--format-version", "1"]);
    metadata
}

/// Cargo's choice, unless the environment gives every workspace the same directory: then a folder below it.
fn own_target(roots: &Path, chosen: PathBuf, folder: &Path) -> PathBuf {
    match folder.file_name() {
        Some(name) if chosen == roots => chosen.join(name),
        _ => chosen,
    }
}

fn string(json: &Value, key: &str) -> Result<String> {
    let text = json.get(key).and_then(Value::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("no text `{key}` in it")))
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
    fn the_metadata_names_members_by_their_folder() {
        let workspace = Workspace::parse(
            r#"{"packages":[{"name":"snowflake-collector","id":"path+file:///p#0.1.0","manifest_path":"/p/snowflake/Cargo.toml"}],
                "workspace_root":"/p","target_directory":"/p/target"}"#,
        )
        .unwrap();
        assert_eq!(workspace.root, Path::new("/p"));
        assert_eq!(workspace.members[0].name, "snowflake-collector");
        assert_eq!(workspace.members[0].folder, Path::new("/p/snowflake"));
    }

    #[test]
    fn metadata_without_packages_is_refused() {
        let failure = Workspace::parse(r#"{"workspace_root":"/p"}"#)
            .err()
            .unwrap()
            .to_string();
        assert_eq!(failure, "no `packages` in it");
    }

    #[test]
    fn a_target_directory_shared_by_all_workspaces_is_divided() {
        let collectors = Path::new("/p/collectors");
        assert_eq!(
            own_target(Path::new("/t"), "/t".into(), collectors),
            Path::new("/t/collectors"),
            "CARGO_TARGET_DIR is set"
        );
        assert_eq!(
            own_target(Path::new("/p/target"), "/p/collectors/target".into(), collectors),
            Path::new("/p/collectors/target"),
            "it is not"
        );
    }

    #[test]
    fn this_workspace_holds_this_package() {
        let workspace = Workspace::root().unwrap();
        assert!(workspace.members.iter().any(|member| member.name == "xtask"));
    }
}
