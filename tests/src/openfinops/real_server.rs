//! The real OpenFinOps server (`TelemetryServer` of the pinned package) as a child process, and what it stored.
//! What must hold: it listens when `start` returns, and it ends with the test, however the test ends.

use super::http;
use super::port::ReservedPort;
use crate::artifacts;
use finops_decimal::Decimal;
use rusqlite::{Connection, OpenFlags};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Error, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running server, or one that was killed; dropping it kills it.
pub struct RealServer {
    port: ReservedPort,
    folder: PathBuf,
    process: Option<Process>,
}

/// One stored row, as one batch arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// In the order of arrival.
    pub id: i64,
    /// Seconds since the epoch, as the batch says.
    pub timestamp: f64,
    /// Who sent it.
    pub agent_id: String,
    /// From which host.
    pub hostname: String,
    /// About which provider.
    pub cloud_provider: String,
    /// About which region.
    pub region: String,
    /// The batch's `metrics`.
    pub metrics: Value,
    /// The batch's `events`.
    pub events: Value,
    /// The batch's `traces`.
    pub traces: Value,
}

/// What the server's own `CostObservatory` makes of the stored rows (tests/python/observe.py).
#[derive(Clone, Debug, Deserialize)]
pub struct Observed {
    /// Stored rows.
    pub rows: usize,
    /// Cost entries in them.
    pub entries: usize,
    /// Entry ids that occur more than once.
    pub duplicate_entry_ids: Vec<String>,
    /// Per currency the exact sum of the `finops_host.amount` tags.
    pub amounts: BTreeMap<String, Decimal>,
    /// `get_cost_summary()`: floats, all currencies together; null where there are no entries.
    pub summary: Value,
}

impl RealServer {
    /// Starts it on a free loopback port with its `telemetry.db` and its log in this folder.
    pub fn start(folder: &Path) -> Result<Self> {
        let mut server = Self {
            port: ReservedPort::new()?,
            folder: folder.to_owned(),
            process: None,
        };
        server.restart()?;
        Ok(server)
    }

    /// What a config's `endpoint` says.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens, or would.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Kills it at once; connections are refused from here on.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Kills it if it runs, and starts it again on the same port and the same database.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        self.process = Some(Process::start(&self.folder, self.port.address().port())?);
        let health = http::get(self.address(), "/health")?;
        if health.status == 200 {
            return Ok(());
        }
        Err(Error::other(format!(
            "the OpenFinOps server is not healthy: {health:?}"
        )))
    }

    /// What it stored, in the order of arrival.
    pub fn rows(&self) -> Result<Vec<Row>> {
        read_rows(&self.database()).map_err(Error::other)
    }

    /// What it stored, as its own cost observatory sees it.
    pub fn observe(&self) -> Result<Observed> {
        let script = script("observe.py");
        let output = Command::new(artifacts::python()?)
            .arg(&script)
            .arg(self.database())
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(Error::other(format!(
                "{} failed ({})",
                script.display(),
                output.status
            )));
        }
        serde_json::from_slice(&output.stdout).map_err(Error::other)
    }

    fn database(&self) -> PathBuf {
        self.folder.join("telemetry.db")
    }
}

/// The server's process; dropping it kills it.
struct Process(Child);

impl Process {
    fn start(folder: &Path, port: u16) -> Result<Self> {
        let log = folder.join("server.log");
        // Standard input stays open while we live: the script ends when it closes.
        let child = Command::new(artifacts::python()?)
            .arg(script("telemetry_server.py"))
            .arg(port.to_string())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log)?)
            .spawn()?;
        let mut process = Self(child);
        let mut ready = String::new();
        if let Some(stdout) = process.0.stdout.take() {
            BufReader::new(stdout).read_line(&mut ready)?;
        }
        if ready.contains("\"ready\": true") {
            return Ok(process);
        }
        drop(process);
        let words = fs::read_to_string(&log).unwrap_or_default();
        Err(Error::other(format!(
            "the OpenFinOps server did not start:\n{words}"
        )))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing is left to do about a process that is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn script(name: &str) -> PathBuf {
    artifacts::root().join("tests/python").join(name)
}

fn read_rows(database: &Path) -> rusqlite::Result<Vec<Row>> {
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut query = database.prepare(
        "SELECT id, timestamp, agent_id, hostname, cloud_provider, region, metrics, events, traces
         FROM telemetry_data ORDER BY id",
    )?;
    let rows = query.query_map([], |row| {
        Ok(Row {
            id: row.get("id")?,
            timestamp: row.get("timestamp")?,
            agent_id: row.get("agent_id")?,
            hostname: row.get("hostname")?,
            cloud_provider: row.get("cloud_provider")?,
            region: row.get("region")?,
            metrics: json(row, "metrics")?,
            events: json(row, "events")?,
            traces: json(row, "traces")?,
        })
    })?;
    rows.collect()
}

fn json(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Value> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|cause| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, cause.into())
    })
}
