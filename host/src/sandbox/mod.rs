//! Runs a collector: engine, limits, bindings.

pub mod limits;
