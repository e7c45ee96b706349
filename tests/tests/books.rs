//! The operator's word on the books, through the real program: freeze, retire, keep apart, look back, price anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts, books,
    hostile::Act,
    program::{Place, Ran},
};
use serde_json::Value;

/// A ledger that one guest writes.
struct Books(Place);

impl Books {
    fn new() -> Self {
        Self(Place::new().unwrap())
    }

    /// Runs an act with further arguments and lines of `[collector]`.
    fn run_with(&self, act: &Act, collector: &str, more: &[&str]) -> Ran {
        let text = act
            .operators_file()
            .replace("[collector]\n", &format!("[collector]\n{collector}\n"));
        let config = self.0.file("operator.toml", text).unwrap();
        let wasm = artifacts::guest("hostile").unwrap();
        let mut command = self.0.command().unwrap();
        command
            .arg("run")
            .arg(wasm)
            .arg("--config")
            .arg(config)
            .arg("--json")
            .args(more);
        Ran::of(&command.output().unwrap())
    }

    #[track_caller]
    fn run(&self, act: &Act) {
        let ran = self.run_with(act, "look-back = 30", &[]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }

    fn call(&self, arguments: &[&str]) -> Ran {
        self.0.call(arguments).unwrap()
    }

    /// A call that must end so, and what it said.
    #[track_caller]
    fn says(&self, code: i32, arguments: &[&str]) -> String {
        let ran = self.call(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        format!("{}{}", ran.stdout, ran.stderr)
    }

    fn costs(&self, more: &[&str]) -> Value {
        self.call(&[&["costs", "--json"], more].concat()).json().unwrap()
    }

    /// The effective total in USD; the laws hold.
    #[track_caller]
    fn total(&self, more: &[&str]) -> Option<String> {
        self.says(0, &["check", "--ledger"]);
        let total = self.costs(more);
        total["totals"]["USD"]["effective"].as_str().map(str::to_owned)
    }
}

/// A day's money of an account: so many days before yesterday.
fn day(account: &str, days: i64, amount: &str) -> Act {
    Act::new("write-day")
        .set("account", account)
        .set("count", days)
        .set("amount", amount)
}

#[test]
fn a_frozen_source_keeps_its_money_and_a_retired_one_leaves_it_behind() {
    let books = Books::new();
    let total = |wanted: Option<&str>| assert_eq!(books.total(&[]).as_deref(), wanted);
    books.run(&day("one", 0, "5"));
    books.run(&day("other", 0, "0.25"));
    books.says(0, &["ledger", "freeze", "hostile/one"]);
    let refused = books.run_with(&day("one", 0, "6"), "", &[]);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stdout.contains("ledger unfreeze"), "{refused:?}");
    total(Some("5.25"));
    books.says(0, &["ledger", "unfreeze", "hostile/one"]);
    books.run(&day("one", 0, "6"));
    total(Some("6.25"));
    let told = books.says(0, &["ledger", "retire", "hostile/one"]);
    assert!(
        told.contains("1 records no longer count") && told.contains("-6 USD"),
        "{told}"
    );
    total(Some("0.25"));
    assert_eq!(books.run_with(&day("one", 0, "7"), "", &[]).code, Some(78));
    let status = books.says(0, &["status"]);
    assert!(status.contains("retired, frozen"), "{status}");
    for (arguments, words) in [
        (vec!["ledger", "unfreeze", "hostile/one"], "was retired"),
        (vec!["ledger", "freeze", "hostile/nobody"], "no source"),
        (
            vec!["ledger", "retire", "hostile/other", "--stream", "none"],
            "no stream none",
        ),
        (
            vec![
                "ledger",
                "retire",
                "hostile/other",
                "--stream",
                "spend",
                "--in-favour-of",
                "none",
            ],
            "no collector",
        ),
    ] {
        let said = books.says(78, &arguments);
        assert!(said.contains(words), "{said}");
    }
    books.says(
        2,
        &["ledger", "retire", "hostile/other", "--in-favour-of", "spend"],
    );
    books.says(2, &["ledger", "freeze", "other"]);
    books.says(0, &["ledger", "retire", "hostile/other", "--stream", "spend"]);
    total(None);
}

#[test]
fn a_source_that_is_no_longer_reported_is_told_with_what_to_do() {
    let books = Books::new();
    books.run(&day("gone", 0, "5"));
    for _ in 0..2 {
        books.run(&day("here", 0, "1"));
    }
    assert!(!books.says(0, &["status"]).contains("No longer reported"));
    books.run(&day("here", 0, "1"));
    let status = books.says(0, &["status"]);
    for words in [
        "No longer reported",
        "ledger freeze hostile/gone",
        "ledger retire hostile/gone",
    ] {
        assert!(status.contains(words), "{status}");
    }
    let json = books.call(&["status", "--json"]).json().unwrap();
    assert_eq!(json["orphans"][0]["source"]["billing_account"], "gone");
    books.says(0, &["ledger", "freeze", "hostile/gone"]);
    assert!(!books.says(0, &["status"]).contains("No longer reported"));
    assert_eq!(books.total(&[]).as_deref(), Some("6"));
}

#[test]
fn money_that_is_on_another_bill_is_kept_apart_and_comes_back() {
    let books = Books::new();
    // Nobody listens there: entries wait.
    let away = "[openfinops]\nendpoint = \"http://127.0.0.1:9\"";
    let run = |amount: &str, collector: &str| {
        let ran = books.run_with(
            &day("one", 0, amount).with(away),
            collector,
            &["--deliver-for", "0s"],
        );
        assert_eq!(ran.code, Some(75), "{ran:?}");
    };
    let waiting = || {
        let ledger = books::open(&books.0.state()).unwrap();
        let mut statement = ledger.prepare("SELECT amount FROM entry ORDER BY id").unwrap();
        let amounts = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        amounts.map(Result::unwrap).collect::<Vec<_>>()
    };
    run("5", "");
    run("5", "count = false");
    assert_eq!(books.total(&[]), None);
    assert_eq!(waiting(), ["5", "-5"]);
    run("6", "count = false");
    assert_eq!(waiting(), ["5", "-5"]);
    assert_eq!(books.costs(&["--all"])["apart"][0]["effective"], "6");
    assert!(books.says(0, &["costs"]).contains("--all"));
    assert!(books.says(0, &["costs", "--all"]).contains("Kept apart"));
    assert!(books.says(0, &["status"]).contains("kept apart"));
    run("6", "count = true");
    assert_eq!(books.total(&[]).as_deref(), Some("6"));
    assert_eq!(waiting(), ["5", "-5", "6"]);
}

#[test]
fn a_past_day_is_shown_as_it_was_told_then() {
    let mut books = Books::new();
    books.run(&day("one", 0, "5"));
    books.0.set_now("2026-08-04T12:00:00Z");
    books.run(&day("one", 1, "7"));
    books.0.set_now("2026-08-06T12:00:00Z");
    books.run(&day("one", 3, "6.5"));
    for (as_of, wanted) in [
        ("2026-08-03", "5"),
        ("2026-08-04", "7"),
        ("2026-08-05", "7"),
        ("2026-08-06", "6.5"),
    ] {
        let total = books.total(&["--as-of", as_of]);
        assert_eq!(total.as_deref(), Some(wanted), "{as_of}");
        assert_eq!(books.costs(&["--as-of", as_of])["as_of"], as_of);
    }
    assert_eq!(books.total(&[]).as_deref(), Some("6.5"));
    assert!(
        books
            .says(0, &["costs", "--as-of", "2026-08-03"])
            .contains("by the end of 2026-08-03")
    );
    let early = books.says(2, &["costs", "--as-of", "2026-08-02"]);
    assert!(
        early.contains("before this ledger began: its first commit was at 2026-08-03T12"),
        "{early}"
    );
    assert!(
        books
            .says(2, &["costs", "--as-of", "2026-08-07"])
            .contains("has not come yet")
    );
}

#[test]
fn another_price_in_the_settings_changes_the_past_only_if_it_is_asked_to() {
    let books = Books::new();
    let priced = |amount: &str, card: &str| Act::new("priced-day").set("amount", amount).set("text", card);
    books.run(&priced("30", "price@default"));
    let newer = priced("31", "price@2026-08-01");
    for more in [&["--dry-run"][..], &[]] {
        let held = books.run_with(&newer, "", more);
        assert_eq!(held.code, Some(69), "{held:?}");
        let reason = held.json().unwrap()["held"][0]["reason"].to_string();
        assert!(
            reason.contains("30 to 31 USD") && reason.contains("--reprice"),
            "{reason}"
        );
    }
    assert_eq!(books.total(&[]).as_deref(), Some("30"));
    let previewed = books.run_with(&newer, "", &["--dry-run", "--reprice"]);
    assert_eq!(previewed.code, Some(0), "{previewed:?}");
    assert_eq!(
        previewed.json().unwrap()["runs"][0]["counts"]["receipts"]["revised"],
        1
    );
    assert_eq!(books.total(&[]).as_deref(), Some("30"));
    assert_eq!(books.run_with(&newer, "", &["--reprice"]).code, Some(0));
    assert_eq!(books.total(&[]).as_deref(), Some("31"));
    assert!(books.says(0, &["ledger", "review"]).contains("no commit is held"));
}

#[test]
fn the_operator_says_how_far_back_is_read_and_how_much_may_fall_unasked() {
    let books = Books::new();
    books.run(&day("one", 9, "100"));
    let held = |amount: &str, collector: &str| {
        let ran = books.run_with(&day("one", 9, amount), collector, &[]);
        match ran.code {
            Some(0) => None,
            Some(69) => Some(ran.json().unwrap()["held"][0]["reason"].to_string()),
            _ => panic!("{ran:?}"),
        }
    };
    let far = |more: &str| format!("look-back = 30\n{more}");
    assert!(held("79", &far("")).unwrap().contains("more than 20 %"));
    assert_eq!(held("79", &far("hold-above = 30")), None);
    assert!(
        held("78", &far("hold-above = 1"))
            .unwrap()
            .contains("more than 1 %")
    );
    let unasked = held("90", "").unwrap();
    assert!(
        unasked.contains("older than the look-back"),
        "the stream's own is a day: {unasked}"
    );
    assert_eq!(held("90", "look-back = 11"), None);
    assert_eq!(books.total(&[]).as_deref(), Some("90"));
}
