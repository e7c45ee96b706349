//! The collector natively, against a small BigQuery.

mod fake;
mod protocol;
mod reading;
mod text;
