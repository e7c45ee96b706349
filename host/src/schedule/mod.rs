//! When an instance runs, and one run of it from its file to its report.

mod figures;
mod plan;
mod prepare;
mod purse;
mod roster;
mod run;
mod when;

pub use figures::{Figure, Unit};
pub use plan::Asked;
pub use prepare::{Collector, PrepareError, Prepared, describe, fit, load, prepare};
pub use roster::{Due, Roster};
pub use run::{RunSummary, run_once};
pub use when::{Past, Rhythm};
