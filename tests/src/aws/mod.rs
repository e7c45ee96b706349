//! A simulated AWS organization: HTTPS on loopback for every host that the collector calls, written from the fact sheet.
//!
//! [`Simulator::start`] gives a server that checks signatures, answers Cost Explorer from the lines of a bill, delivers
//! FOCUS exports, pages, throttles, denies, restates and counts what AWS would charge for. Its bill lies in
//! tests/data/aws, the golden records made from it in tests/golden/aws.

pub mod bill;
pub mod books;
mod ce;
#[cfg(test)]
mod ce_tests;
mod ce_values;
pub mod export;
mod expression;
mod faults;
pub mod golden;
pub mod inventory;
pub mod moto;
mod reply;
pub mod s3;
mod server;
pub mod sigv4;
pub mod stage;

pub use bill::Patch;
pub use faults::{Act, Fault, Faults};
pub use sigv4::Key;

use crate::{
    Error,
    tls::{Authority, TlsListener},
};
use axum::Router;
use bill::Bill;
use bytes::Bytes;
use finops_decimal::Decimal;
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{net::TcpListener, sync::oneshot};

/// Regions that have inventory.
pub const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// The long-lived key's id.
pub const KEY: &str = "AKIAIOSFODNN7SIMULAT";
/// Its secret.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYSIMULATOR";

/// How a simulator is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The HTTPS port; 0 takes a free one.
    pub port: u16,
    /// Where the clock starts.
    pub now: Timestamp,
    /// Groups on a page of Cost Explorer.
    pub groups_per_page: usize,
    /// Whether the account opted in to resources.
    pub resources: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            now: Timestamp::constant(1_785_758_400, 0),
            groups_per_page: 1_000,
            resources: true,
        }
    }
}

/// An object of the bucket.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its ETag.
    pub etag: String,
    /// Its Last-Modified.
    pub modified: Timestamp,
}

#[derive(Debug, Default)]
struct State {
    requests: BTreeMap<String, u64>,
    refusals: Vec<String>,
    denied: BTreeSet<String>,
    keys: Vec<Key>,
    objects: BTreeMap<String, Object>,
    paid: u64,
}

pub(crate) struct Account {
    options: Options,
    faults: Faults,
    bill: Mutex<Bill>,
    now: Mutex<Timestamp>,
    state: Mutex<State>,
}

impl Account {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bill(&self) -> MutexGuard<'_, Bill> {
        self.bill.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self) -> Vec<Key> {
        self.state().keys.clone()
    }

    fn objects(&self) -> BTreeMap<String, Object> {
        self.state().objects.clone()
    }

    fn count(&self, operation: &str) {
        *self.state().requests.entry(operation.to_owned()).or_default() += 1;
    }

    fn refuse(&self, why: String) {
        self.state().refusals.push(why);
    }

    fn is_denied(&self, operation: &str) -> bool {
        self.state().denied.contains(operation)
    }

    /// Cost Explorer charges a cent for every page that it gives.
    fn pay(&self, operation: &str) {
        self.state().paid += u64::from(operation.starts_with("ce:"));
    }
}

/// A running simulator; it stops when dropped.
pub struct Simulator {
    account: Arc<Account>,
    authority: Authority,
    addr: SocketAddr,
    /// Dropped, it ends the server.
    _running: oneshot::Sender<()>,
}

/// Every host that it answers for.
#[must_use]
pub fn hosts() -> Vec<String> {
    let mut hosts = vec!["ce.us-east-1.amazonaws.com".to_owned()];
    for region in REGIONS {
        for service in ["ec2", "rds", "eks", "lambda", "monitoring", "s3", "tagging"] {
            hosts.push(format!("{service}.{region}.amazonaws.com"));
        }
        hosts.push(format!("{}.s3.{region}.amazonaws.com", s3::BUCKET));
    }
    hosts
}

