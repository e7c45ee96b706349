//! Clocks that jump by a year between runs, forth and back: nothing waits for the clock to catch up, nothing is sent twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    crash::Errand,
    openfinops::{Outcome, Route, Storage},
};
use jiff::SignedDuration;

const AMOUNT: &str = "12.50";
const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

#[test]
fn a_retry_that_was_set_in_the_future_does_not_wait_a_year() {
    let mut errand = Errand::new().unwrap();
    errand
        .recorder
        .script(Route::Ingest, [Outcome::unavailable(Some("600"))]);
    assert_eq!(errand.run(AMOUNT).unwrap().code, Some(75));
    errand.pass(-YEAR).unwrap();
    let ran = errand.run(AMOUNT).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    errand.assert_lawful().unwrap();
    assert_eq!(errand.arrived().unwrap(), "25".parse().unwrap());
    assert_eq!(errand.wait().unwrap(), None);
}

#[test]
fn a_batch_of_unknown_fate_is_settled_whichever_way_the_clock_goes() {
    for (jump, storage) in [
        (YEAR, Storage::Kept),
        (YEAR, Storage::Lost),
        (-YEAR, Storage::Kept),
        (-YEAR, Storage::Lost),
    ] {
        let mut errand = Errand::new().unwrap();
        errand.recorder.script(Route::Ingest, [Outcome::hang(storage)]);
        assert_eq!(errand.run(AMOUNT).unwrap().code, Some(75));
        errand.pass(jump).unwrap();
        let mut ran = errand.run(AMOUNT).unwrap();
        // A batch that is not there is looked for twice, two minutes apart.
        if ran.code == Some(75) {
            errand.pass(SignedDuration::from_mins(3)).unwrap();
            ran = errand.run(AMOUNT).unwrap();
        }
        assert_eq!(ran.code, Some(0), "{jump:?} {storage:?}: {ran:?}");
        errand.assert_lawful().unwrap();
        assert_eq!(
            errand.arrived().unwrap(),
            "25".parse().unwrap(),
            "{jump:?} {storage:?}"
        );
        assert_eq!(errand.stored_batches(), 2, "{jump:?} {storage:?}");
    }
}

#[test]
fn the_local_time_and_its_changes_do_not_matter() {
    // Around the end of summer time in Europe and its beginning, and before and after a leap second; the clock goes on in a run.
    let instants = [
        "2016-12-31T23:57:00Z",
        "2017-01-01T00:00:00Z",
        "2026-03-29T00:59:59Z",
        "2026-03-29T01:00:00Z",
        "2026-10-25T00:59:59Z",
        "2026-10-25T01:00:00Z",
        "2026-10-25T23:30:00Z",
    ];
    let sent = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"].map(|zone| {
        let mut errand = Errand::new().unwrap();
        for instant in instants {
            errand.set_now(instant.parse().unwrap());
            let ran = errand.run_with(AMOUNT, &[("TZ", zone)]).unwrap();
            assert_eq!(ran.code, Some(0), "{zone}, {instant}: {ran:?}");
        }
        errand.assert_lawful().unwrap();
        let stored = errand.recorder.stored();
        let entries = stored
            .iter()
            .flat_map(|row| row["metrics"]["cost_entries"].as_array().unwrap());
        let entries = entries.map(|entry| (entry["entry_id"].clone(), entry["timestamp"].clone()));
        entries.collect::<Vec<_>>()
    });
    // The day before each: four days in all, and the second reading of a day sends nothing.
    assert_eq!(sent[0].len(), 4, "{:?}", sent[0]);
    assert!(sent.iter().all(|entries| *entries == sent[0]), "{sent:?}");
}

#[test]
fn an_epoch_that_began_in_the_future_does_not_make_its_own_money_look_strange() {
    let mut errand = Errand::new().unwrap();
    errand
        .recorder
        .script(Route::Ingest, [Outcome::unavailable(Some("600"))]);
    assert_eq!(errand.run(AMOUNT).unwrap().code, Some(75));
    errand.pass(-YEAR).unwrap();
    assert_eq!(errand.run(AMOUNT).unwrap().code, Some(0));
    errand.pass(SignedDuration::from_hours(24)).unwrap();
    let ran = errand.run(AMOUNT).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    errand.assert_lawful().unwrap();
}
