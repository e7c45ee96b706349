//! The finops-host program as an operator calls it, in a state directory of its own.

use crate::{Error, artifacts};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// The clock that tests over the simulators' data start at.
pub const NOW: &str = "2026-08-03T12:00:00Z";

/// A place to run the program in: a state directory, and files beside it.
pub struct Place {
    directory: tempfile::TempDir,
    now: String,
    program: Option<PathBuf>,
    variables: Vec<(String, String)>,
}

/// What a call gave.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// What a finished call gave.
    #[must_use]
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Standard output as JSON.
    ///
    /// # Errors
    /// Where it is none; the error shows what the program said.
    pub fn json(&self) -> Result<serde_json::Value, Error> {
        serde_json::from_str(&self.stdout).map_err(|error| format!("{error}: {self:?}").into())
    }
}

impl Place {
    /// An empty place.
    ///
    /// # Errors
    /// Where no directory can be made.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            directory: tempfile::tempdir()?,
            now: NOW.to_owned(),
            program: None,
            variables: Vec::new(),
        })
    }

    /// The same place at another time.
    #[must_use]
    pub fn at(mut self, now: &str) -> Self {
        now.clone_into(&mut self.now);
        self
    }

    /// Sets the time of the next calls.
    pub fn set_now(&mut self, now: &str) {
        now.clone_into(&mut self.now);
    }

    /// The next calls are of this program, which is finops-host in another build.
    pub fn set_program(&mut self, program: &Path) {
        self.program = Some(program.to_owned());
    }

    /// The next calls have this variable in their environment.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The state directory.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Writes a file into it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf, Error> {
        let path = self.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// The program, ready for arguments. Its environment is empty but for what it needs.
    ///
    /// # Errors
    /// Where the program cannot be built.
    pub fn command(&self) -> Result<Command, Error> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => program()?,
        };
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("FINOPS_HOST_STATE_DIR", self.state())
            .env("FINOPS_HOST_NOW", &self.now)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path());
        Ok(command)
    }

    /// Calls the program and waits.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn call<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Result<Ran, Error> {
        Ok(Ran::of(&self.command()?.args(arguments).output()?))
    }

    /// `run --json` of a component with an operator's file.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn run(&self, wasm: &Path, config: &Path) -> Result<Ran, Error> {
        let arguments = [
            "run".as_ref(),
            wasm.as_os_str(),
            "--config".as_ref(),
            config.as_os_str(),
            "--json".as_ref(),
        ];
        self.call(&arguments)
    }
}

/// The program's file, built once.
///
/// # Errors
/// Where cargo cannot build it.
pub fn program() -> Result<PathBuf, Error> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM
        .get_or_init(|| build().map_err(|error| error.to_string()))
        .clone()
        .map_err(Into::into)
}

fn build() -> Result<PathBuf, Error> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--workspace", "--bin", "finops-host"])
        .current_dir(artifacts::root())
        .status()?;
    if !status.success() {
        return Err("cargo could not build finops-host; its messages stand above".into());
    }
    // This test program lies in target/PROFILE/deps.
    let here = std::env::current_exe()?;
    let profile = here
        .ancestors()
        .nth(2)
        .ok_or("the test program lies in no target directory")?;
    Ok(profile.join("finops-host"))
}
