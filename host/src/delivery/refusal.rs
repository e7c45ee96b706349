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
    /// The first entry of each refused batch since the last that was taken, without repeats in a row.
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
            if self.refused.last() != Some(&begins) {
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
