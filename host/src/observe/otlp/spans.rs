//! Spans on their way out: from whoever ends one, through a queue that never waits, into messages.
//! What must hold: ending a span costs no more than a place in the queue, and what finds none is dropped.

use super::send::Sender;
use opentelemetry::{Context, trace::TracerProvider};
use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema, trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SdkTracerProvider, Span, SpanData, SpanProcessor},
};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing_subscriber::{Layer, Registry, filter::filter_fn};

/// Spans that wait at most.
const QUEUE: usize = 2_048;
/// Spans of one message at most.
const MESSAGE: usize = 512;
/// How long the first span of a message waits for more.
const GATHER: Duration = Duration::from_secs(5);

/// Takes spans that have ended into the queue.
#[derive(Debug)]
struct Entrance(mpsc::Sender<SpanData>);

impl SpanProcessor for Entrance {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        // A full queue: nobody may wait for those who look on.
        let _dropped = self.0.try_send(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Spans that wait to be sent.
pub(super) struct Queue(mpsc::Receiver<SpanData>);

/// What takes the host's own spans, and those alone, and the queue that they go into.
pub(super) fn layer(resource: Resource) -> (Box<dyn Layer<Registry> + Send + Sync>, Queue) {
    let (entrance, queue) = mpsc::channel(QUEUE);
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_span_processor(Entrance(entrance))
        .build();
    let own = filter_fn(|metadata| metadata.is_span() && metadata.target() == crate::trace::TARGET);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("finops-host"))
        .with_context_activation(false)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_level(false)
        .with_target(false)
        .with_filter(own);
    (layer.boxed(), Queue(queue))
}

/// Sends what comes into the queue until the end; then what is left in it.
pub(super) async fn forward(
    mut queue: Queue,
    mut sender: Sender,
    resource: Resource,
    mut end: oneshot::Receiver<()>,
) {
    let resource = ResourceAttributesWithSchema::from(&resource);
    loop {
        let mut spans = Vec::new();
        let over = tokio::select! {
            () = gather(&mut queue.0, &mut spans) => false,
            _ = &mut end => true,
        };
        // At the end as many messages as it takes.
        loop {
            while spans.len() < MESSAGE
                && let Ok(span) = queue.0.try_recv()
            {
                spans.push(span);
            }
            let full = spans.len() == MESSAGE;
            if !spans.is_empty() {
                let spans = std::mem::take(&mut spans);
                let resource_spans = group_spans_by_resource_and_scope(spans, &resource);
                sender.send(&ExportTraceServiceRequest { resource_spans }).await;
            }
            if !over || !full {
                break;
            }
        }
        if over {
            return;
        }
    }
}

/// Waits for a span, and then for more until there are enough or some time is over.
async fn gather(queue: &mut mpsc::Receiver<SpanData>, spans: &mut Vec<SpanData>) {
    let Some(first) = queue.recv().await else {
        // Nobody makes spans any more: the end comes by itself.
        return std::future::pending().await;
    };
    spans.push(first);
    let more =
        async { while spans.len() < MESSAGE && queue.recv_many(spans, MESSAGE - spans.len()).await > 0 {} };
    let _in_time = tokio::time::timeout(GATHER, more).await;
}
