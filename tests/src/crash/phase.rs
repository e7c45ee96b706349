//! The phases of a run that a siege aims at, and how each is aimed at.

use super::{
    chance::Chance,
    watcher::{Aim, Moment},
};
use crate::openfinops::{Event, Route};
use std::{fmt, time::Duration};

/// Where the program stood when it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    BeforeTheFirstRequest,
    WhilePagesAreRead,
    WhileRecordsAreStaged,
    InCommit,
    BetweenCommits,
    WhileABatchIsSealed,
    WhileItIsSent,
    StoredAndNotAnswered,
    InSettling,
    /// Aimed at by none, and hit now and then.
    WhileItIsLookedUp,
}

impl Phase {
    /// Those that must be hit.
    pub(super) const AIMED_AT: [Self; 9] = [
        Self::BeforeTheFirstRequest,
        Self::WhilePagesAreRead,
        Self::WhileRecordsAreStaged,
        Self::InCommit,
        Self::BetweenCommits,
        Self::WhileABatchIsSealed,
        Self::WhileItIsSent,
        Self::StoredAndNotAnswered,
        Self::InSettling,
    ];

    /// Whether the program must have something to send for it.
    pub(super) fn is_of_delivery(self) -> bool {
        self >= Self::WhileABatchIsSealed
    }

    /// When to kill so that it is likely hit: a moment, after some of its kind, and a little later.
    pub(super) fn aim(self, chance: &mut Chance, parts: u64) -> Aim {
        let (at, skip, micros) = match self {
            Self::BeforeTheFirstRequest => (Moment::Started, 0, 60_000),
            Self::WhilePagesAreRead => (Moment::Asked, 2 * parts, 500),
            Self::WhileRecordsAreStaged => (Moment::Written, 2 * parts, 200),
            Self::InCommit => (Moment::Committing, parts, 6_000),
            Self::BetweenCommits => (Moment::Committed, parts - 1, 200),
            Self::WhileABatchIsSealed => match chance.below(3) {
                0 => (Moment::Collected, 0, 10_000),
                1 => (Moment::Delivery(Event::Begun(Route::Agents)), 0, 0),
                _ => (Moment::Delivery(Event::Recorded(Route::Agents)), 0, 2_000),
            },
            Self::WhileItIsSent => (Moment::Delivery(Event::Begun(Route::Ingest)), 4, 0),
            Self::StoredAndNotAnswered => (Moment::Delivery(Event::Recorded(Route::Ingest)), 4, 0),
            Self::InSettling => (Moment::Delivery(Event::Answered(Route::Ingest)), 2, 400),
            Self::WhileItIsLookedUp => (Moment::Delivery(Event::Begun(Route::Recent)), 0, 0),
        };
        Aim {
            at,
            skip: chance.below(skip),
            delay: Duration::from_micros(chance.below(micros)),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforeTheFirstRequest => "before the first request",
            Self::WhilePagesAreRead => "while pages are read",
            Self::WhileRecordsAreStaged => "while records are staged",
            Self::InCommit => "in commit",
            Self::BetweenCommits => "between commits",
            Self::WhileABatchIsSealed => "while a batch is sealed",
            Self::WhileItIsSent => "while it is sent",
            Self::StoredAndNotAnswered => "after the server stored it and before the reply",
            Self::InSettling => "in settling",
            Self::WhileItIsLookedUp => "while it is looked up",
        })
    }
}
