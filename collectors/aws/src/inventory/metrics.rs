//! CloudWatch's GetMetricData: many metrics in a call, the newest point of each. CloudWatch charges by the metric.

use super::Region;
use crate::api::Json;
use finops_collector::{
    Decimal, Failure, Instant, Period, amount,
    period::{DAY, HOUR},
};
use serde::Deserialize;
use serde_json::{Number, Value, json};
use std::collections::BTreeMap;

/// Metrics in one call.
const MOST: usize = 500;

/// One metric and when it is asked about.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    stat: Value,
    period: Period,
}

impl Metric {
    pub(super) fn new(
        namespace: &str,
        name: &str,
        dimensions: &[(&str, &str)],
        stat: &str,
        (period, length): (Period, i64),
    ) -> Self {
        let dimensions: Vec<Value> = dimensions
            .iter()
            .map(|(name, value)| json!({"Name": name, "Value": value}))
            .collect();
        Self {
            stat: json!({
                "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions},
                "Period": length, "Stat": stat,
            }),
            period,
        }
    }
}

/// The last hour that is over, as one point.
pub(super) fn last_hour(now: Instant) -> (Period, i64) {
    let end = now.div_euclid(HOUR) * HOUR;
    let start = end - HOUR;
    (Period { start, end }, HOUR)
}

/// The last days, a point each.
pub(super) fn last_days(now: Instant) -> (Period, i64) {
    let end = now.div_euclid(DAY) * DAY;
    let start = end - 3 * DAY;
    (Period { start, end }, DAY)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    metric_data_results: Vec<Found>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    id: String,
    #[serde(default)]
    timestamps: Vec<Number>,
    #[serde(default)]
    values: Vec<Number>,
}

/// The newest value of each metric, in their order; none where there is no point.
pub(super) fn read(region: &Region<'_>, metrics: &[Metric]) -> Result<Vec<Option<Decimal>>, Failure> {
    let mut all = Vec::with_capacity(metrics.len());
    for some in metrics.chunks(MOST) {
        let Some(period) = some.first().map(|metric| metric.period) else {
            continue;
        };
        let queries: Vec<Value> = some
            .iter()
            .enumerate()
            .map(|(number, metric)| json!({"Id": format!("m{number}"), "MetricStat": metric.stat}))
            .collect();
        let mut newest: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
        let mut token: Option<String> = None;
        loop {
            let mut body =
                json!({"MetricDataQueries": queries, "StartTime": period.start, "EndTime": period.end});
            if let (Some(token), Some(body)) = (&token, body.as_object_mut()) {
                body.insert("NextToken".to_owned(), json!(token));
            }
            let page: Page = region.api.json(
                Json::Version10,
                &region.url("monitoring"),
                "GraniteServiceVersion20100801.GetMetricData",
                &body,
            )?;
            for found in page.metric_data_results {
                for (at, value) in found.timestamps.iter().zip(&found.values) {
                    let read = |number: &Number| {
                        amount(&number.to_string())?.ok_or_else(|| Failure::malformed("a point has no value"))
                    };
                    let point = (read(at)?, read(value)?);
                    let known = newest.entry(found.id.clone()).or_insert(point);
                    if known.0 < point.0 {
                        *known = point;
                    }
                }
            }
            match page.next_token.filter(|next| !next.is_empty()) {
                None => break,
                same if same == token => {
                    return Err(Failure::malformed("GetMetricData: the pages lead in a circle"));
                }
                next => token = next,
            }
        }
        all.extend((0..some.len()).map(|number| newest.get(&format!("m{number}")).map(|point| point.1)));
    }
    Ok(all)
}
