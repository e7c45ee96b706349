//! GetCostAndUsage: one question, all its pages. Every page costs a cent.
//! What must hold: a period that the reply leaves out is a failure, never a zero.

use crate::{
    api::{Api, Json},
    refusal::Refusal,
};
use finops_collector::{
    Decimal, Failure, Instant, Period, Window, excerpt,
    jiff::{Timestamp, civil::Date},
    period::{HOUR, start_of},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const ENDPOINT: &str = "https://ce.us-east-1.amazonaws.com/";

/// Something by which a question groups.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Dimension(&'static str),
    Tag(String),
    CostCategory(String),
}

impl Group {
    fn json(&self) -> Value {
        match self {
            Self::Dimension(key) => json!({"Type": "DIMENSION", "Key": key}),
            Self::Tag(key) => json!({"Type": "TAG", "Key": key}),
            Self::CostCategory(key) => json!({"Type": "COST_CATEGORY", "Key": key}),
        }
    }

    /// A group's key without the name that tags and categories carry before a `$`.
    pub(crate) fn value(&self, key: &str) -> String {
        let named = match self {
            Self::Dimension(_) => None,
            Self::Tag(name) | Self::CostCategory(name) => key.strip_prefix(&format!("{name}$")),
        };
        named.unwrap_or(key).to_owned()
    }
}

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) window: Window,
    pub(crate) hourly: bool,
    /// GetCostAndUsageWithResources.
    pub(crate) resources: bool,
    pub(crate) measures: Measures,
    /// Whether quantities are asked for.
    pub(crate) quantity: bool,
    pub(crate) groups: &'a [Group],
    pub(crate) filter: Option<Value>,
}

/// Which of AWS's costs are billed and effective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measures {
    pub(crate) billed: &'static str,
    pub(crate) effective: &'static str,
}

impl Measures {
    /// After private discounts, or before them.
    pub(crate) fn of(net: bool) -> Self {
        match net {
            true => Self {
                billed: "NetUnblendedCost",
                effective: "NetAmortizedCost",
            },
            false => Self {
                billed: "UnblendedCost",
                effective: "AmortizedCost",
            },
        }
    }
}

/// A filter that a dimension has one of these values.
pub(crate) fn among(dimension: &str, values: &[String]) -> Value {
    json!({"Dimensions": {"Key": dimension, "Values": values}})
}

/// A filter that all of these hold.
pub(crate) fn all(mut filters: Vec<Value>) -> Option<Value> {
    match filters.len() {
        0 | 1 => filters.pop(),
        _ => Some(json!({ "And": filters })),
    }
}

/// One group of one period.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) period: Period,
    pub(crate) estimated: bool,
    pub(crate) keys: Vec<String>,
    pub(crate) billed: Decimal,
    pub(crate) effective: Decimal,
    pub(crate) currency: String,
    pub(crate) quantity: Option<(Decimal, String)>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    time_period: Value,
    granularity: &'a str,
    metrics: Vec<&'a str>,
    group_by: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    results_by_time: Vec<OfPeriod>,
    #[serde(default)]
    dimension_value_attributes: Option<Vec<Named>>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfPeriod {
    time_period: Span,
    #[serde(default)]
    groups: Option<Vec<OfGroup>>,
    /// Absent is taken for open: what is open may still change, and nothing is lost by it.
    #[serde(default = "open")]
    estimated: bool,
}

