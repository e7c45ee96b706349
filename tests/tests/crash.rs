//! Kill -9 at drawn points of every phase of a run, over a destination that answers with a mix of all outcomes.
//! `FINOPS_CRASH_ROUNDS` and `FINOPS_CRASH_SEED` choose another siege; `cargo xtask soak` is a long one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::crash::Siege;
use std::io::Write as _;

const ROUNDS: u64 = 60;
const SEED: u64 = 20_261_126;

#[test]
fn a_program_killed_at_any_point_loses_nothing_invents_nothing_and_sends_the_same_bytes() {
    let chosen = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let rounds = chosen("FINOPS_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let seed = chosen("FINOPS_CRASH_SEED").unwrap_or(SEED);
    let mut siege = Siege::new(seed).unwrap();
    let held = siege.hold(rounds);
    // Past the capture of the test runner: how often each phase was hit is part of the result.
    write!(std::io::stdout(), "{siege}").unwrap();
    held.unwrap();
}
