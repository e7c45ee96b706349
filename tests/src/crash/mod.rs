//! Kill -9 while the program collects and sends: rounds of a siege, each killing it at a drawn point of a drawn phase.
//! What must hold: after every round the ledger's laws; after a last undisturbed run every entry at the destination once
//! by its id, none lost, none invented, and the sum exact. The same seed draws the same points and answers.
//!
//! The real program runs as a process over a provider and a destination of this process. Nothing is built into it for
//! this: its log, its requests and its ledger tell where it stands.

mod bill;
mod billed;
mod chance;
mod errand;
mod mood;
mod phase;
mod proof;
mod siege;
mod watcher;

pub use billed::{Billed, Line, sum};
pub use errand::{Errand, behave};
pub use siege::Siege;
