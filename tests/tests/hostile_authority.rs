//! Hostile guests that reach for what was never given: the process around them, other instances' books and secrets, the
//! operator's terminal and files, and last year's figures. Nothing may come of it, and beside each attack stands the form
//! that is granted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "hostile_authority/neighbours.rs"]
mod neighbours;
#[path = "hostile_authority/past.rs"]
mod past;
#[path = "hostile_authority/process.rs"]
mod process;
#[path = "hostile_authority/tricks.rs"]
mod tricks;
