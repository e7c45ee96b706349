//! The host's store of records, entries and checkpoints, and the rules by which money moves through it.

pub mod outbox;
pub mod record;
pub mod store;
