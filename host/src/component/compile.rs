//! Compiling in a child of this same program, so that a component made to exhaust the compiler harms nothing but the child.
//!
//! The contract: `finops-host __compile` reads the component from standard input and writes the compiled code to standard
//! output; exit code 0: done, 1: the component is bad and standard error says why, 2: the child itself cannot work; any other
//! end is the component's doing, such as types nested so deep that the stack overflows. The child has no environment and limits
//! its own CPU time and address space before it reads, and gives up all files and network; the parent kills it on the wall
//! clock.

use super::error::ComponentError;
use crate::{
    foreign::Foreign,
    hardening::{Access, confine, harden, limit},
    sandbox::engine,
};
use rustix::process::Resource;
use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};
use wasmtime::Engine;

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "__compile";

const CPU_SECONDS: u64 = 60;
const ADDRESS_SPACE: u64 = 4 << 30;
const WALL: Duration = Duration::from_secs(90);
const COMPLAINT: u64 = 16 << 10;
const SIGXCPU: i32 = 24;
const SIGKILL: i32 = 9;

/// How the child is started.
#[derive(Clone, Debug)]
pub struct Compiler {
    program: PathBuf,
    arguments: Vec<OsString>,
    wall: Duration,
}

impl Compiler {
    /// This program itself. By `/proc/self/exe`, which is the running file even when it was replaced on disk: both ends
    /// must be one version.
    ///
    /// # Errors
    /// Where the system does not tell which program is running.
    pub fn this_program() -> Result<Self, ComponentError> {
        let running = PathBuf::from("/proc/self/exe");
        if running.exists() {
            return Ok(Self::program(running));
        }
        std::env::current_exe()
            .map(Self::program)
            .map_err(|cause| ComponentError::Compiler(cause.to_string()))
    }

    /// The `finops-host` at this path, of the same build as this library: for programs that are not it, such as tests.
    #[must_use]
    pub fn program(program: PathBuf) -> Self {
        Self {
            program,
            arguments: vec![SUBCOMMAND.into()],
            wall: WALL,
        }
    }

    /// Compiles a component; `path` is for messages.
    pub(super) async fn compile(&self, path: &Path, bytes: &[u8]) -> Result<Vec<u8>, ComponentError> {
        let failed = |cause: io::Error| ComponentError::Compiler(cause.to_string());
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        match tokio::time::timeout(self.wall, converse(&mut child, bytes)).await {
            Ok(reply) => {
                let (status, code, complaint) = reply.map_err(failed)?;
                judge(path, status, code, &complaint)
            }
            Err(_) => {
                child.kill().await.map_err(failed)?;
                Err(ComponentError::too_slow(path.to_owned(), self.wall))
            }
        }
    }
}

/// Feeds the child and reads all that it says.
async fn converse(child: &mut Child, bytes: &[u8]) -> io::Result<(ExitStatus, Vec<u8>, String)> {
    let missing = || io::Error::other("the child has no pipes");
    let mut input = child.stdin.take().ok_or_else(missing)?;
    let output = child.stdout.take().ok_or_else(missing)?;
    let errors = child.stderr.take().ok_or_else(missing)?;
    let (mut code, mut complaint) = (Vec::new(), Vec::new());
    let feed = async move {
        // A child that gives up early closes its end; its exit code tells why.
        let _ = input.write_all(bytes).await;
        drop(input);
    };
    // What is beyond the bounds is left unread, and the child then fails on writing.
    let read_code = async {
        let mut output = output.take(super::cache::LARGEST);
        output.read_to_end(&mut code).await
    };
    let read_complaint = async {
        let mut errors = errors.take(COMPLAINT);
        errors.read_to_end(&mut complaint).await
    };
    let ((), read, heard) = tokio::join!(feed, read_code, read_complaint);
    read?;
    heard?;
    let status = child.wait().await?;
    Ok((status, code, String::from_utf8_lossy(&complaint).into_owned()))
}

