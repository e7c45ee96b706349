//! The collector natively against a fake host.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod fake;
mod inventory;
mod spend;
