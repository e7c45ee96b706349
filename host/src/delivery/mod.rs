//! Sending to a destination until it has certainly taken it.

pub mod backoff;
pub mod body;
pub mod category;
pub mod lookup;
pub mod outcome;
pub mod reply_text;
pub mod retry_after;