fn judge(path: &Path, status: ExitStatus, code: Vec<u8>, complaint: &str) -> Result<Vec<u8>, ComponentError> {
    let path = path.to_owned();
    let limit = |after: &str| ComponentError::CompileLimit {
        path: path.clone(),
        after: after.to_owned(),
    };
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(code),
        (Some(1), _) => Err(ComponentError::Compile {
            message: Foreign::new(complaint.trim()),
            path,
        }),
        (_, Some(SIGXCPU | SIGKILL)) => Err(limit(&format!("after {CPU_SECONDS} s of CPU time"))),
        _ if complaint.contains("memory allocation") => {
            Err(limit(&format!("at {} GiB of memory", ADDRESS_SPACE >> 30)))
        }
        (Some(2), _) => Err(ComponentError::Compiler(
            Foreign::new(complaint.trim()).to_string(),
        )),
        _ => Err(ComponentError::CompilerDied {
            how: Foreign::new(format!("{status} {}", complaint.trim()).trim_end()),
            path,
        }),
    }
}

/// The child: reads a component from standard input, writes its compiled code to standard output.
#[must_use]
pub fn compile_child_main() -> ExitCode {
    match limit_self()
        .and_then(|()| read_component())
        .map_err(|cause| (cause.to_string(), 2))
        .and_then(|bytes| compile_here(&bytes).map_err(|error| (format!("{error:#}"), 1)))
        .and_then(|code| write_code(&code).map_err(|cause| (cause.to_string(), 2)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err((complaint, exit)) => {
            let _ = io::stderr().write_all(complaint.as_bytes());
            ExitCode::from(exit)
        }
    }
}

fn limit_self() -> io::Result<()> {
    harden()?;
    limit(Resource::Cpu, CPU_SECONDS)?;
    limit(Resource::As, ADDRESS_SPACE)?;
    // Best effort, as for the parent, which told what landlock does here.
    confine(&Access::nothing());
    Ok(())
}

fn read_component() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(super::file::LARGEST)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn compile_here(bytes: &[u8]) -> wasmtime::Result<Vec<u8>> {
    Engine::new(&engine::config())?.precompile_component(bytes)
}

fn write_code(code: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(code)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Another program in the child's place.
    fn shell(script: &str, wall: Duration) -> Compiler {
        Compiler {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            wall,
        }
    }

    async fn run(script: &str) -> Result<Vec<u8>, ComponentError> {
        let component = vec![7; 1 << 20];
        shell(script, WALL).compile(Path::new("c.wasm"), &component).await
    }

    #[tokio::test]
    async fn the_child_gets_the_bytes_and_gives_the_code() {
        assert_eq!(run("exec cat").await.unwrap(), vec![7; 1 << 20]);
    }

    #[tokio::test]
    async fn the_child_has_no_environment() {
        let script = "test -z \"$HOME$CARGO_MANIFEST_DIR$USER\" && exec cat >/dev/null";
        assert!(run(script).await.is_ok());
    }

    #[tokio::test]
    async fn a_complaint_about_the_component_comes_back_escaped() {
        let error = run("printf 'bad \\033[31m' >&2; exit 1").await.unwrap_err();
        assert!(!error.is_configuration());
        let error = error.to_string();
        assert!(
            error.contains("c.wasm: the component does not compile: bad \\u{1b}"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_child_that_never_ends_is_killed() {
        let compiler = shell("exec sleep 86400", Duration::from_millis(50));
        let error = compiler.compile(Path::new("c.wasm"), b"x").await.unwrap_err();
        assert!(matches!(error, ComponentError::CompileLimit { .. }), "{error}");
    }

    #[tokio::test]
    async fn each_way_of_dying_is_told_apart() {
        for (script, part) in [
            ("kill -XCPU $$", "60 s of CPU time"),
            (
                "echo 'memory allocation of 1 bytes failed' >&2; kill -ABRT $$",
                "4 GiB of memory",
            ),
            (
                "echo no limits >&2; exit 2",
                "the compiler cannot be used: no limits",
            ),
            (
                "kill -SEGV $$",
                "c.wasm: the compiler broke down on this component",
            ),
            ("echo panicked >&2; exit 101", "101 panicked"),
        ] {
            let error = run(script).await.unwrap_err().to_string();
            assert!(error.contains(part), "{script}: {error}");
        }
    }

    #[test]
    fn a_component_that_does_not_validate_is_told_why() {
        let mut bytes =
            wat::parse_str("(component (core module (func (export \"f\") (result i32) i32.const 1)))")
                .unwrap();
        // the constant becomes an instruction that leaves nothing on the stack
        let at = bytes.windows(2).rposition(|pair| pair == [0x41, 1]).unwrap();
        bytes.splice(at..at + 2, [0x01, 0x01]);
        let error = format!("{:#}", compile_here(&bytes).unwrap_err());
        assert!(error.contains("type mismatch"), "{error}");
    }
}
