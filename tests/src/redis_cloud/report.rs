//! Cost reports: a task that runs, then a CSV file of FOCUS columns.

use super::{HOST, Options, error};
use crate::{
    Error,
    provider::{Asked, Reply},
};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Columns in the order of the fact sheet.
const COLUMNS: [&str; 34] = [
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "PublisherName",
    "PricingCategory",
    "PricingCurrency",
    "PricingQuantity",
    "PricingUnit",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "BilledCost",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "BillingCurrency",
    "ConsumedQuantity",
    "ConsumedUnit",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "Tags",
    "SkuPriceDetails",
    "ChargeCategory",
    "ChargeDescription",
    "ChargeFrequency",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
];
/// Most days of a report.
const LONGEST: i32 = 40;

#[derive(Clone, Deserialize)]
struct Line {
    from: Timestamp,
    gone: Option<Timestamp>,
    line: Map<String, Value>,
}

impl Line {
    fn text(&self, column: &str) -> &str {
        self.line.get(column).and_then(Value::as_str).unwrap_or_default()
    }

    fn day(&self, column: &str) -> Option<Date> {
        self.text(column).get(..10)?.parse().ok()
    }

    fn is_shown(&self, now: Timestamp) -> bool {
        self.from <= now && self.gone.is_none_or(|gone| gone > now)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    start_date: Date,
    end_date: Date,
    format: Option<String>,
}

struct Task {
    days: (Date, Date),
    /// How often it still runs.
    running: u32,
}

/// All lines, and the reports that were asked for.
pub(super) struct Reports {
    lines: Vec<Line>,
    options: Options,
    tasks: Vec<Task>,
}

impl Reports {
    pub(super) fn load(options: Options) -> Result<Self, Error> {
        let mut lines: Vec<Line> = serde_json::from_str(include_str!("../../data/redis-cloud/lines.json"))?;
        let many = |line: &&Line| {
            line.text("ChargePeriodStart").starts_with("2026-08") && !line.text("ResourceId").is_empty()
        };
        let copied: Vec<Line> = lines.iter().filter(many).cloned().collect();
        for number in 1..options.databases {
            for mut line in copied.iter().cloned() {
                line.line
                    .insert("ResourceId".to_owned(), format!("{}", 60_000_000 + number).into());
                lines.push(line);
            }
        }
        Ok(Self {
            lines,
            options,
            tasks: Vec::new(),
        })
    }

    pub(super) fn invoice(&self, month: &str, now: Timestamp) -> Result<BTreeMap<String, Decimal>, Error> {
        let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
        let of = |line: &&Line| line.is_shown(now) && line.text("ChargePeriodStart").starts_with(month);
        for line in self.lines.iter().filter(of) {
            let sum = sums.entry(line.text("BillingCurrency").to_owned()).or_default();
            *sum = sum.checked_add(line.text("BilledCost").parse()?)?;
        }
        Ok(sums)
    }

    /// `POST /cost-report`.
    pub(super) fn create(&mut self, asked: &Asked) -> Reply {
        let body: Option<Body> = serde_json::from_slice(&asked.body).ok();
        let today = TimeZone::UTC.to_datetime(asked.now).date();
        let Some(body) = body.filter(|_| asked.header("content-type") == "application/json") else {
            return error(400, &asked.path);
        };
        let days = (body.end_date - body.start_date).get_days();
        let csv = body.format.as_deref().unwrap_or("csv") == "csv";
        if !csv || !(0..LONGEST).contains(&days) || body.end_date > today {
            return error(400, &asked.path);
        }
        if self.tasks.iter().any(|task| task.running > 0) {
            return error(429, &asked.path);
        }
        self.tasks.push(Task {
            days: (body.start_date, body.end_date),
            running: self.options.polls,
        });
        Reply::json(202, &described(self.tasks.len(), "received", &Value::Null))
    }

    /// `GET /tasks/{id}`.
    pub(super) fn task(&mut self, id: &str, asked: &Asked) -> Reply {
        let Some(number) = number_of(id, "") else {
            return error(404, &asked.path);
        };
        match self.tasks.get_mut(number - 1) {
            None => error(404, &asked.path),
            Some(task) if task.running > 0 => {
                task.running -= 1;
                Reply::json(200, &described(number, "processing-in-progress", &Value::Null))
            }
            Some(_) => {
                let response = json!({"resource": {"costReportId": format!("{}.csv", id_of(number))}});
                Reply::json(200, &described(number, "processing-completed", &response))
            }
        }
    }

    /// `GET /cost-report/{id}`.
    pub(super) fn file(&self, id: &str, asked: &Asked) -> Reply {
        let found = number_of(id, ".csv").and_then(|number| self.tasks.get(number - 1));
        let Some(task) = found.filter(|task| task.running == 0) else {
            return error(404, &asked.path);
        };
        let (first, last) = task.days;
        let within = |line: &&Line| {
            let (start, end) = (line.day("ChargePeriodStart"), line.day("ChargePeriodEnd"));
            let begun = match self.options.last_day {
                true => start <= Some(last),
                false => start < Some(last),
            };
            line.is_shown(asked.now) && begun && end > Some(first)
        };
        let mut text = COLUMNS.join(",") + "\n";
        for line in self.lines.iter().filter(within) {
            let cells = COLUMNS.iter().map(|column| match line.line.get(*column) {
                None => String::new(),
                Some(Value::String(cell)) => quoted(cell),
                Some(map) => quoted(&map.to_string()),
            });
            text += &cells.collect::<Vec<_>>().join(",");
            text.push('\n');
        }
        Reply::new(200, "application/octet-stream", text)
    }
}

/// RFC 4180.
fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

fn id_of(number: usize) -> String {
    format!("7ba51acc-cd1d-44c7-8453-{number:012}")
}

fn number_of(id: &str, ending: &str) -> Option<usize> {
    let digits = id
        .strip_prefix("7ba51acc-cd1d-44c7-8453-")?
        .strip_suffix(ending)?;
    digits.parse().ok().filter(|number| *number > 0)
}

fn described(number: usize, status: &str, response: &Value) -> Value {
    let id = id_of(number);
    let mut task = json!({
        "taskId": id, "commandType": "costReportCreateRequest", "status": status, "timestamp": "2026-09-01T05:44:29.811123456Z",
        "description": "Task request received and is being queued for processing.",
        "links": [
            {"href": format!("https://{HOST}/v1/tasks/{id}"), "type": "GET", "rel": "task"},
            {"href": "https://redis.evil.example/v1/tasks/next", "type": "GET", "rel": "resource"},
        ],
    });
    if let Some(fields) = task.as_object_mut().filter(|_| !response.is_null()) {
        fields.insert("response".to_owned(), response.clone());
    }
    task
}
