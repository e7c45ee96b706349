//! Ceilings over tenants' files: what `check` says of a host file and all files under it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts,
    program::{Place, Ran},
};
use serde_json::Value;
use std::{fs, os::unix::fs::symlink};

/// A place with two tenants, a and b, each with a secret of its own.
fn tenants() -> Place {
    let place = Place::new().unwrap();
    for name in ["a", "b"] {
        fs::create_dir_all(place.path().join(format!("tenants/{name}"))).unwrap();
        fs::create_dir_all(place.path().join(format!("secrets/{name}"))).unwrap();
        place
            .file(&format!("secrets/{name}/token"), format!("canary-{name}"))
            .unwrap();
    }
    place
}

const HOST: &str = r#"
[[directory]]
path = "tenants/a"
secrets = ["secrets/a"]
env-prefix = "A_"
hosts = ["a.example.com"]

[[directory]]
path = "tenants/b"
secrets = ["secrets/b"]
hosts = ["b.example.com"]
[directory.limits]
requests = 10
"#;

fn file(tenant: &str, more: &str) -> String {
    format!(
        "[collector]\ncomponent = \"x.wasm\"\n{more}\n[[allow]]\nhost = \"{tenant}.example.com\"\npaths = [\"/v1\"]\ncredential = \"main\"\n[credentials.main]\nscheme = \"bearer\"\ntoken = {{ file = \"../../secrets/{tenant}/token\" }}\n"
    )
}

fn check(place: &Place) -> (Ran, Value) {
    let ran = place.call(&["check", "host.toml", "--json"]).unwrap();
    let json = ran.json().unwrap();
    (ran, json)
}

#[test]
fn files_within_their_ceilings_are_fine() {
    let place = tenants();
    place.file("host.toml", HOST).unwrap();
    place.file("tenants/a/one.toml", file("a", "")).unwrap();
    place.file("tenants/b/two.toml", file("b", "")).unwrap();
    // Not read: below a directory, hidden, or in one that is not named.
    for unread in ["tenants/a/sub", "other"] {
        fs::create_dir_all(place.path().join(unread)).unwrap();
        place.file(&format!("{unread}/x.toml"), "nonsense").unwrap();
    }
    place.file("tenants/a/.hidden.toml", "nonsense").unwrap();
    let (ran, json) = check(&place);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let files = json["files"].as_array().unwrap();
    assert_eq!(files.len(), 2, "{json}");
    assert_eq!(
        (&files[0]["instance"], &files[1]["instance"]),
        (&"one".into(), &"two".into())
    );
    assert!(json["errors"].as_array().unwrap().is_empty(), "{json}");
    let text = place.call(&["check", "host.toml"]).unwrap();
    assert_eq!(text.code, Some(0), "{text:?}");
    assert!(
        text.stdout.contains("tenants/a/one.toml: ok (instance one)")
            && text.stdout.contains("nothing is wrong"),
        "{text:?}"
    );
}

