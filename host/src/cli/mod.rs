//! The command line: arguments in, one command, an exit code out.

mod args;
mod check;
mod confinement;
mod costs;
mod coverage;
mod destination;
mod environment;
pub mod exit;
mod export;
mod focus;
mod init;
mod inspect;
mod ledger;
pub mod logging;
mod manual;
mod new;
mod otlp;
mod outbox;
mod output;
mod probe;
mod progress;
mod reconcile;
mod recording;
mod render;
mod room;
mod run;
mod run_table;
mod salvage;
mod scratch;
mod serve;
mod status;
mod stop;
mod terminal;

use crate::{
    component::{COMPILE_SUBCOMMAND, ComponentError, compile_child_main},
    config::ConfigErrors,
    delivery::DeliveryError,
    foreign::for_output,
    hardening::{self, StateError},
    ledger::store::LedgerError,
    sandbox::RunError,
    schedule::PrepareError,
};
use args::{Cli, Command};
use clap::FromArgMatches;
use exit::Exit;
use progress::AboveTheLine;
use std::{io::Write, process::ExitCode};
use terminal::{Tone, dressed, manners};

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    // The compile child must not even parse a command line.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == COMPILE_SUBCOMMAND)
    {
        return compile_child_main();
    }
    let hardened = hardening::harden();
    let parser = manual::command().color(terminal::asked(std::env::args_os()));
    let parsed = parser
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    terminal::start(cli.color, cli.no_progress);
    let telling = otlp::Otlp::asked(&cli.command).and_then(|(otlp, onlooker)| {
        logging::start(&cli.log, environment::is_terminal(), onlooker)?;
        Ok(otlp)
    });
    let mut otlp = match telling {
        Ok(otlp) => otlp,
        Err(message) => {
            complain(&message);
            return ExitCode::from(2);
        }
    };
    if let Err(cause) = hardened {
        tracing::warn!("this process can be dumped or traced by others of its user: {cause}");
    }
    // Threads inherit it: so before the runtime has any.
    let state = cli.state_dir.as_deref();
    let read = match confinement::start(&cli.command, state) {
        Ok(read) => read,
        Err(failed) => {
            complain(&failed.message);
            return ExitCode::from(failed.code);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("no runtime: {error}"));
            return Exit::Bug.into();
        }
    };
    let result = runtime.block_on(async {
        otlp.start(&cli.command);
        match cli.command {
            Command::Run(args) => run::run(args, read, state).await,
            Command::Serve(_) => serve::serve(read, state, &mut otlp).await,
            Command::New(args) => new::new(&args),
            Command::Inspect(args) => inspect::inspect(args, state).await,
            Command::Init(args) => init::init(args, state).await,
            Command::Check(args) => check::check(args, state).await,
            Command::Costs(args) => costs::costs(&args, state),
            Command::Reconcile(args) => reconcile::reconcile(&args, state),
            Command::Export(args) => export::export(&args, state),
            Command::Status(args) => status::status(&args, state),
            Command::Ledger(command) => ledger::ledger(command, state).await,
            Command::Outbox(command) => outbox::outbox(command, state).await,
            Command::Destination(command) => destination::command(command, state).await,
            Command::Completions(args) => Ok(manual::completions(&args)),
            Command::Man(args) => manual::man(&args),
        }
    });
    runtime.block_on(otlp.end());
    match result {
        Ok(exit) => exit.into(),
        Err(failed) => {
            complain(&failed.message);
            ExitCode::from(failed.code)
        }
    }
}

/// A command that could not do its work: the message for people, and the exit code.
#[derive(Debug)]
pub(crate) struct Failed {
    message: String,
    code: u8,
    /// The disk of the ledger is full: what goes on with an interval.
    full: bool,
}

impl Failed {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: exit as u8,
            full: false,
        }
    }

    /// Which exit code it asks for; none for a wrong command line.
    fn exit(&self) -> Option<Exit> {
        Exit::of_code(self.code)
    }

    /// A lock that was not had: another process holds it, or it cannot be made.
    fn locked(error: LedgerError) -> Self {
        match error {
            LedgerError::Refused { .. } => Self::refused(error),
            other => other.into(),
        }
    }

    fn config(message: String) -> Self {
        Self::new(Exit::Config, message)
    }

    fn refused(error: impl std::fmt::Display) -> Self {
        Self::new(Exit::Refused, error.to_string())
    }

    fn bug(message: String) -> Self {
        Self::new(Exit::Bug, message)
    }

    fn usage(message: String) -> Self {
        Self {
            code: 2,
            ..Self::new(Exit::Done, message)
        }
    }
}

impl From<LedgerError> for Failed {
    fn from(error: LedgerError) -> Self {
        Self {
            full: matches!(error, LedgerError::Full { .. }),
            ..Self::new(Exit::Storage, error.to_string())
        }
    }
}

impl From<StateError> for Failed {
    fn from(error: StateError) -> Self {
        Self::new(Exit::Storage, error.to_string())
    }
}

impl From<ConfigErrors> for Failed {
    fn from(error: ConfigErrors) -> Self {
        Self::new(Exit::Config, error.to_string())
    }
}

impl From<ComponentError> for Failed {
    fn from(error: ComponentError) -> Self {
        let exit = match &error {
            ComponentError::Compiler(_) => Exit::Bug,
            error if error.is_configuration() => Exit::Config,
            _ => Exit::Collector,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<PrepareError> for Failed {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Config(error) => error.into(),
            PrepareError::Component(error) => error.into(),
            PrepareError::Run(RunError::Storage(error)) => error.into(),
            PrepareError::Run(error) => Self::new(Exit::of_run(&error), error.to_string()),
        }
    }
}

impl From<DeliveryError> for Failed {
    fn from(error: DeliveryError) -> Self {
        let exit = match error {
            DeliveryError::Ledger(error) => return error.into(),
            DeliveryError::Client(_) => Exit::Config,
            DeliveryError::Random => Exit::Bug,
        };
        Self::new(exit, error.to_string())
    }
}

/// Prints data on standard output: JSON keeps the names of guests and providers as they are, so what could fool a terminal
/// is escaped here. A closed pipe ends the output, not the program's work.
fn print(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{}", for_output(text));
}

/// Prints text for people, whose toned words are coloured where that is wanted. All else is as [`print`] has it.
fn print_toned(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{}", dressed(text, manners().output_coloured));
}

/// Says on standard error why the command failed.
fn complain(message: &str) {
    let error = dressed(&Tone::Bad.of("error:"), manners().error_coloured);
    let _ = AboveTheLine.write_all(format!("{error} {message}\n").as_bytes());
}
