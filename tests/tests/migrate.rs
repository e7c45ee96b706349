//! From the old Python agents: their SaaS file becomes operator's files that hold no secret and pass the check, and
//! docs/migrate.md names each flag, variable and key of the real agents, and none that they do not have.
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
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

const PAGE: &str = include_str!("../../docs/migrate.md");
const AGENTS: &str = include_str!("../data/old_agents.json");
const COLLECTORS: [&str; 4] = ["datadog", "github-actions", "mongodb-atlas", "redis-cloud"];
/// Each secret of the old file holds this word.
const CANARY: &str = "canary";

/// What the operator sets, secrets aside.
const NAMES: [(&str, &str); 2] = [
    ("MONGODB_ATLAS_ORGANIZATION", "5f0c00000000000000000001"),
    ("DATADOG_ACCOUNT", "p-acme"),
];
const SECRETS: [&str; 7] = [
    "MONGODB_ATLAS_PUBLIC_KEY",
    "MONGODB_ATLAS_PRIVATE_KEY",
    "REDIS_CLOUD_API_KEY",
    "REDIS_CLOUD_SECRET_KEY",
    "GITHUB_TOKEN",
    "DD_API_KEY",
    "DD_APP_KEY",
];

/// A file with every service, and with what no agent ever read.
fn old_file() -> Value {
    json!({
        "mongodb_atlas": {
            "enabled": true, "public_key": "canary-public", "private_key": "canary-private",
            "project_id": "canary-project", "pricing": {"M10": "canary-nested"},
        },
        "redis_cloud": {
            "enabled": true, "api_key": "canary-api", "secret_key": "canary-secret", "account_id": 1001,
        },
        "github_actions": {"enabled": true, "token": "ghp_canary", "org_name": "acme"},
        "datadog": {"enabled": true, "api_key": "canary-dd", "app_key": "canary-app", "site": "canary.eu"},
        "pager\u{1b}[2Jduty": {"enabled": true, "token": "canary-unknown"},
    })
}

fn place(file: &Value) -> Place {
    let place = Place::new().unwrap();
    let path = place.file("saas_config.json", file.to_string()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    place
}

fn init(place: &Place, more: &[&str]) -> Ran {
    let arguments = [&["init", "--from", "saas_config.json", "--out", "conf.d"], more].concat();
    place.call(&arguments).unwrap()
}

/// The files below a directory, with their mode.
fn files(directory: &Path) -> BTreeMap<PathBuf, u32> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let mode = path.metadata().unwrap().permissions().mode() & 0o777;
            (path, mode)
        })
        .collect()
}

#[track_caller]
fn assert_no_canary(ran: &Ran) {
    assert!(
        !ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY),
        "{ran:?}"
    );
}

/// Checks each file against its component; `variables` are set.
fn assert_pass(place: &Place, variables: &[(&str, &str)]) {
    for collector in COLLECTORS {
        let mut command = place.command().unwrap();
        command
            .arg("check")
            .arg(format!("conf.d/{collector}.toml"))
            .arg("--component")
            .arg(artifacts::collector(collector).unwrap())
            .envs(variables.iter().copied());
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{collector}: {ran:?}");
        assert_no_canary(&ran);
    }
}

