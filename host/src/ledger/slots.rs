//! Which stream counts for a value, and in which slot of time: the pure half of superseding.
//! What must hold: every value counts exactly once at every time. Where grains differ, the rule is asked of the
//! coarsest partition first, so that a month's invoice replaces its days whole, and 24 hours of a bill replace a day's
//! estimate only together.

use super::{period::partition_of, record::Period};
use crate::component::descriptor::Grain;
use std::collections::BTreeMap;

/// One stream's hold on a value within a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Whether all of the slot is committed as complete.
    pub(super) complete: bool,
}

/// Which stream counts for a value, of those that hold it, best first: the best that is complete; if none is, the
/// worst, which is the estimate that was there before the better ones began to arrive.
pub(super) fn winner(holders: &[Holder]) -> Option<usize> {
    holders
        .iter()
        .position(|holder| holder.complete)
        .or(holders.len().checked_sub(1))
}

/// A partition of a chain's stream.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) id: i64,
    pub(super) rank: usize,
    pub(super) grain: Grain,
    pub(super) period: Period,
    pub(super) complete: bool,
}

/// All partitions of a stretch, and how to tell who holds what.
pub(super) struct Scope<'a> {
    pub(super) pieces: &'a [Piece],
    /// The better stream supersedes everything: complete, it holds the one value even without a record, since an
    /// empty bill says that there was no cost.
    pub(super) everything: bool,
}

impl Scope<'_> {
    /// Finds who counts for a value, from coarse slots to fine ones: a stream whose partition is the whole slot wins
    /// it if the rule says so; if a finer one wins, the coarse ones are out and the slot is decided piece by piece.
    pub(super) fn resolve(
        &self,
        slot: Period,
        grain: Grain,
        holders: &[&Piece],
        won: &mut Vec<(Period, usize)>,
    ) {
        let mut ranks: BTreeMap<usize, Grain> =
            holders.iter().map(|piece| (piece.rank, piece.grain)).collect();
        if self.everything {
            let complete = self.pieces.iter().filter(|piece| piece.grain <= grain);
            let complete = complete.filter(|piece| self.complete(piece.rank, slot));
            ranks.extend(complete.map(|piece| (piece.rank, piece.grain)));
        }
        if ranks.values().any(|of| *of == grain) {
            let ranks: Vec<(usize, Grain)> = ranks.into_iter().collect();
            let judged: Vec<Holder> = ranks
                .iter()
                .map(|(rank, _)| Holder {
                    complete: self.complete(*rank, slot),
                })
                .collect();
            let winner = winner(&judged).and_then(|index| ranks.get(index));
            if let Some((rank, of)) = winner
                && *of == grain
            {
                won.push((slot, *rank));
                return;
            }
        }
        let finer = match grain {
            Grain::Month => Grain::Day,
            Grain::Day => Grain::Hour,
            Grain::Hour => return,
        };
        let mut slots: BTreeMap<Period, Vec<&Piece>> = BTreeMap::new();
        for piece in holders.iter().filter(|piece| piece.grain <= finer) {
            if let Some(slot) = partition_of(finer, piece.period.start()) {
                slots.entry(slot).or_default().push(piece);
            }
        }
        for (slot, holders) in slots {
            self.resolve(slot, finer, &holders, won);
        }
    }

    /// Whether all of a slot is committed as complete by a stream.
    fn complete(&self, rank: usize, slot: Period) -> bool {
        let length = |period: Period| period.end().as_second() - period.start().as_second();
        let pieces = self
            .pieces
            .iter()
            .filter(|piece| piece.rank == rank && piece.complete);
        let inside = pieces.filter(|piece| slot.contains(piece.period.start()));
        inside.map(|piece| length(piece.period)).sum::<i64>() == length(slot)
    }
}
