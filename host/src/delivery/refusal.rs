//! Finding the entry that a destination refuses: how much of a source the next batch may carry, and when to stop trying.
//! Pure, and kept in memory only: after a restart the search begins anew.
//!
//! A refused batch is cut down to the one entry at fault: first its observations and events are taken out, then it is
//! halved. Batches that begin with the same entry are parts of each other; three others refused in a row mean that the
//! destination refuses everything.

use crate::ledger::outbox::{Batch, Extras, Share, SourceRow};
use std::collections::BTreeMap;

/// Different batches refused in a row that pause the destination.
const STREAK: usize = 3;

/// Why a batch was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The destination cannot read it.
    Rejected,
    /// It is too long.
    TooLarge,
}

/// What to do with a refused batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it apart; a smaller part comes next.
    Dissolve,
    /// Its only entry is at fault.
    DeadLetter,
    /// It carries only observations and events: give them up.
    GiveUpExtras,
    /// Not this batch is at fault: pause the destination.
    Pause,
}

/// The search so far.
#[derive(Clone, Debug, Default)]
pub struct Search {
    shares: BTreeMap<SourceRow, Share>,
    /// Entries that were not too many for the destination.
    ceilings: BTreeMap<SourceRow, usize>,
    /// The first entry of each refused batch since the last that was taken, each once.
    refused: Vec<(SourceRow, Option<i64>)>,
}

impl Search {
    /// Shares of the sources that may not fill a batch.
    #[must_use]
    pub fn shares(&self) -> &BTreeMap<SourceRow, Share> {
        &self.shares
    }

    /// A batch was refused.
    pub fn refused(&mut self, batch: &Batch, fault: Fault) -> Verdict {
        let count = batch.entries.len();
        // A batch that is too long says nothing of the next, unless it cannot be made shorter.
        if fault == Fault::Rejected || count <= 1 && batch.extras == Extras::Without {
            let begins = (batch.source.id, batch.entries.first().copied());
            if !self.refused.contains(&begins) {
                self.refused.push(begins);
            }
            if self.refused.len() >= STREAK {
                return Verdict::Pause;
            }
        }
        let share = match (count, batch.extras) {
            (0, _) => return Verdict::GiveUpExtras,
            (1, Extras::Without) => {
                self.shares.remove(&batch.source.id);
                self.ceilings.remove(&batch.source.id);
                return Verdict::DeadLetter;
            }
            (count, Extras::With) => count,
            (count, Extras::Without) => count / 2,
        };
        if fault == Fault::TooLarge {
            self.ceilings.insert(batch.source.id, share);
        }
        self.shares.insert(
            batch.source.id,
            Share {
                entries: share,
                extras: Extras::Without,
            },
        );
        Verdict::Dissolve
    }

    /// A batch was taken: the source may send twice as much, up to `most`.
    pub fn taken(&mut self, batch: &Batch, most: usize) {
        self.refused.clear();
        if batch.entries.is_empty() {
            self.shares.remove(&batch.source.id);
        }
        if let Some(share) = self.shares.get_mut(&batch.source.id) {
            let ceiling = self.ceilings.get(&batch.source.id).copied().unwrap_or(most);
            share.entries = share.entries.saturating_mul(2).min(ceiling).min(most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::outbox::{BatchSource, BatchState};
    use jiff::Timestamp;

    fn batch(source: SourceRow, entries: std::ops::Range<i64>, extras: Extras) -> Batch {
        Batch {
            id: 1,
            uid: "b".to_owned(),
            source: BatchSource {
                id: source,
                hash: "h".to_owned(),
                provider: "p".to_owned(),
                instance: "i".to_owned(),
            },
            body: Vec::new(),
            state: BatchState::Sealed,
            sealed_at: Timestamp::UNIX_EPOCH,
            last_sent_at: None,
            looked_absent: 0,
            entries: entries.collect(),
            extras,
        }
    }

    fn share(search: &Search, source: SourceRow) -> Option<(usize, Extras)> {
        search
            .shares()
            .get(&source)
            .map(|share| (share.entries, share.extras))
    }

    #[test]
    fn extras_are_taken_out_first_then_the_batch_is_halved_down_to_one() {
        let mut search = Search::default();
        let rejected = Fault::Rejected;
        assert_eq!(
            search.refused(&batch(1, 1..9, Extras::With), rejected),
            Verdict::Dissolve
        );
        assert_eq!(share(&search, 1), Some((8, Extras::Without)));
        assert_eq!(
            search.refused(&batch(1, 1..9, Extras::Without), rejected),
            Verdict::Dissolve
        );
        assert_eq!(share(&search, 1), Some((4, Extras::Without)));
        assert_eq!(
            search.refused(&batch(1, 1..2, Extras::Without), rejected),
            Verdict::DeadLetter
        );
        assert_eq!(share(&search, 1), None);
    }

    #[test]
    fn what_is_taken_lets_the_source_grow_again() {
        let mut search = Search::default();
        search.refused(&batch(1, 1..9, Extras::Without), Fault::Rejected);
        search.taken(&batch(1, 1..5, Extras::Without), 500);
        assert_eq!(share(&search, 1), Some((8, Extras::Without)));
        search.taken(&batch(1, 5..9, Extras::Without), 10);
        assert_eq!(share(&search, 1), Some((10, Extras::Without)));
        search.taken(&batch(1, 0..0, Extras::With), 10);
        assert_eq!(
            share(&search, 1),
            None,
            "observations alone were taken: all is well"
        );
    }

    #[test]
    fn a_length_that_was_too_long_is_not_tried_again() {
        let mut search = Search::default();
        search.refused(&batch(1, 1..9, Extras::Without), Fault::TooLarge);
        search.taken(&batch(1, 1..5, Extras::Without), 500);
        assert_eq!(share(&search, 1), Some((4, Extras::Without)));
    }

    #[test]
    fn three_different_batches_in_a_row_pause_but_parts_of_one_do_not() {
        let mut search = Search::default();
        for size in [9, 5, 3] {
            let part = batch(1, 1..size, Extras::Without);
            assert_eq!(search.refused(&part, Fault::Rejected), Verdict::Dissolve);
        }
        assert_eq!(
            search.refused(&batch(2, 20..29, Extras::Without), Fault::Rejected),
            Verdict::Dissolve
        );
        search.taken(&batch(2, 20..24, Extras::Without), 500);
        for (source, verdict) in [
            (3, Verdict::Dissolve),
            (4, Verdict::Dissolve),
            (5, Verdict::Pause),
        ] {
            let other = batch(source, 30..39, Extras::Without);
            assert_eq!(search.refused(&other, Fault::Rejected), verdict);
        }
    }

    #[test]
    fn observations_that_are_refused_alone_are_given_up() {
        let mut search = Search::default();
        let alone = batch(1, 0..0, Extras::With);
        assert_eq!(search.refused(&alone, Fault::Rejected), Verdict::GiveUpExtras);
    }
}
