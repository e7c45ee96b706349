//! Traces and metrics by OTLP, in protobuf over HTTP, to where OpenTelemetry's own environment variables say.
//!
//! Of OpenTelemetry's crates, the messages and the making of spans alone: they are sent by a client of our own, on the
//! program's runtime, so that no thread blocks, every time is bounded, and headers are held like other secrets.
//! What must hold: it only tells. A place that is dead, slow or hostile costs what is told there, never a run or a delivery.

mod asked;
mod numbers;
mod send;
mod spans;

pub use asked::{AskedError, Variable};

use super::Health;
use asked::Asked;
use opentelemetry::{Key, KeyValue};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use send::Sender;
use std::time::Duration;
use tokio::{sync::oneshot, task::JoinHandle};
use tracing_subscriber::{Layer, Registry};

/// How long the end may take: a supervisor waits, and what is told counts for nothing.
const END: Duration = Duration::from_secs(2);
/// Who tells, unless something else is asked for.
const SERVICE: &str = "finops-host";

/// The way out for traces and metrics.
pub struct Outlet {
    resource: Resource,
    /// Until it is started.
    traces: Option<(spans::Queue, Sender)>,
    /// Until there is something to count.
    metrics: Option<(Sender, Duration)>,
    tasks: Vec<Task>,
}

/// What sends, and how it is told to end.
struct Task {
    end: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

/// What takes spans from whoever makes them.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

impl Outlet {
    /// What the environment asks for; `None` if nothing.
    ///
    /// # Errors
    /// See [`AskedError`]: it names the variable.
    pub fn asked(variable: Variable<'_>) -> Result<Option<(Self, Option<SpanLayer>)>, AskedError> {
        let asked = Asked::of(variable)?;
        if asked.traces.is_none() && asked.metrics.is_none() {
            return Ok(None);
        }
        let resource = resource();
        let mut layer = None;
        let traces = match asked.traces {
            None => None,
            Some(place) => {
                let sender = Sender::new("traces", place)?;
                let (takes, queue) = spans::layer(resource.clone());
                layer = Some(takes);
                Some((queue, sender))
            }
        };
        let metrics = match asked.metrics {
            None => None,
            Some(place) => Some((Sender::new("metrics", place)?, asked.interval)),
        };
        let outlet = Self {
            resource,
            traces,
            metrics,
            tasks: Vec::new(),
        };
        Ok(Some((outlet, layer)))
    }

    /// Begins to send spans. On the runtime.
    pub fn start(&mut self) {
        if let Some((queue, sender)) = self.traces.take() {
            let resource = self.resource.clone();
            self.begin(|end| spans::forward(queue, sender, resource, end));
        }
    }

    /// Begins to send the metrics of a program that serves. On the runtime.
    pub fn count(&mut self, health: &Health) {
        if let Some((sender, interval)) = self.metrics.take() {
            let source = numbers::Source {
                board: health.board.clone(),
                metrics: health.metrics.clone(),
                state_dir: health.state_dir.clone(),
                clock: health.clock.clone(),
            };
            let resource = ResourceAttributesWithSchema::from(&self.resource).attributes.0;
            self.begin(|end| numbers::forward(source, sender, resource, interval, end));
        }
    }

    fn begin<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        forward: impl FnOnce(oneshot::Receiver<()>) -> F,
    ) {
        let (end, ending) = oneshot::channel();
        let ended = tokio::spawn(forward(ending));
        self.tasks.push(Task { end, ended });
    }

    /// Sends what is left, for two seconds at most.
    pub async fn end(self) {
        let mut ended = Vec::new();
        for task in self.tasks {
            // One that is gone already has nothing left.
            let _gone = task.end.send(());
            ended.push(task.ended);
        }
        let aborts: Vec<_> = ended.iter().map(JoinHandle::abort_handle).collect();
        let all = futures::future::join_all(ended);
        if tokio::time::timeout(END, all).await.is_err() {
            tracing::debug!("what was left of traces and metrics is dropped");
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
        }
    }
}

/// Who tells: as the environment says, with a name and a version of our own where it says none.
fn resource() -> Resource {
    let of_environment = Resource::builder().build();
    let named = of_environment
        .get(&Key::new("service.name"))
        .is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let mut builder = Resource::builder().with_attribute(version);
    if !named {
        builder = builder.with_service_name(SERVICE);
    }
    builder.build()
}
