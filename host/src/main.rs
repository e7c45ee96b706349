//! The `finops-host` program.

fn main() {}
