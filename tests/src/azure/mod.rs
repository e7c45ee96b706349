//! A simulated Azure tenant: HTTPS on loopback for every host that the collector and its host call, written from the fact sheet.
//!
//! [`Simulator::start`] gives a server that mints and checks tokens, answers Cost Management's query from the lines of a bill,
//! delivers FOCUS exports, lists resources, pages, throttles, denies, restates and shifts dates. Its bill lies in
//! tests/data/azure, the golden records made from it in tests/golden/azure.

pub mod bill;
pub mod books;
pub mod export;
mod faults;
pub mod golden;
mod graph;
mod machines;
pub mod query;
mod reply;
mod server;
pub mod stage;
pub mod token;

pub use bill::Patch;
pub use faults::{Act, Fault, Faults};

use crate::{
    Error,
    tls::{Authority, TlsListener},
};
use axum::Router;
use bill::Bill;
use export::Blob;
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use token::Audience;
use tokio::{net::TcpListener, sync::oneshot};

/// How a simulator is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The HTTPS port; 0 takes a free one.
    pub port: u16,
    /// Where the clock starts.
    pub now: Timestamp,
    /// Rows on a page of a query.
    pub rows_per_page: usize,
    /// Most groupings of a query.
    pub groupings: usize,
    /// What costs are called: `Cost` or `PreTaxCost`.
    pub cost_column: &'static str,
    /// Resources on a page of Resource Graph.
    pub resources_per_page: usize,
    /// Blobs on a page of a listing.
    pub blobs_per_page: usize,
    /// How many days the query is behind today.
    pub days_behind: i64,
    /// Whether the first subscription also rents the machines of tests/data/azure/machines.json.
    pub rents: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            now: Timestamp::constant(1_785_758_400, 0),
            rows_per_page: 1_000,
            groupings: 2,
            cost_column: "Cost",
            resources_per_page: 1_000,
            blobs_per_page: 5_000,
            days_behind: 0,
            rents: false,
        }
    }
}

#[derive(Debug)]
struct State {
    requests: BTreeMap<String, u64>,
    secret: String,
    tokens: BTreeMap<String, Audience>,
    issued: u64,
    blobs: BTreeMap<String, Blob>,
    runs: u32,
}

pub(crate) struct Tenant {
    options: Options,
    faults: Faults,
    bill: Mutex<Bill>,
    now: Mutex<Timestamp>,
    state: Mutex<State>,
}

impl Tenant {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bill(&self) -> MutexGuard<'_, Bill> {
        self.bill.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn secret(&self) -> String {
        self.state().secret.clone()
    }

    fn count(&self, operation: &str) {
        *self.state().requests.entry(operation.to_owned()).or_default() += 1;
    }

    fn requests(&self, operation: &str) -> u64 {
        self.state().requests.get(operation).copied().unwrap_or_default()
    }

    fn issue(&self, audience: Audience) -> String {
        let mut state = self.state();
        state.issued += 1;
        let token = format!("eyJ0eXAiOiJKV1QifQ.simulated-{audience:?}-{}.c2ln", state.issued);
        state.tokens.insert(token.clone(), audience);
        token
    }

    fn accepts(&self, token: &str, audience: Audience) -> bool {
        self.state().tokens.get(token) == Some(&audience)
    }

    fn with_blobs<T>(&self, read: impl FnOnce(&BTreeMap<String, Blob>) -> T) -> T {
        read(&self.state().blobs)
    }
}

/// A running simulator; it stops when dropped.
pub struct Simulator {
    tenant: Arc<Tenant>,
    authority: Authority,
    addr: SocketAddr,
    /// Dropped, it ends the server.
    _running: oneshot::Sender<()>,
}

/// Every host that it answers for.
#[must_use]
pub fn hosts() -> Vec<String> {
    vec![
        "management.azure.com".to_owned(),
        "login.microsoftonline.com".to_owned(),
        format!("{}.blob.core.windows.net", export::ACCOUNT),
        "prices.azure.com".to_owned(),
    ]
}

