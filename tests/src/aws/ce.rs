//! Cost Explorer: GetCostAndUsage and GetCostAndUsageWithResources over the bill's lines.
//! What must hold: a request that AWS would refuse is refused with AWS's words.

use super::{
    bill::{Bill, Line, day, is_estimated},
    expression::{Expression, Field},
};
use finops_decimal::Decimal;
use jiff::{Timestamp, ToSpan, civil::Date};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

/// AWS's exception and message.
pub(crate) type Exception = (&'static str, String);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Query {
    time_period: Span,
    granularity: String,
    metrics: Vec<String>,
    #[serde(default)]
    group_by: Vec<Group>,
    filter: Option<Value>,
    next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Span {
    pub(crate) start: String,
    pub(crate) end: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Group {
    #[serde(rename = "Type")]
    kind: String,
    key: String,
}

#[derive(Clone, Debug, Default)]
struct Sums {
    costs: BTreeMap<String, Decimal>,
    units: BTreeSet<String>,
}

const METRICS: [&str; 7] = [
    "AmortizedCost",
    "BlendedCost",
    "NetAmortizedCost",
    "NetUnblendedCost",
    "NormalizedUsageAmount",
    "UnblendedCost",
    "UsageQuantity",
];

pub(crate) fn invalid(message: impl Into<String>) -> Exception {
    ("ValidationException", message.into())
}

/// What a page holds at most.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) bill: &'a Bill,
    pub(crate) now: Timestamp,
    pub(crate) page: usize,
    /// Whether the account opted in to resources.
    pub(crate) resources: bool,
}

/// An hour's or a day's share of the bill.
struct Slot {
    start: Date,
    hour: Option<u8>,
}

impl Slot {
    fn text(&self) -> (String, String) {
        let next = |date: Date| date.saturating_add(1.day());
        match self.hour {
            None => (self.start.to_string(), next(self.start).to_string()),
            Some(23) => (
                format!("{}T23:00:00Z", self.start),
                format!("{}T00:00:00Z", next(self.start)),
            ),
            Some(hour) => (
                format!("{}T{hour:02}:00:00Z", self.start),
                format!("{}T{:02}:00:00Z", self.start, hour + 1),
            ),
        }
    }
}

pub(crate) fn cost_and_usage(
    asking: Asking<'_>,
    body: &[u8],
    with_resources: bool,
) -> Result<Value, Exception> {
    let raw: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| ("SerializationException", error.to_string()))?;
    let query: Query =
        serde_json::from_value(Value::Object(raw.clone())).map_err(|error| invalid(error.to_string()))?;
    let slots = slots(&query, asking.now)?;
    if query.group_by.len() > 2 {
        return Err(invalid("Group By can have at most 2 group definitions"));
    }
    let fields = query
        .group_by
        .iter()
        .map(|group| field(group, with_resources))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(wrong) = query
        .metrics
        .iter()
        .find(|name| !METRICS.contains(&name.as_str()))
    {
        return Err(invalid(format!("Invalid metric: {wrong}")));
    }
    if query.metrics.is_empty() {
        return Err(invalid("Metrics must be provided"));
    }
    let filter = query
        .filter
        .as_ref()
        .map(|filter| Expression::parse(filter, with_resources).map_err(invalid))
        .transpose()?;
    if with_resources {
        let by_resource =
            fields.contains(&Field::Resource) || filter.as_ref().is_some_and(Expression::names_resource);
        if filter.is_none() || !by_resource {
            return Err(invalid(
                "Either Filter or GroupBy must have RESOURCE_ID, and Filter is required",
            ));
        }
        if !asking.resources {
            return Err((
                "DataUnavailableException",
                "Resource level data is not enabled for this account.".to_owned(),
            ));
        }
        let oldest = day(asking.now).saturating_sub(14.days());
        if slots.first().is_some_and(|slot| slot.start < oldest) {
            return Err(invalid(
                "Resource level data is only available for the last 14 days",
            ));
        }
    }
    let matching: Vec<&Line> = asking
        .bill
        .known(asking.now)
        .filter(|line| filter.as_ref().is_none_or(|filter| filter.holds(line)))
        .collect();
    answer(asking, &query, &raw, &fields, &slots, &matching)
}

