//! A simulated Snowflake account: HTTPS on loopback, written from the fact sheet of the SQL REST API.
//!
//! [`Simulator::start`] gives a server with two months of data that checks signatures, runs SQL for real, pages, and
//! fails, restates and bills on demand. Its data set, its patches and the golden records made from both lie in
//! tests/data/snowflake and tests/golden/snowflake.

mod account;
mod auth;
mod catalog;
mod control;
mod faults;
pub mod golden;
pub mod identity;
mod reply;
mod result;
mod server;
mod sql;
mod statements;
mod submission;
#[cfg(test)]
mod tests;

pub use faults::{Act, At, Fault, Faults};
pub(crate) use sql::register_numbers;
pub use statements::Record;

use crate::{Error, tls::TlsListener};
use account::Account;
use axum::Router;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    str::FromStr,
    sync::Arc,
};
use tokio::{net::TcpListener, sync::oneshot};

const CURRENCY_VIEW: &str = "ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY";

/// The time at which tests and the demo run, unless they say otherwise: 2026-08-03T12:00:00Z.
pub const NOW: Timestamp = Timestamp::constant(1_785_758_400, 0);

/// Database roles that the fact sheet asks for.
pub const DATABASE_ROLES: [&str; 3] = ["USAGE_VIEWER", "GOVERNANCE_VIEWER", "ORGANIZATION_BILLING_VIEWER"];

/// How a simulator is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The HTTPS port; 0 takes a free one.
    pub port: u16,
    /// The control port; 0 takes a free one.
    pub control_port: u16,
    /// Rows in a partition of a result.
    pub partition_rows: usize,
    /// Database roles granted to [`identity::ROLE`].
    pub database_roles: Vec<String>,
    /// Where the clock starts; none: the machine's own time.
    pub now: Option<Timestamp>,
    /// Big mode: every row of the currency view so many times, so that the whole view has about that many rows.
    pub currency_rows: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            control_port: 0,
            partition_rows: 1000,
            database_roles: DATABASE_ROLES.map(str::to_owned).to_vec(),
            now: Some(NOW),
            currency_rows: None,
        }
    }
}

/// Changes that the provider makes to its data, by patch files in tests/data/snowflake/patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// One billed day changes: rows changed, added and withdrawn.
    Restate,
    /// The currency view reaches two days further.
    Bill,
    /// A query moves from one user to another.
    Retag,
}

impl Patch {
    fn text(self) -> &'static str {
        match self {
            Self::Restate => include_str!("../../data/snowflake/patches/restate.json"),
            Self::Bill => include_str!("../../data/snowflake/patches/bill.json"),
            Self::Retag => include_str!("../../data/snowflake/patches/retag.json"),
        }
    }
}

impl FromStr for Patch {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "restate" => Ok(Self::Restate),
            "bill" => Ok(Self::Bill),
            "retag" => Ok(Self::Retag),
            other => Err(format!("no patch '{other}': restate, bill or retag").into()),
        }
    }
}

/// A running simulator; it stops when dropped.
pub struct Simulator {
    account: Arc<Account>,
    addr: SocketAddr,
    control: SocketAddr,
    /// Dropped, they end the two servers.
    _running: [oneshot::Sender<()>; 2],
}

impl Simulator {
    /// Starts a simulator on loopback.
    ///
    /// # Errors
    /// Where a port is taken, or keys cannot be made, or the data set is damaged.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let known = identity::identity()?;
        let account = Arc::new(Account::new(&options)?);
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let addr = tcp.local_addr()?;
        let listener = TlsListener::new(tcp, &known.authority)?;
        let api = Router::new()
            .fallback(server::handle)
            .with_state(Arc::clone(&account));
        let control_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.control_port)).await?;
        let control = control_listener.local_addr()?;
        let control_api = control::router(Arc::clone(&account));

        let (stop_api, api_stopped) = oneshot::channel();
        let (stop_control, control_stopped) = oneshot::channel();
        tokio::spawn(
            axum::serve(listener, api)
                .with_graceful_shutdown(ended(api_stopped))
                .into_future(),
        );
        tokio::spawn(
            axum::serve(control_listener, control_api)
                .with_graceful_shutdown(ended(control_stopped))
                .into_future(),
        );
        Ok(Self {
            account,
            addr,
            control,
            _running: [stop_api, stop_control],
        })
    }

    /// Where HTTPS is served. The certificate is for [`identity::HOST`].
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where the control port is.
    #[must_use]
    pub fn control_addr(&self) -> SocketAddr {
        self.control
    }

    /// Writes what a client needs into `dir`: ca.pem, finops.p8, finops-encrypted.p8 and its passphrase, finops.pub,
    /// pat.txt and oauth.txt.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write_files(&self, dir: &Path) -> Result<(), Error> {
        identity::identity()?.write(dir)
    }

    /// The plan of faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.account.faults
    }

    /// Changes the data, once, as the provider does.
    ///
    /// # Errors
    /// Where the patch was applied already.
    pub fn apply(&self, patch: Patch) -> Result<(), Error> {
        self.account.apply(patch)
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.account.set_now(now);
    }

    /// How many requests came, by method and path (`POST /api/v2/statements`).
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.account.requests()
    }

    /// Why callers were not let in, in order.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        self.account.refusals().clone()
    }

    /// The statements that were run, in order.
    #[must_use]
    pub fn statements(&self) -> Vec<Record> {
        self.account.statements().records()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.account.faults.release();
    }
}

async fn ended(stopped: oneshot::Receiver<()>) {
    // The sender is dropped with the simulator, which is the sign to end.
    let _dropped = stopped.await;
}
