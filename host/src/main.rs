//! The `finops-host` program.

use std::process::ExitCode;

#[cfg(feature = "fail-points")]
compile_error!("fail points are for tests: a finops-host that is shipped has none");

fn main() -> ExitCode {
    finops_host::cli::main()
}
