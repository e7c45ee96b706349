//! Runs a collector: engine, limits, bindings.

pub mod engine;
pub mod limits;
