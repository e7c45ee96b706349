//! Other processes: the simulator beside us, and programs whose time and memory the system counts.
//! What must hold: a program that fails gives no figure.

use finops_tests::Error;
use serde::Deserialize;
use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

/// The simulator as a process of its own, so that its work is not counted as ours; stopped when dropped.
pub(crate) struct Simulator {
    process: Child,
    /// Kept open: it may say more.
    _stdout: BufReader<ChildStdout>,
    /// Where it serves.
    pub(crate) addr: SocketAddr,
    /// Certificate and tokens.
    pub(crate) secrets: PathBuf,
}

#[derive(Deserialize)]
struct Ready {
    port: u16,
}

impl Simulator {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(program: &Path, secrets: PathBuf) -> Result<Self, Error> {
        let mut process = Command::new(program)
            .arg("snowflake")
            .arg("--dir")
            .arg(&secrets)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} could not be started: {error}", program.display()))?;
        let mut stdout = BufReader::new(
            process
                .stdout
                .take()
                .ok_or("the simulator has no standard output")?,
        );
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let ready: Ready = serde_json::from_str(&line).map_err(|error| {
            format!("the simulator did not become ready ({error}); its messages stand above")
        })?;
        Ok(Self {
            process,
            _stdout: stdout,
            addr: SocketAddr::from(([127, 0, 0, 1], ready.port)),
            secrets,
        })
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Nothing is left to do about a process that is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the system counted of a program and the children it waited for.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Used {
    code: i32,
    /// Nanoseconds.
    pub(crate) wall: u64,
    /// User and system time in nanoseconds.
    pub(crate) cpu: u64,
    /// Bytes.
    pub(crate) peak: u64,
}

/// Runs a program by the measuring script and gives what it used and what it wrote to standard output.
pub(crate) fn measured(
    scripts: &Path,
    directory: &Path,
    program: &Command,
) -> Result<(Used, Vec<u8>), Error> {
    let result = directory.join("measured.json");
    let mut command = Command::new("python3");
    // Without site packages the interpreter is small: a child's peak memory is never less than its parent's was.
    command
        .args(["-E", "-S"])
        .arg(scripts.join("measure.py"))
        .arg(&result);
    command.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("python3 could not be started: {error}; install it"))?;
    let failed = |what: String| {
        format!(
            "{:?} {what}: {}{}",
            program.get_program(),
            String::from_utf8_lossy(&output.stderr),
            String::from_utf8_lossy(&output.stdout)
        )
    };
    if !output.status.success() {
        return Err(failed(format!("could not be measured ({})", output.status)).into());
    }
    let used: Used = serde_json::from_slice(&std::fs::read(&result)?)?;
    match used.code {
        0 => Ok((used, output.stdout)),
        code => Err(failed(format!("failed with exit code {code}")).into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn measure(script: &str) -> Result<(Used, Vec<u8>), Error> {
        let scripts = finops_tests::artifacts::root().join("tests/python");
        let directory = tempfile::tempdir().unwrap();
        measured(
            &scripts,
            directory.path(),
            Command::new("sh").args(["-c", script]).env("WORD", "hello"),
        )
    }

    #[test]
    fn a_program_is_measured_with_its_environment_and_its_output_kept() {
        let (used, output) = measure("echo $WORD").unwrap();
        assert_eq!(output, b"hello\n");
        assert!(used.wall > 0 && used.peak > 1 << 20, "{used:?}");
    }

    #[test]
    fn a_program_that_fails_or_is_killed_gives_no_figure() {
        let error = measure("echo oh no >&2; exit 3").unwrap_err().to_string();
        assert!(
            error.contains("exit code 3") && error.contains("oh no"),
            "{error}"
        );
        assert!(
            measure("kill -9 $$")
                .unwrap_err()
                .to_string()
                .contains("exit code -9")
        );
    }
}
