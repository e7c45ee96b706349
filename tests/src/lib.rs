//! Provider simulators, hostile guests, end-to-end and crash tests of finops-host.

pub mod artifacts;
pub mod openfinops;
