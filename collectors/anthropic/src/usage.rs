//! The usage report: tokens by day, workspace, model, tier and context. It gives the lines of the bill their quantity, where one
//! line alone can be meant, and never their money.

use crate::{
    api::Api,
    line::{Line, told},
    mapping::DEFAULT_WORKSPACE,
};
use finops_collector::{Bucket, Decimal, Failure, Period, jiff::civil::Date, number, period::day_of};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is counted, by its place in a result.
pub(crate) const FIELDS: [&str; 6] = [
    "/uncached_input_tokens",
    "/cache_read_input_tokens",
    "/cache_creation/ephemeral_5m_input_tokens",
    "/cache_creation/ephemeral_1h_input_tokens",
    "/output_tokens",
    "/server_tool_use/web_search_requests",
];
/// How many of them are tokens.
pub(crate) const TOKEN_FIELDS: usize = 5;

/// What numbers belong to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    pub(crate) day: Date,
    pub(crate) workspace: String,
    pub(crate) model: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) context: Option<String>,
}

/// What was used, in the order of [`FIELDS`].
pub(crate) type Usage = BTreeMap<Group, [Option<Decimal>; FIELDS.len()]>;

/// What was used in the period; none, with a warning, where it cannot be read.
pub(crate) fn read(api: &Api<'_>, period: Period) -> Option<Usage> {
    let what = "the usage of messages";
    let mut usage = Usage::new();
    let groups = ["workspace_id", "model", "service_tier", "context_window"];
    let read = api.days(what, "usage_report/messages", &groups, period, |bucket| {
        add(&mut usage, &bucket)
    });
    match read {
        Ok(()) => Some(usage),
        Err(failure) => {
            api.warnings.once(format_args!(
                "{what} is not observed, so that nothing tells of use under the Priority Tier, and records have no \
                 quantities: {failure}"
            ));
            None
        }
    }
}

fn add(usage: &mut Usage, bucket: &Bucket<Map<String, Value>>) -> Result<(), Failure> {
    for result in &bucket.results {
        let text = |name: &str| result.get(name).and_then(Value::as_str).map(str::to_owned);
        let group = Group {
            day: day_of(bucket.start),
            workspace: text("workspace_id").unwrap_or_else(|| DEFAULT_WORKSPACE.to_owned()),
            model: text("model"),
            tier: text("service_tier"),
            context: text("context_window"),
        };
        let result = Value::Object(result.clone());
        let sums = usage.entry(group).or_default();
        for (sum, field) in sums.iter_mut().zip(FIELDS) {
            if let Some(count) = result.pointer(field).map(number).transpose()?.flatten() {
                let all = sum.unwrap_or_default().checked_add(count);
                *sum = Some(all.map_err(Failure::malformed)?);
            }
        }
    }
    Ok(())
}

/// The tokens that each line of a day is charged for; none where the report has none, or several lines could be meant.
pub(crate) fn tokens(usage: &Usage, day: Date, lines: &[Line]) -> Vec<Option<Decimal>> {
    let keys: Vec<_> = lines.iter().map(|line| meant(day, line)).collect();
    let mut lines_of = BTreeMap::new();
    for key in keys.iter().flatten() {
        *lines_of.entry(key).or_insert(0_u32) += 1;
    }
    let of = |key: &Option<(Group, usize)>| {
        let key = key.as_ref().filter(|key| lines_of.get(key) == Some(&1))?;
        let counts = usage.get(&key.0)?;
        (*counts.get(key.1)?).filter(|count| !count.is_zero())
    };
    keys.iter().map(of).collect()
}

/// The number of the usage report that a line is about.
fn meant(day: Date, line: &Line) -> Option<(Group, usize)> {
    let field = format!("/{}", told(&line.token_type)?.replace('.', "/"));
    let place = FIELDS
        .iter()
        .take(TOKEN_FIELDS)
        .position(|known| *known == field)?;
    let group = Group {
        day,
        workspace: told(&line.workspace_id).unwrap_or(DEFAULT_WORKSPACE).to_owned(),
        model: line.model.clone(),
        tier: line.service_tier.clone(),
        context: line.context_window.clone(),
    };
    Some((group, place))
}
