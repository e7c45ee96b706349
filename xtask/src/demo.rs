//! `demo`: a simulated Snowflake bill, collected twice with a restated day between, into the embedded ledger.
//! What must hold: it starts afresh each time, needs no account, and leaves no server behind.

use crate::build;
use crate::command;
use crate::failure::{Context as _, Failure, Result};
use crate::say;
use crate::service::{self, Service};
use crate::venv;
use crate::workspace::Workspace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The day on which the demo plays: shortly after the last one of the simulator's data.
const NOW: &str = "2026-08-03T12:00:00Z";
/// The port that the example's `connect-to` names, and the one beside it.
const PORTS: [&str; 2] = ["8443", "8444"];
const COLLECTOR: &str = "collectors/snowflake.wasm";
const EXAMPLE: &str = "examples/snowflake";
/// The folder beside the config where the simulator puts its certificate and test secrets.
const SECRETS: &str = "simulator";

/// Where the demo's money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The embedded ledger alone.
    Ledger,
    /// A real OpenFinOps server too.
    OpenFinOps,
}

/// Plays the demo.
pub(crate) fn demo(root: &Workspace, destination: Destination) -> Result<()> {
    build::components(root, &[build::COLLECTORS])?;
    let host = build::program(root, "finops-host")?;
    let simulator = build::program(root, "simulator")?;
    let folder = fresh_folder(root)?;

    let server = match destination {
        Destination::Ledger => None,
        Destination::OpenFinOps => Some(OpenFinOps::start(root, &folder)?),
    };
    let config = match &server {
        None => Path::new(EXAMPLE).join("simulator.toml"),
        Some(server) => config_with(root, &folder, &server.endpoint()?)?,
    };
    let simulator = start_simulator(&simulator, &root.root.join(&config), &folder)?;

    let host = Host {
        program: host,
        root: &root.root,
        state: folder.join("state"),
    };
    say::step("Collecting", "two months of a simulated bill");
    host.collect(&config)?;
    say::step("Restating", "one day of the bill, as providers do");
    service::post(simulator.port("control_port")?, "/_control/restate")?;
    say::step("Collecting", "again: only the difference is new");
    host.collect(&config)?;
    say::step("Showing", "the books");
    host.call(&["costs"])?;
    host.call(&["status"])?;
    if let Some(server) = &server {
        server.show()?;
    }
    say::step(
        "Finished",
        &format!("the demo; all that it stored lies in {}", folder.display()),
    );
    Ok(())
}

/// An empty folder for all that the demo writes: an old ledger would know the bill already.
fn fresh_folder(root: &Workspace) -> Result<PathBuf> {
    let folder = root.target.join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder).context(|| format!("could not empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).context(|| format!("could not make {}", folder.display()))?;
    Ok(folder)
}

/// Starts the simulator where the config expects it, its secrets beside the config.
fn start_simulator(program: &Path, config: &Path, folder: &Path) -> Result<Service> {
    say::step(
        "Starting",
        &format!("a Snowflake simulator on port {} of loopback", PORTS[0]),
    );
    let secrets = config.with_file_name(SECRETS);
    let mut command = Command::new(program);
    command
        .arg("snowflake")
        .args(["--port", PORTS[0], "--control-port", PORTS[1]])
        .arg("--dir")
        .arg(secrets);
    Service::start(&mut command, &folder.join("simulator.log")).map_err(|failure| {
        Failure::new(format!(
            "{failure}; the demo needs the ports {} to be free",
            PORTS.join(" and ")
        ))
    })
}

/// The example's config with one more destination, in the demo's folder, where the simulator then puts its secrets too.
fn config_with(root: &Workspace, folder: &Path, endpoint: &str) -> Result<PathBuf> {
    let example = root.root.join(EXAMPLE).join("simulator.toml");
    let text = fs::read_to_string(&example).context(|| format!("could not read {}", example.display()))?;
    let config = folder.join("simulator.toml");
    fs::write(&config, with_destination(&text, endpoint))
        .context(|| format!("could not write {}", config.display()))?;
    Ok(config)
}

fn with_destination(config: &str, endpoint: &str) -> String {
    format!(
        "{}\n\n[openfinops]\nendpoint = \"{endpoint}\"\n",
        config.trim_end()
    )
}

/// The host as a person would call it.
struct Host<'a> {
    program: PathBuf,
    root: &'a Path,
    state: PathBuf,
}

impl Host<'_> {
    fn collect(&self, config: &Path) -> Result<()> {
        self.call(&["run", COLLECTOR, "--config", &config.display().to_string()])
    }

    fn call(&self, arguments: &[&str]) -> Result<()> {
        let mut host = Command::new(&self.program);
        host.args(arguments).arg("--state-dir").arg(&self.state);
        host.current_dir(self.root).env("FINOPS_HOST_NOW", NOW);
        say::step("Running", &command::text(&host));
        command::run(&mut host)
    }
}

/// The real OpenFinOps server, with its database in a folder of the demo.
struct OpenFinOps {
    python: PathBuf,
    scripts: PathBuf,
    folder: PathBuf,
    service: Service,
}

impl OpenFinOps {
    fn start(root: &Workspace, folder: &Path) -> Result<Self> {
        let python = venv::python(root, venv::OPENFINOPS)?;
        let scripts = root.root.join("tests/python");
        let data = folder.join("openfinops");
        fs::create_dir_all(&data).context(|| format!("could not make {}", data.display()))?;
        say::step("Starting", "the OpenFinOps server on loopback");
        let mut command = Command::new(&python);
        command
            .arg(scripts.join("telemetry_server.py"))
            .arg("0")
            .current_dir(&data);
        let service = Service::start(&mut command, &folder.join("openfinops.log"))?;
        Ok(Self {
            python,
            scripts,
            folder: data,
            service,
        })
    }

    fn endpoint(&self) -> Result<String> {
        Ok(format!("http://127.0.0.1:{}", self.service.port("port")?))
    }

    /// What arrived, as the server's own cost summary sees it.
    fn show(&self) -> Result<()> {
        say::step("Showing", "what the OpenFinOps server stored");
        let mut observe = Command::new(&self.python);
        observe
            .arg(self.scripts.join("observe.py"))
            .arg(self.folder.join("telemetry.db"));
        command::run(&mut observe)
    }
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
    fn the_generated_config_is_the_example_with_a_destination_after_it() {
        let config = with_destination("[settings]\naccount = \"A\"\n\n", "http://127.0.0.1:9");
        assert_eq!(
            config,
            "[settings]\naccount = \"A\"\n\n[openfinops]\nendpoint = \"http://127.0.0.1:9\"\n"
        );
    }
}
