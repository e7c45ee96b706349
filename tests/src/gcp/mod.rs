//! A simulated Google Cloud organization: HTTPS on loopback for every host that the collector calls, written from the fact sheet.
//!
//! [`Simulator::start`] gives a server that checks the access token, answers a narrow SQL over the lines of a billing export
//! (detailed, standard and FOCUS), bills bytes, pages, lets queries run long and fails on demand. The export is only ever appended
//! to: its state is a moment of the clock. It lies in tests/data/gcp, the golden records made from it in tests/golden/gcp.

pub mod bigquery;
pub mod books;
pub mod export;
mod faults;
mod focus;
pub mod golden;
pub mod inventory;
pub mod machines;
mod query;
mod reply;
mod server;
pub mod stage;
#[cfg(test)]
mod tests;
pub mod token;

pub use faults::{Act, Fault, Faults};

use crate::{
    Error,
    tls::{Authority, TlsListener},
};
use axum::Router;
use bigquery::Job;
use export::{Export, Line};
use finops_decimal::Decimal;
use jiff::Timestamp;
use query::Answer;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{net::TcpListener, sync::oneshot};

/// The access token that is taken.
pub const TOKEN: &str = "ya29.c.simulated-access-token";
/// Every host that it answers for.
pub const HOSTS: [&str; 8] = [
    "bigquery.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "cloudfunctions.googleapis.com",
    "sqladmin.googleapis.com",
    "storage.googleapis.com",
    "run.googleapis.com",
    "cloudbilling.googleapis.com",
];

/// How a simulator is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The HTTPS port; 0 takes a free one.
    pub port: u16,
    /// Where the clock starts.
    pub now: Timestamp,
    /// Rows on a page of a result.
    pub rows_per_page: usize,
    /// How often a query says that it still runs.
    pub slow: u32,
    /// Bytes of a column of a line, as BigQuery counts them.
    pub bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            now: Timestamp::constant(1_785_758_400, 0),
            rows_per_page: 1_000,
            slow: 0,
            bytes: 8,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    requests: BTreeMap<String, u64>,
    disabled: BTreeSet<String>,
    jobs: BTreeMap<String, Job>,
    billed: u64,
}

pub(crate) struct Provider {
    options: Options,
    faults: Faults,
    export: Mutex<Export>,
    now: Mutex<Timestamp>,
    state: Mutex<State>,
}

impl Provider {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn export(&self) -> MutexGuard<'_, Export> {
        self.export.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was exported by now.
    fn visible(&self) -> Vec<Line> {
        let now = self.now();
        let export = self.export();
        export.visible(now).into_iter().cloned().collect()
    }

    fn count(&self, operation: &str) {
        *self.state().requests.entry(operation.to_owned()).or_default() += 1;
    }

    fn is_disabled(&self, operation: &str) -> bool {
        self.state().disabled.contains(operation)
    }

    fn slow(&self) -> u32 {
        self.options.slow
    }

    fn bytes(&self, answer: &Answer) -> u64 {
        let cells = answer.scanned.saturating_mul(answer.width);
        self.options
            .bytes
            .saturating_mul(u64::try_from(cells).unwrap_or(u64::MAX))
    }

    fn keep(&self, id: String, job: Job, billed: u64) {
        let mut state = self.state();
        if state.jobs.insert(id, job).is_none() {
            state.billed += billed;
        }
    }

    fn with_job<T>(&self, id: &str, answer: impl FnOnce(&mut Job) -> T) -> Option<T> {
        self.state().jobs.get_mut(id).map(answer)
    }
}

/// A running simulator; it stops when dropped.
pub struct Simulator {
    provider: Arc<Provider>,
    authority: Authority,
    addr: SocketAddr,
    /// Dropped, it ends the server.
    _running: oneshot::Sender<()>,
}

impl Simulator {
    /// Starts a simulator on loopback.
    ///
    /// # Errors
    /// Where the port is taken, or the export is damaged.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let hosts = HOSTS.iter().chain([&token::HOST]);
        let authority = Authority::for_hosts(hosts.map(|host| (*host).to_owned()).collect())?;
        let provider = Arc::new(Provider {
            faults: Faults::default(),
            export: Mutex::new(Export::load()?),
            now: Mutex::new(options.now),
            state: Mutex::default(),
            options,
        });
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, provider.options.port)).await?;
        let addr = tcp.local_addr()?;
        let listener = TlsListener::new(tcp, &authority)?;
        let api = Router::new()
            .fallback(server::handle)
            .with_state(Arc::clone(&provider));
        let (running, stopped) = oneshot::channel::<()>();
        let ended = async {
            // The sender is dropped with the simulator, which is the sign to end.
            let _dropped = stopped.await;
        };
        tokio::spawn(
            axum::serve(listener, api)
                .with_graceful_shutdown(ended)
                .into_future(),
        );
        Ok(Self {
            provider,
            authority,
            addr,
            _running: running,
        })
    }

    /// Where HTTPS is served, for all of [`HOSTS`].
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Writes what a client needs into `dir`: ca.pem, token.txt and the service account's key gcp.json.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write_files(&self, dir: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(dir)?;
        std::fs::write(dir.join("ca.pem"), &self.authority.ca_pem)?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        for (name, text) in [("token.txt", TOKEN.to_owned()), ("gcp.json", token::key_file()?)] {
            options.open(dir.join(name))?.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// The plan of faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.provider.faults
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        *self.provider.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Changes the export, as nobody but an administrator can.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Line>)) {
        change(&mut self.provider.export().lines);
    }

    /// An API that is not enabled from now on (`compute:instances`).
    pub fn disable(&self, operation: &str) {
        self.provider.state().disabled.insert(operation.to_owned());
    }

    /// How many requests came, by operation (`jobs.query`).
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.provider.state().requests.clone()
    }

    /// Bytes that queries have billed.
    #[must_use]
    pub fn billed(&self) -> u64 {
        self.provider.state().billed
    }

    /// The invoice of a month (`202607`) as far as it is known now, after credits, by currency.
    ///
    /// # Errors
    /// Where a sum does not fit.
    pub fn invoice(&self, month: &str) -> Result<BTreeMap<String, Decimal>, Error> {
        let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
        for line in self
            .provider
            .visible()
            .iter()
            .filter(|line| line.invoice_month == month)
        {
            let sum = sums.entry(line.currency.clone()).or_default();
            *sum = sum.checked_add(line.net()?)?;
        }
        Ok(sums)
    }
}
