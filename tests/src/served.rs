//! `serve` as it runs: what it logs is waited for, event by event, and signals reach it.

use crate::{Error, program::Place};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(180);

/// Which process of those started it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Started,
    /// As in a container.
    FirstChild,
}

/// A running `serve`.
pub struct Served {
    child: Child,
    which: Which,
    lines: mpsc::Receiver<Value>,
    reader: Option<JoinHandle<()>>,
    seen: Vec<Value>,
}

impl Served {
    /// Starts it over a directory or host file, on a port of its own, with these further arguments.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(place: &Place, path: &Path, more: &[&str]) -> Result<Self, Error> {
        let mut command = place.command()?;
        command
            .arg("serve")
            .arg(path)
            .args(["--listen", "127.0.0.1:0"])
            .args(more);
        Self::of(command, Which::Started)
    }

    /// Starts what runs it as its first child, and has signals reach that child.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_within(command: Command) -> Result<Self, Error> {
        Self::of(command, Which::FirstChild)
    }

    fn of(mut command: Command, which: Which) -> Result<Self, Error> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let output = child.stderr.take().ok_or("no standard error")?;
        let (tell, lines) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            which,
            lines,
            reader: Some(reader),
            seen: Vec::new(),
        })
    }

    /// Waits for the next log line of which this is true.
    ///
    /// # Errors
    /// Where it does not come; the error shows those that came.
    pub fn wait_for(&mut self, what: impl Fn(&Value) -> bool) -> Result<Value, Error> {
        loop {
            match self.lines.recv_timeout(LONG) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if what(&line) {
                        return Ok(line);
                    }
                }
                Err(why) => return Err(format!("{why}; it logged {:#?}", self.seen).into()),
            }
        }
    }

    /// Waits for the next line of an instance that begins so.
    ///
    /// # Errors
    /// Where it does not come.
    pub fn says_of(&mut self, instance: &str, begins: &str) -> Result<Value, Error> {
        self.wait_for(|line| of(line, "instance") == instance && of(line, "message").starts_with(begins))
    }

    /// Waits for the next line that contains this.
    ///
    /// # Errors
    /// Where it does not come.
    pub fn says(&mut self, part: &str) -> Result<Value, Error> {
        self.wait_for(|line| of(line, "message").contains(part))
    }

    /// Every line that was waited for or passed over so far.
    #[must_use]
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Where it does not say so.
    pub fn address(&mut self) -> Result<SocketAddr, Error> {
        let line = self.wait_for(|line| of(line, "message").starts_with("listening on "))?;
        Ok(of(&line, "message").trim_start_matches("listening on ").parse()?)
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// Where there is no such process.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        let id = match self.which {
            Which::Started => i32::try_from(self.id())?,
            Which::FirstChild => {
                let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.id()))?;
                children.split_whitespace().next().ok_or("no child")?.parse()?
            }
        };
        let process = Pid::from_raw(id).ok_or("no process")?;
        Ok(kill_process(process, signal)?)
    }

    /// Asks it to stop and waits for its end: the exit code, and all that it logged.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn stop(mut self) -> Result<(Option<i32>, Vec<Value>), Error> {
        self.signal(Signal::TERM)?;
        let status = self.child.wait()?;
        if let Some(reader) = self.reader.take() {
            let _joined = reader.join();
        }
        self.seen.extend(self.lines.try_iter());
        Ok((status.code(), std::mem::take(&mut self.seen)))
    }

    /// Kills it.
    ///
    /// # Errors
    /// Where there is no such process.
    pub fn kill(mut self) -> Result<(), Error> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

/// A test that fails leaves no process behind.
impl Drop for Served {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A field of a log line, as text.
#[must_use]
pub fn of<'a>(line: &'a Value, field: &str) -> &'a str {
    line.get(field).and_then(Value::as_str).unwrap_or_default()
}
