//! `build`: collectors and test guests as components beside their sources, then the host.
//! What must hold: a component appears whole or not at all, and nothing is fetched that is already there.

use crate::command;
use crate::failure::{Context as _, Failure, Result};
use crate::lock;
use crate::say;
use crate::workspace::{Member, Workspace};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The workspace of the collectors.
pub(crate) const COLLECTORS: &str = "collectors";
/// The workspace of the guests that only tests use.
pub(crate) const TEST_GUESTS: &str = "tests/guests";
/// The target of all guests.
const WASM: &str = "wasm32-wasip2";

/// What to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Components only.
    Guests,
    /// Components and the host.
    All,
}

/// How the host is built; components are always optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build.
    Dev,
    /// Quick to run.
    Release,
}

/// Builds what is wanted.
pub(crate) fn build(root: &Workspace, wanted: Wanted, profile: Profile) -> Result<()> {
    components(root, &[COLLECTORS, TEST_GUESTS])?;
    if wanted == Wanted::All {
        say::step("Building", "finops-host");
        let mut cargo = root.cargo("build");
        cargo.args(["--workspace", "--bin", "finops-host"]);
        if profile == Profile::Release {
            cargo.arg("--release");
        }
        command::run(&mut cargo)?;
    }
    Ok(())
}

/// Builds one program of the root workspace and says where it lies. The whole workspace is selected, so that dependencies
/// have the same features as for tests and are built once.
pub(crate) fn program(root: &Workspace, name: &str) -> Result<PathBuf> {
    say::step("Building", name);
    let mut cargo = root.cargo("build");
    cargo.args(["--workspace", "--bin", name]);
    let built = artifacts(&mut cargo)?;
    built
        .into_iter()
        .find_map(|artifact| artifact.program)
        .ok_or_else(|| Failure::new(format!("cargo built no program `{name}`")))
}

/// Builds one program of the root workspace without any library of the system in it, and says where it lies. The whole
/// workspace is selected, as for the others.
pub(crate) fn static_program(root: &Workspace, name: &str, profile: Profile) -> Result<PathBuf> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    add_target(&target)?;
    say::step("Building", &format!("{name} for {target}"));
    let mut cargo = root.cargo("build");
    cargo.args(["--workspace", "--bin", name, "--target", &target]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    let built = artifacts(&mut cargo).map_err(|failure| {
        Failure::new(format!(
            "{failure}; its parts in C need musl-gcc, on Debian and Ubuntu of the package musl-tools"
        ))
    })?;
    built
        .into_iter()
        .find_map(|artifact| artifact.program)
        .ok_or_else(|| Failure::new(format!("cargo built no program `{name}`")))
}

/// Builds these programs of the root workspace, optimised and with these features, and says where they lie.
pub(crate) fn optimised(root: &Workspace, names: &[&str], features: &str) -> Result<Vec<PathBuf>> {
    say::step("Building", &format!("{}, optimised", names.join(", ")));
    let mut cargo = root.cargo("build");
    cargo.args(["--release", "--workspace", "--features", features]);
    for name in names {
        cargo.args(["--bin", name]);
    }
    let built = artifacts(&mut cargo)?;
    Ok(built
        .into_iter()
        .filter_map(|artifact| artifact.program)
        .collect())
}

/// Builds the components of these workspaces below the root one; a folder that does not exist has none.
pub(crate) fn components(root: &Workspace, folders: &[&str]) -> Result<()> {
    let _lock = lock::wait(&root.target.join("components.lock"))?;
    add_target(WASM)?;
    for folder in folders {
        match root.below(folder)? {
            Some(workspace) => members(&workspace, folder)?,
            None => say::step("Skipping", &format!("{folder}/: there is no such folder")),
        }
    }
    Ok(())
}

/// Builds the members of one workspace and puts each `<folder of the member>.wasm` beside that folder.
fn members(workspace: &Workspace, folder: &str) -> Result<()> {
    say::step("Building", &format!("{folder}/ for {WASM}"));
    let built = artifacts(
        workspace
            .cargo("build")
            .args(["--workspace", "--release", "--target", WASM]),
    )?;
    for member in &workspace.members {
        let component = built
            .iter()
            .filter(|artifact| artifact.package == member.id)
            .find_map(|artifact| artifact.component.as_deref())
            .ok_or_else(|| {
                Failure::new(format!(
                    "{} gave no component: its Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`",
                    member.folder.display()
                ))
            })?;
        let placed = beside(workspace, member)?;
        place(component, &placed)?;
        say::step(
            "Built",
            &placed
                .strip_prefix(&workspace.root)
                .unwrap_or(&placed)
                .display()
                .to_string(),
        );
    }
    Ok(())
}

