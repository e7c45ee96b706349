//! What a run tells at its end, and `status` afterwards: what was granted and not used, what was denied and which rule
//! would allow it, and each limit with what was used of it.
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

/// An operator's file whose first rule, on line 9, no call uses; the collector calls another host.
const FILE: &str = r#"[collector]
name = "curious"

[settings]
act = "call"
url = "https://elsewhere.example/v1/cost?token=abc"
account = "a"

[[allow]]
host = "api.example"
"#;

fn run(place: &Place, more: &[&str]) -> Ran {
    let config = place.file("curious.toml", FILE).unwrap();
    let wasm = artifacts::guest("hostile").unwrap();
    let mut command = place.command().unwrap();
    command
        .arg("run")
        .arg(wasm)
        .arg("--config")
        .arg(config)
        .args(more);
    Ran::of(&command.output().unwrap())
}

/// The lines that the summary and `status` must both hold.
#[track_caller]
fn assert_tells(text: &str) {
    assert!(text.contains("GET https://elsewhere.example/v1/cost"), "{text}");
    assert!(text.contains("host = \"elsewhere.example\""), "{text}");
    assert!(text.contains("paths = [\"/v1/cost\"]"), "{text}");
    assert!(!text.contains("token=abc"), "{text}");
}

#[test]
fn the_summary_and_status_tell_what_was_denied_and_the_rule_that_would_allow_it() {
    let place = Place::new().unwrap();
    let ran = run(&place, &[]);
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert_tells(&ran.stdout);
    assert!(ran.stdout.contains("api.example /, not used"), "{}", ran.stdout);
    let status = place.call(&["status"]).unwrap();
    assert_eq!(status.code, Some(0), "{status:?}");
    assert_tells(&status.stdout);
    assert!(
        status
            .stdout
            .contains("curious: the rules on lines 9 of its file"),
        "{}",
        status.stdout
    );
    let json = place.call(&["status", "--json"]).unwrap().json().unwrap();
    let denied = &json["runs"][0]["report"]["egress"]["denied"][0];
    assert_eq!(denied["url"], "https://elsewhere.example/v1/cost", "{json}");
}

#[test]
fn a_later_run_that_is_denied_nothing_clears_what_status_tells() {
    let place = Place::new().unwrap();
    run(&place, &[]);
    let good = FILE.replace("act = \"call\"", "act = \"behave\"");
    let config = place.file("good.toml", good).unwrap();
    let ran = place.run(&artifacts::guest("hostile").unwrap(), &config).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let status = place.call(&["status"]).unwrap();
    assert!(!status.stdout.contains("elsewhere.example"), "{}", status.stdout);
}

#[test]
fn each_limit_is_told_with_what_was_used_of_it() {
    let place = Place::new().unwrap();
    let ran = run(&place, &["--json"]);
    let report = ran.json().unwrap();
    let limits = report["runs"][0]["limits"].as_array().unwrap();
    let figure = |name: &str| {
        let found = limits.iter().find(|figure| figure["limit"] == name);
        found.unwrap_or_else(|| panic!("no figure of {name}: {limits:?}"))
    };
    assert_eq!(figure("cpu")["most"], 30_000);
    assert_eq!(figure("memory")["most"], 128 << 20);
    assert!(figure("memory")["used"].as_u64().unwrap() > 0);
    assert_eq!(
        figure("url")["used"],
        "https://elsewhere.example/v1/cost?token=abc".len()
    );
    assert_eq!(figure("requests")["used"], 0);
    assert_eq!(figure("denied-calls-remembered")["used"], 1);
    let text = run(&place, &[]).stdout;
    assert!(
        text.contains("  used     ") && text.contains("MiB of 128MiB"),
        "{text}"
    );
}
