//! What end-to-end tests assert of a run, of its books and of what was forwarded.
//!
//! Like assertions, these functions panic where a test called them, with what was said instead.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use crate::{
    artifacts, books,
    openfinops::Recorder,
    program::{Place, Ran},
    provider::golden::Golden,
};
use finops_decimal::Decimal;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Debug, net::SocketAddr};

/// The program ended well.
#[track_caller]
pub fn assert_done(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// Every law of the ledger holds.
#[track_caller]
pub fn assert_laws(place: &Place) {
    assert_done(&place.call(&["check", "--ledger"]).unwrap());
}

/// A stream's current records are exactly the golden ones, and every law holds. `what` says which state they are of.
#[track_caller]
pub fn assert_golden(place: &Place, stream: &str, golden: &Golden, what: impl Debug) {
    if let Err(differs) = golden.held_by(&place.state(), stream) {
        panic!("{what:?}: {differs}");
    }
    assert_laws(place);
}

/// The records found in a place's books are the expected ones, in whatever order and however often each, and every law holds.
/// `what` says which state they are of.
#[track_caller]
pub fn assert_records<R: Ord + Debug>(place: &Place, found: &[R], expected: &[R], what: impl Debug) {
    let (found, expected): (BTreeSet<_>, BTreeSet<_>) = (found.iter().collect(), expected.iter().collect());
    let missing: Vec<_> = expected.difference(&found).take(3).collect();
    let surplus: Vec<_> = found.difference(&expected).take(3).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "{what:?}\nmissing {missing:#?}\nsurplus {surplus:#?}"
    );
    assert_laws(place);
}

/// What the ledger did with the records of the first run.
#[must_use]
#[track_caller]
pub fn receipts(ran: &Ran) -> Value {
    ran.json().unwrap()["runs"][0]["counts"]["receipts"].clone()
}

/// The sum of [`books::billed`], where there is something and all of it is in this currency.
#[must_use]
#[track_caller]
pub fn billed_in(currency: &str, place: &Place, stream: &str, period: (&str, &str)) -> Decimal {
    let sums = books::billed(&place.state(), stream, period).unwrap();
    assert!(sums.keys().eq([currency]), "{period:?}: {sums:?}");
    sums[currency]
}

/// The run was done, and nothing that it asked for was denied.
#[track_caller]
pub fn assert_granted(ran: &Ran) {
    assert_done(ran);
    let denied = &ran.json().unwrap()["runs"][0]["egress"]["denied"];
    assert_eq!(denied, &json!([]));
}

/// The text of an example's `simulator.toml`, led to the simulator at this address whose files lie in `secrets/`.
#[must_use]
#[track_caller]
pub fn example(name: &str, simulator: SocketAddr) -> String {
    example_file(name, "simulator")
        .replace("127.0.0.1:8443", &simulator.to_string())
        .replace("simulator/", "secrets/")
}

/// The [`example`] of this name grants all that its run needs, and the example for the real provider grants the same: line for line
/// but for addresses, where secrets lie, pauses and comments. `run` makes a run of the operator's file that it is given.
#[track_caller]
pub fn assert_example_grants(name: &str, simulator: SocketAddr, run: impl FnOnce(&str) -> Ran) -> Ran {
    let ran = run(&example(name, simulator));
    assert_granted(&ran);
    let (real, simulated) = (example_file(name, name), example_file(name, "simulator"));
    assert_eq!(rules(&real), rules(&simulated));
    ran
}

#[track_caller]
fn example_file(example: &str, name: &str) -> String {
    let path = artifacts::root().join(format!("examples/{example}/{name}.toml"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of an operator's file that have to be the same for a provider and for its simulator.
fn rules(text: &str) -> Vec<&str> {
    let own = ["connect-to =", "ca =", "pause ="];
    let lines = text.lines().map(|line| {
        let marks = ["#", "{ file = ", "{ env = "];
        let end = marks.iter().filter_map(|mark| line.find(mark)).min();
        line.split_at(end.unwrap_or(line.len())).0.trim_end()
    });
    lines
        .filter(|line| !line.is_empty() && !own.iter().any(|start| line.starts_with(start)))
        .collect()
}

/// Every entry that a recorder has stored, in the order of arrival.
#[must_use]
#[track_caller]
pub fn forwarded_entries(recorder: &Recorder) -> Vec<Value> {
    let mut entries = Vec::new();
    for body in recorder.stored() {
        entries.extend_from_slice(body["metrics"]["cost_entries"].as_array().unwrap());
    }
    entries
}

/// The exact amount of an entry.
#[must_use]
#[track_caller]
pub fn forwarded_amount(entry: &Value) -> Decimal {
    let amount = entry["tags"]["finops_host.amount"].as_str().unwrap();
    amount.parse().unwrap()
}

/// What all entries that a recorder has stored add up to.
#[must_use]
#[track_caller]
pub fn forwarded(recorder: &Recorder) -> Decimal {
    Decimal::sum(forwarded_entries(recorder).iter().map(forwarded_amount)).unwrap()
}

#[cfg(test)]
mod tests {
    use super::rules;

    #[test]
    fn of_an_example_all_is_compared_but_addresses_where_secrets_lie_pauses_and_comments() {
        let text = r#"# whose
[settings]
pause = 0         # none here
regions = ["one"] # which

[[allow]]
paths = [
  "/v1/costs",
]
headers = { version = ["1"] }
connect-to = "127.0.0.1:8443"
ca = "simulator/ca.pem"

[credentials.one]
token = { env = "TOKEN" }
headers = { key = { file = "simulator/key.txt" } } # or another
"#;
        let compared = r#"[settings]
regions = ["one"]
[[allow]]
paths = [
  "/v1/costs",
]
headers = { version = ["1"] }
[credentials.one]
token =
headers = { key ="#;
        assert_eq!(rules(text).join("\n"), compared);
    }
}