fn answer(
    asking: Asking<'_>,
    query: &Query,
    raw: &Map<String, Value>,
    fields: &[Field],
    slots: &[Slot],
    matching: &[&Line],
) -> Result<Value, Exception> {
    let (first, hash) = page(query, raw)?;
    let mut results = Vec::new();
    let mut accounts = BTreeSet::new();
    let mut position = 0_usize;
    let mut more = false;
    for slot in slots {
        let mut groups: BTreeMap<Vec<String>, Sums> = BTreeMap::new();
        for line in matching.iter().filter(|line| line.day == slot.start) {
            let keys = fields.iter().map(|field| field.key(line)).collect();
            add(groups.entry(keys).or_default(), line, slot.hour)?;
        }
        let (start, end) = slot.text();
        let result = |total: Value, groups: Vec<Value>| {
            json!({"TimePeriod": {"Start": start, "End": end}, "Total": total, "Groups": groups,
                "Estimated": is_estimated(slot.start, asking.now)})
        };
        if fields.is_empty() {
            let total = groups.remove(&Vec::new()).unwrap_or_default();
            results.push(result(metrics(&total, &query.metrics), Vec::new()));
            continue;
        }
        let mut shown = Vec::new();
        // An empty period stands on the page that its neighbours stand on.
        let mut here = groups.is_empty() && position >= first && position < first + asking.page;
        for (keys, sums) in groups {
            let inside = position >= first && position < first + asking.page;
            more |= position >= first + asking.page;
            position += 1;
            if inside {
                here = true;
                for (field, key) in fields.iter().zip(&keys) {
                    if *field == Field::Account {
                        accounts.insert(key.clone());
                    }
                }
                shown.push(json!({"Keys": keys, "Metrics": metrics(&sums, &query.metrics)}));
            }
        }
        if here {
            results.push(result(json!({}), shown));
        }
    }
    let mut reply = Map::from_iter([("ResultsByTime".to_owned(), Value::Array(results))]);
    if !fields.is_empty() {
        let groups: Vec<Value> = query
            .group_by
            .iter()
            .map(|group| json!({"Type": group.kind, "Key": group.key}))
            .collect();
        reply.insert("GroupDefinitions".to_owned(), Value::Array(groups));
    }
    let attributes: Vec<Value> = accounts
        .iter()
        .filter_map(|id| {
            Some(json!({"Value": id, "Attributes": {"description": asking.bill.accounts.get(id)?}}))
        })
        .collect();
    reply.insert("DimensionValueAttributes".to_owned(), Value::Array(attributes));
    if more {
        reply.insert(
            "NextPageToken".to_owned(),
            json!(format!("{}.{hash:016x}", first + asking.page)),
        );
    }
    Ok(Value::Object(reply))
}

/// Where the page begins, and what the request is without its token.
fn page(query: &Query, raw: &Map<String, Value>) -> Result<(usize, u64), Exception> {
    let mut same = raw.clone();
    same.remove("NextPageToken");
    let mut hasher = DefaultHasher::new();
    Value::Object(same).to_string().hash(&mut hasher);
    let hash = hasher.finish();
    let Some(token) = &query.next_page_token else {
        return Ok((0, hash));
    };
    let parts = token.split_once('.');
    let Some((Ok(first), Ok(of))) =
        parts.map(|(first, of)| (first.parse::<usize>(), u64::from_str_radix(of, 16)))
    else {
        return Err(("InvalidNextTokenException", "Invalid next page token".to_owned()));
    };
    if of != hash {
        return Err((
            "RequestChangedException",
            "Request changed between pages.".to_owned(),
        ));
    }
    Ok((first, hash))
}

