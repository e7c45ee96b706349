//! A MongoDB Atlas organization: invoices, projects and clusters of the Admin API v2, behind digest and service account.
//!
//! What must hold: written from the fact sheet. A call without a versioned media type, with a wrong role or from an address that
//! is not listed is refused in Atlas's own words.

mod auth;
mod bill;
mod inventory;
pub mod stage;

pub use auth::{CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, PUBLIC_KEY};
pub use bill::{AUGUST, JULY};

use crate::{
    Error,
    provider::{Api, Asked, Reply},
};
use auth::Auth;
use bill::Bill;
use finops_decimal::Decimal;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The host.
pub const HOST: &str = "cloud.mongodb.com";
/// The organization.
pub const ORGANIZATION: &str = "5f0c00000000000000000001";

/// How the organization is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Lines' totals are served after their discounts, against the documentation.
    pub after_discount: bool,
    /// So many clusters bill each line of August that names one.
    pub clusters: usize,
    /// Cents by which amountBilledCents is more than the lines tell.
    pub surplus: i64,
    /// How often a digest nonce may be used; then it is stale.
    pub nonce_uses: u32,
    /// Whether calls must come from listed addresses, and this one is not.
    pub access_list: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            after_discount: false,
            clusters: 1,
            surplus: 0,
            nonce_uses: 1_000,
            access_list: false,
        }
    }
}

/// The organization.
pub struct Atlas {
    options: Options,
    auth: Mutex<Auth>,
    bill: Mutex<Bill>,
}

impl Atlas {
    /// The organization of tests/data.
    ///
    /// # Errors
    /// Where the data is damaged.
    pub fn new(options: Options) -> Result<Self, Error> {
        Ok(Self {
            options,
            auth: Mutex::new(Auth::default()),
            bill: Mutex::new(Bill::load(options)?),
        })
    }

    /// What an invoice bills at that time, in dollars.
    ///
    /// # Errors
    /// Where there is none.
    pub fn billed(&self, invoice: &str, now: Timestamp) -> Result<Decimal, Error> {
        lock(&self.bill).billed(invoice, now)
    }

    /// All access tokens end at once.
    pub fn end_tokens(&self) {
        lock(&self.auth).end_tokens();
    }

    /// How often a digest nonce was given out, and how often a token.
    #[must_use]
    pub fn given(&self) -> (u32, u32) {
        lock(&self.auth).given()
    }

    fn refuse(&self, asked: &Asked, segments: &[&str]) -> Option<Reply> {
        if let Err(reply) = lock(&self.auth).admits(asked, self.options.nonce_uses) {
            return Some(reply);
        }
        if self.options.access_list {
            return Some(error(
                403,
                "ORG_REQUIRES_ACCESS_LIST",
                "This organization requires access through an access list of ip ranges.",
            ));
        }
        let version = match segments {
            [.., "clusters"] => "2024-08-05",
            _ => "2023-01-01",
        };
        let kind = asked.header("accept");
        let date = kind
            .strip_prefix("application/vnd.atlas.")
            .and_then(|rest| rest.strip_suffix("+json"));
        // The newest version that is not after the date is served.
        date.is_none_or(|date| date.len() != 10 || date < version)
            .then(|| {
                error(
                    406,
                    "INVALID_VERSION_DATE",
                    "The version date is not valid for this resource.",
                )
            })
    }
}

