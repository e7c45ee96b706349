//! The process's own walls, put up before its threads start: what a collector that broke out of the sandbox would meet.
//!
//! What must hold: a process that holds secrets cannot be traced or dumped by others of its user; where the kernel has
//! landlock, it touches only what its command needs and starts only itself; none of this ever breaks a run.

mod access;
mod confine;
mod process;
mod program;
mod state;

pub use access::{Access, Needs, Network, Right};
pub use confine::{Confinement, confine};
pub use process::{harden, limit};
pub use state::{StateError, make_private};
