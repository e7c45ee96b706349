//! Hourly usage of infrastructure hosts, page by page.

use super::error;
use crate::provider::{Asked, Reply};
use jiff::{Timestamp, ToSpan, civil::DateTime, tz::Offset};
use serde_json::{Value, json};

/// The most hosts of a day, at 14 o'clock.
const PEAK: i64 = 41;
/// The hour that is not reported.
const SILENT: i8 = 15;

pub(super) fn answer(asked: &Asked) -> Reply {
    // An hour must be given: a date alone is refused.
    let hour = |name: &str| -> Option<Timestamp> {
        let text = asked.param(name)?;
        let (_, hour) = text.split_once('T')?;
        let at: DateTime = (hour.len() == 2).then(|| format!("{text}:00:00").parse().ok())??;
        Offset::UTC.to_timestamp(at).ok()
    };
    let (Some(start), Some(end)) = (hour("filter[timestamp][start]"), hour("filter[timestamp][end]")) else {
        return error(
            400,
            "start_hr [YYYY-MM-DDThh] must be before end_hr [YYYY-MM-DDThh]",
        );
    };
    if end <= start {
        return error(
            400,
            "start_hr [YYYY-MM-DDThh] must be before end_hr [YYYY-MM-DDThh]",
        );
    }
    let families = asked.param("filter[product_families]").unwrap_or_default();
    let limit = asked
        .param("page[limit]")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(500_usize);
    let mut rows: Vec<Value> = Vec::new();
    let mut at = start;
    while at < end {
        let clock = Offset::UTC.to_datetime(at).hour();
        let hosts = match clock {
            SILENT => Value::Null,
            hour => (PEAK - (i64::from(hour) - 14).abs()).into(),
        };
        for family in families.split(',') {
            let measured = match family {
                "infra_hosts" | "all" => {
                    json!([{"usage_type": "host_count", "value": hosts}, {"usage_type": "container_count", "value": null}])
                }
                _ => json!([{"usage_type": "ingested_events_bytes", "value": 1_000}]),
            };
            rows.push(json!({"type": "usage_timeseries", "id": format!("{at}-{family}"), "attributes": {
                "org_name": "acme", "public_id": "o1a2b3c4d5", "region": "eu", "timestamp": at.to_string().replace('Z', "+00:00"),
                "product_family": if family == "all" { "infra_hosts" } else { family }, "measurements": measured,
            }}));
        }
        let Ok(next) = at.checked_add(1.hour()) else { break };
        at = next;
    }
    let from: usize = asked
        .param("page[next_record_id]")
        .and_then(|id| id.parse().ok())
        .unwrap_or(0);
    let next = (from + limit < rows.len()).then(|| (from + limit).to_string());
    let page: Vec<Value> = rows.into_iter().skip(from).take(limit).collect();
    Reply::json(
        200,
        &json!({"data": page, "meta": {"pagination": {"next_record_id": next}}}),
    )
}
