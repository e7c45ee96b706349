//! Several processes on one state directory, and the end of one: SIGTERM in every state, and the second signal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    crash::{Errand, behave},
    hostile::{Answer, Recorder},
    openfinops::{Event, Outcome, Route, Storage},
    program::Ran,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    process::{Child, Stdio},
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

const AMOUNT: &str = "12.50";
/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(120);
/// What a supervisor grants.
const SHUTDOWN: Duration = Duration::from_secs(25);

/// A provider that never answers, and tells when it is asked.
struct Silent {
    _runtime: tokio::runtime::Runtime,
    server: Recorder,
    asked: mpsc::Receiver<()>,
}

impl Silent {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (tell, asked) = mpsc::channel();
        let tell = Mutex::new(tell);
        let answer = move |_: &_| {
            let _ = tell.lock().unwrap().send(());
            Answer::silence()
        };
        let server = runtime.block_on(Recorder::plain(answer)).unwrap();
        Self {
            _runtime: runtime,
            server,
            asked,
        }
    }

    fn settings(&self) -> String {
        format!(
            "act = \"bill\"\nurl = \"http://bill.example\"\ncount = 1\n\n[[allow]]\nhost = \"bill.example\"\npaths = [\"/\"]\n\
             connect-to = \"{}\"\ninsecure-http = true",
            self.server.address()
        )
    }

    fn is_asked(&self) {
        self.asked.recv_timeout(LONG).unwrap();
    }
}

/// A running program.
struct Running(Child);

