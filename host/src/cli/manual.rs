//! The manual: what help texts and manual pages say beyond the arguments, and the commands that print pages and completions.
//! What must hold: help and pages are made of the same words, and each example is a command line that the program takes.

use super::{
    Failed,
    args::{Cli, Completions, Man},
    exit::Exit,
};
use clap::{Command, CommandFactory};
use clap_mangen::roff::{Roff, bold, roman};
use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// The name of the program.
const NAME: &str = "finops-host";

/// What the program reads of its environment.
const ENVIRONMENT: [(&str, &str); 9] = [
    (
        "FINOPS_HOST_STATE_DIR",
        "where the ledger lies, unless --state-dir says so",
    ),
    (
        "STATE_DIRECTORY, XDG_STATE_HOME, HOME",
        "where else: systemd's directory, or finops-host below the user's",
    ),
    ("NO_COLOR, CLICOLOR", "set, or 0: no colours with --color auto"),
    (
        "CLICOLOR_FORCE",
        "not 0: colours with --color auto even in a pipe; NO_COLOR is stronger",
    ),
    (
        "TERM, CI",
        "TERM=dumb or none: no colours and no moving line; CI set: no moving line",
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "the system's roots, where a rule names none by ca",
    ),
    (
        "FINOPS_HOST_NOW",
        "a time at which the clock starts: for demonstrations over recorded data only",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_*",
        "where a build with OTLP sends traces and metrics: docs/metrics.md",
    ),
    (
        "any name that a file gives by { env = \"NAME\" }",
        "settings, names and secrets; for cloud identities AWS_*, AZURE_*: docs/operator-file.md",
    ),
];

/// What lies in the state directory.
const FILES: [(&str, &str); 6] = [
    (
        "ledger.db, ledger.db-wal, ledger.mark",
        "the ledger; to be backed up together, while nothing runs",
    ),
    ("archive/", "detail of old partitions; part of the ledger"),
    (
        "ballast",
        "4 MiB that are given back when the disk is full; made by itself",
    ),
    (
        "cache/",
        "compiled collectors; can be deleted at any time, and is made again",
    ),
    (
        "ledger.db.damaged-TIME, archive.damaged-TIME",
        "what salvage kept; to be deleted by hand",
    ),
    (
        "FILE.toml",
        "an operator's file: docs/operator-file.md; writable by its owner alone",
    ),
];

