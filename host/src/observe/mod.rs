//! What the host tells of itself while it serves: how each instance stands, metrics, and whether it is well.
//!
//! What must hold: it only tells. No secret, no query string and no unescaped word of a guest is in it, and nothing that asks
//! for it can change or hold up a run.

mod board;
mod books;
mod health;
mod metrics;
#[cfg(feature = "otlp")]
mod otlp;

pub use board::{Activity, Board, InstanceState, LastRun};
pub use books::Books;
pub use health::{Health, Heartbeat, Phase, Readiness, listen};
pub use metrics::Metrics;
#[cfg(feature = "otlp")]
pub use otlp::{AskedError, Outlet, SpanLayer, Variable};
