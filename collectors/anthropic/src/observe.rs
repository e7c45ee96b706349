//! Used tokens as observations. What is used under the Priority Tier has no cost in Anthropic's report: it is counted apart and
//! warned of.

use crate::{
    api::Api,
    usage::{FIELDS, Group, TOKEN_FIELDS, Usage},
};
use finops_collector::{
    Decimal, Failure, Instant, Observation, Period, Source,
    period::{DAY, start_of},
};

/// Observations in one call to the host.
const BATCH: usize = 1_000;
const TOKENS: &str = "Tokens";
/// The observation that each of [`FIELDS`] becomes, and its unit.
const OBSERVED: [(&str, &str); FIELDS.len()] = [
    ("uncached-input-tokens", TOKENS),
    ("cache-read-tokens", TOKENS),
    ("cache-write-5m-tokens", TOKENS),
    ("cache-write-1h-tokens", TOKENS),
    ("output-tokens", TOKENS),
    ("web-searches", "Searches"),
];
/// The observation of what has no cost.
const UNCOSTED: &str = "uncosted-tokens";
/// How the tiers are called whose cost is not reported.
const PRIORITY: &str = "priority";

/// Observes what was used in the period.
///
/// # Errors
/// The host's, where it refuses an observation.
pub(crate) fn observe(
    api: &Api<'_>,
    usage: &Usage,
    source: &Source,
    period: Period,
    now: Instant,
) -> Result<(), Failure> {
    let mut made = Vec::new();
    let mut uncosted = Vec::new();
    for (group, counts) in usage {
        let inside = period.contains(start_of(group.day));
        for ((name, unit), count) in OBSERVED.iter().zip(counts) {
            made.extend(
                count
                    .filter(|_| inside)
                    .map(|count| observation(source, now, (name, unit), group, count)),
            );
        }
        if group
            .tier
            .as_deref()
            .is_some_and(|tier| tier.starts_with(PRIORITY))
        {
            let tokens = counts.iter().take(TOKEN_FIELDS).flatten().copied();
            let all = Decimal::sum(tokens).map_err(Failure::malformed)?;
            uncosted.push((group.day, all));
            if inside {
                made.push(observation(source, now, (UNCOSTED, TOKENS), group, all));
            }
        }
    }
    uncosted.retain(|(_, tokens)| !tokens.is_zero());
    // Groups come in the order of their days.
    if let (Some((first, _)), Some((last, _))) = (uncosted.first(), uncosted.last()) {
        let all = Decimal::sum(uncosted.iter().map(|(_, tokens)| *tokens)).map_err(Failure::malformed)?;
        api.warnings.once(format_args!(
            "{all} tokens of {first} to {last} were used under the Priority Tier: Anthropic's cost report leaves their cost out, \
             so it is missing in the books"
        ));
    }
    made.chunks(BATCH).try_for_each(|batch| api.host.observe(batch))
}

fn observation(
    source: &Source,
    now: Instant,
    (name, unit): (&str, &str),
    group: &Group,
    value: Decimal,
) -> Observation {
    let mut dimensions = vec![
        ("day".to_owned(), group.day.to_string()),
        ("workspace".to_owned(), group.workspace.clone()),
    ];
    for (name, told) in [
        ("model", &group.model),
        ("service-tier", &group.tier),
        ("context-window", &group.context),
    ] {
        dimensions.extend(told.clone().map(|told| (name.to_owned(), told)));
    }
    Observation {
        name: name.to_owned(),
        source: source.clone(),
        at: now.min(start_of(group.day) + DAY),
        dimensions,
        value,
        unit: unit.to_owned(),
    }
}
