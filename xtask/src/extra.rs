//! `test-extra`: checks whose tools not every machine has.
//! What must hold: a check that was not made is said by name, never passed over in silence.

use crate::command;
use crate::failure::{Failure, Result};
use crate::say;
use crate::workspace::Workspace;
use std::process::{Command, Stdio};

/// One further check.
struct Check {
    /// What it looks at.
    about: &'static str,
    /// The call that succeeds where the tool is installed.
    probe: &'static [&'static str],
    /// The check itself, run at the root of the project.
    call: &'static [&'static str],
    /// How a person gets the tool.
    install: &'static str,
}

const CHECKS: &[Check] = &[
    Check {
        about: "licences, duplicates and sources of dependencies",
        probe: &["cargo", "deny", "--version"],
        call: &[
            "cargo",
            "deny",
            "--workspace",
            "check",
            "bans",
            "licenses",
            "sources",
        ],
        install: "cargo install cargo-deny --locked",
    },
    Check {
        about: "licences, duplicates and sources of the collectors' dependencies",
        probe: &["cargo", "deny", "--version"],
        call: &[
            "cargo",
            "deny",
            "--workspace",
            "--manifest-path",
            "collectors/Cargo.toml",
            "check",
            "bans",
            "licenses",
            "sources",
        ],
        install: "cargo install cargo-deny --locked",
    },
];

/// Makes every check whose tool is there; fails if one fails, after all were made.
pub(crate) fn test_extra(root: &Workspace) -> Result<()> {
    let mut failed = Vec::new();
    for check in CHECKS {
        if !installed(check) {
            say::step(
                "Not checked",
                &format!("{} ({} would install the tool)", check.about, check.install),
            );
            continue;
        }
        say::step("Checking", check.about);
        if let Some(mut call) = program(check.call)
            && let Err(failure) = command::run(call.current_dir(&root.root))
        {
            failed.push(failure.to_string());
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(failed.join("; ")))
    }
}

fn installed(check: &Check) -> bool {
    let probe = program(check.probe);
    let status = probe.and_then(|mut probe| probe.stdout(Stdio::null()).stderr(Stdio::null()).status().ok());
    status.is_some_and(|status| status.success())
}

fn program(words: &[&str]) -> Option<Command> {
    let (program, arguments) = words.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments);
    Some(command)
}
