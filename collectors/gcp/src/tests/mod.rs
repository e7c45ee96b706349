//! The collector natively, against a fake BigQuery.
