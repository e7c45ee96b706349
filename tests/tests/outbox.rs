//! The operator's side of delivery, through the program: dead letters, gaps and what repairs them, other currencies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    openfinops::{Outcome, Recorder, Route, Storage},
    program::Ran,
    snowflake::golden::{self, State},
    stage::{Stage, config},
};
use serde_json::Value;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

/// A stage, and the recording destination that it delivers to.
struct World {
    stage: Stage,
    recorder: Recorder,
}

impl World {
    async fn new() -> Self {
        let recorder = Recorder::start().unwrap();
        let mut stage = Stage::new("", "").await.unwrap();
        stage.go_to(State::Initial).unwrap();
        let world = Self { stage, recorder };
        world.live_at(State::Initial);
        world.configure("");
        world
    }

    fn live_at(&self, state: State) {
        self.recorder.set_now(state.now().unwrap().as_second());
    }

    /// Writes the operator's file with these lines more under `[openfinops]`.
    fn configure(&self, more: &str) {
        let section = format!("[openfinops]\nendpoint = \"{}\"\n{more}", self.recorder.url());
        self.stage
            .configure(&config(&self.stage.simulator, "", &section))
            .unwrap();
    }

    /// The destination refuses the entry that it sees first, until the switch is turned.
    fn refuse_one(&self) -> Arc<AtomicBool> {
        let refusing = Arc::new(AtomicBool::new(true));
        let (switch, bad) = (Arc::clone(&refusing), Mutex::new(None::<String>));
        self.recorder.decide(move |route, body| {
            if route != Route::Ingest || !switch.load(Ordering::SeqCst) {
                return None;
            }
            let body: Value = serde_json::from_slice(body).unwrap();
            let ids: Vec<&str> = entries_of(&body)
                .iter()
                .map(|entry| entry["entry_id"].as_str().unwrap())
                .collect();
            let mut bad = bad.lock().unwrap();
            let bad = bad.get_or_insert_with(|| ids[0].to_owned());
            ids.contains(&bad.as_str()).then(|| Outcome::refused(400))
        });
        refusing
    }

    #[track_caller]
    fn collect(&self, code: i32) -> Ran {
        let ran = self.stage.collect().unwrap();
        assert_eq!(ran.code, Some(code), "{ran:?}");
        ran
    }

    /// Calls the program; says what it printed.
    #[track_caller]
    fn call(&self, arguments: &[&str], code: i32) -> Ran {
        let ran = self.stage.place.call(arguments).unwrap();
        assert_eq!(ran.code, Some(code), "{ran:?}");
        ran
    }

    /// Entries in a state, as `outbox list --json` tells of them.
    #[track_caller]
    fn listed(&self, state: &str) -> Vec<Value> {
        let ran = self.call(
            &["outbox", "list", "--state", state, "--limit", "100000", "--json"],
            0,
        );
        ran.json().unwrap()["entries"].as_array().unwrap().clone()
    }

    fn stored(&self) -> Vec<Value> {
        self.recorder
            .stored()
            .iter()
            .flat_map(|body| entries_of(body).clone())
            .collect()
    }

