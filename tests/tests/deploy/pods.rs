//! The chart's pods with the image's program in them: their files and arguments are what it understands.

use crate::account::{self, Account};
use finops_tests::{
    deploy::{
        chart, may_mount,
        pod::{Secrets, of_kind, pods, text},
    },
    served::{Served, of},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

/// The Secrets that the chart's examples of values name.
fn secrets_of_the_examples() -> Secrets {
    let key = b"-----BEGIN PRIVATE KEY-----\n".to_vec();
    BTreeMap::from([
        (
            "finops-openai",
            BTreeMap::from([("admin-key", b"sk-admin-1234".to_vec())]),
        ),
        (
            "finops-snowflake",
            BTreeMap::from([("snowflake.p8", key), ("other", b"not asked for".to_vec())]),
        ),
        (
            "finops-snowflake-passphrase",
            BTreeMap::from([("passphrase", b"a passphrase".to_vec())]),
        ),
    ])
}

#[test]
#[ignore = "needs Debian's packages npm and musl-tools: cargo xtask test-extra"]
fn every_operators_file_in_a_pod_is_understood_with_its_collector_and_finds_its_secrets() {
    if !may_mount("the chart's pods").unwrap() {
        return;
    }
    let mut checked = 0;
    for values in chart::examples_of_values().unwrap() {
        let manifests = chart::render(&values).unwrap();
        for pod in pods(&manifests) {
            let container = pod.container(&manifests, &secrets_of_the_examples()).unwrap();
            let maps = of_kind(&manifests, "ConfigMap");
            let arguments = pod.arguments().unwrap();
            for (map, file, content) in maps.iter().flat_map(|map| {
                let data = map["data"].as_object().unwrap();
                data.iter()
                    .map(|(file, content)| (*map, file.as_str(), content.as_str().unwrap()))
            }) {
                let mut call = vec!["check".to_owned(), "--json".to_owned()];
                if file == "host.toml" {
                    call.push(format!("/etc/finops-host/host/{file}"));
                    assert_eq!(arguments[1], call[2]);
                } else {
                    let path = format!("/etc/finops-host/instances/{file}");
                    // In the form cronjob, a pod has its own instance's file alone.
                    if arguments[0] == "run" && !arguments.contains(&path) {
                        let absent = container.run("/finops-host", &["check", &path]).unwrap();
                        assert!(absent.stderr.contains("No such file"), "{absent:?}");
                        continue;
                    }
                    let component = content.split("component = \"").nth(1).unwrap();
                    let component = component.split('"').next().unwrap();
                    call.extend([path, "--component".to_owned(), component.to_owned()]);
                }
                let ran = container.run("/finops-host", &call).unwrap();
                assert_eq!(
                    ran.code,
                    Some(0),
                    "{}: {}: {ran:?}",
                    values.display(),
                    text(map, "/metadata/name")
                );
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 6, "files in the examples of values");
}

/// The account's operator's file, with its secrets where the chart puts them.
fn file_in_a_pod(account: &Account) -> String {
    let at = "/run/secrets/finops-host/snowflake";
    account.file(
        "/collectors/snowflake.wasm",
        &format!("{at}/finops.p8"),
        &format!("{at}/ca.pem"),
    )
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's packages npm and musl-tools: cargo xtask test-extra"]
async fn a_cronjobs_pod_collects_into_its_claim_and_the_next_one_finds_the_ledger() {
    if !may_mount("a CronJob's pod").unwrap() {
        return;
    }
    let account = Account::open().await;
    let file = file_in_a_pod(&account);
    let values = serde_json::json!({
        "form": "cronjob",
        "image": { "repository": "registry.example.com/finops-host" },
        "env": [{ "name": "FINOPS_HOST_NOW", "value": account.now }],
        "instances": { "snowflake": {
            "config": file,
            "schedule": "17 */6 * * *",
            "secrets": [{ "name": "account", "keys": ["finops.p8", "ca.pem"] }],
        } },
    });
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("values.yaml");
    std::fs::write(&path, values.to_string()).unwrap();
    tokio::task::block_in_place(|| {
        let manifests = chart::render(&path).unwrap();
        let pods = pods(&manifests);
        let pod = match pods.as_slice() {
            [one] => one,
            pods => panic!("{} pods", pods.len()),
        };
        let secrets = BTreeMap::from([("account", account.secrets())]);
        let container = pod.container(&manifests, &secrets).unwrap();
        let arguments = pod.arguments().unwrap();
        for commits_again in [false, true] {
            let ran = container.run("/finops-host", &arguments).unwrap();
            assert_eq!(ran.code, Some(0), "{ran:?}");
            account::holds_the_whole_bill(&container.state());
            if commits_again {
                let status = container.run("/finops-host", &["status", "--json"]).unwrap();
                let runs = status.json().unwrap();
                assert!(
                    runs["runs"].as_array().is_some_and(|runs| runs.len() == 2),
                    "{runs}"
                );
            }
        }
        let checked = container.run("/finops-host", &["check", "--ledger"]).unwrap();
        assert_eq!(checked.code, Some(0), "{checked:?}");
    });
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's packages npm and musl-tools: cargo xtask test-extra"]
async fn the_statefulsets_pod_serves_as_process_1_is_ready_and_ends_in_order_when_it_is_asked_to() {
    if !may_mount("the StatefulSet's pod").unwrap() {
        return;
    }
    let account = Account::open().await;
    let file = file_in_a_pod(&account);
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let values = serde_json::json!({
        "image": { "repository": "registry.example.com/finops-host" },
        "env": [{ "name": "FINOPS_HOST_NOW", "value": account.now }],
        "serve": { "port": port },
        "instances": { "snowflake": {
            "config": file.replace("[collector]", "[collector]\ninterval = \"12h\""),
            "secrets": [{ "name": "account", "keys": ["finops.p8", "ca.pem"] }],
        } },
    });
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("values.yaml");
    std::fs::write(&path, values.to_string()).unwrap();
    tokio::task::block_in_place(|| {
        let manifests = chart::render(&path).unwrap();
        let pods = pods(&manifests);
        let [pod] = pods.as_slice() else {
            panic!("{} pods", pods.len());
        };
        let secrets = BTreeMap::from([("account", account.secrets())]);
        let container = pod.container(&manifests, &secrets).unwrap();
        let command = container.command("/finops-host", &pod.arguments().unwrap());
        let mut served = Served::start_within(command.unwrap()).unwrap();
        let ended = served.says_of("snowflake", "a run ended").unwrap();
        assert_eq!(of(&ended, "outcome"), "done", "{ended}");
        for (path, says) in [
            ("/livez", "200"),
            ("/readyz", "200"),
            ("/metrics", "finops_runs_total"),
        ] {
            let answer = get(port, path);
            assert!(answer.contains(says), "{path}: {answer}");
        }
        let (code, logged) = served.stop().unwrap();
        assert_eq!(code, Some(0), "{logged:#?}");
        account::holds_the_whole_bill(&container.state());
        let checked = container.run("/finops-host", &["check", "--ledger"]).unwrap();
        assert_eq!(checked.code, Some(0), "{checked:?}");
    });
}

/// What is answered to a plain GET.
fn get(port: u16, path: &str) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nhost: pod\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
#[ignore = "needs Debian's package npm: cargo xtask test-extra"]
fn the_form_serve_is_told_where_its_files_are_and_where_to_listen() {
    let mut seen = Vec::new();
    for values in chart::examples_of_values().unwrap() {
        let manifests = chart::render(&values).unwrap();
        for set in of_kind(&manifests, "StatefulSet") {
            assert_eq!(set["spec"]["replicas"], Value::from(1));
            for pod in pods(std::slice::from_ref(set)) {
                seen.push(pod.arguments().unwrap().join(" "));
                let one = pod.only().unwrap();
                for (probe, path) in [
                    ("startupProbe", "/livez"),
                    ("livenessProbe", "/livez"),
                    ("readinessProbe", "/readyz"),
                ] {
                    assert_eq!(one[probe]["httpGet"]["path"], path);
                    assert_eq!(one[probe]["httpGet"]["port"], one["ports"][0]["name"]);
                }
                let listens = format!("0.0.0.0:{}", one["ports"][0]["containerPort"]);
                assert!(pod.arguments().unwrap().contains(&listens), "{listens}");
            }
        }
    }
    seen.sort();
    assert_eq!(
        seen,
        [
            "serve /etc/finops-host/host/host.toml --listen 0.0.0.0:9500 --parallel 2",
            "serve /etc/finops-host/instances --listen 0.0.0.0:9464 --parallel 4",
        ]
    );
}