impl Simulator {
    /// Starts a simulator on loopback.
    ///
    /// # Errors
    /// Where the port is taken, or the bill is damaged.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let authority = Authority::for_hosts(hosts())?;
        let state = State {
            requests: BTreeMap::new(),
            secret: token::SECRET.to_owned(),
            tokens: BTreeMap::new(),
            issued: 0,
            blobs: BTreeMap::new(),
            runs: 0,
        };
        let tenant = Arc::new(Tenant {
            faults: Faults::default(),
            bill: Mutex::new(Bill::load()?),
            now: Mutex::new(options.now),
            state: Mutex::new(state),
            options,
        });
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, tenant.options.port)).await?;
        let addr = tcp.local_addr()?;
        let listener = TlsListener::new(tcp, &authority)?;
        let api = Router::new()
            .fallback(server::handle)
            .with_state(Arc::clone(&tenant));
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
            tenant,
            authority,
            addr,
            _running: running,
        })
    }

    /// Where HTTPS is served, for all of [`hosts`].
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Writes what a client needs into `dir`: ca.pem and client-secret.txt.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write_files(&self, dir: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(dir)?;
        std::fs::write(dir.join("ca.pem"), &self.authority.ca_pem)?;
        std::fs::write(dir.join("client-secret.txt"), token::SECRET)?;
        Ok(())
    }

    /// The plan of faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.tenant.faults
    }

    /// Changes the bill, once, as Azure does.
    ///
    /// # Errors
    /// Where the patch was applied already.
    pub fn apply(&self, patch: Patch) -> Result<(), Error> {
        self.tenant.bill().apply(patch)
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        *self.tenant.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Takes another client secret from now on, and no token of before.
    pub fn rotate(&self, secret: &str) {
        let mut state = self.tenant.state();
        secret.clone_into(&mut state.secret);
        state.tokens.clear();
    }

    /// Delivers a month (any day of it) of the FOCUS export of a subscription, in the place of what was delivered before.
    ///
    /// # Errors
    /// Where it cannot be packed.
    pub fn deliver(&self, subscription: &str, month: Date) -> Result<(), Error> {
        let run = self.next_run();
        let bill = self.tenant.bill();
        let now = self.tenant.now();
        let lines = bill.known(now).filter(|line| line.subscription == subscription);
        let blobs = export::delivery(lines, now, month, run)?;
        self.overwrite(blobs);
        Ok(())
    }

    /// Delivers a month of so many lines, each of 0.0001 EUR.
    ///
    /// # Errors
    /// Where it cannot be packed.
    pub fn deliver_large(&self, month: Date, lines: usize) -> Result<(), Error> {
        let blobs = export::large(self.tenant.now(), month, lines, self.next_run())?;
        self.overwrite(blobs);
        Ok(())
    }

    fn next_run(&self) -> u32 {
        let mut state = self.tenant.state();
        state.runs += 1;
        state.runs
    }

    /// A run takes away what the one before left for the same days.
    fn overwrite(&self, blobs: Vec<(String, Blob)>) {
        let mut state = self.tenant.state();
        for (name, _) in &blobs {
            let days: Vec<&str> = name.rsplitn(3, '/').collect();
            if let [_, _, days] = days.as_slice() {
                state
                    .blobs
                    .retain(|other, _| !other.starts_with(days) || blobs.iter().any(|(own, _)| own == other));
            }
        }
        state.blobs.extend(blobs);
    }

    /// A new token for the management API, as the metadata service of a machine gets one.
    #[must_use]
    pub fn issue(&self) -> String {
        self.tenant.issue(Audience::Management)
    }

    /// Changes the blobs.
    pub fn change_blobs(&self, change: impl FnOnce(&mut BTreeMap<String, Blob>)) {
        change(&mut self.tenant.state().blobs);
    }

    /// How many requests came, by operation (`query`, `graph`, `token`, `blob`).
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.tenant.state().requests.clone()
    }

    /// What a scope of one currency is invoiced for the days.
    ///
    /// # Errors
    /// Where the sum does not fit.
    pub fn invoice(&self, scope: &str, days: std::ops::Range<Date>) -> Result<Decimal, Error> {
        let bill = self.tenant.bill();
        let inside = bill
            .known(self.tenant.now())
            .filter(|line| query::inside(scope, line) == Some(true) && days.contains(&line.day));
        Ok(Decimal::sum(inside.filter_map(|line| line.actual))?)
    }
}
