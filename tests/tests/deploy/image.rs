//! The image's files as a container runs them: a read-only root with nothing else in it, a user without privileges.

use crate::account::{self, Account};
use finops_tests::{
    artifacts,
    deploy::{
        USER,
        built::Built,
        container::{Access, Container},
        image, may_mount,
    },
};
use serde_json::json;
use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt, path::Path};

/// Where the tests' instance lies in the container.
const INSTANCE: &str = "/etc/finops-host/instances/snowflake.toml";

fn files_below(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![folder.to_owned()];
    while let Some(at) = left.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found
}

/// A container with the account's operator's file and secrets, and the ledger's volume.
fn prepared(account: &Account) -> Container {
    let mut container = Container::new().unwrap();
    container.variable("FINOPS_HOST_NOW", &account.now);
    container.named_volume().unwrap();
    let text = account.file(
        "/collectors/snowflake.wasm",
        "/run/secrets/finops.p8",
        "/run/secrets/ca.pem",
    );
    let file = [("snowflake.toml", text.as_bytes())];
    container
        .projected(file, 0o644, "/etc/finops-host/instances")
        .unwrap();
    let secrets = account.secrets();
    let secrets = secrets.iter().map(|(name, bytes)| (*name, bytes.as_slice()));
    container.projected(secrets, 0o440, "/run/secrets").unwrap();
    container
}

#[test]
#[ignore = "needs Debian's package musl-tools: cargo xtask test-extra"]
fn the_image_holds_the_program_every_collector_and_the_authorities() {
    let root = image().unwrap().join("root");
    let mut expected: BTreeSet<String> = ["finops-host", "etc/ssl/certs/ca-certificates.crt"]
        .map(str::to_owned)
        .into();
    for entry in fs::read_dir(artifacts::root().join("collectors")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("Cargo.toml").exists() {
            let name = path.file_name().unwrap().to_string_lossy();
            expected.insert(format!("collectors/{name}.wasm"));
        }
    }
    assert!(expected.len() > 10, "{expected:?}");
    assert_eq!(files_below(&root), expected);
    let authorities = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(authorities.matches("BEGIN CERTIFICATE").count() > 50);
}

#[test]
#[ignore = "needs Debian's packages musl-tools and buildah: cargo xtask test-extra"]
fn the_last_stage_of_the_dockerfile_makes_an_image_of_these_files_in_which_only_the_ledgers_place_is_the_users()
 {
    if !may_mount("the image").unwrap() {
        return;
    }
    let built = Built::build().unwrap();
    let config = built.config().unwrap();
    assert_eq!(config["User"], format!("{USER}:{USER}"));
    assert_eq!(config["Entrypoint"], json!(["/finops-host"]));
    assert_eq!(config["Cmd"], json!(["--help"]));
    assert_eq!(config["Volumes"], json!({ "/state": {} }));
    assert_eq!(config["StopSignal"], "SIGTERM");
    let state = json!("FINOPS_HOST_STATE_DIR=/state");
    assert!(config["Env"].as_array().unwrap().contains(&state), "{config}");

    let files = built.files().unwrap();
    assert_eq!(files_below(&files), files_below(&image().unwrap().join("root")));
    let mut left = vec![files.clone()];
    while let Some(at) = left.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if entry.path() == files.join("state") {
                let found = (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777);
                assert_eq!(found, (USER, USER, 0o700));
                continue;
            }
            assert_eq!((metadata.uid(), metadata.gid()), (0, 0), "{:?}", entry.path());
            assert_eq!(
                metadata.mode() & 0o6022,
                0,
                "{:?}: {:o}",
                entry.path(),
                metadata.mode()
            );
            if metadata.is_dir() {
                left.push(entry.path());
            }
        }
    }
}

