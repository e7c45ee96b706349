//! A simulated Databricks workspace, written from the fact sheet: the SQL Statement Execution API over the account's billing tables, and
//! the lists of clusters, warehouses, pipelines and job runs.
//!
//! It checks a personal access token or an OAuth token that it minted, runs statements for real (on SQLite, with exact decimals), gives
//! results inline in chunks, lets statements run long and fails on demand. Usage is only ever added: the table's state is a moment
//! of the clock. It lies in tests/data/databricks, the golden records made from it in tests/golden/databricks.

mod inventory;
mod oauth;
mod sql;
pub mod stage;
mod statements;
mod tables;

use crate::{
    Error,
    provider::{Api, Asked, Reply},
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use serde_json::json;
use statements::Statements;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tables::Tables;

/// The workspace's host.
pub const HOST: &str = "dbc-a1b2c3d4-e5f6.cloud.databricks.com";
/// The account.
pub const ACCOUNT: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
/// The SQL warehouse that statements may run on.
pub const WAREHOUSE: &str = "a1b2c3d4e5f60718";
/// The personal access token.
pub const TOKEN: &str = "dapi0123456789abcdef0123456789abcdef";
/// The service principal.
pub const CLIENT_ID: &str = "0d1e2f30-4a5b-4c6d-8e7f-901234567890";
/// Its OAuth secret.
pub const CLIENT_SECRET: &str = "dose0123456789abcdef-simulated-secret";
/// The access token that is minted for it.
pub const MINTED: &str = "eyJhbGciOiJub25lIn0.simulated.access-token";

/// How a workspace is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rows in a chunk of a result.
    pub rows_per_chunk: usize,
    /// How often a statement says that it still runs.
    pub slow: u32,
    /// Bytes of a result that are given inline.
    pub inline_limit: usize,
    /// Whether the account has the preview of its own prices.
    pub negotiated: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rows_per_chunk: 1_000,
            slow: 0,
            inline_limit: 26_214_400,
            negotiated: false,
        }
    }
}

/// The workspace.
pub struct Workspace {
    options: Options,
    tables: Mutex<Tables>,
    statements: Mutex<Statements>,
}

impl Workspace {
    /// A workspace with the committed data.
    ///
    /// # Errors
    /// Where the data are damaged.
    pub fn new(options: Options) -> Result<Self, Error> {
        Ok(Self {
            tables: Mutex::new(Tables::load(options.negotiated)?),
            statements: Mutex::default(),
            options,
        })
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn statements(&self) -> MutexGuard<'_, Statements> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds lines of usage like an existing one, with some columns changed.
    ///
    /// # Errors
    /// Where there is no such line or column.
    pub fn add_usage(&self, like: &str, times: u32, changes: &[(&str, &str)]) -> Result<(), Error> {
        self.tables().add("usage_all", "record_id", like, times, changes)
    }

    /// Adds a list price like that of an existing SKU, with some columns changed.
    ///
    /// # Errors
    /// Where there is no such price or column.
    pub fn add_price(&self, like: &str, changes: &[(&str, &str)]) -> Result<(), Error> {
        self.tables().add("list_prices", "sku_name", like, 1, changes)
    }

    /// Takes a table (`system.billing.usage`) from the principal.
    pub fn revoke(&self, table: &str) {
        self.tables().revoked.insert(table.to_owned());
    }

    /// The id of the first line of usage with this product and day.
    ///
    /// # Errors
    /// Where there is none.
    pub fn line(&self, product: &str, day: &str) -> Result<String, Error> {
        self.tables().line(product, day)
    }

    /// Chunks name a next one behind this from now on, instead of the workspace's own path.
    pub fn lead_to(&self, origin: &str) {
        origin.clone_into(&mut self.statements().elsewhere);
    }

    /// What the account owes for a month (`2026-07`), line by line, as far as it is known at that time.
    ///
    /// # Errors
    /// Where a line has no price or more than one, or a sum does not fit.
    pub fn invoice(&self, month: &str, now: Timestamp) -> Result<Decimal, Error> {
        self.tables().invoice(month, now)
    }

    fn route(&self, asked: &Asked) -> Reply {
        let segments = asked.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let statements = ["api", "2.0", "sql", "statements"];
        match (asked.method.as_str(), path.as_slice()) {
            ("POST", path) if path == statements => self.execute(asked),
            ("GET", ["api", "2.0", "sql", "statements", id]) => self.statement(id),
            ("GET", ["api", "2.0", "sql", "statements", id, "result", "chunks", chunk]) => {
                self.chunk(id, chunk)
            }
            ("POST", ["api", "2.0", "sql", "statements", id, "cancel"]) => self.cancel(id),
            ("GET", _) => inventory::list(asked).unwrap_or_else(no_api),
            _ => no_api(),
        }
    }
}

fn no_api() -> Reply {
    error(404, "ENDPOINT_NOT_FOUND", "No API found for this path.")
}

/// An error as the API writes it.
#[must_use]
pub fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({"error_code": code, "message": message, "details": []}),
    )
}

/// An error whose code is a number, as the gateway before the API writes it.
#[must_use]
pub fn numbered(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"error_code": status, "message": message}))
}

impl Api for Workspace {
    fn hosts(&self) -> Vec<String> {
        vec![HOST.to_owned()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![
            ("token.txt", TOKEN.to_owned()),
            ("client-secret.txt", CLIENT_SECRET.to_owned()),
        ]
    }

    fn operation(&self, asked: &Asked) -> String {
        let segments = asked.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["oidc", "v1", "token"] => "token",
            ["api", "2.0", "sql", "statements"] => "statements.execute",
            ["api", "2.0", "sql", "statements", _] => "statements.get",
            ["api", "2.0", "sql", "statements", _, "result", ..] => "statements.chunk",
            ["api", "2.0", "sql", "statements", _, "cancel"] => "statements.cancel",
            ["api", "2.0", "sql", "warehouses"] => "warehouses.list",
            ["api", "2.1", "clusters", "list"] => "clusters.list",
            ["api", "2.0", "pipelines"] => "pipelines.list",
            ["api", "2.2", "jobs", "runs", "list"] => "runs.list",
            _ => "unknown",
        }
        .to_owned()
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if self.operation(asked) == "token" {
            return oauth::token(asked);
        }
        let authorization = asked.header("authorization");
        match authorization.strip_prefix("Bearer ") {
            Some(TOKEN | MINTED) => self.route(asked),
            Some(_) => numbered(401, "Invalid access token. [ReqId: 5b1c]"),
            None => numbered(
                401,
                "Credential was not sent or was of an unsupported type for this API.",
            ),
        }
    }
}
