//! A server that a command starts beside itself: it says when it is ready, and ends with us.
//! What must hold: it is stopped whatever happens to the command that needs it.

use crate::command;
use crate::failure::{Context as _, Failure, Result};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A server that is ready; dropping it stops it.
pub(crate) struct Service {
    _process: Process,
    /// The line of JSON with which it said that it is ready.
    ready: Value,
    /// Kept open: a server may end when nobody reads it any more.
    _stdout: BufReader<ChildStdout>,
}

impl Service {
    /// Starts it and waits for its line `{"ready":true,...}`. What it writes to standard error goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log).context(|| format!("could not write {}", log.display()))?;
        // Standard input stays open while we live: servers of ours end when it closes.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let text = command::text(command);
        let started = || format!("could not start `{text}`");
        let mut process = Process(command.spawn().context(started)?);
        let stdout = process
            .0
            .stdout
            .take()
            .ok_or("it has no standard output")
            .context(started)?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line).context(started)?;
        match serde_json::from_str::<Value>(&line) {
            Ok(ready) if ready.get("ready") == Some(&Value::Bool(true)) => Ok(Self {
                _process: process,
                ready,
                _stdout: stdout,
            }),
            _ => {
                // Stopped first, so that its log is whole.
                drop(process);
                Err(Failure::new(format!(
                    "`{}` did not become ready: {}",
                    command::text(command),
                    tail(log)
                )))
            }
        }
    }

    /// A port that it named when it became ready.
    pub(crate) fn port(&self, name: &str) -> Result<u16> {
        let port = self
            .ready
            .get(name)
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok());
        port.ok_or_else(|| {
            Failure::new(format!(
                "the server named no `{name}` when it became ready: {}",
                self.ready
            ))
        })
    }
}

/// A started process, stopped when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing is left to do about a process that is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The last lines of a log, enough for a panic with its stack.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(20)
        .collect();
    if lines.is_empty() {
        return format!("it ended without a word in {}", log.display());
    }
    lines.into_iter().rev().collect::<Vec<_>>().join("\n  ")
}

/// Posts to a control port on loopback; any reply but 2xx is a failure.
pub(crate) fn post(port: u16, path: &str) -> Result<()> {
    let what = || format!("POST {path} on port {port}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context(what)?;
    write!(
        stream,
        "POST {path} HTTP/1.0\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\n\r\n"
    )
    .context(what)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).context(what)?;
    match reply.split_whitespace().nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        _ => Err(Failure::new(format!(
            "{} was answered with: {}",
            what(),
            reply.lines().next().unwrap_or("nothing")
        ))),
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
    use std::net::TcpListener;
    use std::path::PathBuf;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn log(test: &str) -> PathBuf {
        std::env::temp_dir().join(format!("finops-xtask-{}-{test}.log", std::process::id()))
    }

    #[test]
    fn a_server_is_ready_when_it_says_so_and_is_stopped_when_dropped() {
        let log = log("ready");
        let script = r#"echo '{"ready":true,"port":4711}'; exec cat"#;
        let service = Service::start(&mut shell(script), &log).unwrap();
        assert_eq!(service.port("port").unwrap(), 4711);
        assert!(
            service
                .port("control_port")
                .unwrap_err()
                .to_string()
                .contains("named no `control_port`")
        );
        let process = PathBuf::from(format!("/proc/{}", service._process.0.id()));
        assert!(process.exists());
        drop(service);
        assert!(!process.exists(), "it was killed and waited for");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_server_that_ends_before_it_is_ready_is_reported_with_its_last_words() {
        let log = log("ends");
        let failure = Service::start(&mut shell("echo address in use >&2; exit 1"), &log)
            .err()
            .unwrap();
        assert!(
            failure
                .to_string()
                .ends_with("did not become ready: address in use"),
            "{failure}"
        );
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_server_that_says_something_else_is_stopped() {
        let log = log("else");
        let failure = Service::start(&mut shell("echo hello; exec cat"), &log)
            .err()
            .unwrap();
        assert!(failure.to_string().contains("did not become ready"), "{failure}");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_control_call_that_is_refused_is_a_failure_with_the_status() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            for status in ["200 OK", "404 Not Found"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                write!(stream, "HTTP/1.0 {status}\r\n\r\n").unwrap();
            }
        });
        post(port, "/_control/restate").unwrap();
        let failure = post(port, "/_control/other").unwrap_err().to_string();
        assert!(
            failure.ends_with("was answered with: HTTP/1.0 404 Not Found"),
            "{failure}"
        );
        server.join().unwrap();
    }
}
