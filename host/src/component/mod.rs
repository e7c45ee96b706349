//! A collector's file: reading, checking, compiling, and what it says of itself.

pub mod descriptor;
pub mod setting;