impl Api for Atlas {
    fn hosts(&self) -> Vec<String> {
        vec![HOST.to_owned()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![
            ("public-key.txt", PUBLIC_KEY.to_owned()),
            ("private-key.txt", PRIVATE_KEY.to_owned()),
            ("client-id.txt", CLIENT_ID.to_owned()),
            ("client-secret.txt", CLIENT_SECRET.to_owned()),
        ]
    }

    fn operation(&self, asked: &Asked) -> String {
        let segments = asked.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["api", "oauth", "token"] => "token",
            ["api", "atlas", "v2", "orgs", _, "invoices"] => "listInvoices",
            ["api", "atlas", "v2", "orgs", _, "invoices", "pending"] => "listInvoicePending",
            ["api", "atlas", "v2", "orgs", _, "invoices", _] => "getInvoice",
            ["api", "atlas", "v2", "groups"] => "listGroups",
            ["api", "atlas", "v2", "groups", _, "clusters"] => "listClusters",
            _ => "unknown",
        }
        .to_owned()
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let segments = asked.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if segments == ["api", "oauth", "token"] {
            return lock(&self.auth).mint(asked);
        }
        if let Some(refusal) = self.refuse(asked, &segments) {
            return refusal;
        }
        if asked.method != "GET" {
            return error(405, "METHOD_NOT_ALLOWED", "The method is not allowed.");
        }
        let bill = lock(&self.bill);
        match segments.as_slice() {
            ["api", "atlas", "v2", "orgs", organization, "invoices", rest @ ..] => {
                if *organization != ORGANIZATION {
                    return error(
                        403,
                        "USER_CANNOT_ACCESS_ORG",
                        "Current user is not authorized for this organization.",
                    );
                }
                match rest {
                    [] => page(asked, bill.list(asked)),
                    ["pending"] => {
                        let results = bill.pending(asked.now);
                        ok(&json!({"links": links(asked), "totalCount": results.len(), "results": results}))
                    }
                    [id] => match bill.one(id, asked.now) {
                        Some(invoice) => ok(&invoice),
                        None => error(404, "INVOICE_NOT_FOUND", "No invoice with that ID exists."),
                    },
                    _ => error(404, "RESOURCE_NOT_FOUND", "Cannot find resource."),
                }
            }
            ["api", "atlas", "v2", "groups"] => page(asked, inventory::groups()),
            ["api", "atlas", "v2", "groups", group, "clusters"] => match inventory::clusters(group) {
                Some(clusters) => page(asked, clusters),
                None => error(404, "GROUP_NOT_FOUND", "No group with that ID exists."),
            },
            _ => error(404, "RESOURCE_NOT_FOUND", "Cannot find resource."),
        }
    }
}

/// An error as Atlas writes it.
#[must_use]
pub fn error(status: u16, code: &str, detail: &str) -> Reply {
    let body =
        json!({"error": status, "errorCode": code, "reason": "Refused", "detail": detail, "parameters": []});
    Reply::json(status, &body)
}

/// Atlas asks to slow down.
#[must_use]
pub fn throttled(seconds: u32) -> Reply {
    error(429, "RATE_LIMITED", "Too many requests")
        .with("retry-after", &seconds.to_string())
        .with("ratelimit-limit", "100")
        .with("ratelimit-remaining", "0")
}

fn ok(body: &Value) -> Reply {
    Reply::json(200, body)
        .with("ratelimit-limit", "100")
        .with("ratelimit-remaining", "99")
}

/// Links of a reply; the last is what nobody may follow.
fn links(asked: &Asked) -> Value {
    json!([
        {"rel": "self", "href": format!("https://{HOST}{}", asked.path)},
        {"rel": "next", "href": "https://atlas.evil.example/next"},
    ])
}

/// One page of a list.
fn page(asked: &Asked, items: Vec<Value>) -> Reply {
    let number = |name: &str, default: usize| match asked.param(name) {
        None => Some(default),
        Some(text) => text.parse().ok(),
    };
    let (per, from) = match (number("itemsPerPage", 100), number("pageNum", 1)) {
        (Some(per @ 1..=500), Some(from @ 1..)) => (per, from),
        _ => {
            return error(
                400,
                "INVALID_QUERY_PARAMETER",
                "itemsPerPage must be 1 to 500, pageNum at least 1.",
            );
        }
    };
    let count = items.len();
    let shown: Vec<Value> = items.into_iter().skip((from - 1) * per).take(per).collect();
    ok(&json!({"links": links(asked), "totalCount": count, "results": shown}))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