fn open() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Span {
    start: String,
    end: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfGroup {
    keys: Vec<String>,
    metrics: BTreeMap<String, Metric>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    amount: Decimal,
    #[serde(default)]
    unit: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    value: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// What a reading said beside its rows.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Descriptions of dimension values: the names of accounts.
    pub(crate) names: BTreeMap<String, String>,
}

/// Asks, and gives every group of every page to `each` as it comes.
pub(crate) fn ask(
    api: &Api<'_>,
    question: &Question<'_>,
    mut each: impl FnMut(Row) -> Result<(), Failure>,
) -> Result<Said, Refusal> {
    let operation = match question.resources {
        true => "GetCostAndUsageWithResources",
        false => "GetCostAndUsage",
    };
    let date = |date: Date| match question.hourly {
        true => format!("{date}T00:00:00Z"),
        false => date.to_string(),
    };
    let (start, end) = (date(question.window.first), date(question.window.end));
    let mut metrics = vec![question.measures.billed, question.measures.effective];
    metrics.extend(question.quantity.then_some("UsageQuantity"));
    let mut body = Body {
        time_period: json!({"Start": start, "End": end}),
        granularity: if question.hourly { "HOURLY" } else { "DAILY" },
        metrics,
        group_by: question.groups.iter().map(Group::json).collect(),
        filter: question.filter.as_ref(),
        next_page_token: None,
    };
    let mut said = Said::default();
    let mut seen = BTreeSet::new();
    let mut tokens = BTreeSet::new();
    loop {
        api.pace();
        let page: Page = api.json(
            Json::Version11,
            ENDPOINT,
            &format!("AWSInsightsIndexService.{operation}"),
            &body,
        )?;
        for named in page.dimension_value_attributes.unwrap_or_default() {
            if let Some(name) = named.attributes.get("description") {
                said.names.insert(named.value, name.clone());
            }
        }
        for of in page.results_by_time {
            let period = period(&of.time_period).map_err(|failure| failure.context(operation))?;
            if !question.window.period().contains(period.start) {
                return Err(Failure::malformed(format_args!(
                    "{operation}: the reply has a period that was not asked for, from {} on",
                    excerpt(&of.time_period.start, 30)
                ))
                .into());
            }
            seen.insert(period.start);
            for group in of.groups.unwrap_or_default() {
                let row = row(question, period, of.estimated, group)
                    .map_err(|failure| failure.context(operation))?;
                each(row)?;
            }
        }
        let Some(token) = page.next_page_token.filter(|token| !token.is_empty()) else {
            break;
        };
        if !tokens.insert(token.clone()) {
            return Err(Failure::malformed(format_args!("{operation}: the pages lead in a circle")).into());
        }
        body.next_page_token = Some(token);
    }
    let missing = expected(question).find(|start| !seen.contains(start));
    match missing {
        Some(start) => Err(Failure::incomplete(format_args!(
            "{operation}: the reply has nothing to say of {}, not even that it is empty; nothing of it was committed",
            finops_collector::period::day_of(start)
        ))
        .into()),
        None => Ok(said),
    }
}

fn expected(question: &Question<'_>) -> impl Iterator<Item = Instant> {
    let period = question.window.period();
    // Hours that have not come, or that had no use, are left out by AWS.
    let days = period.days().into_iter().map(start_of);
    days.filter(move |_| !question.hourly)
}

fn period(span: &Span) -> Result<Period, Failure> {
    let read = |text: &str| -> Option<Instant> {
        match text.parse::<Date>() {
            Ok(day) if !text.contains('T') => Some(start_of(day)),
            _ => text.parse::<Timestamp>().ok().map(Timestamp::as_second),
        }
    };
    let (start, end) = (read(&span.start), read(&span.end));
    let fits = |period: &Period| period.start < period.end && period.start % HOUR == 0;
    start
        .zip(end)
        .map(|(start, end)| Period { start, end })
        .filter(fits)
        .ok_or_else(|| {
            Failure::malformed(format_args!(
                "the reply's period `{}` to `{}` is none",
                excerpt(&span.start, 30),
                excerpt(&span.end, 30)
            ))
        })
}

fn row(question: &Question<'_>, period: Period, estimated: bool, group: OfGroup) -> Result<Row, Failure> {
    let mut metrics = group.metrics;
    let mut cost = |name: &str| {
        metrics
            .remove(name)
            .ok_or_else(|| Failure::malformed(format_args!("a group of the reply lacks {name}")))
    };
    let billed = cost(question.measures.billed)?;
    let effective = cost(question.measures.effective)?;
    if billed.unit != effective.unit {
        return Err(Failure::malformed(format_args!(
            "a group has costs in `{}` and `{}`",
            excerpt(&billed.unit, 10),
            excerpt(&effective.unit, 10)
        )));
    }
    if group.keys.len() != question.groups.len() {
        return Err(Failure::malformed(format_args!(
            "a group has {} keys where {} were asked for",
            group.keys.len(),
            question.groups.len()
        )));
    }
    let quantity = metrics
        .remove("UsageQuantity")
        .map(|metric| (metric.amount, metric.unit));
    let keys = question.groups.iter().zip(&group.keys);
    Ok(Row {
        period,
        estimated,
        keys: keys.map(|(group, key)| group.value(key)).collect(),
        billed: billed.amount,
        effective: effective.amount,
        currency: billed.unit,
        quantity,
    })
}
