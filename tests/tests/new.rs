//! A third party's first hour: the commands of docs/write-a-collector.md, run as they stand there, and what `new` refuses.
//! Nothing is fetched: the scaffold is built with the lock file and the target directory of the project's own collectors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts, books,
    program::{Place, Ran, program},
};
use serde_json::json;
use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

/// The commands of the page's `sh` blocks, in order.
fn commands() -> Vec<String> {
    let page = fs::read_to_string(artifacts::root().join("docs/write-a-collector.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    let commands: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    assert!(commands.len() >= 12, "{commands:?}");
    commands
}

/// One command of the page, in a shell, with the program on the path.
fn shell(place: &Place, directory: &Path, command: &str) -> Ran {
    let tools = std::env::var("PATH").unwrap();
    let bin = program().unwrap();
    let path = format!("{}:{tools}", bin.parent().unwrap().display());
    let output = Command::new("sh")
        .args(["-euc", command])
        .current_dir(directory)
        .env("PATH", path)
        .env("FINOPS_HOST_STATE_DIR", place.state())
        .env("CARGO_NET_OFFLINE", "true")
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.code, Some(0), "{command}: {ran:?}");
    ran
}

#[test]
fn the_first_hour_goes_as_its_page_says() {
    // The components' lock and target directory are there once they have been built.
    artifacts::collector("generic").unwrap();
    let place = Place::new().unwrap();
    symlink(artifacts::root(), place.path().join("finops-host")).unwrap();
    let mut directory = place.path().to_owned();
    let mut seen = Vec::new();
    for command in commands() {
        if let Some(into) = command.strip_prefix("cd ") {
            directory.push(into);
            let collectors = artifacts::root().join("collectors");
            fs::copy(collectors.join("Cargo.lock"), directory.join("Cargo.lock")).unwrap();
            symlink(collectors.join("target"), directory.join("target")).unwrap();
            continue;
        }
        let ran = shell(&place, &directory, &command);
        seen.push((command, ran));
    }
    let of = |part: &str| {
        let found = seen.iter().find(|(command, _)| command.contains(part));
        &found.unwrap_or_else(|| panic!("no command has {part}")).1
    };
    assert!(
        of("cargo test").stdout.contains("3 passed"),
        "{:?}",
        of("cargo test")
    );
    assert!(
        of(" inspect ").stdout.contains("acme-cloud"),
        "{:?}",
        of(" inspect ")
    );
    let ran = of("--replay");
    assert!(
        ran.stdout.contains("acme-cloud: done") && ran.stdout.contains("4 requests, 4 records"),
        "{ran:?}"
    );
    assert!(
        of(" check ").stdout.contains("nothing is wrong"),
        "{:?}",
        of(" check ")
    );
    assert!(
        of(" init ").stdout.contains("api.acme-cloud.example"),
        "{:?}",
        of(" init ")
    );
    assert!(
        of(" costs ").stdout.contains("0.1000000001"),
        "{:?}",
        of(" costs ")
    );
    // By hand from the recording: 10.25 and 0.75, 0.1000000001 and 12.5.
    let billed = books::billed_by_day(&directory.join("replayed"), "spend").unwrap();
    let shown = billed.into_iter().map(|(day, sum)| (day, sum.to_string()));
    assert_eq!(
        json!(shown.collect::<Vec<_>>()),
        json!([["2026-08-01", "11.1000000001"], ["2026-08-02", "12.5"]])
    );
}

#[test]
fn new_touches_nothing_that_is_there_and_leaves_nothing_half_made() {
    let place = Place::new().unwrap();
    let sdk = artifacts::root().join("sdk");
    let new = |more: &[&str]| {
        let mut command = place.command().unwrap();
        Ran::of(&command.arg("new").args(more).output().unwrap())
    };
    let path = sdk.to_str().unwrap();
    fs::create_dir(place.path().join("mine")).unwrap();
    fs::write(place.path().join("mine/notes"), "mine").unwrap();
    for (arguments, code, told) in [
        (vec!["mine", "--sdk-path", path], 78, "is not empty"),
        (vec!["Mine", "--sdk-path", path], 2, "cannot name a collector"),
        (vec!["../up", "--sdk-path", path], 2, "cannot name a collector"),
        (vec!["core", "--sdk-path", path], 2, "choose another"),
        (vec!["acme"], 2, "--sdk-path DIR"),
        (vec!["acme", "--sdk-path", "."], 78, "this is not the SDK"),
        (
            vec!["acme", "--sdk-git", "x y"],
            2,
            "is no URL of a git repository",
        ),
        (
            vec!["acme", "--sdk-path", path, "--directory", "no/such/place"],
            78,
            "no/such/place",
        ),
    ] {
        let refused = new(&arguments);
        assert_eq!(refused.code, Some(code), "{refused:?}");
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    let entries = || {
        let entries = fs::read_dir(place.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    assert_eq!(entries(), ["mine"]);
    assert_eq!(fs::read_dir(place.path().join("mine")).unwrap().count(), 1);

    fs::create_dir(place.path().join("empty")).unwrap();
    let git = new(&[
        "acme",
        "--sdk-git",
        "https://git.example/a\"b.git",
        "--directory",
        "empty",
    ]);
    assert_eq!(git.code, Some(0), "{git:?}");
    let manifest = fs::read_to_string(place.path().join("empty/Cargo.toml")).unwrap();
    // As TOML it holds just that URL, whichever way its quotation mark is written.
    let line = manifest.lines().find(|line| line.contains("git = ")).unwrap();
    assert!(
        line.ends_with("'https://git.example/a\"b.git' }")
            || line.ends_with(r#""https://git.example/a\"b.git" }"#),
        "{line}"
    );
    let again = new(&["acme", "--sdk-path", path, "--directory", "empty"]);
    assert_eq!(again.code, Some(78), "{again:?}");
}
