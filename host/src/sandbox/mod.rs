//! Runs collectors: the engine, the limits, the bindings, and the seam behind which egress and ledger stand.

mod bindings;
mod collect;
mod convert;
mod cpu;
mod describe;
mod drawn;
pub mod engine;
pub mod failure;
mod guest;
mod http;
mod imports;
mod limiter;
pub mod limits;
mod probe;
mod runtime;
pub mod seam;
mod services;
mod size;
#[cfg(feature = "bench")]
mod unguarded;
mod wasi_http;
mod writers;

pub use collect::{CollectRequest, StreamRequest};
pub use failure::{Failure, FailureKind, RunError};
pub use probe::ProbeRequests;
pub use runtime::{Runtime, Usage};
pub use services::{Counts, Largest, RunServices, StreamCounts, Totals};
