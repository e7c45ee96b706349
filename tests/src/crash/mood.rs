//! How the destination answers during a siege: a drawn mix of all outcomes that a host can meet.
//! What must hold: it refuses for good (400) just what it always refuses, and calls a body too long only by its length, so
//! that no other money becomes a dead letter.

use super::{bill::REFUSED, chance::Chance};
use crate::openfinops::{Outcome, Route, Storage};

/// The destination's mood.
#[derive(Clone, Debug)]
pub(super) struct Mood {
    chance: Chance,
    /// Per cent of requests that get another answer than the honest one.
    pub(super) moody: u64,
    /// Most entries of a body.
    longest: Option<usize>,
    /// Answers to batches after which the host cannot know whether it was stored.
    pub(super) ambiguous: u64,
}

impl Mood {
    pub(super) fn new(chance: Chance) -> Self {
        Self {
            chance,
            moody: 0,
            longest: None,
            ambiguous: 0,
        }
    }

    /// A new round: so many per cent of requests go wrong.
    pub(super) fn change(&mut self, moody: u64) {
        self.moody = moody;
        let longest = [None, Some(40), Some(12), Some(6)];
        self.longest = match moody {
            0 => None,
            _ => self.chance.one_of(&longest).copied().flatten(),
        };
    }

    /// What happens to a request.
    pub(super) fn outcome(&mut self, route: Route, body: &[u8]) -> Outcome {
        let outcome = match route {
            Route::Ingest if holds(body, REFUSED) > 0 => Outcome::refused(400),
            Route::Ingest
                if self
                    .longest
                    .is_some_and(|most| holds(body, "\"entry_id\"") > most) =>
            {
                Outcome::refused(413)
            }
            _ if !self.chance.percent(self.moody) => Outcome::success(),
            Route::Ingest => self.moody_outcome(),
            Route::Register | Route::Agents | Route::Recent | Route::Health => match self.chance.below(8) {
                0 => Outcome::unavailable(Some("2")),
                1 => Outcome::error(500, Storage::Lost),
                2 => Outcome::cut(Storage::Kept),
                3 => Outcome::reset(Storage::Lost),
                _ => Outcome::success(),
            },
        };
        if route == Route::Ingest && outcome.is_ambiguous() {
            self.ambiguous += 1;
        }
        outcome
    }

    fn moody_outcome(&mut self) -> Outcome {
        let storage = if self.chance.percent(50) {
            Storage::Kept
        } else {
            Storage::Lost
        };
        match self.chance.below(10) {
            0 | 1 => Outcome::error(500, storage),
            2 => Outcome::error(504, storage),
            3 => Outcome::unavailable(Some("30")),
            4 => Outcome::throttled(Some("1000000000")),
            5 => Outcome::reset(storage),
            6 => Outcome::cut(storage),
            7 => Outcome::hang(storage),
            8 => Outcome::login_page(),
            _ => Outcome::status("queued", storage),
        }
    }
}

/// How often a body holds these words.
fn holds(body: &[u8], words: &str) -> usize {
    body.windows(words.len())
        .filter(|window| *window == words.as_bytes())
        .count()
}
