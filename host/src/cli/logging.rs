//! The log: one JSON object a line where no person reads, plain lines on a terminal. Always on standard error.
//! What must hold: the HTTP stack never logs below info, whatever the operator asks for, since its debug lines hold headers.

use super::{progress::AboveTheLine, terminal::manners};
use crate::trace;
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};

/// Who else is told what happens.
pub(super) type Onlooker = Box<dyn Layer<Registry> + Send + Sync>;

/// Crates whose finer lines could show a credential.
const QUIET: [&str; 7] = [
    "aws_sigv4",
    "hyper",
    "hyper_util",
    "h2",
    "rustls",
    "reqwest",
    "tower_http",
];

/// What is logged at a level.
///
/// # Errors
/// Where the level is none.
pub fn filter(level: &str) -> Result<EnvFilter, String> {
    let level: tracing::Level = level
        .parse()
        .map_err(|_| format!("`{level}` is no level: error, warn, info, debug or trace"))?;
    let mut filter = EnvFilter::new(level.to_string());
    for quiet in QUIET {
        let directive = format!("{quiet}={}", level.min(tracing::Level::INFO));
        filter = filter.add_directive(directive.parse().map_err(|error| format!("{error}"))?);
    }
    // Spans are for onlookers: in the log they would stand in front of each line of a run.
    let spans = format!("{}=off", trace::TARGET);
    Ok(filter.add_directive(spans.parse().map_err(|error| format!("{error}"))?))
}

/// Starts logging, and telling an onlooker.
///
/// # Errors
/// Where the level is none.
pub(super) fn start(level: &str, terminal: bool, onlooker: Option<Onlooker>) -> Result<(), String> {
    let filter = filter(level)?;
    let output = tracing_subscriber::fmt::layer()
        .with_ansi(terminal && manners().error_coloured)
        .with_writer(AboveTheLine);
    let layer = if terminal {
        output.without_time().with_target(false).compact().boxed()
    } else {
        output.json().flatten_event(true).boxed()
    };
    let mut layers = vec![layer.with_filter(filter).boxed()];
    layers.extend(onlooker);
    tracing_subscriber::registry()
        .with(layers)
        .try_init()
        .map_err(|error| error.to_string())
}