impl Running {
    fn start(errand: &Errand, instance: &str, settings: &str, more: &[&str]) -> Self {
        let mut command = errand.command(instance, settings).unwrap();
        command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn signal(&self) {
        let process = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(process, Signal::TERM).unwrap();
    }

    fn end(self) -> Ran {
        Ran::of(&self.0.wait_with_output().unwrap())
    }

    /// Ends it and asserts that this took no longer than it may.
    #[track_caller]
    fn assert_stops(self, what: &str) {
        let since = Instant::now();
        self.signal();
        let ran = self.end();
        assert!(since.elapsed() < SHUTDOWN, "{what}: {:?}", since.elapsed());
        assert_eq!(ran.code, Some(75), "{what}: {ran:?}");
        assert!(ran.stderr.contains("stopping"), "{what}: {ran:?}");
    }
}

/// What the destination is told when an exchange stands so.
fn on(errand: &Errand, event: Event) -> mpsc::Receiver<()> {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    errand.recorder.watch(move |seen| {
        if seen == event {
            let _ = tell.lock().unwrap().send(());
        }
    });
    told
}

#[test]
fn a_second_run_of_an_instance_is_refused_in_one_line_or_waits() {
    let (mut errand, silent) = (Errand::new().unwrap(), Silent::new());
    let first = Running::start(&errand, "errand", &silent.settings(), &[]);
    silent.is_asked();
    let second = errand.run(AMOUNT).unwrap();
    assert_eq!(second.code, Some(69), "{second:?}");
    let said: Vec<&str> = second
        .stderr
        .lines()
        .filter(|line| !line.starts_with('{'))
        .collect();
    assert_eq!(said.len(), 1, "{second:?}");
    assert!(
        said[0].contains("--lock-wait") && said[0].contains("errand"),
        "{second:?}"
    );

    let waiting = Running::start(&errand, "errand", &behave(AMOUNT), &["--lock-wait", "120s"]);
    first.assert_stops("the first of two");
    let ran = waiting.end();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    errand.assert_completes(AMOUNT).unwrap();
}

#[test]
fn two_instances_and_readers_work_beside_a_running_one() {
    let (mut errand, silent) = (Errand::new().unwrap(), Silent::new());
    let first = Running::start(&errand, "first", &silent.settings(), &[]);
    silent.is_asked();
    let ran = errand.run(AMOUNT).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for arguments in [
        &["costs", "--json"][..],
        &["status"],
        &["check", "--ledger"],
        &["destination", "list"],
    ] {
        let ran = errand.place.call(arguments).unwrap();
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        if arguments[0] == "costs" {
            assert_eq!(ran.json().unwrap()["rows"][0]["effective"], "12.5", "{ran:?}");
        }
    }
    first.assert_stops("beside others");
    errand.assert_completes(AMOUNT).unwrap();
}

#[test]
fn a_run_that_waits_for_its_provider_stops_in_time() {
    let (mut errand, silent) = (Errand::new().unwrap(), Silent::new());
    let run = Running::start(&errand, "errand", &silent.settings(), &[]);
    silent.is_asked();
    run.assert_stops("waiting for the provider");
    errand.assert_completes(AMOUNT).unwrap();
}

#[test]
fn a_run_that_sends_stops_in_time() {
    let mut errand = Errand::new().unwrap();
    errand
        .recorder
        .script(Route::Ingest, [Outcome::hang(Storage::Kept)]);
    let arrived = on(&errand, Event::Recorded(Route::Ingest));
    let run = Running::start(&errand, "errand", &behave(AMOUNT), &[]);
    arrived.recv_timeout(LONG).unwrap();
    run.assert_stops("sending");
    errand.recorder.release();
    errand.assert_completes(AMOUNT).unwrap();
    assert_eq!(errand.stored_batches(), 1);
}

#[test]
fn a_run_that_waits_to_try_again_stops_in_time() {
    let mut errand = Errand::new().unwrap();
    errand
        .recorder
        .script(Route::Ingest, [Outcome::unavailable(Some("50"))]);
    let answered = on(&errand, Event::Answered(Route::Ingest));
    let run = Running::start(&errand, "errand", &behave(AMOUNT), &["--deliver-for", "600s"]);
    answered.recv_timeout(LONG).unwrap();
    run.assert_stops("waiting for a retry");
    errand.assert_completes(AMOUNT).unwrap();
}

#[test]
fn a_run_that_computes_stops_in_time() {
    let (mut errand, silent) = (Errand::new().unwrap(), Silent::new());
    // Another instance's first request tells that the guest below has long been started.
    let run = Running::start(&errand, "errand", "act = \"spin\"", &[]);
    let other = Running::start(&errand, "other", &silent.settings(), &[]);
    silent.is_asked();
    let begun = "SELECT count(*) FROM run WHERE instance = 'errand'";
    while errand.number(begun).unwrap() != Some(1) {
        std::thread::yield_now();
    }
    run.assert_stops("computing");
    other.assert_stops("the other");
    errand.assert_completes(AMOUNT).unwrap();
}

/// A run whose end waits for the ledger, which somebody else writes to.
fn kept_waiting(errand: &Errand, silent: &Silent) -> (Running, rusqlite::Connection) {
    let run = Running::start(errand, "errand", &silent.settings(), &[]);
    silent.is_asked();
    let ledger = rusqlite::Connection::open(errand.place.state().join("ledger.db")).unwrap();
    ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
    (run, ledger)
}

#[test]
fn a_run_whose_ledger_is_held_by_another_stops_in_time() {
    let (mut errand, silent) = (Errand::new().unwrap(), Silent::new());
    let (run, ledger) = kept_waiting(&errand, &silent);
    run.assert_stops("waiting for the ledger");
    drop(ledger);
    errand.assert_completes(AMOUNT).unwrap();
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let (mut errand, silent) = (Errand::new().unwrap(), Silent::new());
    let (mut run, ledger) = kept_waiting(&errand, &silent);
    let (tell, told) = mpsc::channel();
    let stderr = run.0.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        use std::io::BufRead as _;
        for line in std::io::BufReader::new(stderr).lines() {
            if line.unwrap().contains("stopping") {
                let _ = tell.send(());
            }
        }
    });
    run.signal();
    told.recv_timeout(LONG).unwrap();
    let since = Instant::now();
    run.signal();
    let ran = run.end();
    // Far less than stopping in order would take.
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    assert_eq!(ran.code, Some(75), "{ran:?}");
    reading.join().unwrap();
    drop(ledger);
    errand.assert_lawful().unwrap();
    errand.assert_completes(AMOUNT).unwrap();
}