impl Simulator {
    /// Starts a simulator on loopback.
    ///
    /// # Errors
    /// Where the port is taken, or the bill is damaged.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let authority = Authority::for_hosts(hosts())?;
        let long_lived = Key {
            id: KEY.to_owned(),
            secret: SECRET.to_owned(),
            token: None,
            expires: None,
        };
        let state = State {
            keys: vec![long_lived],
            ..State::default()
        };
        let account = Arc::new(Account {
            faults: Faults::default(),
            bill: Mutex::new(Bill::load()?),
            now: Mutex::new(options.now),
            state: Mutex::new(state),
            options,
        });
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, account.options.port)).await?;
        let addr = tcp.local_addr()?;
        let listener = TlsListener::new(tcp, &authority)?;
        let api = Router::new()
            .fallback(server::handle)
            .with_state(Arc::clone(&account));
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
            account,
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

    /// Writes what a client needs into `dir`: ca.pem, key-id.txt and secret-key.txt.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write_files(&self, dir: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(dir)?;
        std::fs::write(dir.join("ca.pem"), &self.authority.ca_pem)?;
        std::fs::write(dir.join("key-id.txt"), KEY)?;
        std::fs::write(dir.join("secret-key.txt"), SECRET)?;
        Ok(())
    }

    /// The plan of faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.account.faults
    }

    /// Changes the bill, once, as AWS does.
    ///
    /// # Errors
    /// Where the patch was applied already.
    pub fn apply(&self, patch: Patch) -> Result<(), Error> {
        self.account.bill().apply(patch)
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        *self.account.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Lets in these keys alone.
    pub fn set_keys(&self, keys: Vec<Key>) {
        self.account.state().keys = keys;
    }

    /// Denies an operation (`ce:GetCostAndUsage`) from now on.
    pub fn deny(&self, operation: &str) {
        self.account.state().denied.insert(operation.to_owned());
    }

    /// Delivers a month (any day of it) of the FOCUS export, over what was delivered before.
    ///
    /// # Errors
    /// Where it cannot be packed.
    pub fn deliver(&self, month: jiff::civil::Date) -> Result<(), Error> {
        let objects = export::delivery(&self.account.bill(), self.account.now(), month)?;
        self.account.state().objects.extend(objects);
        Ok(())
    }

    /// Delivers a month of so many lines, each of 0.0001 USD.
    ///
    /// # Errors
    /// Where it cannot be packed.
    pub fn deliver_large(&self, month: jiff::civil::Date, lines: usize) -> Result<(), Error> {
        let objects = export::large(self.account.now(), month, lines)?;
        self.account.state().objects.extend(objects);
        Ok(())
    }

    /// The keys of the bucket's objects.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.account.state().objects.keys().cloned().collect()
    }

    /// Changes an object of the bucket.
    ///
    /// # Errors
    /// Where there is none of that key.
    pub fn change(&self, key: &str, change: impl FnOnce(&mut Object)) -> Result<(), Error> {
        let mut state = self.account.state();
        change(
            state
                .objects
                .get_mut(key)
                .ok_or_else(|| format!("no object {key}"))?,
        );
        Ok(())
    }

    /// How many requests came, by operation (`ce:GetCostAndUsage`).
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.account.state().requests.clone()
    }

    /// Why callers were not let in, in order.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        self.account.state().refusals.clone()
    }

    /// Pages that AWS charges a cent each for.
    #[must_use]
    pub fn paid(&self) -> u64 {
        self.account.state().paid
    }

    /// The invoice of what lies in the days: the sum of all lines' costs after discounts.
    ///
    /// # Errors
    /// Where the sum does not fit.
    pub fn invoice(&self, days: std::ops::Range<jiff::civil::Date>) -> Result<Decimal, Error> {
        let bill = self.account.bill();
        let inside = bill
            .known(self.account.now())
            .filter(|line| days.contains(&line.day));
        Ok(Decimal::sum(inside.map(|line| line.net_unblended))?)
    }
}
