//! A collector's file: reading, checking, compiling, and what it says of itself.
//!
//! What must hold: a file is read once, and those bytes are hashed, inspected and compiled; nothing is compiled in this
//! process; code that this program did not compile itself is never loaded.

mod cache;
mod compile;
pub mod descriptor;
pub mod descriptor_cache;
mod error;
mod file;
mod inspect;
mod load;
pub mod setting;
mod structure;
mod validate;
mod world;

#[cfg(test)]
pub(crate) mod samples;

pub use cache::CacheDir;
pub use compile::{Compiler, SUBCOMMAND as COMPILE_SUBCOMMAND, compile_child_main};
pub use error::{ComponentError, Unfit};
pub use file::{ComponentFile, Examined};
pub use inspect::{Import, ImportKind, Inspection};
pub use load::{Loaded, load};
pub use structure::Structure;
pub use world::WORLD_VERSION;
