//! Hostile components: what happens before anything is granted, while a component is read, inspected, compiled and asked what
//! it is. The attack is in its bytes, in its shape, or in its description of itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod hostile;
