//! A dry run shows what it would send, also of money that no reply speaks of, and changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    crash::{Billed, Line},
    program::Ran,
};
use serde_json::json;

const BILL: [Line<'static>; 2] = [
    ("1", "Compute", "10.25", "USD"),
    ("2", "Storage", "3.000000001", "USD"),
];

/// A dry run, with `count = false` in the operator's file or not.
fn dry(billed: &mut Billed, count: bool) -> Ran {
    let mut command = billed.command().unwrap();
    let file = billed.errand.place.path().join("errand.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let apart = "[collector]\ncount = false";
    let text = if count {
        text
    } else {
        text.replace("[collector]", apart)
    };
    std::fs::write(&file, text).unwrap();
    Ran::of(&command.arg("--dry-run").output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_switching_count_would_send() {
    let mut billed = Billed::new(&BILL).await.unwrap();
    tokio::task::block_in_place(|| {
        billed.assert_delivers().unwrap();
        let stored = billed.errand.recorder.stored();
        let of = |ran: &Ran| ran.json().unwrap()["would_post"].clone();
        assert_eq!(of(&dry(&mut billed, true)), json!([]));
        let apart = dry(&mut billed, false);
        let reversal =
            json!({"destination": "openfinops", "currency": "USD", "entries": 2, "sum": "-13.250000001"});
        assert_eq!(of(&apart), json!([reversal]), "{apart:?}");
        assert_eq!(billed.errand.recorder.stored(), stored);
        billed.errand.assert_lawful().unwrap();
        assert_eq!(
            billed.errand.number("SELECT counts FROM source").unwrap(),
            Some(1)
        );
    });
}
