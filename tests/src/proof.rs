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
    provider::golden::{Golden, difference},
};
use aho_corasick::AhoCorasick;
use finops_decimal::Decimal;
use serde_json::{Value, json};
use std::{
    fmt::Debug,
    net::SocketAddr,
    path::{Path, PathBuf},
};

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

/// The records found in a place's books are the expected ones, each as often as it is expected, in whatever order, and every law
/// holds. `what` says which state they are of.
#[track_caller]
pub fn assert_records<R: Ord + Debug>(place: &Place, found: &[R], expected: &[R], what: impl Debug) {
    if let Some(differs) = difference(found, expected) {
        panic!("{what:?}: {differs}");
    }
    assert_laws(place);
}

/// None of these secrets stands in what these runs said, nor in any file below the state directory. `known` is a text that the ledger
/// holds: that the same search finds it there shows that finding no secret means something.
#[track_caller]
pub fn assert_no_leak(place: &Place, secrets: &[&str], said: &[&Ran], known: &str) {
    assert!(!secrets.is_empty() && !said.is_empty() && !known.is_empty());
    for ran in said {
        for text in [&ran.stdout, &ran.stderr] {
            assert_eq!(found_in(text.as_bytes(), secrets), None, "{text}");
        }
    }
    let state = place.state();
    // What was committed last stands in the database's log, until it is moved.
    let ledger = [state.join("ledger.db"), state.join("ledger.db-wal")];
    assert!(ledger[0].is_file(), "no ledger");
    let mut is_searched = false;
    for file in files_below(&state) {
        let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(found_in(&bytes, secrets), None, "{}", file.display());
        is_searched |= ledger.contains(&file) && found_in(&bytes, &[known]).is_some();
    }
    assert!(is_searched, "{known} is not found in the ledger");
}

/// The first of these texts that stands in these bytes.
fn found_in<'t>(bytes: &[u8], texts: &[&'t str]) -> Option<&'t str> {
    let search = AhoCorasick::new(texts).unwrap();
    search.find(bytes).map(|found| texts[found.pattern().as_usize()])
}

#[track_caller]
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => left.push(path),
                false => files.push(path),
            }
        }
    }
    files
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
fn assert_granted(ran: &Ran) {
    assert_done(ran);
    let denied = &ran.json().unwrap()["runs"][0]["egress"]["denied"];
    assert_eq!(denied, &json!([]));
}

/// The text of an example's `simulator.toml`, led to the simulator at this address whose files lie in `secrets/`.
#[track_caller]
fn example(name: &str, simulator: SocketAddr) -> String {
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
fn rules(text: &str) -> Vec<String> {
    let own = ["connect-to =", "ca =", "pause =", "pace ="];
    let lines = text.lines().map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        without_places(line).trim_end().to_owned()
    });
    lines
        .filter(|line| !line.is_empty() && !own.iter().any(|start| line.starts_with(start)))
        .collect()
}

/// The line with `{}` in place of each `{ file = "..." }` or `{ env = "..." }`.
fn without_places(line: &str) -> String {
    let mut parts = line.split("{ file = ").flat_map(|part| part.split("{ env = "));
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str("{}");
        rest.push_str(part.split_once(" }").map_or(part, |(_, after)| after));
    }
    rest
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
    use super::{assert_no_leak, rules};
    use crate::program::{Place, Ran};
    use std::panic::catch_unwind;

    #[test]
    fn of_an_example_all_is_compared_but_addresses_where_secrets_lie_pauses_and_comments() {
        let text = r#"# whose
[settings]
pause = 0         # none here
pace = 0
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
headers = { key = { file = "simulator/key.txt" }, other = { env = "KEY" } } # or another
"#;
        let compared = r#"[settings]
regions = ["one"]
[[allow]]
paths = [
  "/v1/costs",
]
headers = { version = ["1"] }
[credentials.one]
token = {}
headers = { key = {}, other = {} }"#;
        assert_eq!(rules(text).join("\n"), compared);
    }

    #[test]
    fn a_secret_is_found_wherever_it_was_said_or_kept_and_only_where_the_ledger_is_there_to_be_searched() {
        /// Whether it passes with these files in the state directory and this said.
        fn passes(files: &[(&str, &[u8])], stdout: &str, stderr: &str) -> bool {
            catch_unwind(|| {
                let place = Place::new().unwrap();
                std::fs::create_dir_all(place.state().join("runs/1")).unwrap();
                for (name, bytes) in files {
                    place.file(&format!("state/{name}"), bytes).unwrap();
                }
                let ran = Ran {
                    code: Some(0),
                    stdout: stdout.to_owned(),
                    stderr: stderr.to_owned(),
                };
                assert_no_leak(&place, &["s3cret", "t0ken"], &[&ran], "ServiceName");
            })
            .is_ok()
        }
        let ledger: (&str, &[u8]) = ("ledger.db", b"\xffServiceName\xff");
        let other = |bytes| [ledger, ("runs/1/other", bytes)];
        assert!(passes(&other(b"\xff\xfe"), "said", "logged"));
        assert!(!passes(&other(b""), "a t0ken", ""));
        assert!(!passes(&other(b""), "", "as3cret"));
        assert!(!passes(&other(b"\xff\xfes3cret\xff"), "", ""));
        assert!(!passes(&[("ledger.db", b"\xffServiceName\xfft0ken")], "", ""));
        let empty: (&str, &[u8]) = ("ledger.db", b"\xff");
        assert!(!passes(&[empty], "", ""));
        assert!(!passes(&[empty, ("elsewhere", b"ServiceName")], "", ""));
        assert!(passes(&[empty, ("ledger.db-wal", b"ServiceName")], "", ""));
        assert!(!passes(&[("ledger.db-wal", b"ServiceName")], "", ""));
    }
}
