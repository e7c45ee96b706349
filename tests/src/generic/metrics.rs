//! Prometheus's `query_range` over series that are known for some queries: parameters, limits, matrices and errors as its
//! documentation says.

use crate::{
    Error,
    provider::{Asked, Reply},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most steps of a range.
const POINTS: i64 = 11_000;

/// A sample: the time at which it stands, its text (empty: none), and since when it is known.
pub type Sample = (Timestamp, String, Timestamp);

/// A series that a query gives.
#[derive(Clone, Debug, Deserialize)]
pub struct Series {
    /// Name of the query.
    pub query: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its samples; of two of the same time the later one in the list counts.
    pub samples: Vec<Sample>,
}

#[derive(Deserialize)]
pub(super) struct Metrics {
    /// PromQL by name.
    queries: BTreeMap<String, String>,
    pub(super) series: Vec<Series>,
}

impl Metrics {
    pub(super) fn load() -> Result<Self, Error> {
        Ok(serde_json::from_str(include_str!(
            "../../data/generic/metrics.json"
        ))?)
    }

    /// The name of a query; of an unknown one `other`.
    pub(super) fn name(&self, query: &str) -> &str {
        let found = self.queries.iter().find(|(_, text)| *text == query);
        found.map_or("other", |(name, _)| name)
    }
}

/// The parameters of a call, from its query or its form.
pub(super) fn parameters(asked: &Asked) -> BTreeMap<String, String> {
    let is_form = asked
        .header("content-type")
        .starts_with("application/x-www-form-urlencoded");
    let form = match asked.method.as_str() {
        "POST" if is_form => String::from_utf8_lossy(&asked.body).into_owned(),
        "POST" => String::new(),
        _ => asked.query.clone(),
    };
    let as_query = Asked {
        query: form,
        ..asked.clone()
    };
    let names = ["query", "start", "end", "step"];
    let of = |name: &str| Some((name.to_owned(), as_query.param(name)?));
    names.into_iter().filter_map(of).collect()
}

pub(super) fn answer(metrics: &Metrics, copies: usize, warning: Option<String>, asked: &Asked) -> Reply {
    if asked.segments() != ["api", "v1", "query_range"] {
        return Reply::new(404, "text/plain", "404 page not found\n");
    }
    match matrix(metrics, copies, asked) {
        Ok(result) => {
            let mut body = json!({"status": "success", "data": {"resultType": "matrix", "result": result}});
            if let (Some(object), Some(warning)) = (body.as_object_mut(), warning) {
                object.insert("warnings".to_owned(), json!([warning]));
            }
            Reply::json(200, &body)
        }
        Err(error) => Reply::json(
            400,
            &json!({"status": "error", "errorType": "bad_data", "error": error}),
        ),
    }
}

fn matrix(metrics: &Metrics, copies: usize, asked: &Asked) -> Result<Vec<Value>, String> {
    let parameters = parameters(asked);
    let of = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let time = |name: &str| {
        let text = of(name);
        let seconds = text.parse::<i64>().ok();
        let seconds = seconds.or_else(|| Some(text.parse::<Timestamp>().ok()?.as_second()));
        seconds.ok_or_else(|| {
            format!("invalid parameter \"{name}\": cannot parse \"{text}\" to a valid timestamp")
        })
    };
    let (start, end) = (time("start")?, time("end")?);
    if end < start {
        return Err("invalid parameter \"end\": end timestamp must not be before start time".to_owned());
    }
    let step: i64 = of("step").parse().unwrap_or_default();
    if step <= 0 {
        return Err(
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted"
                .to_owned(),
        );
    }
    if (end - start) / step > POINTS {
        return Err("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)".to_owned());
    }
    let query = of("query");
    if query.matches('(').count() != query.matches(')').count() || query.trim().is_empty() {
        return Err("invalid parameter \"query\": 1:1: parse error: unclosed left parenthesis".to_owned());
    }
    let name = metrics.name(query);
    let mut result = Vec::new();
    for series in metrics.series.iter().filter(|series| series.query == name) {
        let mut known: BTreeMap<i64, &str> = BTreeMap::new();
        for (at, text, since) in &series.samples {
            if *since <= asked.now {
                known.insert(at.as_second(), text);
            }
        }
        let values: Vec<Value> = known
            .into_iter()
            .filter(|(at, text)| (start..=end).contains(at) && (at - start) % step == 0 && !text.is_empty())
            .map(|(at, text)| json!([at, text]))
            .collect();
        if values.is_empty() {
            continue;
        }
        let copies = if name == "health" { 1 } else { copies };
        for copy in 0..copies {
            let mut labels = series.labels.clone();
            if copy > 0 {
                labels.insert("copy".to_owned(), copy.to_string());
            }
            result.push(json!({"metric": labels, "values": values}));
        }
    }
    Ok(result)
}
