//! The `finops-host` program.

use finops_host::component::{COMPILE_SUBCOMMAND, compile_child_main};
use std::process::ExitCode;

fn main() -> ExitCode {
    // The compile child must not even parse a command line.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == COMPILE_SUBCOMMAND)
    {
        return compile_child_main();
    }
    finops_host::cli::main()
}
