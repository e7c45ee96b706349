//! The outbox's quota: a destination that takes nothing stops new runs, nothing is dropped, and once it takes again the runs
//! begin again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    crash::{Errand, behave},
    openfinops::Outcome,
    program::Ran,
};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Command, Stdio};

const AMOUNT: &str = "12.50";

/// A run whose outbox may hold a few entries' bytes.
fn command(errand: &Errand, interval: &str) -> Command {
    let mut command = errand.command("errand", &behave(AMOUNT)).unwrap();
    let config = errand.place.path().join("errand.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("[collector]", &format!("[collector]\n{interval}"));
    std::fs::write(&config, format!("{text}outbox-quota = \"1KiB\"\n")).unwrap();
    command.args(["--deliver-for", "2s"]);
    command
}

fn runs(errand: &Errand) -> i64 {
    errand
        .number("SELECT count(*) FROM run WHERE ended IS NOT NULL")
        .unwrap()
        .unwrap()
}

/// An errand whose destination has not taken what the first run found.
fn blocked() -> Errand {
    let errand = Errand::new().unwrap();
    errand.recorder.decide(|_, _| Some(Outcome::unavailable(None)));
    let ran = Ran::of(&command(&errand, "").output().unwrap());
    assert_eq!(ran.code, Some(75), "{ran:?}");
    assert_eq!(runs(&errand), 1);
    errand
}

#[test]
fn a_full_outbox_starts_no_run_and_says_what_to_do_and_a_delivered_one_starts_them_again() {
    let mut errand = blocked();
    let ran = Ran::of(&command(&errand, "").output().unwrap());
    assert_eq!(ran.code, Some(75), "{ran:?}");
    assert_eq!(runs(&errand), 1, "nothing was collected");
    let said = ran.json().unwrap();
    let line = said["not_started"].as_str().unwrap();
    assert!(
        line.contains("1 entries wait")
            && line.contains("% of its quota of 1KiB")
            && line.contains("outbox-quota"),
        "{line}"
    );
    assert!(ran.stderr.contains("no run was started"), "{ran:?}");
    errand.assert_lawful().unwrap();

    let status = errand.place.call(&["status", "--json"]).unwrap().json().unwrap();
    let size = &status["outbox_size"];
    assert_eq!(
        (&size["entries"], &size["quota"]),
        (&1.into(), &1024.into()),
        "{size}"
    );
    assert!(size["percent"].as_u64().unwrap() >= 80, "{size}");
    let status = errand.place.call(&["status"]).unwrap();
    assert!(status.stdout.contains("of its quota of 1KiB"), "{status:?}");

    errand.recorder.decide(|_, _| Some(Outcome::success()));
    errand.pass(jiff::SignedDuration::from_mins(16)).unwrap();
    let ran = Ran::of(&command(&errand, "").output().unwrap());
    assert_eq!(ran.code, Some(75), "it delivered instead: {ran:?}");
    assert_eq!((runs(&errand), errand.stored_batches()), (1, 1));
    let ran = Ran::of(&command(&errand, "").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(runs(&errand), 2);
    errand.assert_completes(AMOUNT).unwrap();
}

#[test]
fn with_an_interval_delivery_goes_on_and_the_run_begins_once_there_is_room() {
    let mut errand = blocked();
    errand.recorder.decide(|_, _| Some(Outcome::success()));
    errand.pass(jiff::SignedDuration::from_mins(16)).unwrap();
    let mut child = command(&errand, "interval = \"1s\"")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while runs(&errand) < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::yield_now();
    }
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    child.wait().unwrap();
    errand.assert_completes(AMOUNT).unwrap();
}
