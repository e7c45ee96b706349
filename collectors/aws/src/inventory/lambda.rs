//! Lambda: functions with their memory, and how often and how long they ran in the last hour where CloudWatch may be asked.
//! What must hold: the environment variables that AWS sends along, which may be secrets, are passed over while reading.

use super::{
    Region,
    metrics::{self, Metric},
};
use crate::percent::encoded;
use finops_collector::{Decimal, Failure, HttpRequest};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    functions: Vec<Function>,
    #[serde(default)]
    next_marker: Option<String>,
}

/// `Environment` is not among the fields: its text is skipped, never kept.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Function {
    function_name: String,
    #[serde(default)]
    memory_size: Option<u32>,
    #[serde(default)]
    runtime: Option<String>,
    #[serde(default)]
    architectures: Option<Vec<String>>,
}

pub(super) fn functions(region: &mut Region<'_>) -> Result<(), Failure> {
    const OPERATION: &str = "ListFunctions";
    let mut names = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let after = marker
            .as_deref()
            .map(|marker| format!("&Marker={}", encoded(marker)));
        let url = format!(
            "{}2015-03-31/functions?MaxItems=50{}",
            region.url("lambda"),
            after.unwrap_or_default()
        );
        let response = region.api.send(&HttpRequest::get(url), OPERATION)?;
        let page: Page = response.json().map_err(|failure| failure.context(OPERATION))?;
        for function in page.functions {
            let architecture = function.architectures.unwrap_or_default().join(",");
            let dimensions = [
                ("function", function.function_name.as_str()),
                ("runtime", function.runtime.as_deref().unwrap_or_default()),
                ("architecture", architecture.as_str()),
            ];
            if let Some(memory) = function.memory_size {
                region.see(("function-memory", "MB"), Decimal::from(memory), &dimensions, &[]);
            }
            names.push(function.function_name);
        }
        match page.next_marker.filter(|next| !next.is_empty()) {
            None => break,
            same if same == marker => {
                return Err(Failure::malformed(format_args!(
                    "{OPERATION}: the pages lead in a circle"
                )));
            }
            next => marker = next,
        }
    }
    if !region.cloudwatch {
        return Ok(());
    }
    let hour = metrics::last_hour(region.now);
    for (metric, observed, unit) in [
        ("Invocations", "function-invocations", "Invocations"),
        ("Duration", "function-duration", "Milliseconds"),
    ] {
        let asked: Vec<Metric> = names
            .iter()
            .map(|name| Metric::new("AWS/Lambda", metric, &[("FunctionName", name)], "Sum", hour))
            .collect();
        let values = metrics::read(region, &asked)?;
        for (name, value) in names.iter().zip(values) {
            // CloudWatch has no point for an hour in which nothing ran.
            region.see(
                (observed, unit),
                value.unwrap_or_default(),
                &[("function", name)],
                &[],
            );
        }
    }
    Ok(())
}
