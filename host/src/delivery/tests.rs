//! Delivery against a server on loopback that behaves like OpenFinOps, and misbehaves on demand.

mod clocks;
mod fates;
mod losses;
mod refusals;
mod server;
mod world;