/// Examples of a command, named as it is called: `ledger review`.
fn examples(command: &str) -> &'static [(&'static str, &'static str)] {
    match command {
        "" => &[
            (
                "finops-host init collectors/openai.wasm > openai.toml",
                "begin with a file to review",
            ),
            (
                "finops-host check openai.toml --component collectors/openai.wasm --probe",
                "try it, keep nothing",
            ),
            (
                "finops-host run collectors/openai.wasm --config openai.toml",
                "collect, and deliver",
            ),
            ("finops-host costs --since 7d --by service,day", "see the money"),
        ],
        "run" => &[
            (
                "finops-host run snowflake.wasm --config snowflake.toml --once",
                "once, whatever the file's interval",
            ),
            (
                "finops-host run aws.wasm --config aws.toml --since 2026-01-01",
                "a backfill; it may be repeated, nothing counts twice",
            ),
            (
                "finops-host run aws.wasm --config aws.toml --dry-run",
                "what would change, and what would be sent",
            ),
        ],
        "inspect" => &[(
            "finops-host inspect new.wasm --config new.toml",
            "what it wants, beside what the file grants",
        )],
        "init" => &[
            (
                "finops-host init collectors/datadog.wasm > datadog.toml",
                "one collector's file",
            ),
            (
                "finops-host init --from saas_config.json --out conf.d",
                "files for what the old SaaS agent was configured for",
            ),
        ],
        "check" => &[
            (
                "finops-host check aws.toml --component aws.wasm",
                "file, settings and grant; nothing is called",
            ),
            (
                "finops-host check aws.toml --component aws.wasm --probe",
                "provider and destination, too; nothing is kept",
            ),
            (
                "finops-host check --ledger",
                "prove the ledger's laws over every row",
            ),
        ],
        "costs" => &[
            (
                "finops-host costs --since 30d --by account,service --top 10",
                "the ten largest of a month",
            ),
            (
                "finops-host costs --since 2026-10-01 --until 2026-11-01 --compare previous",
                "October beside September",
            ),
            (
                "finops-host costs --by tag:team --exclude credits,tax --json",
                "for a program",
            ),
        ],
        "export" => &[(
            "finops-host export --period 2026-10 --format parquet --out october.parquet",
            "one month's charges in FOCUS columns",
        )],
        "status" => &[
            (
                "finops-host status",
                "what ran, what it cost, what was denied, what waits",
            ),
            (
                "finops-host status --json | jq '.runs[0].report.egress.denied'",
                "for a program",
            ),
        ],
        "ledger review" => &[(
            "finops-host ledger review",
            "then finops-host ledger accept NUMBER, or reject",
        )],
        "ledger accept" => &[("finops-host ledger accept 17", "what was held counts from now on")],
        "ledger adopt" => &[(
            "finops-host ledger adopt snowflake/MYORG-ACCT snowflake-eu",
            "after an instance was renamed",
        )],
        "ledger retire" => &[(
            "finops-host ledger retire aws/123456789012 --stream daily --in-favour-of export",
            "the export takes the daily stream's place",
        )],
        "ledger salvage" => &[(
            "finops-host ledger salvage --into rescued",
            "look at the result before it takes the old one's place",
        )],
        "outbox list" => &[(
            "finops-host outbox list --state held,dead",
            "what does not go by itself",
        )],
        "outbox retry" => &[("finops-host outbox retry --all", "after the cause is mended")],
        "outbox drop" => &[(
            "finops-host outbox drop 3f9a0c --why \"booked by hand\"",
            "the gap is told until a rebase",
        )],
        "destination resume" => &[(
            "finops-host destination resume openfinops",
            "after the reason in status is mended",
        )],
        "destination rebase" => &[(
            "finops-host destination rebase openfinops",
            "post what it lacks, and no more",
        )],
        "completions" => &[
            (
                "finops-host completions bash > ~/.local/share/bash-completion/completions/finops-host",
                "bash",
            ),
            (
                "finops-host completions fish > ~/.config/fish/completions/finops-host.fish",
                "fish",
            ),
        ],
        "man" => &[
            ("finops-host man | man -l -", "read the first page"),
            (
                "finops-host man --out ~/.local/share/man/man1",
                "a page for each command",
            ),
        ],
        _ => &[],
    }
}

/// The command line with all that its help says.
pub(super) fn command() -> Command {
    let mut text = String::new();
    for (title, items) in top_sections() {
        text += &listed(title, &items);
    }
    with_examples(Cli::command(), "").after_long_help(format!("{text}{}", shown(examples(""))))
}

/// A command and those below it, with their examples.
fn with_examples(command: Command, path: &str) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|below| below.get_name().to_owned())
        .collect();
    let mut command = match examples(path) {
        [] => command,
        examples => command.after_help(shown(examples).trim_end().to_owned()),
    };
    for name in names {
        let below = format!("{path} {name}").trim_start().to_owned();
        command = command.mut_subcommand(name, |command| with_examples(command, &below));
    }
    command
}

