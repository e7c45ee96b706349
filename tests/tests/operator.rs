//! What a new operator does: two providers on schedules into the real OpenFinOps server, with one wrong key and one path that
//! is not granted, both found and mended from what the program says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    artifacts, github,
    openai::{self, OpenAi},
    openfinops::RealServer,
    program::Place,
    provider::{Simulator, Start},
    served::{Served, of},
};
use rustix::process::Signal;
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::PathBuf};

/// An operator's file under `serve`: it names its collector, when it runs, and where its money goes.
fn served(text: &str, collector: &str, server: &RealServer) -> String {
    let component = artifacts::collector(collector).unwrap();
    let keys = format!(
        "[collector]\ncomponent = \"{}\"\ninterval = \"6h\"",
        component.display()
    );
    let text = text.replacen("[collector]", &keys, 1);
    format!("{text}\n[openfinops]\nendpoint = \"{}\"\n", server.url())
}

/// What arrived, by provider; each entry once.
fn arrived(server: &RealServer) -> BTreeMap<String, Decimal> {
    let mut amounts = BTreeMap::new();
    for row in server.rows().unwrap() {
        for entry in row.metrics["cost_entries"].as_array().into_iter().flatten() {
            let id = entry["entry_id"].as_str().unwrap().to_owned();
            let amount: Decimal = entry["tags"]["finops_host.amount"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap();
            let known = amounts.insert(id, (row.cloud_provider.clone(), amount));
            assert_eq!(known, None, "nothing arrives twice");
        }
    }
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for (provider, amount) in amounts.into_values() {
        let sum = sums.entry(provider).or_default();
        *sum = sum.checked_add(amount).unwrap();
    }
    sums
}

/// The effective cost of golden records in dollars: what is in another currency waits for the operator's word.
fn golden(text: &str) -> Decimal {
    let records: serde_json::Value = serde_json::from_str(text).unwrap();
    let names = records["columns"].as_array().unwrap();
    let column = |wanted: &str| names.iter().position(|name| name == wanted).unwrap();
    let (cost, currency) = (column("EffectiveCost"), column("BillingCurrency"));
    let rows = records["rows"].as_array().unwrap().iter();
    let dollars = rows.filter(|row| row[currency] == "USD");
    Decimal::sum(dollars.map(|row| row[cost].as_str().unwrap().parse().unwrap())).unwrap()
}

struct Office {
    place: Place,
    directory: PathBuf,
}

impl Office {
    fn new(now: &str) -> Self {
        let place = Place::new().unwrap().at(now);
        let directory = place.path().join("instances");
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        Self { place, directory }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.join(name), text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_providers_reach_openfinops_and_a_wrong_key_and_a_denied_call_are_mended_from_the_messages() {
    let now = openai::stage::State::Initial.now();
    let start = Start::at(now).unwrap();
    let ai = Simulator::start(OpenAi::new(openai::Options::default()).unwrap(), start)
        .await
        .unwrap();
    let hub = Simulator::start(github::GitHub::new(github::Options::default()).unwrap(), start)
        .await
        .unwrap();
    let office = Office::new(now);
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start(folder.path()).unwrap();
    ai.write_files(&office.directory.join("ai")).unwrap();
    hub.write_files(&office.directory.join("hub")).unwrap();
    // Two mistakes: a key of another organization, and a path with a slip of the pen.
    let right_key = fs::read(office.directory.join("ai/admin-key.txt")).unwrap();
    office.write("ai/admin-key.txt", "sk-admin-of-somebody-else");
    let text = openai::stage::config(ai.addr(), "", "").replace("secrets/", "ai/");
    office.write("openai.toml", &served(&text, "openai", &server));
    let text = github::stage::config(hub.addr(), "token.txt", "").replace("secrets/", "hub/");
    let right = served(&text, "github-actions", &server);
    let granted = "/organizations/acme/settings/billing/usage";
    office.write(
        "github.toml",
        &right.replace(granted, "/organizations/acme/settings/biling/usage"),
    );

    tokio::task::block_in_place(|| {
        let mut program = Served::start(&office.place, &office.directory, &[]).unwrap();
        let mut failed = BTreeMap::new();
        let mut remedy = None;
        while failed.len() < 2 || remedy.is_none() {
            let line = program
                .wait_for(|line| {
                    of(line, "message").starts_with("a run failed") || !of(line, "remedy").is_empty()
                })
                .unwrap();
            match of(&line, "remedy") {
                "" => drop(failed.insert(of(&line, "instance").to_owned(), of(&line, "message").to_owned())),
                lines => remedy = Some(lines.to_owned()),
            }
        }
        // The key: the message says which credential, and never the key.
        let said = &failed["openai-test"];
        assert!(said.contains("credential"), "{said}");
        assert!(!said.contains("somebody-else"), "{said}");
        office.write("ai/admin-key.txt", std::str::from_utf8(&right_key).unwrap());
        // The path: what the message says would allow the call is written into the file.
        let remedy = remedy.unwrap();
        let path = remedy
            .split('"')
            .find(|text| text.starts_with("/organizations"))
            .unwrap();
        assert_eq!(path, granted, "{remedy}");
        let mended = right.replace(granted, path);
        office.write("github.toml", &mended);
        program.says_of("github-test", "a run ended").unwrap();
        program.signal(Signal::HUP).unwrap();
        program.says_of("openai-test", "a run ended").unwrap();
        let expected = BTreeMap::from([
            (
                "openai".to_owned(),
                golden(include_str!("../golden/openai/initial.json")),
            ),
            (
                "github".to_owned(),
                golden(include_str!("../golden/github/initial.json")),
            ),
        ]);
        while arrived(&server) != expected {
            program
                .says("delivered")
                .unwrap_or_else(|_| panic!("{:?}, wanted {expected:?}", arrived(&server)));
        }
        let (code, lines) = program.stop().unwrap();
        assert_eq!(code, Some(0), "{lines:#?}");
        assert_unsaid(&lines, std::str::from_utf8(&right_key).unwrap().trim());
        let check = office.place.call(&["check", "--ledger"]).unwrap();
        assert_eq!(check.code, Some(0), "{check:?}");
        let costs = office.place.call(&["costs", "--by", "provider"]).unwrap();
        assert!(
            costs.stdout.contains("openai") && costs.stdout.contains("github"),
            "{costs:?}"
        );
    });
}

#[track_caller]
fn assert_unsaid(lines: &[serde_json::Value], secret: &str) {
    for line in lines {
        assert!(!line.to_string().contains(secret), "{line}");
    }
}