/// Where the component of a member belongs.
fn beside(workspace: &Workspace, member: &Member) -> Result<PathBuf> {
    let name = member
        .folder
        .file_name()
        .filter(|_| member.folder != workspace.root);
    let name = name.ok_or_else(|| {
        Failure::new(format!(
            "package `{}` needs a folder of its own, which names its component",
            member.name
        ))
    })?;
    Ok(workspace.root.join(name).with_extension("wasm"))
}

/// Puts the file there in one step, since a test may be reading the old one; an equal one is left alone.
fn place(built: &Path, placed: &Path) -> Result<()> {
    let bytes = fs::read(built).context(|| format!("could not read {}", built.display()))?;
    if fs::read(placed).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let part = placed.with_extension("wasm.part");
    fs::write(&part, bytes)
        .and_then(|()| fs::rename(&part, placed))
        .context(|| format!("could not write {}", placed.display()))
}

/// Adds a target to the toolchain if its standard library is not there yet.
fn add_target(target: &str) -> Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let libraries =
        command::output(Command::new(rustc).args(["--print", "target-libdir", "--target", target]))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    say::step("Adding", &format!("target {target}"));
    command::run(Command::new("rustup").args(["target", "add", target])).map_err(|failure| {
        Failure::new(format!(
            "{failure}; the Rust toolchain needs the target {target}, install it and try again"
        ))
    })
}

/// One thing that cargo built.
#[derive(Debug, PartialEq, Eq)]
struct Artifact {
    package: String,
    program: Option<PathBuf>,
    component: Option<PathBuf>,
}

/// Runs a cargo build and reads what it made from its JSON messages.
fn artifacts(cargo: &mut Command) -> Result<Vec<Artifact>> {
    cargo
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit());
    let mut built = Vec::new();
    let status = command::each_line(cargo, |line| built.extend(artifact(line)))?;
    command::expect_success(cargo, status)?;
    Ok(built)
}

/// What one line of cargo's messages says was built; none for messages of other kinds.
fn artifact(line: &str) -> Option<Artifact> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message.get("reason")?.as_str()? != "compiler-artifact" {
        return None;
    }
    let files = message
        .get("filenames")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    Some(Artifact {
        package: message.get("package_id")?.as_str()?.to_owned(),
        program: message
            .get("executable")
            .and_then(Value::as_str)
            .map(PathBuf::from),
        component: files
            .filter_map(Value::as_str)
            .map(PathBuf::from)
            .find(|file| file.extension().is_some_and(|extension| extension == "wasm")),
    })
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
    fn a_component_and_a_program_are_read_from_cargos_messages() {
        let component = artifact(
            r#"{"reason":"compiler-artifact","package_id":"p#snowflake","target":{"kind":["cdylib","rlib"]},
                "filenames":["/t/libsnowflake.rlib","/t/snowflake.wasm"],"executable":null}"#,
        );
        assert_eq!(
            component.unwrap().component.unwrap(),
            Path::new("/t/snowflake.wasm")
        );
        let program = artifact(
            r#"{"reason":"compiler-artifact","package_id":"p#finops-host","filenames":["/t/finops-host"],"executable":"/t/finops-host"}"#,
        );
        assert_eq!(program.unwrap().program.unwrap(), Path::new("/t/finops-host"));
    }

    #[test]
    fn messages_of_other_kinds_are_passed_over() {
        assert_eq!(artifact(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(artifact("warning: not JSON at all"), None);
    }

    #[test]
    fn a_component_is_named_after_its_folder_and_lies_beside_it() {
        let member = Member {
            name: "c".into(),
            id: "i".into(),
            folder: "/p/collectors/snowflake".into(),
        };
        let workspace = Workspace {
            root: "/p/collectors".into(),
            target: "/t".into(),
            members: Vec::new(),
        };
        assert_eq!(
            beside(&workspace, &member).unwrap(),
            Path::new("/p/collectors/snowflake.wasm")
        );
    }

    #[test]
    fn a_package_at_the_root_of_its_workspace_is_refused() {
        let member = Member {
            name: "c".into(),
            id: "i".into(),
            folder: "/p/collectors".into(),
        };
        let workspace = Workspace {
            root: "/p/collectors".into(),
            target: "/t".into(),
            members: Vec::new(),
        };
        let failure = beside(&workspace, &member).unwrap_err().to_string();
        assert_eq!(
            failure,
            "package `c` needs a folder of its own, which names its component"
        );
    }
}
