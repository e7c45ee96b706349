//! The attack is `describe`. It must end with exit code 65 and a message that names why, and the same state directory must then
//! serve an honest component.

use super::{assert_out_of_time, assert_refused, describer, inspect};
use finops_tests::program::{Place, Ran};

fn attack(attack: &str) -> (Place, Ran) {
    let place = Place::new().unwrap();
    let ran = inspect(&place, &describer(attack));
    (place, ran)
}

#[test]
fn a_description_that_never_ends_is_stopped_by_its_cpu_time() {
    let (place, ran) = attack("spin");
    assert_refused(&place, &ran, &[]);
    assert_out_of_time(&ran);
}

#[test]
fn a_description_that_sleeps_for_a_year_is_stopped_by_the_wall_clock() {
    let (place, ran) = attack("sleep");
    assert_refused(&place, &ran, &["5s"]);
}

#[test]
fn a_description_that_takes_a_gigabyte_is_stopped_by_its_memory() {
    let (place, ran) = attack("grow");
    assert_refused(&place, &ran, &["64 MiB of memory"]);
}

#[test]
fn a_description_that_breaks_down_is_told_briefly() {
    for name in ["panic", "recurse"] {
        let (place, ran) = attack(name);
        assert_refused(&place, &ran, &["broke down"]);
    }
}

#[test]
fn a_description_that_is_too_large_is_refused() {
    for (name, words) in [
        ("huge", "too much data"),
        ("large", "larger than 256 KiB"),
        ("many", "64 MiB of memory"),
    ] {
        let (place, ran) = attack(name);
        assert_refused(&place, &ran, &[words]);
    }
}

#[test]
fn a_flood_of_log_lines_from_a_description_is_cut_off() {
    for name in ["flood", "flood-log"] {
        let (_, ran) = attack(name);
        // Whether it ends in time or not is the machine's speed; that it is not all shown is ours.
        assert!(matches!(ran.code, Some(0 | 65)), "{:?}", ran.code);
        assert!(ran.stderr.len() < 128 << 10, "{name}: {}", ran.stderr.len());
        assert!(
            ran.stderr.contains("log line") || ran.stderr.contains("xxxx"),
            "{name}"
        );
    }
}

#[test]
fn a_wish_for_every_host_is_refused() {
    let (place, ran) = attack("star");
    assert_refused(&place, &ran, &["host wish `*` is no host name"]);
}

/// What a forged text would look like, were it shown as it is.
fn assert_shows_no_forgery(what: &str, text: &str) {
    for forged in ['\u{1b}', '\u{7}', '\u{202e}', '\0', '\r'] {
        assert!(!text.contains(forged), "{what} shows {forged:?}: {text:?}");
    }
    assert!(
        !text
            .lines()
            .any(|line| line.trim_start().starts_with("host = \"evil")),
        "{what}: {text}"
    );
    let forged_table = text.lines().filter(|line| line.trim() == "[[allow]]").count();
    assert!(forged_table <= 1, "{what}: {text}");
}

#[test]
fn forged_texts_in_a_description_reach_no_terminal_and_no_operators_file() {
    let (place, ran) = attack("forge");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_shows_no_forgery("inspect --json", &ran.stderr);
    let plain = place.call(&["inspect", "c.wasm"]).unwrap();
    assert_eq!(plain.code, ran.code, "{plain:?}");
    assert_shows_no_forgery("inspect", &plain.stdout);
    assert_shows_no_forgery("inspect's messages", &plain.stderr);
    assert_eq!(hosts_allowed_by_init(&place), ["api.example"]);
    let check = place.call(&["check", "c.toml"]).unwrap();
    assert_shows_no_forgery("check", &format!("{}{}", check.stdout, check.stderr));
}

/// The hosts that the file allows which `init` prints, with nothing edited; it is left as c.toml.
fn hosts_allowed_by_init(place: &Place) -> Vec<String> {
    let init = place.call(&["init", "c.wasm"]).unwrap();
    assert_eq!(init.code, Some(0), "{init:?}");
    assert_shows_no_forgery("init", &init.stdout);
    place.file("c.toml", &init.stdout).unwrap();
    let file: toml::Table = init.stdout.parse().unwrap();
    let rules = file["allow"].as_array().unwrap();
    rules
        .iter()
        .map(|rule| rule["host"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_wish_for_the_metadata_address_is_not_granted_by_the_file_that_init_prints() {
    let (place, ran) = attack("metadata");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("169.254.169.254"), "{ran:?}");
    assert_eq!(hosts_allowed_by_init(&place), ["api.example"]);
}

#[test]
fn a_description_finds_nothing_to_call_read_or_tell_time_by() {
    let (_, ran) = attack("asks");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.json().unwrap()["descriptor"]["version"], "1.0.0");
}

#[test]
fn a_description_that_changes_is_asked_for_once() {
    let version = |place: &Place, bytes: &[u8]| {
        let ran = inspect(place, bytes);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.json().unwrap()["descriptor"]["version"].clone()
    };
    let bytes = describer("changes");
    let (one, other) = (Place::new().unwrap(), Place::new().unwrap());
    let first = version(&one, &bytes);
    assert_ne!(
        first,
        version(&other, &bytes),
        "it does not change: nothing is shown"
    );
    assert_eq!(first, version(&one, &bytes));
    // A run goes by the copy that was inspected.
    let config = one.file("c.toml", "").unwrap();
    let ran = one.run(&one.path().join("c.wasm"), &config).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(first, version(&one, &bytes));
}
