//! The program with OTLP: `finops-host` of another build, under a name of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    finops_host::cli::main()
}
