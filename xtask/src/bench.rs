//! `bench`: figures and ratios of one run, with everything built optimised.
//! What must hold: nothing here judges a figure, since a time says something about a machine, not about right or wrong.

use crate::build;
use crate::command;
use crate::failure::{Failure, Result};
use crate::say;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::process::Command;

const COLLECTOR: &str = "collectors/snowflake.wasm";
const GUEST: &str = "tests/guests/hostile.wasm";
const SCRIPTS: &str = "tests/python";

/// How the figures are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Builds and measures.
pub(crate) fn bench(root: &Workspace, form: Form) -> Result<()> {
    build::components(root, &[build::COLLECTORS, build::TEST_GUESTS])?;
    let built = build::optimised(root, &["finops-host", "simulator", "bench"], "finops-tests/bench")?;
    let mut bench = measuring(&built, &root.root)?;
    if form == Form::Json {
        bench.arg("--json");
    }
    say::step(
        "Measuring",
        "each figure three times; a busy machine shows in them",
    );
    command::run(&mut bench)
}

/// The measuring program with all that it needs named.
fn measuring(built: &[PathBuf], root: &Path) -> Result<Command> {
    let program = |name: &str| {
        built
            .iter()
            .find(|file| file.file_stem().is_some_and(|stem| stem == name))
            .ok_or_else(|| Failure::new(format!("cargo built no program `{name}`")))
    };
    let mut bench = Command::new(program("bench")?);
    bench
        .arg("--host")
        .arg(program("finops-host")?)
        .arg("--simulator")
        .arg(program("simulator")?);
    for (flag, path) in [
        ("--collector", COLLECTOR),
        ("--guest", GUEST),
        ("--scripts", SCRIPTS),
    ] {
        bench.arg(flag).arg(root.join(path));
    }
    Ok(bench)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    #[test]
    fn the_measuring_program_is_told_where_everything_lies() {
        let built = ["/t/finops-host", "/t/bench", "/t/simulator"].map(PathBuf::from);
        assert_eq!(
            command::text(&measuring(&built, Path::new("/p")).unwrap()),
            "/t/bench --host /t/finops-host --simulator /t/simulator --collector /p/collectors/snowflake.wasm \
             --guest /p/tests/guests/hostile.wasm --scripts /p/tests/python"
        );
    }

    #[test]
    fn a_program_that_was_not_built_is_named() {
        let failure = measuring(&["/t/bench".into()], Path::new("/p")).unwrap_err();
        assert_eq!(failure.to_string(), "cargo built no program `finops-host`");
    }
}
