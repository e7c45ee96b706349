//! The shared stage of the providers' simulators: an HTTPS server on loopback, a clock, a plan of faults, an operator's place.
//!
//! A provider brings its [`Api`]: which hosts it answers for, what an operation is called, what the right answer is. All else is
//! here. What must hold: nothing in this room knows a collector.

mod api;
mod asked;
pub mod golden;
mod reply;
mod simulator;
mod stage;
#[cfg(test)]
mod tests;

pub use api::Api;
pub use asked::Asked;
pub use reply::Reply;
pub use simulator::{Act, Fault, Faults, Simulator, Start};
pub use stage::Stage;
