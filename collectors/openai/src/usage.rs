//! Used tokens and requests, by day, project and model: numbers beside the bill, never its money. What cannot be read is
//! warned of and never counted as none.

use crate::api::Api;
use finops_collector::{
    Bucket, Decimal, Failure, Instant, Observation, Period, Source, Warnings,
    jiff::civil::Date,
    number,
    period::{DAY, day_of, start_of},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Observations in one call to the host.
const BATCH: usize = 1_000;
/// The reports that are read, by the name of their endpoint.
const REPORTS: [&str; 2] = ["completions", "embeddings"];
/// Fields of a result, the observation that each becomes, and its unit.
const FIELDS: [(&str, &str, &str); 6] = [
    ("input_tokens", "input-tokens", "Tokens"),
    ("input_cached_tokens", "cached-input-tokens", "Tokens"),
    ("output_tokens", "output-tokens", "Tokens"),
    ("input_audio_tokens", "input-audio-tokens", "Tokens"),
    ("output_audio_tokens", "output-audio-tokens", "Tokens"),
    ("num_model_requests", "requests", "Requests"),
];

/// What is counted: day, project and model (where the result names them), and the field's place.
type Key = (Date, Option<String>, Option<String>, usize);

/// Observes the days of the period.
///
/// # Errors
/// The host's, where it refuses an observation. What OpenAI refuses is warned of.
pub(crate) fn observe(api: &Api<'_>, source: &Source, period: Period, now: Instant) -> Result<(), Failure> {
    for report in REPORTS {
        let what = format!("the usage of {report}");
        let mut counts = BTreeMap::new();
        let read = api.days(
            &what,
            &format!("usage/{report}"),
            &["project_id", "model"],
            period,
            |bucket| add(&mut counts, bucket),
        );
        if let Err(failure) = read {
            warn(&api.warnings, &what, &failure);
            continue;
        }
        let made: Vec<Observation> = counts
            .into_iter()
            .filter_map(|(key, value)| observation(source, now, report, key, value))
            .collect();
        made.chunks(BATCH).try_for_each(|batch| api.host.observe(batch))?;
    }
    Ok(())
}

fn warn(warnings: &Warnings<'_>, what: &str, failure: &Failure) {
    warnings.once(format_args!("{what} is not observed: {failure}"));
}

fn add(counts: &mut BTreeMap<Key, Decimal>, bucket: Bucket<Map<String, Value>>) -> Result<(), Failure> {
    for result in &bucket.results {
        let text = |name: &str| result.get(name).and_then(Value::as_str).map(str::to_owned);
        for (place, (field, ..)) in FIELDS.iter().enumerate() {
            let Some(count) = result.get(*field).map(number).transpose()?.flatten() else {
                continue;
            };
            let key = (day_of(bucket.start), text("project_id"), text("model"), place);
            let sum = counts.entry(key).or_default();
            *sum = sum.checked_add(count).map_err(Failure::malformed)?;
        }
    }
    Ok(())
}

fn observation(
    source: &Source,
    now: Instant,
    report: &str,
    (day, project, model, place): Key,
    value: Decimal,
) -> Option<Observation> {
    let (_, name, unit) = FIELDS.get(place)?;
    let mut dimensions = vec![
        ("day".to_owned(), day.to_string()),
        ("endpoint".to_owned(), report.to_owned()),
    ];
    dimensions.extend(project.map(|id| ("project".to_owned(), id)));
    dimensions.extend(model.map(|model| ("model".to_owned(), model)));
    Some(Observation {
        name: (*name).to_owned(),
        source: source.clone(),
        at: now.min(start_of(day) + DAY),
        dimensions,
        value,
        unit: (*unit).to_owned(),
    })
}
