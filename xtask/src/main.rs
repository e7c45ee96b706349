//! The project's own commands, run as `cargo xtask <command>`.
//! What must hold: each does all its own set-up, on a machine with only rustup, a C compiler and python3.

mod bench;
mod build;
mod command;
mod demo;
mod extra;
mod failure;
mod helm;
mod image;
mod lock;
mod say;
mod service;
mod soak;
mod test;
mod venv;
mod workspace;

use bench::Form;
use build::{Profile, Wanted};
use demo::Destination;
use failure::{Failure, Result};
use soak::Siege;
use std::process::ExitCode;
use venv::Environment;
use workspace::Workspace;

const HELP: &str = "\
The project's own commands

Usage: cargo xtask <command>

Commands:
  bench [--json]                Measure an optimised build: figures and ratios of one run
                                  --json  as JSON
  build [--guests] [--release]  Build collectors and test guests as components, then the host
                                  --guests   components only
                                  --release  an optimised host
  demo [--openfinops]           Collect a simulated Snowflake bill twice and show the books
                                  --openfinops  send them to a real OpenFinOps server too
  helm                          Fetch helm, which renders the chart; print its path
  image [--release]             Lay out the files of the container image, with a static program; print their folder
                                  --release  an optimised program
  soak [--rounds N] [--seed N]  Kill the program again and again at drawn points, and prove that no money is lost
                                  --rounds  how often (1,000)
                                  --seed    draw the same points and answers again
  test [arguments]              Run all tests; arguments go to `cargo test`
  test-extra                    Make the checks that need tools of their own, where they are installed
  venv [--moto | --kubernetes]  Make the Python environment of the OpenFinOps server, moto's or that of Kubernetes'
                                schemas; print its Python";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Task {
    Bench(Form),
    Build(Wanted, Profile),
    Demo(Destination),
    Help,
    Helm,
    Image(Profile),
    Soak(Siege),
    Test(Vec<String>),
    TestExtra,
    Venv(Environment),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let task = match parse(&arguments) {
        Ok(task) => task,
        Err(failure) => {
            say::error(&format!("{failure}; `cargo xtask help` lists the commands"));
            return ExitCode::from(2);
        }
    };
    match perform(task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::error(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Task> {
    let Some((command, rest)) = arguments.split_first() else {
        return Ok(Task::Help);
    };
    let known: &[&str] = match command.as_str() {
        "bench" => &["--json"],
        "build" => &["--guests", "--release"],
        "demo" => &["--openfinops"],
        "soak" => return Ok(Task::Soak(soak::siege(rest)?)),
        "test" => return Ok(Task::Test(rest.to_vec())),
        "image" => &["--release"],
        "venv" => &["--moto", "--kubernetes"],
        "test-extra" | "helm" | "help" | "--help" | "-h" => &[],
        _ => return Err(Failure::new(format!("there is no command `{command}`"))),
    };
    if let Some(unknown) = rest.iter().find(|word| !known.contains(&word.as_str())) {
        return Err(Failure::new(format!("`{command}` does not know `{unknown}`")));
    }
    let given = |flag: &str| rest.iter().any(|word| word == flag);
    let profile = if given("--release") {
        Profile::Release
    } else {
        Profile::Dev
    };
    Ok(match command.as_str() {
        "bench" if given("--json") => Task::Bench(Form::Json),
        "bench" => Task::Bench(Form::Table),
        "build" => Task::Build(
            if given("--guests") {
                Wanted::Guests
            } else {
                Wanted::All
            },
            profile,
        ),
        "demo" if given("--openfinops") => Task::Demo(Destination::OpenFinOps),
        "demo" => Task::Demo(Destination::Ledger),
        "helm" => Task::Helm,
        "image" => Task::Image(profile),
        "test-extra" => Task::TestExtra,
        "venv" if given("--kubernetes") => Task::Venv(venv::KUBERNETES),
        "venv" if given("--moto") => Task::Venv(venv::MOTO),
        "venv" => Task::Venv(venv::OPENFINOPS),
        _ => Task::Help,
    })
}

fn perform(task: Task) -> Result<()> {
    if task == Task::Help {
        say::result(HELP);
        return Ok(());
    }
    let root = Workspace::root()?;
    match task {
        Task::Help => Ok(()),
        Task::Bench(form) => bench::bench(&root, form),
        Task::Build(wanted, profile) => build::build(&root, wanted, profile),
        Task::Demo(destination) => demo::demo(&root, destination),
        Task::Helm => {
            say::result(&helm::helm(&root)?.display().to_string());
            Ok(())
        }
        Task::Image(profile) => {
            say::result(&image::image(&root, profile)?.display().to_string());
            Ok(())
        }
        Task::Soak(siege) => soak::soak(&siege),
        Task::Test(extra) => test::test(&root, &extra),
        Task::TestExtra => extra::test_extra(&root),
        Task::Venv(environment) => {
            say::result(&venv::python(&root, environment)?.display().to_string());
            Ok(())
        }
    }
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

    fn parsed(line: &str) -> Result<Task> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn each_command_is_read_with_its_flags() {
        assert_eq!(parsed("").unwrap(), Task::Help);
        assert_eq!(parsed("bench").unwrap(), Task::Bench(Form::Table));
        assert_eq!(parsed("bench --json").unwrap(), Task::Bench(Form::Json));
        assert_eq!(parsed("build").unwrap(), Task::Build(Wanted::All, Profile::Dev));
        assert_eq!(
            parsed("build --guests").unwrap(),
            Task::Build(Wanted::Guests, Profile::Dev)
        );
        assert_eq!(
            parsed("build --release").unwrap(),
            Task::Build(Wanted::All, Profile::Release)
        );
        assert_eq!(parsed("demo").unwrap(), Task::Demo(Destination::Ledger));
        assert_eq!(
            parsed("demo --openfinops").unwrap(),
            Task::Demo(Destination::OpenFinOps)
        );
        assert_eq!(parsed("venv").unwrap(), Task::Venv(venv::OPENFINOPS));
        assert_eq!(parsed("venv --moto").unwrap(), Task::Venv(venv::MOTO));
        assert_eq!(parsed("venv --kubernetes").unwrap(), Task::Venv(venv::KUBERNETES));
        assert_eq!(parsed("helm").unwrap(), Task::Helm);
        assert_eq!(parsed("image").unwrap(), Task::Image(Profile::Dev));
        assert_eq!(parsed("image --release").unwrap(), Task::Image(Profile::Release));
        assert_eq!(parsed("test-extra").unwrap(), Task::TestExtra);
    }

    #[test]
    fn what_follows_test_is_passed_on_as_it_is() {
        let words = ["-p", "finops-host", "--", "--nocapture"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            parsed("test -p finops-host -- --nocapture").unwrap(),
            Task::Test(words)
        );
    }

    #[test]
    fn a_siege_is_read_with_its_rounds_and_seed() {
        let siege = |rounds, seed| Task::Soak(Siege { rounds, seed });
        assert_eq!(parsed("soak").unwrap(), siege(1_000, None));
        assert_eq!(parsed("soak --rounds 5 --seed 7").unwrap(), siege(5, Some(7)));
        for (line, message) in [
            ("soak --round 5", "`soak` does not know `--round`"),
            ("soak --rounds", "`--rounds` needs a number"),
            ("soak --seed x", "`--seed` needs a number, not `x`"),
        ] {
            assert_eq!(parsed(line).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn an_unknown_command_or_flag_is_refused_by_name() {
        assert_eq!(
            parsed("biuld").unwrap_err().to_string(),
            "there is no command `biuld`"
        );
        assert_eq!(
            parsed("demo --openfinop").unwrap_err().to_string(),
            "`demo` does not know `--openfinop`"
        );
    }
}
