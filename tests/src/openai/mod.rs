//! A simulated OpenAI organization: the organization API over HTTPS on loopback, written from the fact sheet.
//!
//! It checks the admin key, answers costs and usage in buckets of a day on pages, lists projects, throttles with or without
//! Retry-After and fails on demand. What it bills is a state of its clock. The lines lie in tests/data/openai, the golden records
//! made from them in tests/golden/openai.

mod costs;
mod reply;
pub mod stage;
mod usage;

pub use costs::Line;
pub use reply::{refused, throttled};

use crate::{
    Error,
    buckets::{add, days, page},
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
pub const ORGANIZATION: &str = "org-AbC123";
/// The key that is taken.
pub const ADMIN_KEY: &str = "sk-admin-simulated-0123456789abcdef";
/// A project's key, which the organization API refuses.
pub const PROJECT_KEY: &str = "sk-proj-simulated-0123456789abcdef";
/// Its host.
pub const HOST: &str = "api.openai.com";
/// Projects: id, name, whether it is archived.
const PROJECTS: [(&str, &str, bool); 3] = [
    ("proj_search", "Search", false),
    ("proj_support", "Support bot", false),
    ("proj_old", "Prototype", true),
];

/// How it behaves where the fact sheet leaves a choice.
#[derive(Clone, Debug)]
pub struct Options {
    /// Amounts are decimal text instead of numbers.
    pub amounts_as_text: bool,
    /// Lists in a query are understood with brackets only.
    pub brackets_only: bool,
    /// Days on a page at most, whatever is asked for.
    pub days_per_page: usize,
    /// Projects on a page at most.
    pub projects_per_page: usize,
    /// Big mode: every line comes so often, each as a line item of its own.
    pub repeat: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            amounts_as_text: false,
            brackets_only: false,
            days_per_page: 180,
            projects_per_page: 100,
            repeat: 1,
        }
    }
}

/// The organization.
pub struct OpenAi {
    options: Options,
    lines: Mutex<Vec<Line>>,
    used: Vec<Used>,
}

