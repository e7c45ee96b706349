//! A cost report: asked for, waited for, fetched. Links in the replies are not followed: all paths are built here.

use crate::api::{Api, segment};
use finops_collector::{Delays, Failure, FailureKind, Poll, Response, excerpt, jiff::civil::Date, poll};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// A task as Redis Cloud writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    #[serde(default)]
    task_id: Option<String>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    response: Option<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    resource: Option<Resource>,
    /// A word, or an object of words.
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    #[serde(default)]
    cost_report_id: Option<String>,
}

/// The report of these days as CSV.
pub(crate) fn fetch(api: &Api<'_>, (first, last): (Date, Date), timeout: u32) -> Result<Response, Failure> {
    let body = json!({"startDate": first.to_string(), "endDate": last.to_string(), "format": "csv"});
    let asked = api
        .post("/cost-report", &body, "asking for the cost report")
        .map_err(not_enabled)?;
    let mut task: Task = asked
        .json()
        .map_err(|failure| failure.context("asking for the cost report"))?;
    let id = task
        .task_id
        .as_deref()
        .and_then(segment)
        .ok_or_else(|| Failure::malformed("asking for the cost report: the reply names no task"))?;
    let delays = Delays {
        first: Duration::from_secs(2),
        longest: Duration::from_secs(15),
        deadline: Duration::from_secs(u64::from(timeout)),
    };
    let mut asked = false;
    let report = poll(api.host, &delays, || {
        if asked {
            let what = "the task of the cost report";
            let response = api.get(&format!("/tasks/{id}"), what)?;
            task = response.json().map_err(|failure| failure.context(what))?;
        }
        asked = true;
        task.report(api)
    });
    let report = report.map_err(|failure| failure.context("the cost report"))?;
    api.get(&format!("/cost-report/{report}"), "fetching the cost report")
}

impl Task {
    /// The id of the finished report, as a segment of a path.
    fn report(&self, api: &Api<'_>) -> Result<Poll<String>, Failure> {
        let answer = self.response.as_ref();
        match self.status.as_str() {
            "processing-completed" => {
                let id = answer
                    .and_then(|answer| answer.resource.as_ref())
                    .and_then(|resource| resource.cost_report_id.as_deref());
                id.and_then(segment)
                    .map(Poll::Ready)
                    .ok_or_else(|| Failure::malformed("the finished task names no costReportId"))
            }
            "processing-error" => {
                let error = answer.and_then(|answer| answer.error.as_ref());
                let error = match error {
                    Some(Value::String(word)) => word.clone(),
                    Some(other) => other.to_string(),
                    None => String::new(),
                };
                let text = self.description.as_deref().unwrap_or_default();
                Err(Failure::provider(format_args!(
                    "Redis Cloud could not make it: {} {}",
                    excerpt(&error, 200),
                    excerpt(text, 200)
                )))
            }
            "initialized" | "received" | "processing-in-progress" => Ok(Poll::Pending),
            other => {
                api.warn_once(format!(
                    "the task's status `{}` is not known: it is waited for",
                    excerpt(other, 60)
                ));
                Ok(Poll::Pending)
            }
        }
    }
}

/// The report is not enabled for every account, and Redis says so in several ways.
fn not_enabled(failure: Failure) -> Failure {
    let hint = "; the cost report may not be enabled for the account: ask Redis support";
    match failure.status {
        Some(403) => Failure {
            message: failure.message + hint,
            ..failure
        },
        Some(404 | 405 | 412) => Failure {
            kind: FailureKind::Provider,
            message: failure.message + hint,
            ..failure
        },
        _ => failure,
    }
}
