//! The destination OpenFinOps in tests: the real server, and a recorder that answers as a test tells it to.
//!
//! What must hold: the recorder's own answers are the real server's, so that a test that passes against the one would
//! pass against the other; and no server outlives the test that started it.

mod connection;
pub mod http;
mod ingest;
mod outcome;
mod port;
mod real_server;
mod recorder;

pub use outcome::{Outcome, Storage};
pub use real_server::{Observed, RealServer, Row};
pub use recorder::{Event, Received, Recorder, Route};

#[cfg(test)]
mod tests;
