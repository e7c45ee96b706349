//! The body of a batch, as the OpenFinOps ingest route stores it. Pure: the same contents give the same bytes.
//!
//! What must hold: no top-level key beyond those that the server keeps; each cost entry has exactly the fields of the
//! server's `CostEntry`; whatever must travel exactly is text under a tag `finops_host.*`, which no provider tag can take.

use super::{
    category::category,
    dims::{Dims, Texts},
};
use crate::ledger::{
    outbox::{BatchSource, Contents, Entry, Event, Observation},
    store::LedgerError,
};
use finops_decimal::Decimal;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// Name and version of the shape of `metrics`.
pub const SCHEMA: &str = "finops-host/1";

const TAG_PREFIX: &str = "finops_host.";
const DAY: SignedDuration = SignedDuration::from_hours(24);
const MONTH: SignedDuration = SignedDuration::from_hours(28 * 24);
const NOON: SignedDuration = SignedDuration::from_hours(12);

/// What a body says beside its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// `metrics.batch_id`.
    pub uid: String,
    /// When the batch is sealed.
    pub sealed_at: Timestamp,
    /// Name of this machine.
    pub hostname: String,
}

/// The agent's name for a source: the same on every host and after a rename.
#[must_use]
pub fn agent_id(source: &BatchSource) -> String {
    let hash: String = source.hash.chars().take(12).collect();
    format!("finops-host/{}/{hash}", source.provider)
}

/// Renders a batch.
///
/// # Errors
/// A row that the ledger did not write so: dimensions without a charge period.
pub fn render(head: &Head, contents: &Contents) -> Result<Vec<u8>, LedgerError> {
    let dims: Vec<Dims<'_>> = contents.entries.iter().map(read_dims).collect::<Result<_, _>>()?;
    let mut cost_entries = Vec::with_capacity(contents.entries.len());
    let mut summary: BTreeMap<&str, Decimal> = BTreeMap::new();
    let mut span: Option<(Timestamp, Timestamp)> = None;
    let mut widen = |start: Timestamp, end: Timestamp| {
        span = Some(span.map_or((start, end), |(first, last)| (first.min(start), last.max(end))));
    };
    for (entry, dims) in contents.entries.iter().zip(&dims) {
        let (start, end) = charge_period(entry, dims)?;
        widen(start, end);
        let sum = summary.entry(&entry.currency).or_default();
        *sum = sum
            .checked_add(entry.amount)
            .map_err(|error| LedgerError::Damaged(format!("the sum of a batch: {error}")))?;
        cost_entries.push(cost_entry(entry, dims, contents, start, end)?);
    }
    for observation in &contents.observations {
        widen(observation.at, observation.at);
    }
    let (period_start, period_end) = span.unwrap_or((head.sealed_at, head.sealed_at));
    let region = only_region(&cost_entries);
    let body = Body {
        agent_id: agent_id(&contents.source),
        timestamp: head.sealed_at.as_second(),
        hostname: &head.hostname,
        cloud_provider: &contents.source.provider,
        region,
        metrics: Metrics {
            schema: SCHEMA,
            batch_id: &head.uid,
            instance: &contents.source.instance,
            period_start: period_start.to_string(),
            period_end: period_end.to_string(),
            summary: Summary {
                entries: contents.entries.len(),
                observations: contents.observations.len(),
                measure: &contents.measure,
                amounts: summary,
            },
            observations: contents
                .observations
                .iter()
                .map(sent_observation)
                .collect::<Result<_, _>>()?,
            cost_entries,
        },
        events: contents.events.iter().map(sent_event).collect(),
        traces: [],
    };
    serde_json::to_vec(&body).map_err(|error| LedgerError::Damaged(format!("a batch: {error}")))
}

#[derive(Serialize)]
struct Body<'a> {
    agent_id: String,
    timestamp: i64,
    hostname: &'a str,
    cloud_provider: &'a str,
    region: String,
    metrics: Metrics<'a>,
    events: Vec<SentEvent<'a>>,
    traces: [(); 0],
}

#[derive(Serialize)]
struct Metrics<'a> {
    schema: &'static str,
    batch_id: &'a str,
    instance: &'a str,
    period_start: String,
    period_end: String,
    summary: Summary<'a>,
    cost_entries: Vec<CostEntry<'a>>,
    observations: Vec<SentObservation<'a>>,
}

#[derive(Serialize)]
struct Summary<'a> {
    entries: usize,
    observations: usize,
    measure: &'a str,
    /// Exact sums by currency, as text.
    amounts: BTreeMap<&'a str, Decimal>,
}

/// Names and values, by name; most are the ledger's own texts.
struct Tags<'a>(Texts<'a>);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The fields of OpenFinOps's `CostEntry`, which refuses any other.
#[derive(Serialize)]
struct CostEntry<'a> {
    entry_id: &'a str,
    timestamp: i64,
    resource_id: &'a str,
    category: &'static str,
    amount: Number,
    currency: &'a str,
    region: &'a str,
    tags: Tags<'a>,
    description: Cow<'a, str>,
    billing_period: &'static str,
}

#[derive(Serialize)]
struct SentObservation<'a> {
    name: &'a str,
    dims: &'a Value,
    value: Number,
    unit: &'a str,
    at: i64,
}

#[derive(Serialize)]
struct SentEvent<'a> {
    time: i64,
    kind: &'a str,
    detail: Value,
}

