//! The collector natively, against a fake Cost Management.

mod fake;
mod spend;
