//! A simulated Anthropic organization: the Admin API over HTTPS on loopback, written from the fact sheet.
//!
//! It checks the admin key and the version, answers the cost and the usage report in buckets of a day on pages, lists workspaces,
//! throttles, is overloaded and fails on demand. What it bills is a state of its clock. The lines lie in tests/data/anthropic, the
//! golden records made from them in tests/golden/anthropic.

mod costs;
mod reply;
pub mod stage;
mod usage;

pub use costs::Line;
pub use reply::{refused, throttled};

use crate::{
    Error,
    buckets::{add, day_of, days, page},
    provider::{Api, Asked, Reply},
};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use usage::Used;

/// The organization.
pub const ORGANIZATION: &str = "12345678-1234-5678-1234-567812345678";
/// The key that is taken.
pub const ADMIN_KEY: &str = "sk-ant-admin01-simulated-0123456789abcdef";
/// An ordinary key, which the Admin API refuses.
pub const INFERENCE_KEY: &str = "sk-ant-api03-simulated-0123456789abcdef";
/// Its host.
pub const HOST: &str = "api.anthropic.com";
/// Workspaces: id, name, whether it is archived.
const WORKSPACES: [(&str, &str, bool); 3] = [
    ("wrkspc_01AB", "Support", false),
    ("wrkspc_02CD", "Research", false),
    ("wrkspc_03EF", "Pilot", true),
];

/// How it behaves where the fact sheet leaves a choice.
#[derive(Clone, Debug)]
pub struct Options {
    /// Days without lines are left out of a report instead of coming empty.
    pub leaves_empty_days_out: bool,
    /// Days on a page at most, whatever is asked for.
    pub days_per_page: usize,
    /// Workspaces on a page at most.
    pub workspaces_per_page: usize,
    /// Big mode: every line comes so often, each with a model of its own.
    pub repeat: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            leaves_empty_days_out: false,
            days_per_page: 31,
            workspaces_per_page: 100,
            repeat: 1,
        }
    }
}

/// The organization.
pub struct Anthropic {
    options: Options,
    lines: Mutex<Vec<Line>>,
    used: Mutex<Vec<Used>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Anthropic {
    /// The organization with its committed lines.
    ///
    /// # Errors
    /// Where a committed file is damaged.
    pub fn new(options: Options) -> Result<Self, Error> {
        Ok(Self {
            options,
            lines: Mutex::new(serde_json::from_str(include_str!(
                "../../data/anthropic/costs.json"
            ))?),
            used: Mutex::new(serde_json::from_str(include_str!(
                "../../data/anthropic/usage.json"
            ))?),
        })
    }

    /// Changes what is billed.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Line>)) {
        change(&mut lock(&self.lines));
    }

    /// Nothing was used under the Priority Tier.
    pub fn without_priority(&self) {
        lock(&self.used).retain(|used| used.service_tier != "priority");
    }

    /// What is invoiced for a month (`2026-07`) in dollars and cents, by currency, as far as it is told by then.
    ///
    /// # Errors
    /// Where a line has no amount.
    pub fn invoice(&self, month: &str, now: Timestamp) -> Result<BTreeMap<String, Decimal>, Error> {
        let mut sums = BTreeMap::new();
        for line in lock(&self.lines).iter() {
            if line.told.at(now) && line.day.to_string().starts_with(month) {
                for _ in 0..self.options.repeat {
                    let cents: Decimal = line.amount.parse()?;
                    add(
                        &mut sums,
                        line.currency.clone(),
                        cents.checked_mul("0.01".parse()?)?,
                    )?;
                }
            }
        }
        Ok(sums)
    }

