//! Hostile guests against the host's resources: time, memory, disk, log, connections. An attack must end with the limit's
//! own error, the secret must be nowhere, and the same process must then run a good collector over an unharmed ledger.
//! Each family of attacks shows beside that the same act within the limit works. Limits are small, so that each ends soon.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "hostile_resources/books.rs"]
mod books;
#[path = "hostile_resources/defaults.rs"]
mod defaults;
#[path = "hostile_resources/effort.rs"]
mod effort;
#[path = "hostile_resources/ends.rs"]
mod ends;
#[path = "hostile_resources/handmade.rs"]
mod handmade;
#[path = "hostile_resources/host.rs"]
mod host;
#[path = "hostile_resources/replies.rs"]
mod replies;
#[path = "hostile_resources/words.rs"]
mod words;
