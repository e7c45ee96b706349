//! Sending to a destination until it has certainly taken it. Policy (bodies, outcomes, look-ups, back-off, the search for a
//! refused entry) is plain functions over plain data; `deliver` is the loop that asks them.

mod attempt;
pub mod backoff;
pub mod body;
pub mod category;
pub mod client;
mod deliver;
mod dims;
pub mod lookup;
pub mod outcome;
mod probe;
pub mod refusal;
pub mod registration;
mod reply_text;
mod report;
pub mod retry_after;
#[cfg(test)]
mod tests;

pub use deliver::{deliver, known_before, known_still};
pub use probe::{Seen, probe};
pub use report::{DeliveryConfig, DeliveryError, DeliveryReport, Ended, Until};
