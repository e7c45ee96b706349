//! What the host tells of itself while it serves: how each instance stands.
//!
//! What must hold: it only tells. No secret, no query string and no unescaped word of a guest is in it, and nothing that asks
//! for it can change or hold up a run.

mod board;

pub use board::{Activity, Board, InstanceState, LastRun};