#[test]
#[ignore = "needs Debian's package musl-tools: cargo xtask test-extra"]
fn the_program_runs_with_no_library_beside_it_and_compiles_a_collector_in_a_child() {
    if !may_mount("the static program").unwrap() {
        return;
    }
    let mut container = Container::new().unwrap();
    container.named_volume().unwrap();
    let version = container.run("/finops-host", &["--version"]).unwrap();
    assert_eq!(version.code, Some(0), "{version:?}");
    assert_eq!(
        version.stdout,
        format!("finops-host {}\n", env!("CARGO_PKG_VERSION"))
    );
    let inspected = container
        .run(
            "/finops-host",
            &["inspect", "/collectors/snowflake.wasm", "--json"],
        )
        .unwrap();
    assert_eq!(inspected.code, Some(0), "{inspected:?}");
    assert_eq!(
        inspected.json().unwrap()["descriptor"]["name"],
        "snowflake",
        "{inspected:?}"
    );
    let shell = container.run("/bin/sh", &["-c", "echo a shell"]).unwrap();
    assert_ne!(shell.code, Some(0), "{shell:?}");
    assert!(!shell.stdout.contains("a shell"), "{shell:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's package musl-tools: cargo xtask test-extra"]
async fn a_whole_bill_is_collected_and_only_the_ledgers_volume_is_written() {
    if !may_mount("a run in a container").unwrap() {
        return;
    }
    let account = Account::open().await;
    let container = prepared(&account);
    let run = |arguments: &[&str]| {
        tokio::task::block_in_place(|| container.run("/finops-host", arguments).unwrap())
    };

    // The composition's health check, which is not healthy before there is a ledger.
    let health = run(&["status", "--json"]);
    assert_eq!(health.code, Some(74), "{health:?}");
    assert!(
        health.stderr.contains("there is no ledger here yet"),
        "{health:?}"
    );

    let ran = run(&[
        "run",
        "/collectors/snowflake.wasm",
        "--config",
        INSTANCE,
        "--json",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    println!(
        "{}",
        ran.stderr
            .lines()
            .find(|line| line.contains("confined"))
            .unwrap_or("not confined")
    );
    account::holds_the_whole_bill(&container.state());
    for arguments in [
        &["check", "--ledger"][..],
        &["status", "--json"],
        &["costs", "--json"],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }

    // Nothing else can be written: not the root, not what is mounted.
    for place in [
        "/costs.csv",
        "/etc/finops-host/instances/costs.csv",
        "/run/secrets/costs.csv",
    ] {
        let refused = run(&["export", "--out", place]);
        assert_ne!(refused.code, Some(0), "{place}: {refused:?}");
        assert!(
            refused.stderr.contains("Read-only file system"),
            "{place}: {refused:?}"
        );
    }
    let written = run(&["export", "--out", "/state/costs.csv"]);
    assert_eq!(written.code, Some(0), "{written:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's package musl-tools: cargo xtask test-extra"]
async fn an_authority_of_the_image_is_what_a_rule_without_ca_trusts() {
    if !may_mount("the image's authorities").unwrap() {
        return;
    }
    let account = Account::open().await;
    let home = tempfile::tempdir().unwrap();
    let authority = home.path().join("ca-certificates.crt");
    fs::write(&authority, &account.secrets()["ca.pem"]).unwrap();
    let without = account
        .file("/collectors/snowflake.wasm", "/run/secrets/finops.p8", "unused")
        .replace("ca = \"unused\"\n", "");
    for (trusted, code) in [(false, 69), (true, 0)] {
        let mut container = Container::new().unwrap();
        container.variable("FINOPS_HOST_NOW", &account.now);
        container.named_volume().unwrap();
        let file = [("snowflake.toml", without.as_bytes())];
        container
            .projected(file, 0o644, "/etc/finops-host/instances")
            .unwrap();
        let key = [("finops.p8", account.secrets()["finops.p8"].clone())];
        let key = key.iter().map(|(name, bytes)| (*name, bytes.as_slice()));
        container.projected(key, 0o440, "/run/secrets").unwrap();
        if trusted {
            container.mount(Access::ReadOnly, &authority, "/etc/ssl/certs/ca-certificates.crt");
        }
        let arguments = [
            "run",
            "/collectors/snowflake.wasm",
            "--config",
            INSTANCE,
            "--once",
        ];
        let ran = tokio::task::block_in_place(|| container.run("/finops-host", &arguments).unwrap());
        assert_eq!(ran.code, Some(code), "{ran:?}");
    }
}
