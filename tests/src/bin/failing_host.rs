//! The program with fail points: `finops-host` but for the points at which a test lets it end.

use std::process::ExitCode;

fn main() -> ExitCode {
    finops_host::cli::main()
}
