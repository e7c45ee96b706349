//! Runs FinOps cost collectors as sandboxed WebAssembly components and keeps what they find in an exact ledger.
//!
//! Rooms, and the one direction in which they use each other: `cli` → `schedule` → `sandbox` → `egress` | `ledger`;
//! `delivery` and `export` read the ledger; `config` and `component` make the plain data that the others work on;
//! `hardening` puts walls around the process before any of them starts.

pub mod cli;
pub mod clock;
pub mod component;
pub mod config;
pub mod delivery;
pub mod egress;
pub mod export;
mod fail_point;
pub mod foreign;
pub mod hardening;
pub mod ledger;
pub mod observe;
mod roots;
pub mod sandbox;
pub mod schedule;
pub mod trace;
