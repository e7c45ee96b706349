//! The metrics of docs/metrics.md as OTLP has them: the same families under the same names, made from the same reading.
//! What must hold: money is left out, since OTLP would make a float of it.

use super::send::Sender;
use crate::{
    clock::SharedClock,
    foreign::Foreign,
    observe::{
        Board, Books, Metrics,
        metrics::exposition::{Kind, Labels, Samples, Told, Value},
    },
};
use jiff::Timestamp;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
    },
    resource::v1::Resource,
};
use std::{path::PathBuf, time::Duration};
use tokio::sync::oneshot;

/// What is read for metrics.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) board: Board,
    pub(super) metrics: Metrics,
    pub(super) state_dir: PathBuf,
    pub(super) clock: SharedClock,
}

/// From when to when something was counted, in nanoseconds since the epoch.
#[derive(Clone, Copy)]
struct Span {
    began: u64,
    now: u64,
}

/// Sends them at every interval, and once more at the end.
pub(super) async fn forward(
    source: Source,
    mut sender: Sender,
    resource: Vec<KeyValue>,
    interval: Duration,
    mut end: oneshot::Receiver<()>,
) {
    loop {
        let over = tokio::select! {
            () = tokio::time::sleep(interval) => false,
            _ = &mut end => true,
        };
        let (source, resource) = (source.clone(), resource.clone());
        let read = tokio::task::spawn_blocking(move || message(&source, resource));
        if let Ok(message) = read.await {
            sender.send(&message).await;
        }
        if over {
            return;
        }
    }
}

/// A reading of now. This blocks.
fn message(source: &Source, resource: Vec<KeyValue>) -> ExportMetricsServiceRequest {
    let now = source.clock.now();
    let books = Books::read(&source.state_dir, now);
    let told = source.metrics.told(&source.board, &books, now).told();
    let span = Span {
        began: nanos(source.metrics.began(now)),
        now: nanos(now),
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: resource,
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: "finops-host".to_owned(),
                    ..InstrumentationScope::default()
                }),
                metrics: told.iter().filter_map(|told| metric(told, span)).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

/// A family; `None` where it is money.
fn metric(told: &Told, span: Span) -> Option<Metric> {
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match &told.samples {
        Samples::Each(samples) => {
            let points = samples.iter().map(|(labels, value)| point(labels, *value, span));
            let data_points = points.collect::<Option<Vec<_>>>()?;
            match told.family.kind {
                Kind::Counter => metric::Data::Sum(Sum {
                    data_points,
                    aggregation_temporality: cumulative,
                    is_monotonic: true,
                }),
                Kind::Gauge | Kind::Histogram => metric::Data::Gauge(Gauge { data_points }),
            }
        }
        Samples::Buckets(histogram) => {
            let (bounds, mut counts): (Vec<_>, Vec<_>) = histogram.buckets().unzip();
            let (all, sum) = histogram.all();
            counts.push(all.saturating_sub(counts.iter().sum()));
            metric::Data::Histogram(Histogram {
                data_points: vec![HistogramDataPoint {
                    start_time_unix_nano: span.began,
                    time_unix_nano: span.now,
                    count: all,
                    sum: Some(sum.as_secs_f64()),
                    bucket_counts: counts,
                    explicit_bounds: bounds.iter().map(Duration::as_secs_f64).collect(),
                    ..HistogramDataPoint::default()
                }],
                aggregation_temporality: cumulative,
            })
        }
    };
    Some(Metric {
        name: told.family.name.to_owned(),
        description: told.family.help.to_owned(),
        unit: unit(told.family.name).to_owned(),
        metadata: Vec::new(),
        data: Some(data),
    })
}

fn point(labels: &Labels, value: Value, span: Span) -> Option<NumberDataPoint> {
    let value = match value {
        Value::Exact(_) => return None,
        Value::Whole(number) => number_data_point::Value::AsInt(i64::try_from(number).unwrap_or(i64::MAX)),
        Value::Seconds(time) => number_data_point::Value::AsDouble(time.as_secs_f64()),
        Value::At(at) => number_data_point::Value::AsInt(at.as_second()),
    };
    Some(NumberDataPoint {
        attributes: labels
            .iter()
            .map(|(label, text)| attribute(label, text))
            .collect(),
        start_time_unix_nano: span.began,
        time_unix_nano: span.now,
        value: Some(value),
        ..NumberDataPoint::default()
    })
}

/// A label, escaped as everywhere.
fn attribute(label: &str, text: &str) -> KeyValue {
    let shown = Foreign::from(text).to_string();
    KeyValue {
        key: label.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(shown)),
        }),
        ..KeyValue::default()
    }
}

/// The unit that a family's name ends in, as UCUM writes it.
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    match name.rsplit('_').next() {
        Some("seconds") => "s",
        Some("bytes") => "By",
        _ => "",
    }
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::observe::metrics::exposition::Family;

    const SPAN: Span = Span { began: 1, now: 2 };

    fn told(name: &'static str, value: Value) -> Told {
        Told {
            family: Family {
                name,
                kind: Kind::Counter,
                help: "X.",
            },
            samples: Samples::Each(vec![(vec![("instance", "a\u{1b}".to_owned())], value)]),
        }
    }

    #[test]
    fn money_is_left_out_and_whole_numbers_stay_whole() {
        let amount = Value::Exact("0.1".parse().unwrap());
        assert!(metric(&told("finops_spend_usd_total", amount), SPAN).is_none());
        let metric = metric(&told("finops_request_sent_bytes_total", Value::Whole(7)), SPAN).unwrap();
        assert_eq!(metric.unit, "By");
        let Some(metric::Data::Sum(sum)) = metric.data else {
            unreachable!("a counter is a sum")
        };
        assert!(sum.is_monotonic);
        let point = sum.data_points.first().unwrap();
        assert_eq!(point.value, Some(number_data_point::Value::AsInt(7)));
        assert_eq!(point.attributes, [attribute("instance", "a\u{1b}")]);
        let shown = format!("{:?}", point.attributes);
        assert!(shown.contains("u{1b}") && !shown.contains('\u{1b}'), "{shown}");
    }
}