    /// The sum of all that the destination stored; no entry may be there twice.
    #[track_caller]
    fn stored_sum(&self) -> Decimal {
        let stored = self.stored();
        let ids: std::collections::BTreeSet<&str> = stored
            .iter()
            .map(|entry| entry["entry_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), stored.len(), "an entry is there twice");
        Decimal::sum(stored.iter().map(amount)).unwrap()
    }
}

fn entries_of(body: &Value) -> &Vec<Value> {
    body["metrics"]["cost_entries"].as_array().unwrap()
}

fn amount(entry: &Value) -> Decimal {
    entry["tags"]["finops_host.amount"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn total(state: State) -> Decimal {
    golden::totals(state).unwrap().counted["USD"]
}

fn minus(one: Decimal, other: Decimal) -> Decimal {
    one.checked_sub(other).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_listed_shown_and_delivered_once_when_retried() {
    let world = World::new().await;
    let refusing = world.refuse_one();
    world.collect(0);
    let dead = world.listed("dead");
    let [entry] = dead.as_slice() else {
        panic!("{dead:?}");
    };
    let id = entry["entry_id"].as_str().unwrap();
    let missing: Decimal = entry["amount"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.stored_sum(), minus(total(State::Initial), missing));

    // People find it by the twelve digits that the list shows.
    let short = &id[..12];
    let list = world.call(&["outbox", "list"], 0).stdout;
    assert!(list.contains(short) && list.contains("400"), "{list}");
    let shown = world.call(&["outbox", "show", short], 0).stdout;
    for part in [id, "dead", "400", "charge_start", "snowflake/"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let status = world.call(&["status"], 0).stdout;
    assert!(
        status.contains("openfinops lacks 1 entries") && status.contains("--state dead"),
        "{status}"
    );

    // Refused again, it is dead again; taken, it is there under the same id.
    assert!(
        world
            .call(&["outbox", "retry", short], 0)
            .stdout
            .contains("1 entries wait again")
    );
    world.collect(0);
    assert_eq!(world.listed("dead").len(), 1);
    refusing.store(false, Ordering::SeqCst);
    world.call(&["outbox", "retry", "--all", "--destination", "openfinops"], 0);
    world.collect(0);
    assert_eq!(world.listed("dead"), [Value::Null; 0]);
    assert_eq!(world.stored_sum(), total(State::Initial));
    assert!(world.stored().iter().any(|entry| entry["entry_id"] == id));
    let nothing = world.call(&["outbox", "retry", "--all"], 0).stdout;
    assert!(nothing.contains("no entry is dead"), "{nothing}");
    world.call(&["check", "--ledger"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_entry_is_a_gap_that_is_told_until_rebase_repairs_it() {
    let mut world = World::new().await;
    let refusing = world.refuse_one();
    world.collect(0);
    let id = world.listed("dead")[0]["entry_id"].as_str().unwrap().to_owned();
    world.call(&["outbox", "drop", &id], 2);
    world.call(
        &["outbox", "drop", &id, "--why", "the server takes no such region"],
        0,
    );
    let dropped = world.listed("dropped");
    let reason = dropped[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("the server takes no such region (dropped by"),
        "{reason}"
    );
    let missing: Decimal = dropped[0]["amount"].as_str().unwrap().parse().unwrap();
    let expected = minus(total(State::Initial), missing);

    // The gap stands, and the laws hold in spite of it.
    world.collect(0);
    assert_eq!(world.stored_sum(), expected);
    for command in [&["status"][..], &["check", "--ledger"]] {
        let text = world.call(command, 0).stdout;
        let gap = format!("openfinops lacks 1 entries, {missing} USD");
        assert!(
            text.contains(&gap) && text.contains("destination rebase openfinops"),
            "{text}"
        );
    }

    // The rebase posts what is missing and nothing else, and a later restatement just its difference.
    refusing.store(false, Ordering::SeqCst);
    let said = world.call(&["destination", "rebase"], 0).stdout;
    assert!(
        said.contains("epoch 2") && said.contains("1 are posted"),
        "{said}"
    );
    let before = world.stored().len();
    world.collect(0);
    assert_eq!(world.stored().len(), before + 1);
    assert_eq!(world.stored_sum(), total(State::Initial));
    let check = world.call(&["check", "--ledger"], 0).stdout;
    assert!(!check.contains("lacks"), "{check}");
    world.stage.go_to(State::Restated).unwrap();
    world.live_at(State::Restated);
    world.collect(0);
    assert_eq!(world.stored_sum(), total(State::Restated));
    assert_eq!(world.listed("pending,held,ambiguous,dead"), [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_or_may_have_arrived_is_neither_dropped_nor_rebased() {
    let world = World::new().await;
    world.collect(0);
    let settled = world.listed("settled")[0]["entry_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = world.call(&["outbox", "drop", &settled, "--why", "x"], 69).stderr;
    assert!(refused.contains("the destination has it"), "{refused}");
    world.call(&["outbox", "retry", &settled], 69);
    let unknown = world.call(&["outbox", "show", "0123456789abcdef0123"], 78).stderr;
    assert!(unknown.contains("outbox list"), "{unknown}");
    world.call(&["outbox", "list", "--destination", "elsewhere"], 78);
    world.call(&["destination", "rebase", "elsewhere"], 78);
    assert_eq!(
        world.call(&["outbox", "list"], 0).stdout.trim(),
        "no entry is pending or held or ambiguous or dead"
    );
    world.call(&["outbox", "list", "--state", "lost"], 2);

    // A batch whose answer was no answer.
    let world = World::new().await;
    world
        .recorder
        .script(Route::Ingest, [Outcome::status("queued", Storage::Kept)]);
    world.collect(69);
    let sent = world.listed("ambiguous")[0]["entry_id"]
        .as_str()
        .unwrap()
        .to_owned();
    for command in [
        &["outbox", "drop", &sent, "--why", "x"][..],
        &["destination", "rebase"],
    ] {
        let said = world.call(command, 69).stderr;
        assert!(said.contains("may have arrived"), "{said}");
    }
    // Once it is known, nothing is missing and nothing is there twice.
    world.collect(0);
    world.call(&["destination", "rebase"], 0);
    world.collect(0);
    assert_eq!(world.stored_sum(), total(State::Initial));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_server_is_filled_again_and_only_on_the_operators_word() {
    let mut world = World::new().await;
    world.collect(0);
    world.recorder.wipe();
    // Nobody told the ledger: what was settled stays settled, and the run's events are sent.
    world.collect(0);
    assert_eq!(world.stored().len(), 0);
    let said = world.call(&["destination", "rebase", "--emptied"], 69).stderr;
    assert!(said.contains("sent to again since"), "{said}");

    // As the error says: nothing is sent between emptying and rebasing.
    world.call(&["destination", "pause"], 0);
    world.recorder.wipe();
    world.call(&["destination", "rebase", "--emptied"], 0);
    world.call(&["destination", "resume"], 0);
    world.collect(0);
    assert_eq!(world.stored_sum(), total(State::Initial));
    assert_eq!(world.recorder.agents().len(), 1, "it was registered again");

    // A word that is wrong, or that cannot be proved, changes nothing.
    let said = world.call(&["destination", "rebase", "--emptied"], 69).stderr;
    assert!(said.contains("if it was not emptied"), "{said}");
    world.recorder.refuse();
    let said = world.call(&["destination", "rebase", "--emptied"], 69).stderr;
    assert!(said.contains("once it answers"), "{said}");
    world.recorder.listen().unwrap();
    world.collect(0);
    assert_eq!(world.stored_sum(), total(State::Initial));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_gains_nothing_by_a_rebase() {
    let world = World::new().await;
    world.collect(0);
    std::fs::remove_dir_all(world.stage.place.state()).unwrap();
    world.collect(78);
    world.call(&["destination", "rebase"], 0);
    world.collect(78);
    assert_eq!(world.stored_sum(), total(State::Initial));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_currency_is_held_and_told_until_the_operator_has_it_sent() {
    let world = World::new().await;
    world.configure("currency = \"EUR\"");
    world.collect(0);
    assert_eq!(world.stored().len(), 0);
    let held = world.listed("held");
    assert!(held.len() > 1 && held.iter().all(|entry| entry["currency"] == "USD"));
    let status = world.call(&["status"], 0).stdout;
    assert!(status.contains("other-currencies = \"send\""), "{status}");
    let list = world.call(&["outbox", "list", "--limit", "1"], 0).stdout;
    assert!(list.contains(&format!("and {} more", held.len() - 1)), "{list}");

    world.configure("currency = \"EUR\"\nother-currencies = \"send\"");
    world.collect(0);
    assert_eq!(world.stored_sum(), total(State::Initial));
    assert!(world.stored().iter().all(|entry| entry["currency"] == "USD"));
}
