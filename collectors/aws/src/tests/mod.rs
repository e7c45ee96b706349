//! The collector natively, against a fake Cost Explorer.

mod fake;
mod spend;
