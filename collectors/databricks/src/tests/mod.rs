//! The collector natively, against a small workspace.

mod fake;
mod inventory;
mod mapping;
mod protocol;
mod reading;
