//! `new`: the crate of a collector of one's own, with a small one that builds, passes its tests and runs from a recording.
//! What must hold: a directory that holds anything is left alone, and one that is made is made whole.

use super::{Failed, args, exit::Exit};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use toml_edit::{InlineTable, Value};

/// Where the SDK lies unless somebody says otherwise: this project's own repository, where it has one.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// Names that cannot be a crate's, since Rust has them.
const TAKEN: [&str; 12] = [
    "alloc",
    "async",
    "await",
    "core",
    "crate",
    "dyn",
    "finops-collector",
    "self",
    "std",
    "super",
    "test",
    "wasi",
];

/// The files of a collector: name and text.
const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("new/template/Cargo.toml.txt")),
    ("src/lib.rs", include_str!("new/template/lib.rs.txt")),
    ("src/tests.rs", include_str!("new/template/tests.rs.txt")),
    ("{{name}}.toml", include_str!("new/template/operator.toml.txt")),
    (
        "recordings/first.jsonl",
        include_str!("new/template/first.jsonl.txt"),
    ),
    ("README.md", include_str!("new/template/README.md.txt")),
    (".cargo/config.toml", include_str!("new/template/config.toml.txt")),
    (
        "rust-toolchain.toml",
        include_str!("new/template/rust-toolchain.toml.txt"),
    ),
    (".gitignore", include_str!("new/template/gitignore.txt")),
];

/// Runs the command.
pub(super) fn new(args: &args::New) -> Result<Exit, Failed> {
    let name = name(&args.name).map_err(Failed::usage)?;
    let sdk = sdk(args)?;
    let directory = args.directory.clone().unwrap_or_else(|| PathBuf::from(name));
    let shown = directory.display();
    let failed = |error: io::Error| Failed::config(format!("{shown}: {error}"));
    let is_empty = match fs::read_dir(&directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(error)),
    };
    if !is_empty {
        return Err(Failed::config(format!(
            "{shown} is not empty, and nothing in it is touched: name another with --directory"
        )));
    }
    let part = part_of(&directory).ok_or_else(|| Failed::usage(format!("{shown} names no directory")))?;
    let made = write(&part, name, &sdk).and_then(|()| fs::rename(&part, &directory));
    if let Err(error) = made {
        let _ = fs::remove_dir_all(&part);
        return Err(failed(error));
    }
    super::print(&next_steps(name, &directory));
    Ok(Exit::Done)
}

fn next_steps(name: &str, directory: &Path) -> String {
    let wasm = format!("target/wasm32-wasip2/release/{}.wasm", crate_name(name));
    format!(
        "made {}: a collector that works, to change into yours; next:\n  cd {}\n  cargo test\n  cargo wasm\n  \
         finops-host run {wasm} --config {name}.toml --replay recordings/first.jsonl\ndocs/write-a-collector.md goes on from there",
        directory.display(),
        directory.display()
    )
}

/// The name, if a crate, a host's label and a Rust type can be made of it.
fn name(text: &str) -> Result<&str, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = text.len() <= 40
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.chars().all(good);
    if !fits {
        return Err(format!(
            "{text:?} cannot name a collector: at most 40 lower-case letters, digits and single `-`, beginning with a letter, \
             such as acme-cloud"
        ));
    }
    match TAKEN.contains(&text) {
        true => Err(format!(
            "`{text}` is a name that Rust or the SDK has: choose another"
        )),
        false => Ok(text),
    }
}

/// The line of Cargo.toml that names the SDK.
fn sdk(args: &args::New) -> Result<String, Failed> {
    let (key, place) = match (&args.sdk_path, &args.sdk_git) {
        (Some(path), _) => {
            let what = "the directory `sdk` of a checkout of finops-host";
            let wrong =
                |why: String| Failed::config(format!("--sdk-path {}: {why}; name {what}", path.display()));
            let found = path.canonicalize().map_err(|error| wrong(error.to_string()))?;
            let manifest = fs::read_to_string(found.join("Cargo.toml"));
            let is_sdk =
                manifest.is_ok_and(|text| text.lines().any(|line| line == "name = \"finops-collector\""));
            let found = found.to_str().filter(|_| is_sdk);
            (
                "path",
                found
                    .ok_or_else(|| wrong("this is not the SDK".to_owned()))?
                    .to_owned(),
            )
        }
        (None, Some(url)) => ("git", git(url)?),
        (None, None) if !REPOSITORY.is_empty() => ("git", REPOSITORY.to_owned()),
        (None, None) => {
            let what = "say where the SDK is: --sdk-path DIR, the directory `sdk` of a checkout of finops-host, or --sdk-git URL";
            return Err(Failed::usage(what.to_owned()));
        }
    };
    let mut table = InlineTable::new();
    table.insert(key, Value::from(place));
    Ok(format!("finops-collector = {table}"))
}

fn git(url: &str) -> Result<String, Failed> {
    let schemes = ["https://", "ssh://", "file://", "git@"];
    let good = schemes.iter().any(|scheme| url.starts_with(scheme))
        && !url.chars().any(|c| c.is_whitespace() || c.is_control());
    match good {
        true => Ok(url.to_owned()),
        false => Err(Failed::usage(format!(
            "--sdk-git {url:?} is no URL of a git repository"
        ))),
    }
}

/// A directory beside the one that is to be made, of the same file system.
fn part_of(directory: &Path) -> Option<PathBuf> {
    let name = directory.file_name()?.to_string_lossy().into_owned();
    Some(directory.with_file_name(format!(".{name}.{}.part", std::process::id())))
}

fn write(part: &Path, name: &str, sdk: &str) -> io::Result<()> {
    fs::create_dir(part)?;
    for (file, text) in FILES {
        let filled = |text: &str| {
            text.replace("{{name}}", name)
                .replace("{{type}}", &type_name(name))
                .replace("{{crate}}", &crate_name(name))
                .replace("{{sdk}}", sdk)
        };
        let path = part.join(filled(file));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, filled(text))?;
    }
    Ok(())
}

/// `acme-cloud` as `AcmeCloud`.
fn type_name(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

/// `acme-cloud` as `acme_cloud`.
fn crate_name(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_one_for_crates_hosts_and_types() {
        for good in ["a", "acme", "acme-cloud", "a1-2b"] {
            assert_eq!(name(good), Ok(good));
        }
        let long = "a".repeat(41);
        for wrong in [
            "", "-a", "a-", "a--b", "A", "1a", "a_b", "a.b", "a/b", "../a", "a b", "\u{e4}", "std", "self",
            &long,
        ] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
        assert_eq!(type_name("acme-cloud-2"), "AcmeCloud2");
        assert_eq!(crate_name("acme-cloud"), "acme_cloud");
    }

    #[test]
    fn nothing_is_left_to_fill_in_and_the_operators_file_is_one() {
        let home = tempfile::tempdir().unwrap();
        let part = home.path().join("part");
        write(&part, "acme-cloud", "finops-collector = { path = \"x\" }").unwrap();
        for (file, _) in FILES {
            let text = fs::read_to_string(part.join(file.replace("{{name}}", "acme-cloud"))).unwrap();
            assert!(!text.contains("{{"), "{file}");
        }
        let file = part.join("acme-cloud.toml");
        let text = fs::read_to_string(&file).unwrap();
        crate::config::Config::parse(&text, &file).unwrap();
    }
}
