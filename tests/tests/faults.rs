//! A destination that fails in every way a server can: each outcome is what the table of docs/ledger.md says, nothing is
//! lost, the exit code tells, and once the destination is well again everything is there once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    crash::Errand,
    hostile,
    openfinops::{Outcome, Route, Storage, http},
    program::Ran,
    tls::{Authority, Front},
};
use jiff::SignedDuration;
use serde_json::json;
use std::time::Duration;

const AMOUNT: &str = "12.50";

/// A run whose first batch meets this outcome.
fn met(outcome: Outcome) -> (Errand, Ran) {
    let errand = Errand::new().unwrap();
    errand.recorder.script(Route::Ingest, [outcome]);
    let ran = errand.run(AMOUNT).unwrap();
    errand.assert_lawful().unwrap();
    (errand, ran)
}

/// Asserts how the run ended and how its batch stands, then that everything arrives, in so many stored batches.
#[track_caller]
fn assert_recovers((mut errand, ran): (Errand, Ran), code: i32, state: &str, stored: usize) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    let sql = format!("SELECT count(*) FROM entry WHERE state = '{state}'");
    assert_eq!(errand.number(&sql).unwrap(), Some(1), "{ran:?}");
    errand.assert_completes(AMOUNT).unwrap();
    assert_eq!(errand.stored_batches(), stored);
}

#[test]
fn an_answer_that_breaks_off_is_looked_up_and_never_sent_again_where_it_is_found() {
    assert_recovers(met(Outcome::cut(Storage::Kept)), 0, "settled", 1);
    assert_recovers(met(Outcome::cut(Storage::Lost)), 75, "ambiguous", 1);
}

#[test]
fn a_connection_that_is_reset_is_looked_up() {
    assert_recovers(met(Outcome::reset(Storage::Kept)), 0, "settled", 1);
    assert_recovers(met(Outcome::reset(Storage::Lost)), 75, "ambiguous", 1);
}

#[test]
fn a_server_that_never_answers_is_left_when_the_time_is_over() {
    for storage in [Storage::Kept, Storage::Lost] {
        assert_recovers(met(Outcome::hang(storage)), 75, "ambiguous", 1);
    }
}

#[test]
fn an_answer_of_one_byte_a_second_is_left_when_the_time_is_over() {
    let slow = Outcome::dripping(Storage::Kept, Duration::from_secs(1));
    assert_recovers(met(slow), 75, "ambiguous", 1);
}

#[test]
fn an_answer_without_end_is_read_so_far_and_no_further() {
    assert_recovers(met(Outcome::endless(Storage::Kept)), 69, "ambiguous", 1);
}

#[test]
fn a_web_page_with_200_settles_nothing() {
    assert_recovers(met(Outcome::login_page()), 69, "ambiguous", 1);
    assert_recovers(met(Outcome::status("queued", Storage::Kept)), 69, "ambiguous", 1);
}

#[test]
fn a_retry_after_is_honoured_in_seconds_and_as_a_date_and_never_beyond_a_quarter_of_an_hour() {
    let in_two_minutes = "Mon, 03 Aug 2026 12:02:00 GMT";
    // The program's clock starts when it does: what a busy machine needs to come so far is allowed for.
    for (text, least, most) in [
        ("120", 120, 180),
        (in_two_minutes, 119, 180),
        ("1000000000", 900, 960),
        ("99999999999999999999999999", 900, 960),
        ("Fri, 03 Aug 2096 12:00:00 GMT", 900, 960),
        ("soon", 0, 110),
        ("-5", 0, 110),
    ] {
        let errand = Errand::new().unwrap();
        let busy = Outcome::unavailable(Some(text));
        errand
            .recorder
            .decide(move |route, _| (route == Route::Ingest).then(|| busy.clone()));
        let ran = errand.run(AMOUNT).unwrap();
        let wait = errand.wait().unwrap().unwrap();
        assert!((least..=most).contains(&wait), "{text}: {wait}");
        assert_recovers((errand, ran), 75, "pending", 1);
    }
}

#[test]
fn a_redirect_to_itself_is_not_followed_and_pauses_the_destination() {
    let errand = Errand::new().unwrap();
    let here = format!("{}/api/v1/telemetry/ingest", errand.recorder.url());
    errand.recorder.script(Route::Ingest, [Outcome::redirect(&here)]);
    let ran = errand.run(AMOUNT).unwrap();
    assert_eq!(errand.recorder.received(Route::Ingest).len(), 1);
    assert!(ran.stdout.contains("redirects are not followed"), "{ran:?}");
    let again = errand.run(AMOUNT).unwrap();
    assert_eq!(again.code, Some(69), "{again:?}");
    assert_eq!(errand.recorder.received(Route::Ingest).len(), 1, "it is paused");
    let resumed = errand.place.call(&["destination", "resume"]).unwrap();
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_recovers((errand, ran), 69, "pending", 1);
}

#[test]
fn a_look_up_that_fails_proves_nothing_and_is_made_again() {
    for recent in [
        Outcome::error(500, Storage::Lost),
        Outcome::cut(Storage::Lost),
        Outcome::reset(Storage::Lost),
        Outcome::unavailable(None),
    ] {
        let errand = Errand::new().unwrap();
        errand
            .recorder
            .script(Route::Ingest, [Outcome::error(500, Storage::Kept)]);
        errand
            .recorder
            .decide(move |route, _| (route == Route::Recent).then(|| recent.clone()));
        let ran = errand.run(AMOUNT).unwrap();
        assert_recovers((errand, ran), 75, "ambiguous", 1);
    }
}