    fn workspaces(&self, asked: &Asked) -> Reply {
        let archived = asked.param("include_archived").as_deref() == Some("true");
        let known: Vec<_> = WORKSPACES
            .iter()
            .filter(|workspace| archived || !workspace.2)
            .collect();
        let limit = asked
            .param("limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(20);
        let first = match asked.param("after_id") {
            None => 0,
            Some(after) => match known.iter().position(|workspace| workspace.0 == after) {
                Some(place) => place + 1,
                None => return refused(400, "invalid_request_error", "after_id: no such workspace"),
            },
        };
        let rest = known.get(first..).unwrap_or_default();
        let (shown, left) = rest.split_at(rest.len().min(self.options.workspaces_per_page.min(limit)));
        let data: Vec<Value> = shown
            .iter()
            .map(|(id, name, archived)| {
                let archived_at = archived.then_some("2026-07-03T00:00:00Z");
                json!({"id": id, "type": "workspace", "name": name, "created_at": "2025-01-01T00:00:00Z",
                    "archived_at": archived_at, "display_color": "#6C5BB9"})
            })
            .collect();
        let ends = (shown.first().map(|of| of.0), shown.last().map(|of| of.0));
        let list = json!({"data": data, "has_more": !left.is_empty(), "first_id": ends.0, "last_id": ends.1});
        Reply::json(200, &list)
    }

    /// A report in buckets of a day.
    fn report(
        &self,
        asked: &Asked,
        groups_known: &[&str],
        results: impl Fn(Date, &[String]) -> Result<Vec<Value>, Error>,
    ) -> Reply {
        let (all, groups, limit) = match self.question(asked, groups_known) {
            Ok(question) => question,
            Err(refusal) => return refusal,
        };
        let Some((shown, next)) = page(&asked.query, asked.param("page").as_deref(), &all, limit) else {
            return refused(400, "invalid_request_error", "page: invalid token");
        };
        let mut data = Vec::new();
        for day in shown {
            let results = match results(day, &groups) {
                Ok(results) => results,
                Err(error) => return refused(500, "api_error", &error.to_string()),
            };
            if !(results.is_empty() && self.options.leaves_empty_days_out) {
                let ends = day.saturating_add(jiff::SignedDuration::from_hours(24));
                data.push(json!({"starting_at": format!("{day}T00:00:00Z"), "ending_at": format!("{ends}T00:00:00Z"),
                    "results": results}));
            }
        }
        Reply::json(
            200,
            &json!({"data": data, "has_more": next.is_some(), "next_page": next}),
        )
    }

    fn question(
        &self,
        asked: &Asked,
        groups_known: &[&str],
    ) -> Result<(Vec<Date>, Vec<String>, usize), Reply> {
        let wrong = |says: &str| refused(400, "invalid_request_error", says);
        let time = |name: &str| {
            asked
                .param(name)
                .map(|text| text.parse::<Timestamp>())
                .transpose()
        };
        let Ok(Some(start)) = time("starting_at") else {
            return Err(wrong("starting_at: an RFC 3339 time is required"));
        };
        let end = match time("ending_at") {
            Ok(end) => end.unwrap_or(asked.now),
            Err(_) => return Err(wrong("ending_at: no RFC 3339 time")),
        };
        if day_of(end) < day_of(start) {
            return Err(wrong("ending_at: must be after starting_at"));
        }
        if asked.param("bucket_width").is_some_and(|width| width != "1d") {
            return Err(wrong("bucket_width: must be 1d"));
        }
        let limit = match asked.param("limit").map_or(Ok(7), |limit| limit.parse::<usize>()) {
            Ok(limit) if (1..=31).contains(&limit) => limit.min(self.options.days_per_page),
            _ => return Err(wrong("limit: must be between 1 and 31")),
        };
        // Brackets that are not encoded, and a plain `group_by`, are not understood.
        let groups = asked.params("group_by[]");
        let understood = groups.len() <= 5
            && groups.iter().all(|group| groups_known.contains(&group.as_str()))
            && !asked.query.contains("group_by[")
            && asked.params("group_by").is_empty();
        if !understood {
            return Err(wrong("group_by: unexpected value"));
        }
        Ok((days(start, end.min(asked.now)), groups, limit))
    }
}

impl Api for Anthropic {
    fn hosts(&self) -> Vec<String> {
        vec![HOST.to_owned()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![("admin-key.txt", ADMIN_KEY.to_owned())]
    }

    fn operation(&self, asked: &Asked) -> String {
        let path = asked.path.strip_prefix("/v1/organizations/").unwrap_or("unknown");
        path.replace('/', ".")
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if let Some(refusal) = reply::unwelcome(asked) {
            return refusal;
        }
        match self.operation(asked).as_str() {
            "workspaces" => self.workspaces(asked),
            "cost_report" => self.report(asked, &costs::GROUPS, |day, groups| {
                costs::results(&lock(&self.lines), self.options.repeat, asked.now, day, groups)
            }),
            "usage_report.messages" => self.report(asked, &usage::GROUPS, |day, groups| {
                Ok(usage::results(&lock(&self.used), day, groups))
            }),
            _ => refused(404, "not_found_error", "Not found"),
        }
    }
}