#[test]
fn a_file_beyond_its_ceiling_is_refused_with_every_reason_and_the_others_stand() {
    let place = tenants();
    place.file("host.toml", HOST).unwrap();
    place.file("tenants/a/one.toml", file("a", "")).unwrap();
    let greedy = format!(
        "{}connect-to = \"127.0.0.1:1\"\nreveal = true\n[[allow]]\nhost = \"a.example.com\"\naddresses = [\"10.0.0.0/8\"]\n[settings]\nx = {{ env = \"PATH\" }}\n[limits]\nrequests = 11\n[openfinops]\nendpoint = \"http://169.254.169.254\"\n",
        file("b", "").replace("secrets/b/token", "secrets/a/token"),
    );
    place.file("tenants/b/two.toml", greedy).unwrap();
    let (ran, json) = check(&place);
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert_eq!(json["files"][0]["errors"].as_array().unwrap().len(), 0, "{json}");
    let errors: Vec<&str> = json["files"][1]["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error.as_str().unwrap())
        .collect();
    for part in [
        "two.toml:10:18: `credentials.main.token.file`",
        "must lie below",
        "`credentials.main.connect-to`",
        "`credentials.main.reveal`",
        "`allow.host`: `a.example.com` is none of the hosts",
        "`allow.addresses`",
        "`settings.x.env`",
        "`limits.requests`: 11 is more than the 10",
        "`openfinops.endpoint`",
        "host.toml:8",
    ] {
        assert!(
            errors.iter().any(|error| error.contains(part)),
            "no {part:?} in {errors:#?}"
        );
    }
    assert!(!ran.stdout.contains("canary"), "{ran:?}");
}

#[test]
fn a_tenant_cannot_link_to_anothers_secret_or_file() {
    let place = tenants();
    place.file("host.toml", HOST).unwrap();
    place.file("tenants/b/two.toml", file("b", "")).unwrap();
    // Secrets of a, but one is a link to that of b; and a file of b under a's ceiling.
    symlink("../b/token", place.path().join("secrets/a/stolen")).unwrap();
    let stealing = file("a", "").replace("secrets/a/token", "secrets/a/stolen");
    place.file("tenants/a/one.toml", stealing).unwrap();
    symlink("../b/two.toml", place.path().join("tenants/a/three.toml")).unwrap();
    let (ran, json) = check(&place);
    assert_eq!(ran.code, Some(78), "{ran:?}");
    let error = |index: usize| {
        json["files"][index]["errors"][0]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        error(0).contains("token.file") && error(0).contains("must lie below"),
        "{json}"
    );
    assert!(
        error(1).contains("three.toml: cannot be read") && error(1).contains("must lie below"),
        "{json}"
    );
    assert_eq!(json["files"][2]["errors"].as_array().unwrap().len(), 0, "{json}");
    assert!(!ran.stdout.contains("canary"), "{ran:?}");
}

#[test]
fn files_as_kubernetes_mounts_them_are_taken() {
    let place = tenants();
    place.file("host.toml", HOST).unwrap();
    for (directory, name, text) in [
        ("tenants/a", "one.toml", file("a", "")),
        ("secrets/a", "token", "t".to_owned()),
    ] {
        let directory = place.path().join(directory);
        fs::create_dir(directory.join("..2026_08_03")).unwrap();
        fs::write(directory.join("..2026_08_03").join(name), text).unwrap();
        symlink("..2026_08_03", directory.join("..data")).unwrap();
        let _ = fs::remove_file(directory.join(name));
        symlink(format!("..data/{name}"), directory.join(name)).unwrap();
    }
    let (ran, json) = check(&place);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(json["files"][0]["instance"], "one", "{json}");
}

#[test]
fn a_name_that_two_files_share_is_refused_in_both() {
    let place = tenants();
    place.file("host.toml", HOST).unwrap();
    place
        .file("tenants/a/one.toml", file("a", "name = \"same\""))
        .unwrap();
    place.file("tenants/b/same.toml", file("b", "")).unwrap();
    let (ran, json) = check(&place);
    assert_eq!(ran.code, Some(78), "{ran:?}");
    for (index, other) in [(0, "tenants/b/same.toml"), (1, "tenants/a/one.toml")] {
        let error = json["files"][index]["errors"][0].as_str().unwrap_or_default();
        assert!(
            error.contains("`same` is also that of") && error.contains(other),
            "{json}"
        );
    }
}

#[test]
fn a_pipe_or_a_hostile_name_in_a_tenants_directory_harms_nobody() {
    let place = tenants();
    place.file("host.toml", HOST).unwrap();
    place.file("tenants/a/one.toml", file("a", "")).unwrap();
    let status = std::process::Command::new("mkfifo")
        .arg(place.path().join("tenants/a/pipe.toml"))
        .arg(place.path().join("secrets/b/pipe"))
        .status()
        .unwrap();
    assert!(status.success());
    let waiting = file("b", "").replace("secrets/b/token", "secrets/b/pipe");
    place.file("tenants/b/two.toml", waiting).unwrap();
    place
        .file(
            "tenants/b/\u{1b}[2Jx\nwarning: forged.toml",
            "[\"\u{1b}[31m\u{202e}\"]\n",
        )
        .unwrap();
    let ran = place.call(&["check", "host.toml"]).unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stdout.contains("one.toml: ok"), "{ran:?}");
    assert_eq!(ran.stdout.matches("is no regular file").count(), 2, "{ran:?}");
    assert!(
        !ran.stdout.contains(['\u{1b}', '\u{202e}'])
            && !ran.stdout.lines().any(|line| line.starts_with("warning: forged")),
        "{ran:?}"
    );
    let (_, json) = check(&place);
    assert!(json["files"].as_array().unwrap().len() == 4, "{json}");
}

#[test]
fn a_host_file_with_slips_is_refused_and_is_no_instances_file() {
    let place = tenants();
    place
        .file(
            "host.toml",
            "[[directory]]\npath = \"tenants/none\"\nhost = [\"a.b\"]\n",
        )
        .unwrap();
    let ran = place.call(&["check", "host.toml"]).unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    for part in [
        "host.toml:2:8: `directory.path`",
        "cannot be found",
        "did you mean `hosts`?",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    // Known by its table as well as by its name, and not to be run.
    place.file("all.toml", HOST).unwrap();
    let ran = place.call(&["check", "all.toml"]).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        ran.stdout.matches("holds no operator's file").count(),
        2,
        "{ran:?}"
    );
    let ran = place
        .run(
            &artifacts::guest("hostile").unwrap(),
            &place.path().join("all.toml"),
        )
        .unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stderr.contains("a table of a host file"), "{ran:?}");
    let ran = place
        .call(&["check", "all.toml", "--component", "x.wasm"])
        .unwrap();
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn a_price_without_a_spending_limit_is_warned_of() {
    let place = Place::new().unwrap();
    let text = "[[allow]]\nhost = \"api.example.com\"\nprice = \"0.01\"\n";
    place.file("c.toml", text).unwrap();
    let ran = place.call(&["check", "c.toml"]).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stdout.contains("warning: c.toml:1: ") && ran.stdout.contains("[limits] spend"),
        "{ran:?}"
    );
    place
        .file(
            "c.toml",
            format!("{text}[limits]\nspend = {{ per-month = \"20.00\" }}\n"),
        )
        .unwrap();
    let ran = place.call(&["check", "c.toml", "--json"]).unwrap();
    assert_eq!(
        ran.json().unwrap()["warnings"].as_array().unwrap().len(),
        0,
        "{ran:?}"
    );
}
