//! `test-extra`: checks whose tools not every machine has.
//! What must hold: a check that was not made is said by name, never passed over in silence; under `CI=true` it is a failure where
//! `.ci/run` installs the tool.

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
    /// Whether `.ci/run` installs it: then under `CI=true` it must be there.
    in_ci: bool,
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
        in_ci: false,
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
        in_ci: false,
    },
    Check {
        about: "traces and metrics by OTLP, which need a build of their own",
        probe: &["cargo", "--version"],
        call: &[
            "cargo",
            "test",
            "--package",
            "finops-tests",
            "--features",
            "telling-host",
            "--test",
            "otlp",
        ],
        install: "rustup",
        in_ci: true,
    },
    Check {
        about: "the room of OTLP by itself",
        probe: &["cargo", "--version"],
        call: &[
            "cargo",
            "test",
            "--workspace",
            "--features",
            "finops-tests/telling-host",
            "--lib",
            "otlp",
        ],
        install: "rustup",
        in_ci: true,
    },
    Check {
        about: "the generic collector against a real Prometheus",
        probe: &["promtool", "--version"],
        call: &[
            "cargo",
            "test",
            "--package",
            "finops-tests",
            "--test",
            "prometheus",
            "--",
            "--ignored",
        ],
        install: "apt-get install prometheus",
        in_ci: true,
    },
    Check {
        about: "what is served as metrics, by Prometheus' own linter",
        probe: &["promtool", "--version"],
        call: &[
            "cargo",
            "test",
            "--workspace",
            "--lib",
            "--",
            "--ignored",
            "promtool_accepts",
        ],
        install: "apt-get install prometheus",
        in_ci: true,
    },
    Check {
        about: "the example's alerts",
        probe: &["promtool", "--version"],
        call: &["promtool", "check", "rules", "examples/deploy/alerts.yaml"],
        install: "apt-get install prometheus",
        in_ci: true,
    },
    Check {
        about: "that each of them fires on what it is for",
        probe: &["promtool", "--version"],
        call: &["promtool", "test", "rules", "tests/promtool/alerts.yaml"],
        install: "apt-get install prometheus",
        in_ci: true,
    },
    Check {
        about: "the page of costs in a browser",
        probe: &["chromium", "--version"],
        call: &[
            "cargo",
            "test",
            "--package",
            "finops-tests",
            "--test",
            "page",
            "--",
            "--ignored",
        ],
        install: "apt-get install chromium",
        in_ci: true,
    },
    Check {
        about: "the deployment: image, chart, units, composition",
        probe: &[
            "sh",
            "-c",
            "for tool in musl-gcc npm docker-compose buildah systemd-analyze /lib/systemd/systemd; do command -v $tool || exit 1; done",
        ],
        call: &[
            "cargo",
            "test",
            "--package",
            "finops-tests",
            "--test",
            "deploy",
            "--",
            "--ignored",
        ],
        install: "apt-get install musl-tools npm docker-compose buildah systemd",
        in_ci: true,
    },
];

/// Makes every check whose tool is there; fails if one fails, after all were made.
pub(crate) fn test_extra(root: &Workspace) -> Result<()> {
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    let mut failed = Vec::new();
    for check in CHECKS {
        if !installed(check) {
            let missing = format!("{} ({} would install the tool)", check.about, check.install);
            say::step("Not checked", &missing);
            failed.extend((ci && check.in_ci).then(|| format!("not checked under CI: {missing}")));
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