impl OpenAi {
    /// The organization with its committed lines.
    ///
    /// # Errors
    /// Where a committed file is damaged.
    pub fn new(options: Options) -> Result<Self, Error> {
        Ok(Self {
            options,
            lines: Mutex::new(serde_json::from_str(include_str!(
                "../../data/openai/costs.json"
            ))?),
            used: serde_json::from_str(include_str!("../../data/openai/usage.json"))?,
        })
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is billed.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Line>)) {
        change(&mut self.lines());
    }

    /// What is invoiced for a month (`2026-07`), by currency in upper case, as far as it is told by then.
    ///
    /// # Errors
    /// Where a line has no amount.
    pub fn invoice(&self, month: &str, now: Timestamp) -> Result<BTreeMap<String, Decimal>, Error> {
        let mut sums = BTreeMap::new();
        for line in self.lines().iter() {
            if line.told.at(now) && line.day.to_string().starts_with(month) {
                for _ in 0..self.options.repeat {
                    add(&mut sums, line.currency.to_uppercase(), line.value.parse()?)?;
                }
            }
        }
        Ok(sums)
    }

    fn projects(&self, asked: &Asked) -> Reply {
        let archived = asked.param("include_archived").as_deref() == Some("true");
        let known: Vec<_> = PROJECTS.iter().filter(|project| archived || !project.2).collect();
        let limit = asked
            .param("limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(20);
        let first = match asked.param("after") {
            None => 0,
            Some(after) => match known.iter().position(|project| project.0 == after) {
                Some(place) => place + 1,
                None => return refused(400, "invalid_request_error", None, "No such project."),
            },
        };
        let rest = known.get(first..).unwrap_or_default();
        let (shown, left) = rest.split_at(rest.len().min(self.options.projects_per_page.min(limit)));
        let data: Vec<Value> = shown
            .iter()
            .map(|(id, name, archived)| {
                let status = if *archived { "archived" } else { "active" };
                json!({"object": "organization.project", "id": id, "name": name, "created_at": 1_700_000_000, "status": status})
            })
            .collect();
        let ends = (
            shown.first().map(|project| project.0),
            shown.last().map(|project| project.0),
        );
        let list = json!({"object": "list", "data": data, "first_id": ends.0, "last_id": ends.1, "has_more": !left.is_empty()});
        Reply::json(200, &list)
    }

    /// A report in buckets of a day.
    fn report(
        &self,
        asked: &Asked,
        (groups_known, most): (&[&str], usize),
        results: impl Fn(Date, &[String]) -> Result<Vec<Value>, Error>,
    ) -> Reply {
        let question = match self.question(asked, groups_known, most) {
            Ok(question) => question,
            Err(refusal) => return refusal,
        };
        let turned = page(
            &asked.query,
            asked.param("page").as_deref(),
            &question.days,
            question.limit,
        );
        let Some((shown, next)) = turned else {
            return refused(
                400,
                "invalid_request_error",
                Some("page"),
                "The page cursor is invalid.",
            );
        };
        let bucket = |day: &Date| -> Result<Value, Error> {
            let start = crate::buckets::midnight(*day).as_second();
            let results = results(*day, &question.groups)?;
            Ok(
                json!({"object": "bucket", "start_time": start, "end_time": start + 86_400, "results": results}),
            )
        };
        match shown.iter().map(bucket).collect::<Result<Vec<_>, _>>() {
            Ok(data) => Reply::json(
                200,
                &json!({"object": "page", "data": data, "has_more": next.is_some(), "next_page": next}),
            ),
            Err(error) => refused(500, "server_error", None, &error.to_string()),
        }
    }

    fn question(&self, asked: &Asked, groups_known: &[&str], most: usize) -> Result<Question, Reply> {
        let wrong = |parameter, says: &str| refused(400, "invalid_request_error", Some(parameter), says);
        let time = |name: &str| {
            let seconds = asked.param(name).map(|text| text.parse::<i64>());
            seconds
                .transpose()
                .map(|seconds| seconds.map(Timestamp::from_second))
        };
        let Ok(Some(Ok(start))) = time("start_time") else {
            return Err(wrong("start_time", "start_time is required, in Unix seconds."));
        };
        let end = match time("end_time") {
            Ok(None) => asked.now,
            Ok(Some(Ok(end))) if start < end && end <= asked.now => end,
            _ => {
                return Err(wrong(
                    "end_time",
                    "end_time must be after start_time and not in the future.",
                ));
            }
        };
        if asked.param("bucket_width").is_some_and(|width| width != "1d") {
            return Err(wrong("bucket_width", "bucket_width must be 1d."));
        }
        let limit = asked.param("limit").map_or(Ok(7), |limit| limit.parse::<usize>());
        let limit = match limit {
            Ok(limit) if (1..=most).contains(&limit) => limit.min(self.options.days_per_page),
            _ => return Err(wrong("limit", &format!("limit must be between 1 and {most}."))),
        };
        let mut groups = asked.params("group_by[]");
        let plain = asked.params("group_by");
        if self.options.brackets_only && !plain.is_empty() {
            return Err(wrong("group_by", "expected an array of strings"));
        }
        groups.extend(plain);
        if !groups.iter().all(|group| groups_known.contains(&group.as_str())) {
            return Err(wrong("group_by", "group_by has a value that is not known."));
        }
        Ok(Question {
            days: days(start, end),
            limit,
            groups,
        })
    }
}

struct Question {
    days: Vec<Date>,
    limit: usize,
    groups: Vec<String>,
}

impl Api for OpenAi {
    fn hosts(&self) -> Vec<String> {
        vec![HOST.to_owned()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![("admin-key.txt", ADMIN_KEY.to_owned())]
    }

    fn operation(&self, asked: &Asked) -> String {
        let path = asked.path.strip_prefix("/v1/organization/").unwrap_or("unknown");
        path.replace('/', ".")
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if let Some(refusal) = reply::unwelcome(asked) {
            return refusal;
        }
        match self.operation(asked).as_str() {
            "projects" => self.projects(asked),
            "costs" => self.report(asked, (&costs::GROUPS, 180), |day, groups| {
                costs::results(&self.lines(), &self.options, asked.now, day, groups)
            }),
            "usage.completions" => self.report(asked, (&usage::GROUPS, 31), |day, groups| {
                usage::results(&self.used, "completions", day, groups)
            }),
            "usage.embeddings" => self.report(asked, (&usage::GROUPS, 31), |day, groups| {
                usage::results(&self.used, "embeddings", day, groups)
            }),
            _ => refused(404, "invalid_request_error", None, "Unknown request URL."),
        }
    }
}