fn slots(query: &Query, now: Timestamp) -> Result<Vec<Slot>, Exception> {
    let hourly = query.granularity == "HOURLY";
    if !hourly && query.granularity != "DAILY" {
        return Err(invalid(format!(
            "Granularity {} is not simulated",
            query.granularity
        )));
    }
    let parse = |text: &str| -> Result<Date, Exception> {
        let date = if hourly {
            text.strip_suffix("T00:00:00Z")
        } else {
            Some(text)
        };
        date.and_then(|date| date.parse().ok())
            .ok_or_else(|| invalid(format!("Invalid date: {text}")))
    };
    let (start, end) = (parse(&query.time_period.start)?, parse(&query.time_period.end)?);
    if start >= end {
        return Err(invalid(
            "Start date (and hour) should be before end date (and hour)",
        ));
    }
    let today = day(now);
    if start > today {
        return Err(invalid("Start date must not be after today"));
    }
    if hourly && start < today.saturating_sub(14.days()) {
        return Err(invalid("Hourly data is only available for the last 14 days"));
    }
    if start < today.first_of_month().saturating_sub(13.months()) {
        return Err(invalid("You haven't enabled historical data beyond 14 months."));
    }
    let mut slots = Vec::new();
    let mut at = start;
    while at < end {
        match hourly {
            true => slots.extend((0..24).map(|hour| Slot {
                start: at,
                hour: Some(hour),
            })),
            false => slots.push(Slot {
                start: at,
                hour: None,
            }),
        }
        at = at.saturating_add(1.day());
    }
    Ok(slots)
}

fn field(group: &Group, with_resources: bool) -> Result<Field, Exception> {
    let found = match group.kind.as_str() {
        "DIMENSION" => Field::dimension(&group.key),
        "TAG" => Some(Field::Tag(group.key.clone())),
        "COST_CATEGORY" => Some(Field::Category(group.key.clone())),
        _ => None,
    };
    match found {
        Some(Field::Resource) if !with_resources => {
            Err(invalid("Group Definition dimension is invalid: RESOURCE_ID"))
        }
        Some(field) => Ok(field),
        None => Err(invalid("Group Definition type is invalid.")),
    }
}

/// Adds a line, or an hour's share of it: hours 3 and 15 share what is used by the hour, and nothing else has hours.
fn add(sums: &mut Sums, line: &Line, hour: Option<u8>) -> Result<(), Exception> {
    let overflow = |_| ("InternalFailure", "a sum does not fit".to_owned());
    let half = |amount: Decimal| -> Result<Decimal, Exception> {
        let first = amount.div_rounded(2_u32.into(), 10).map_err(overflow)?;
        match hour {
            None => Ok(amount),
            Some(3) if line.unit == "Hrs" => Ok(first),
            Some(15) if line.unit == "Hrs" => amount.checked_sub(first).map_err(overflow),
            Some(_) => Ok(Decimal::ZERO),
        }
    };
    if hour.is_some_and(|hour| line.unit != "Hrs" || (hour != 3 && hour != 15)) {
        return Ok(());
    }
    for (name, amount) in [
        ("UnblendedCost", line.unblended),
        ("BlendedCost", line.unblended),
        ("NetUnblendedCost", line.net_unblended),
        ("AmortizedCost", line.amortized),
        ("NetAmortizedCost", line.net_amortized),
        ("UsageQuantity", line.quantity),
        ("NormalizedUsageAmount", Decimal::ZERO),
    ] {
        let sum = sums.costs.entry(name.to_owned()).or_default();
        *sum = sum.checked_add(half(amount)?).map_err(overflow)?;
    }
    if line.unit != "N/A" {
        sums.units.insert(line.unit.clone());
    }
    Ok(())
}

fn metrics(sums: &Sums, wanted: &[String]) -> Value {
    let unit = match (sums.units.len(), sums.units.first()) {
        (1, Some(unit)) => unit.as_str(),
        _ => "N/A",
    };
    let metric = |name: &String| {
        let amount = sums.costs.get(name).copied().unwrap_or_default().to_string();
        let unit = if name == "UsageQuantity" { unit } else { "USD" };
        (name.clone(), json!({"Amount": amount, "Unit": unit}))
    };
    Value::Object(wanted.iter().map(metric).collect())
}
