//! A real Prometheus on loopback over past data, which `promtool` made into blocks: for the checks of `cargo xtask test-extra`.
//! What must hold: the data is written by a script that knows nothing of the collector; no scrape, no clock changes it.

use crate::{Error, artifacts};
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A running Prometheus; it ends when dropped.
pub struct Prometheus {
    child: Child,
    addr: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    /// Makes blocks of OpenMetrics text, and starts a server on a free port over them.
    ///
    /// # Errors
    /// Where Debian's package `prometheus` is not installed, the text is not taken or the server does not start.
    pub fn start(openmetrics: &str) -> Result<Self, Error> {
        let directory = tempfile::tempdir()?;
        let of = |name: &str| directory.path().join(name);
        std::fs::write(of("past.om"), openmetrics)?;
        std::fs::write(of("prometheus.yml"), "{}\n")?;
        let made = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([of("past.om"), of("data")])
            .output()
            .map_err(|error| format!("promtool: {error}; install Debian's package prometheus"))?;
        if !made.status.success() {
            return Err(format!("promtool: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        let mut child = Command::new("prometheus")
            .arg(flag("config.file", &of("prometheus.yml")))
            .arg(flag("storage.tsdb.path", &of("data")))
            .args([
                "--storage.tsdb.retention.time=100y",
                "--web.listen-address=127.0.0.1:0",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().ok_or("prometheus has no standard error")?;
        let mut lines = BufReader::new(stderr).lines();
        let addr = listening(&mut lines);
        // What it says from now on is read too, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        match addr {
            Ok(addr) => Ok(Self {
                child,
                addr,
                _directory: directory,
            }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// Where it answers over plain http.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _nobody_to_tell = self.child.wait();
    }
}

fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

/// The address that its log names, once it says that it is ready.
fn listening(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Result<SocketAddr, Error> {
    let mut addr = None;
    let mut said = Vec::new();
    for line in lines {
        let line = line?;
        if line.contains("Listening on") {
            let text = line
                .split("address=")
                .nth(1)
                .and_then(|rest| rest.split_whitespace().next());
            addr = text.and_then(|text| text.trim_matches('"').parse().ok());
        }
        if line.contains("Server is ready to receive web requests") {
            return addr.ok_or_else(|| "prometheus did not say where it listens".into());
        }
        said.push(line);
    }
    Err(format!("prometheus ended: {}", said.join("\n")).into())
}

/// What tests/golden/prometheus.py makes: `metrics` as OpenMetrics text, or the `records` to expect.
///
/// # Errors
/// Where python3 does not run it.
pub fn independent(what: &str) -> Result<String, Error> {
    let script = artifacts::root().join("tests/golden/prometheus.py");
    let output = Command::new("python3").arg(script).arg(what).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}
