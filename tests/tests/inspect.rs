//! What `inspect` and `init` say of a component before it is granted anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{artifacts, program::Place};
use serde_json::Value;

#[test]
fn inspect_shows_what_is_wanted_and_what_is_granted() {
    let place = Place::new().unwrap();
    place
        .file(
            "c.toml",
            "[settings]\nact = \"behave\"\nurll = \"x\"\n[[allow]]\nhost = \"api.example\"\nmethods = [\"GET\", \"PUT\"]\npaths = [\"/v1\"]\n[[allow]]\nhost = \"evil.example\"\n",
        )
        .unwrap();
    let wasm = artifacts::guest("hostile").unwrap();
    let wasm = wasm.to_str().unwrap();
    let ran = place.call(&["inspect", wasm, "--config", "c.toml"]).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in [
        "world   finops:collector 0.1.0",
        "linked but inert: no variables, no arguments",
        "GET / other than /v1",
        "partly",
        "UNKNOWN",
        "did you mean `url`?",
        "PUT on api.example",
        "GET evil.example /",
        "not pinned",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    let json = place
        .call(&["inspect", wasm, "--config", "c.toml", "--json"])
        .unwrap()
        .json()
        .unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "descriptor",
            "file",
            "inspection",
            "known_world",
            "refused",
            "sha256",
            "size",
            "wants"
        ]
    );
    assert_eq!(json["refused"], Value::Null);
    let wants = &json["wants"];
    assert_eq!(
        (&wants["pin"], &wants["calls"][0]["granted"]),
        (&"none".into(), &"partly".into())
    );
    assert_eq!(wants["calls"][0]["lacks"][0], "GET / other than /v1");
    assert_eq!(wants["unasked"].as_array().unwrap().len(), 2, "{wants}");
    assert!(
        wants["settings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["state"] == "unknown"),
        "{wants}"
    );
    // Comparing needs the description, which --static does not ask for.
    let ran = place
        .call(&["inspect", wasm, "--static", "--config", "c.toml"])
        .unwrap();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let json = place
        .call(&["inspect", wasm, "--static", "--json"])
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(
        (&json["descriptor"], &json["inspection"]["world"]),
        (&Value::Null, &"0.1.0".into())
    );
    assert!(!place.state().join("other").exists());
}

#[test]
fn inspect_shows_what_it_refuses_and_why() {
    let place = Place::new().unwrap();
    let foreign = r#"(component
        (import "finops:collector/http@0.1.0" (instance))
        (import "wasi:sockets/tcp@0.2.0" (instance))
        (import "evil:thing/door@1.0.0" (instance)))"#;
    for (name, text, exit, parts) in [
        (
            "foreign",
            foreign,
            65,
            &[
                "world   finops:collector 0.1.0",
                "linked but inert: there is no network",
                "evil:thing/door@1.0.0",
                "REFUSED",
                "imports what no collector gets",
            ][..],
        ),
        (
            "later",
            "(component (import \"finops:collector/http@0.9.0\" (instance)))",
            65,
            &[
                "world   finops:collector 0.9.0 (known here: 0.1.0)",
                "REFUSED",
                "newer finops-host",
            ],
        ),
        (
            "proxy",
            "(component (import \"wasi:io/poll@0.2.0\" (instance)))",
            65,
            &[
                "world   not finops:collector",
                "wasi:io/poll@0.2.0",
                "REFUSED",
                "no collector",
            ],
        ),
        (
            "core",
            "(module)",
            65,
            &["sha256", "size    8 bytes", "REFUSED", "core WebAssembly module"],
        ),
    ] {
        let wasm = place
            .file(&format!("{name}.wasm"), wat::parse_str(text).unwrap())
            .unwrap();
        for more in [&[][..], &["--static"]] {
            let mut arguments = vec!["inspect", wasm.to_str().unwrap()];
            arguments.extend(more);
            let ran = place.call(&arguments).unwrap();
            assert_eq!(ran.code, Some(exit), "{ran:?}");
            for part in parts {
                assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
            }
            assert!(ran.stderr.contains(&format!("{name}.wasm")), "{ran:?}");
        }
        let json = place
            .call(&["inspect", wasm.to_str().unwrap(), "--json"])
            .unwrap()
            .json()
            .unwrap();
        assert!(
            json["refused"].is_string() && json["sha256"].as_str().unwrap().len() == 64,
            "{json}"
        );
        assert_eq!(json["inspection"].is_null(), name == "core", "{json}");
    }
    // Nothing of that was compiled.
    assert!(!place.state().join("cache").exists(), "{:?}", place.state());
}

#[test]
fn init_prints_a_file_that_check_takes_with_only_hosts_granted() {
    let place = Place::new().unwrap();
    let wasm = artifacts::guest("hostile").unwrap();
    let ran = place.call(&["init", wasm.to_str().unwrap()]).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for risky in ["*.", "addresses", "insecure-http", "reveal"] {
        let live = ran.stdout.lines().filter(|line| !line.starts_with('#'));
        assert!(
            !live.collect::<String>().contains(risky),
            "{risky}: {}",
            ran.stdout
        );
    }
    place.file("c.toml", &ran.stdout).unwrap();
    let checked = place.call(&["check", "c.toml"]).unwrap();
    assert_eq!(checked.code, Some(0), "{checked:?}");
}