fn cost_entry<'a>(
    entry: &'a Entry,
    dims: &'a Dims<'a>,
    contents: &'a Contents,
    start: Timestamp,
    end: Timestamp,
) -> Result<CostEntry<'a>, LedgerError> {
    let dim = |name: &str| dims.text(name);
    let provider = &contents.source.provider;
    let service = dim("service").unwrap_or(provider);
    let length = end.duration_since(start);
    let noon = if length < DAY { SignedDuration::ZERO } else { NOON };
    let timestamp = start.saturating_add(noon).unwrap_or(start);
    Ok(CostEntry {
        entry_id: &entry.entry_id,
        timestamp: timestamp.as_second(),
        resource_id: dim("resource_id").unwrap_or(service),
        category: category(provider, service, dim("service_category").unwrap_or_default()),
        amount: number(entry.amount)?,
        currency: &entry.currency,
        region: dim("region").unwrap_or("global"),
        tags: tags(entry, dims, &contents.measure),
        description: match dim("resource_name") {
            Some(name) => Cow::Owned(format!("{service}: {name}")),
            None => Cow::Borrowed(service),
        },
        billing_period: match length {
            length if length < DAY => "hourly",
            length if length < MONTH => "daily",
            _ => "monthly",
        },
    })
}

/// What must travel exactly, under names of our own, and the provider's tags under theirs.
fn tags<'a>(entry: &'a Entry, dims: &'a Dims<'a>, measure: &'a str) -> Tags<'a> {
    let lend = |text: &'a Cow<'a, str>| Cow::Borrowed(text.as_ref());
    let mut tags: Texts<'a> = dims
        .tags
        .iter()
        .map(|(name, value)| (provider_tag(name), lend(value)))
        .collect();
    let mut own = |name: &str, value: Cow<'a, str>| {
        tags.push((Cow::Owned([TAG_PREFIX, name].concat()), value));
    };
    for (name, value) in dims.texts.iter().chain(&dims.extra) {
        let name = match name.as_ref() {
            "partition_start" => "partition",
            name => name,
        };
        own(name, lend(value));
    }
    own("amount", entry.amount.to_string().into());
    own("total_after", entry.total_after.to_string().into());
    own("sequence", entry.sequence.to_string().into());
    own("epoch", entry.epoch.to_string().into());
    if let Some(original) = &entry.original {
        own("currency", entry.currency.as_str().into());
        own("original_currency", original.currency.as_str().into());
        own("original_amount", original.amount.to_string().into());
        own("original_total_after", original.total_after.to_string().into());
        own("rate", original.rate.to_string().into());
        let id = format!("{}/{} {}", original.currency, entry.currency, original.rate_from);
        own("rate_id", id.into());
    }
    own("measure", measure.into());
    own("posting_key", entry.posting_key.as_str().into());
    // Of two of one name the last stands: what is ours comes after the dimensions.
    tags.reverse();
    tags.sort_by(|(one, _), (other, _)| one.cmp(other));
    tags.dedup_by(|(later, _), (earlier, _)| later == earlier);
    Tags(tags)
}

/// The provider's own name, moved aside where it would read as one of ours; no two names become one.
fn provider_tag(name: &str) -> Cow<'_, str> {
    let mut bare = name;
    while let Some(rest) = bare.strip_prefix("tag.") {
        bare = rest;
    }
    if bare.starts_with(TAG_PREFIX) {
        Cow::Owned(format!("tag.{name}"))
    } else {
        Cow::Borrowed(name)
    }
}

fn sent_observation(observation: &Observation) -> Result<SentObservation<'_>, LedgerError> {
    Ok(SentObservation {
        name: &observation.name,
        dims: &observation.dims,
        value: number(observation.value)?,
        unit: &observation.unit,
        at: observation.at.as_second(),
    })
}

fn sent_event(event: &Event) -> SentEvent<'_> {
    SentEvent {
        time: event.at.as_second(),
        kind: &event.kind,
        detail: serde_json::from_str(&event.detail).unwrap_or_else(|_| Value::String(event.detail.clone())),
    }
}

/// The region that all entries share, or `global`.
fn only_region(entries: &[CostEntry<'_>]) -> String {
    let regions: BTreeSet<&str> = entries.iter().map(|entry| entry.region).collect();
    match (regions.first(), regions.len()) {
        (Some(region), 1) => (*region).to_owned(),
        _ => "global".to_owned(),
    }
}

/// A JSON number with the decimal's own digits.
fn number(decimal: Decimal) -> Result<Number, LedgerError> {
    serde_json::from_str(&decimal.to_string())
        .map_err(|error| LedgerError::Damaged(format!("amount {decimal}: {error}")))
}

fn read_dims(entry: &Entry) -> Result<Dims<'_>, LedgerError> {
    let damaged =
        |error| LedgerError::Damaged(format!("the dimensions of entry {}: {error}", entry.entry_id));
    Dims::read(&entry.dims).map_err(damaged)
}

fn charge_period(entry: &Entry, dims: &Dims<'_>) -> Result<(Timestamp, Timestamp), LedgerError> {
    let instant = |name: &str| {
        dims.text(name)
            .and_then(|text| text.parse::<Timestamp>().ok())
            .ok_or_else(|| LedgerError::Damaged(format!("entry {} has no {name}", entry.entry_id)))
    };
    Ok((instant("charge_start")?, instant("charge_end")?))
}

#[cfg(test)]
mod tests;
