//! Shared by the three families: the guest whose attack is written over its bytes, and what must hold after each attack.

mod bytes;
mod describe;
mod generated;
mod random;
mod shapes;
mod watched;

use finops_tests::{
    artifacts,
    program::{Place, Ran},
};
use std::fs;

/// The guest with this attack written over its own.
fn describer(attack: &str) -> Vec<u8> {
    const MARK: &[u8] = b"ATTACK=none............";
    let mut bytes = fs::read(artifacts::guest("describer").unwrap()).unwrap();
    let at: Vec<usize> = (0..bytes.len() - MARK.len())
        .filter(|&at| bytes[at..].starts_with(MARK))
        .collect();
    assert_eq!(at.len(), 1, "the mark stands once in the component");
    let named = format!("ATTACK={attack:.<16}");
    bytes[at[0]..at[0] + MARK.len()].copy_from_slice(named.as_bytes());
    bytes
}

fn inspect(place: &Place, bytes: &[u8]) -> Ran {
    place.file("c.wasm", bytes).unwrap();
    place.call(&["inspect", "c.wasm", "--json"]).unwrap()
}

/// Asserts that it was refused as a bad collector in these words, and that the next one is served.
#[track_caller]
fn assert_refused(place: &Place, ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, Some(65), "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is not said: {ran:?}");
    }
    assert!(ran.stderr.len() < 64 << 10, "{} bytes are said", ran.stderr.len());
    // What the bytes show is shown all the same.
    assert!(ran.json().unwrap()["descriptor"].is_null(), "{ran:?}");
    let honest = inspect(place, &describer("none"));
    assert_eq!(honest.code, Some(0), "{honest:?}");
    assert_eq!(honest.json().unwrap()["descriptor"]["name"], "describer");
}

/// On a machine that is busy otherwise, the 5 s of wall clock pass before the 2 s of CPU time.
#[track_caller]
fn assert_out_of_time(ran: &Ran) {
    let said = &ran.stderr;
    assert!(
        said.contains("2s of CPU time") || said.contains("more than 5s"),
        "{said}"
    );
}