#[test]
fn every_service_of_the_old_file_becomes_a_file_that_passes_the_check_and_holds_no_secret() {
    let place = place(&old_file());
    let ran = init(&place, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_no_canary(&ran);
    let written = files(&place.path().join("conf.d"));
    let names: Vec<&str> = written
        .keys()
        .map(|path| path.file_stem().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, COLLECTORS);
    for (path, mode) in &written {
        let text = fs::read_to_string(path).unwrap();
        assert!(!text.contains(CANARY), "{text}");
        assert_eq!(mode & 0o022, 0, "{path:?} {mode:o}");
    }
    for variable in SECRETS.iter().chain(NAMES.map(|(name, _)| name).iter()) {
        assert!(
            ran.stdout.contains(&format!("set        {variable}: ")),
            "{variable}: {ran:?}"
        );
    }
    let secrets = SECRETS.map(|name| (name, "another-secret"));
    assert_pass(&place, &[&NAMES[..], &secrets[..]].concat());
}

#[test]
fn what_is_not_taken_over_is_said() {
    let mut file = old_file();
    file["redis_cloud"]["enabled"] = json!(false);
    let place = place(&file);
    let ran = init(&place, &["--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_no_canary(&ran);
    let said = ran.json().unwrap();
    let left = said["not-taken-over"].to_string();
    assert!(left.contains("`redis_cloud` is not enabled"), "{left}");
    assert!(
        left.contains("duty` is no service") && !left.contains('\u{1b}'),
        "{left}"
    );
    let notes = said["written"].as_array().unwrap().iter();
    let notes: String = notes.map(|written| written["notes"].to_string()).collect();
    for key in [
        "mongodb_atlas.project_id",
        "mongodb_atlas.pricing",
        "datadog.site",
    ] {
        assert!(notes.contains(&format!("`{key}`")), "{key}: {notes}");
    }
    assert!(!place.path().join("conf.d/redis-cloud.toml").exists());
    fs::set_permissions(
        place.path().join("saas_config.json"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let told = place
        .call(&["init", "--from", "saas_config.json", "--out", "other"])
        .unwrap();
    assert!(told.stdout.contains("others can read the old file"), "{told:?}");
}

#[test]
fn secrets_go_into_files_of_ones_own_only_where_one_asks_for_it() {
    let place = place(&old_file());
    let ran = init(&place, &["--secrets-to", "secrets"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_no_canary(&ran);
    let directory = place.path().join("secrets");
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let secrets = files(&directory);
    assert_eq!(secrets.len(), SECRETS.len(), "{secrets:?}");
    for (path, mode) in &secrets {
        assert_eq!(*mode, 0o600, "{path:?}");
        assert!(fs::read_to_string(path).unwrap().contains(CANARY));
    }
    for path in files(&place.path().join("conf.d")).keys() {
        assert!(!fs::read_to_string(path).unwrap().contains(CANARY), "{path:?}");
    }
    assert_pass(&place, &NAMES);
}

#[test]
fn nothing_is_overwritten_and_nothing_half_done_where_the_old_file_is_not_understood() {
    let place = place(&old_file());
    fs::create_dir(place.path().join("conf.d")).unwrap();
    let mine = place.file("conf.d/mine.toml", "precious").unwrap();
    let ran = init(&place, &[]);
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stderr.contains("is not empty"), "{ran:?}");
    assert_eq!(fs::read_to_string(mine).unwrap(), "precious");
    assert_eq!(files(&place.path().join("conf.d")).len(), 1);

    let wrong: [(Value, &str); 6] = [
        (json!([CANARY]), "is no JSON object of services"),
        (json!({"datadog": CANARY}), "`datadog` is no object"),
        (
            json!({"datadog": {"enabled": "canary"}}),
            "`datadog.enabled` is neither true nor false",
        ),
        (
            json!({"github_actions": {"enabled": true, "org_name": "../canary\"\n[[allow]]"}}),
            "`github_actions.org_name` is no name",
        ),
        (
            json!({"redis_cloud": {"enabled": true, "api_key": ["canary"], "account_id": "1"}}),
            "`redis_cloud.api_key` is no text",
        ),
        (
            json!({"datadog": {"enabled": false}}),
            "no service is enabled there",
        ),
    ];
    for (file, says) in wrong {
        let place = self::place(&file);
        let ran = init(&place, &[]);
        assert_eq!(ran.code, Some(78), "{ran:?}");
        assert!(ran.stderr.contains(says), "{says}: {ran:?}");
        assert_no_canary(&ran);
        assert!(!place.path().join("conf.d").exists());
    }
    let broken = Place::new().unwrap();
    broken.file("saas_config.json", "{\"datadog\": canary}").unwrap();
    let ran = init(&broken, &[]);
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stderr.contains("is no JSON"), "{ran:?}");
    assert_no_canary(&ran);
}

/// What a section's table names in its first column: flags, variables of the environment, keys of the file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    flags: BTreeSet<String>,
    environment: BTreeSet<String>,
    config: BTreeSet<String>,
}

fn named(section: &str) -> Named {
    let mut named = Named::default();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cell = line.trim_start_matches("| ").split(" | ").next().unwrap();
        let (name, kind) = cell.trim_start_matches('`').split_once('`').unwrap();
        let new = match kind.trim() {
            "" => named.flags.insert(name.to_owned()),
            "(environment)" => named.environment.insert(name.to_owned()),
            "(file)" => named.config.insert(name.to_owned()),
            _ => panic!("what is {cell:?}?"),
        };
        assert!(new, "{name} is named twice");
    }
    named
}

#[test]
fn the_page_names_each_flag_variable_and_key_of_the_old_agents_and_no_others() {
    let facts: Value = serde_json::from_str(AGENTS).unwrap();
    let agents = facts["agents"].as_object().unwrap();
    assert_eq!(agents.len(), 7);
    for (path, facts) in agents {
        let name = path.rsplit('/').next().unwrap();
        let heading = format!(": `{name}`\n");
        let (_, section) = PAGE
            .split_once(&heading)
            .unwrap_or_else(|| panic!("no section of {name}"));
        let section = section.split("\n## ").next().unwrap();
        let list = |key: &str| -> BTreeSet<String> {
            let names = facts[key].as_array().unwrap().iter();
            names.map(|name| name.as_str().unwrap().to_owned()).collect()
        };
        let real = Named {
            flags: facts["flags"].as_object().unwrap().keys().cloned().collect(),
            environment: list("environment"),
            config: list("config"),
        };
        assert_eq!(named(section), real, "{name}");
        for (flag, facts) in facts["flags"].as_object().unwrap() {
            let row = section
                .lines()
                .find(|line| line.starts_with(&format!("| `{flag}` |")));
            let row = row.unwrap();
            if let Some(seconds) = facts["default"].as_u64() {
                assert!(row.contains(&format!("then {seconds}")), "{row}");
            }
            assert!(row.matches(" | ").count() >= 2 || row.ends_with("| |"), "{row}");
        }
    }
}

#[test]
fn each_option_of_finops_host_that_the_page_names_is_one() {
    let place = Place::new().unwrap();
    let mut help = String::new();
    for command in ["run", "check", "init", "costs", "status"] {
        help += &place.call(&[command, "--help"]).unwrap().stdout;
    }
    let (_, cut_over) = PAGE.split_once("## Cut-over").unwrap();
    let (every, _) = PAGE.split_once("## AWS").unwrap();
    let now = PAGE.lines().filter(|line| line.starts_with("| `--"));
    let now: String = now
        .map(|line| line.split(" | ").nth(1).unwrap_or_default())
        .collect();
    let mut found = 0;
    for text in [every, cut_over, &now] {
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            let letter = word.strip_prefix("--").and_then(|rest| rest.chars().next());
            if letter.is_some_and(|first| first.is_ascii_alphabetic()) {
                assert!(help.contains(word), "{word}");
                found += 1;
            }
        }
    }
    assert!(found > 10, "{found}");
}