/// What only the first page says.
fn top_sections() -> [(&'static str, Vec<(String, String)>); 3] {
    let owned = |items: &[(&str, &str)]| {
        items
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    };
    let exits = Exit::ALL
        .iter()
        .map(|exit| (exit.number().to_string(), exit.meaning().to_owned()));
    let mut exits: Vec<_> = exits.collect();
    exits.insert(1, ("2".to_owned(), "wrong command line".to_owned()));
    [
        ("Exit codes", exits),
        ("Environment", owned(&ENVIRONMENT)),
        ("Files", owned(&FILES)),
    ]
}

fn listed(title: &str, items: &[(String, String)]) -> String {
    let lines = items.iter().map(|(name, text)| match name.len() {
        ..=3 => format!("  {name:3} {text}\n"),
        _ => format!("  {name}\n          {text}\n"),
    });
    format!("{title}:\n{}\n", lines.collect::<String>())
}

fn shown(examples: &[(&str, &str)]) -> String {
    let lines = examples
        .iter()
        .map(|(line, what)| format!("  {line}\n          {what}\n"));
    format!("Examples:\n{}", lines.collect::<String>())
}

/// `completions`: prints what a shell needs.
pub(super) fn completions(args: &Completions) -> Exit {
    let mut bytes = Vec::new();
    clap_complete::generate(args.shell, &mut command(), NAME, &mut bytes);
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if args.shell == clap_complete::Shell::Bash {
        // A name with a hyphen is spelled in two ways there, so that nothing below a command is completed:
        // https://github.com/clap-rs/clap/issues/6421
        text = text.replace("finops__subcmd__host", "finops__host");
    }
    super::print(text.trim_end());
    Exit::Done
}

/// `man`: prints the first page, or writes one for each command.
pub(super) fn man(args: &Man) -> Result<Exit, Failed> {
    let mut whole = command().disable_help_subcommand(true);
    whole.build();
    let storage =
        |error: io::Error, path: &Path| Failed::new(Exit::Storage, format!("{}: {error}", path.display()));
    let Some(directory) = &args.out else {
        let page = page(&whole, "").map_err(|error| Failed::bug(error.to_string()))?;
        super::print(page.trim_end());
        return Ok(Exit::Done);
    };
    fs::create_dir_all(directory).map_err(|error| storage(error, directory))?;
    let mut written = 0;
    for (path, command) in every(&whole, "") {
        let page = page(command, &path).map_err(|error| Failed::bug(error.to_string()))?;
        let file = directory.join(format!("{}.1", title(&path)));
        fs::write(&file, page).map_err(|error| storage(error, &file))?;
        written += 1;
    }
    super::print(&format!("{written} pages in {}", directory.display()));
    Ok(Exit::Done)
}

/// A command and all below it, with how each is called.
fn every<'a>(command: &'a Command, path: &str) -> Vec<(String, &'a Command)> {
    let mut all = vec![(path.to_owned(), command)];
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        all.extend(every(below, format!("{path} {}", below.get_name()).trim_start()));
    }
    all
}

/// `finops-host-ledger-review`.
fn title(path: &str) -> String {
    format!("{NAME} {path}").trim_end().replace(' ', "-")
}

/// A manual page.
fn page(command: &Command, path: &str) -> io::Result<String> {
    let plain = command
        .clone()
        .after_help(None::<&str>)
        .after_long_help(None::<&str>);
    let man = clap_mangen::Man::new(plain)
        .title(title(path))
        .source(format!("{NAME} {}", env!("CARGO_PKG_VERSION")))
        .manual("finops-host manual");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut out)?;
    }
    if path.is_empty() {
        for (title, items) in top_sections() {
            section(title, &items).to_writer(&mut out)?;
        }
    }
    let examples: Vec<(String, String)> = examples(path)
        .iter()
        .map(|(line, what)| ((*line).to_owned(), (*what).to_owned()))
        .collect();
    if !examples.is_empty() {
        section("Examples", &examples).to_writer(&mut out)?;
    }
    if !path.is_empty() {
        section(
            "See also",
            &[(
                format!("{NAME}(1)"),
                "exit codes, environment and files".to_owned(),
            )],
        )
        .to_writer(&mut out)?;
    }
    out.flush()?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn section(title: &str, items: &[(String, String)]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title.to_uppercase().as_str()]);
    for (name, text) in items {
        roff.control("TP", []);
        roff.text([bold(name.as_str())]);
        roff.text([roman(text.as_str())]);
    }
    roff
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser;

    /// The arguments of a line as a shell would part it, up to a pipe or a redirection.
    fn arguments(line: &str) -> Vec<String> {
        let mut parts = Vec::new();
        for (index, quoted) in line.split('"').enumerate() {
            match index % 2 {
                0 => parts.extend(quoted.split_whitespace().map(str::to_owned)),
                _ => parts.push(quoted.to_owned()),
            }
        }
        let end = parts.iter().position(|part| part == "|" || part == ">");
        parts.truncate(end.unwrap_or(parts.len()));
        parts
    }

    #[test]
    fn each_example_is_a_command_line_that_the_program_takes() {
        let whole = command();
        let mut found = 0;
        for (path, _) in every(&whole, "") {
            for (line, _) in examples(&path) {
                let arguments = arguments(line);
                let parsed = Cli::try_parse_from(&arguments);
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                if !path.is_empty() {
                    assert_eq!(
                        arguments.join(" ").find(&path),
                        Some("finops-host ".len()),
                        "{line}"
                    );
                }
                found += 1;
            }
        }
        assert!(found > 25, "{found} examples");
    }

    #[test]
    fn the_help_names_each_exit_code() {
        let help = command().render_long_help().to_string();
        for exit in Exit::ALL {
            let line = format!("  {:<3} {}", exit.number(), exit.meaning());
            assert!(help.contains(&line), "{line:?} is not in {help}");
        }
    }
}
