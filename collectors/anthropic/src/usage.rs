//! Used tokens by day, workspace, model, tier and context: numbers beside the bill, never its money. What is used under the
//! Priority Tier has no cost in Anthropic's report: it is counted apart and warned of.

use crate::{api::Api, mapping::DEFAULT_WORKSPACE};
use finops_collector::{
    Bucket, Decimal, Failure, Instant, Observation, Period, Source,
    jiff::civil::Date,
    number,
    period::{DAY, day_of, start_of},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Observations in one call to the host.
const BATCH: usize = 1_000;
/// Where a number stands in a result, the observation that it becomes, and its unit.
const FIELDS: [(&str, &str, &str); 6] = [
    ("/uncached_input_tokens", "uncached-input-tokens", TOKENS),
    ("/cache_read_input_tokens", "cache-read-tokens", TOKENS),
    (
        "/cache_creation/ephemeral_5m_input_tokens",
        "cache-write-5m-tokens",
        TOKENS,
    ),
    (
        "/cache_creation/ephemeral_1h_input_tokens",
        "cache-write-1h-tokens",
        TOKENS,
    ),
    ("/output_tokens", "output-tokens", TOKENS),
    ("/server_tool_use/web_search_requests", "web-searches", "Searches"),
];
const TOKENS: &str = "Tokens";
/// The observation of what has no cost.
const UNCOSTED: &str = "uncosted-tokens";
/// How the tiers are called whose cost is not reported.
const PRIORITY: &str = "priority";
/// The fields that are asked and observed by.
const GROUPS: [(&str, &str); 4] = [
    ("workspace_id", "workspace"),
    ("model", "model"),
    ("service_tier", "service-tier"),
    ("context_window", "context-window"),
];

/// A name, its unit, the day and further dimensions.
type Key = (&'static str, &'static str, Date, Vec<(&'static str, String)>);
type Counts = BTreeMap<Key, Decimal>;

/// Observes the days of the period.
///
/// # Errors
/// The host's, where it refuses an observation. What Anthropic refuses is warned of.
pub(crate) fn observe(api: &Api<'_>, source: &Source, period: Period, now: Instant) -> Result<(), Failure> {
    let what = "the usage of messages";
    let mut counts = Counts::new();
    let groups = GROUPS.map(|(group, _)| group);
    let read = api.days(what, "usage_report/messages", &groups, period, |bucket| {
        add(&mut counts, &bucket)
    });
    if let Err(failure) = read {
        api.warnings.once(format_args!(
            "{what} is not observed, so that nothing tells of use under the Priority Tier: {failure}"
        ));
        return Ok(());
    }
    warn_of_uncosted(api, &counts)?;
    let made: Vec<Observation> = counts
        .into_iter()
        .map(|(key, value)| observation(source, now, key, value))
        .collect();
    made.chunks(BATCH).try_for_each(|batch| api.host.observe(batch))
}

fn add(counts: &mut Counts, bucket: &Bucket<Map<String, Value>>) -> Result<(), Failure> {
    let day = day_of(bucket.start);
    for result in &bucket.results {
        let text = |name: &str| result.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut dimensions = Vec::new();
        for (field, dimension) in GROUPS {
            let value = match field {
                "workspace_id" => Some(text(field).unwrap_or_else(|| DEFAULT_WORKSPACE.to_owned())),
                _ => text(field),
            };
            dimensions.extend(value.map(|value| (dimension, value)));
        }
        let priority = text("service_tier").is_some_and(|tier| tier.starts_with(PRIORITY));
        let result = Value::Object(result.clone());
        for (pointer, name, unit) in FIELDS {
            let Some(count) = result.pointer(pointer).map(number).transpose()?.flatten() else {
                continue;
            };
            count_up(counts, (name, unit, day, dimensions.clone()), count)?;
            if priority && unit == TOKENS {
                count_up(counts, (UNCOSTED, unit, day, dimensions.clone()), count)?;
            }
        }
    }
    Ok(())
}

fn count_up(counts: &mut Counts, key: Key, count: Decimal) -> Result<(), Failure> {
    let sum = counts.entry(key).or_default();
    *sum = sum.checked_add(count).map_err(Failure::malformed)?;
    Ok(())
}

fn warn_of_uncosted(api: &Api<'_>, counts: &Counts) -> Result<(), Failure> {
    let uncosted: Vec<_> = counts
        .iter()
        .filter(|((name, ..), count)| *name == UNCOSTED && !count.is_zero())
        .collect();
    let days = uncosted.iter().map(|((_, _, day, _), _)| day);
    if let (Some(first), Some(last)) = (days.clone().min(), days.max()) {
        let all = Decimal::sum(uncosted.iter().map(|(_, count)| **count)).map_err(Failure::malformed)?;
        api.warnings.once(format_args!(
            "{all} tokens of {first} to {last} were used under the Priority Tier: Anthropic's cost report leaves their cost out, \
             so it is missing in the books"
        ));
    }
    Ok(())
}

fn observation(
    source: &Source,
    now: Instant,
    (name, unit, day, dimensions): Key,
    value: Decimal,
) -> Observation {
    let day_first = [("day", day.to_string())].into_iter().chain(dimensions);
    Observation {
        name: name.to_owned(),
        source: source.clone(),
        at: now.min(start_of(day) + DAY),
        dimensions: day_first.map(|(name, value)| (name.to_owned(), value)).collect(),
        value,
        unit: unit.to_owned(),
    }
}
