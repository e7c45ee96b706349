//! Running other programs: every failure names the whole command line and how it ended.

use crate::failure::{Context as _, Failure, Result};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};

/// The cargo that started us, so that the toolchain stays the same.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand);
    command
}

/// Runs it with our own standard streams; anything but success is a failure.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    expect_success(command, status)
}

/// Runs it with our own standard streams and says how it ended.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    command
        .status()
        .context(|| format!("could not start `{}`", text(command)))
}

/// What it writes to standard output; standard error is ours.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .context(|| format!("could not start `{}`", text(command)))?;
    expect_success(command, output.status)?;
    String::from_utf8(output.stdout).context(|| format!("`{}` wrote no UTF-8", text(command)))
}

/// Runs it and hands over each line of its standard output as it comes.
pub(crate) fn each_line(command: &mut Command, mut line: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context(|| format!("could not start `{}`", text(command)))?;
    if let Some(stdout) = child.stdout.take() {
        for read in BufReader::new(stdout).split(b'\n') {
            let read = read.context(|| format!("could not read what `{}` writes", text(command)))?;
            line(&String::from_utf8_lossy(&read));
        }
    }
    child
        .wait()
        .context(|| format!("could not wait for `{}`", text(command)))
}

/// A failure unless it ended well.
pub(crate) fn expect_success(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` failed ({status})", text(command))))
}

/// The command line as a person would type it.
pub(crate) fn text(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| quoted(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
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
    fn a_command_that_fails_is_named_with_its_arguments_and_its_exit_code() {
        let failure = run(Command::new("sh").args(["-c", "exit 3"]))
            .unwrap_err()
            .to_string();
        assert_eq!(failure, "`sh -c 'exit 3'` failed (exit status: 3)");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = output(&mut Command::new("no-such-program-here"))
            .unwrap_err()
            .to_string();
        assert!(
            failure.starts_with("could not start `no-such-program-here`: "),
            "{failure}"
        );
    }

    #[test]
    fn lines_arrive_one_by_one_with_the_exit_status_after_them() {
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two; exit 1"]);
        let status = each_line(&mut command, |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["one", "two"]);
        assert!(!status.success());
    }
}
