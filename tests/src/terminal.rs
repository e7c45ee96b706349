//! A command on a pseudo-terminal, as a person at a keyboard calls it.

use crate::{Error, artifacts, program::Ran};
use std::process::Command;

/// Runs the command on a terminal of so many columns, with TERM=xterm unless the command says otherwise. What it shows is
/// the standard output of what is given back, its ends of lines made `\n`.
///
/// # Errors
/// Where there is no Python, or it cannot be started.
pub fn on_terminal(command: &Command, columns: u16) -> Result<Ran, Error> {
    let mut outer = Command::new(artifacts::python()?);
    outer
        .arg(artifacts::root().join("tests/python/on_terminal.py"))
        .arg(columns.to_string())
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .env("TERM", "xterm");
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            outer.env(name, value);
        }
    }
    if let Some(directory) = command.get_current_dir() {
        outer.current_dir(directory);
    }
    let mut ran = Ran::of(&outer.output()?);
    ran.stdout = ran.stdout.replace("\r\n", "\n");
    Ok(ran)
}