/// Rows of other agents, newer than any batch of the test, that fill the list of recent batches.
fn crowd(errand: &Errand) {
    let later = (errand.now() + SignedDuration::from_hours(2)).as_second();
    for number in 0..1_000 {
        let row = json!({"agent_id": format!("other-{number}"), "timestamp": later, "metrics": {}});
        http::post(errand.recorder.address(), "/api/v1/telemetry/ingest", &row).unwrap();
    }
}

#[test]
fn a_batch_that_a_crowd_hides_is_held_a_quarter_of_an_hour_then_sent_again_and_noted() {
    for storage in [Storage::Kept, Storage::Lost] {
        let mut errand = Errand::new().unwrap();
        crowd(&errand);
        errand
            .recorder
            .script(Route::Ingest, [Outcome::error(500, storage)]);
        let noted = "SELECT sum(maybe_duplicated) FROM batch";
        let ran = errand.run(AMOUNT).unwrap();
        assert_eq!(ran.code, Some(75), "{ran:?}");
        errand.pass(SignedDuration::from_mins(14)).unwrap();
        assert_eq!(errand.run(AMOUNT).unwrap().code, Some(75));
        assert_eq!(
            errand.number(noted).unwrap(),
            Some(0),
            "too early to send it again"
        );
        errand.assert_completes(AMOUNT).unwrap();
        assert_eq!(errand.number(noted).unwrap(), Some(1));
        let stored = if storage == Storage::Kept { 2 } else { 1 };
        assert_eq!(
            errand.stored_batches(),
            stored,
            "the same bytes, told apart by their ids"
        );
    }
}

/// Runs that trust an authority's file.
type Trusting = fn(&mut Errand, &str) -> Ran;

const BY_ENVIRONMENT: Trusting = |errand, path| errand.run_with(AMOUNT, &[("SSL_CERT_FILE", path)]).unwrap();
const BY_FILE: Trusting = |errand, path| {
    errand.configure(&format!("ca = \"{path}\""));
    errand.run(AMOUNT).unwrap()
};

#[test]
fn a_certificate_of_a_stranger_sends_nothing_and_is_tried_again() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (own, stranger) = (
        Authority::generate("localhost").unwrap(),
        Authority::generate("localhost").unwrap(),
    );
    for trusting in [BY_ENVIRONMENT, BY_FILE] {
        let errand = Errand::new().unwrap();
        let front = runtime
            .block_on(Front::start(&own, errand.recorder.address()))
            .unwrap();
        let mut errand = errand.at(&format!("https://localhost:{}", front.addr().port()));
        let file = |name: &str, authority: &Authority| {
            let path = errand.place.file(name, &authority.ca_pem).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (own, stranger) = (file("own.pem", &own), file("stranger.pem", &stranger));
        let ran = trusting(&mut errand, &stranger);
        assert_eq!(ran.code, Some(75), "{ran:?}");
        assert!(ran.stdout.contains("certificate"), "{ran:?}");
        assert!(errand.recorder.received(Route::Ingest).is_empty());
        let pending = "SELECT count(*) FROM entry WHERE state = 'pending'";
        assert_eq!(errand.number(pending).unwrap(), Some(1));
        errand.assert_lawful().unwrap();

        errand.pass(SignedDuration::from_mins(2)).unwrap();
        let ran = trusting(&mut errand, &own);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(errand.arrived().unwrap(), AMOUNT.parse().unwrap());
    }
}

#[test]
fn the_roots_that_the_file_names_are_the_only_ones_and_a_file_without_any_costs_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (own, stranger) = (
        Authority::generate("localhost").unwrap(),
        Authority::generate("localhost").unwrap(),
    );
    let errand = Errand::new().unwrap();
    let front = runtime
        .block_on(Front::start(&own, errand.recorder.address()))
        .unwrap();
    let mut errand = errand.at(&format!("https://localhost:{}", front.addr().port()));
    let system = errand.place.file("own.pem", &own.ca_pem).unwrap();
    let system = [("SSL_CERT_FILE", system.to_str().unwrap())];
    for (text, code, says) in [
        (stranger.ca_pem.as_str(), 75, "certificate"),
        ("no certificate\n", 78, "it holds no PEM certificate"),
    ] {
        errand.place.file("ca.pem", text).unwrap();
        errand.configure("ca = \"ca.pem\"");
        let ran = errand.run_with(AMOUNT, &system).unwrap();
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(format!("{ran:?}").contains(says), "{ran:?}");
        assert!(errand.recorder.received(Route::Ingest).is_empty());
        errand.assert_lawful().unwrap();
        errand.pass(SignedDuration::from_mins(2)).unwrap();
    }
    errand.configure("");
    let ran = errand.run_with(AMOUNT, &system).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(errand.arrived().unwrap(), AMOUNT.parse().unwrap());
}

#[test]
fn a_provider_that_fails_costs_nothing_that_was_committed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut errand = Errand::new().unwrap();
    assert_eq!(errand.run(AMOUNT).unwrap().code, Some(0));
    let silent = runtime
        .block_on(hostile::Recorder::plain(|_| {
            hostile::Answer::raw(Vec::new(), hostile::Then::Close)
        }))
        .unwrap();
    let settings = format!(
        "act = \"bill\"\nurl = \"http://bill.example\"\ncount = 1\n\n[[allow]]\nhost = \"bill.example\"\npaths = [\"/\"]\n\
         connect-to = \"{}\"\ninsecure-http = true",
        silent.address()
    );
    let ran = Ran::of(&errand.command("errand", &settings).unwrap().output().unwrap());
    assert_eq!(ran.code, Some(69), "{ran:?}");
    errand.assert_completes(AMOUNT).unwrap();
}
