//! What a partition's new records change: a pure comparison of what is staged with what stands.
//! What must hold (law 1): before = unchanged + revised + withdrawn; after = unchanged + revised + added.
//! Memory: one record on each side.

use super::store::Hash;
use std::cmp::Ordering;

/// A record that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) id: i64,
    pub(super) key: Hash,
    pub(super) revision: Hash,
    /// Whether its money is in the books.
    pub(super) counts: bool,
}

/// A record that is staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Staged {
    pub(super) id: i64,
    pub(super) key: Hash,
    pub(super) revision: Hash,
}

/// What becomes of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The same content.
    Unchanged,
    /// Other content.
    Revised(Standing, Staged),
    /// A new key.
    Added(Staged),
    /// A key that is gone.
    Withdrawn(Standing),
}

/// Compares records in the order of their keys; each side holds a key at most once. What a side cannot give ends it.
pub(super) fn compare<E>(
    standing: impl Iterator<Item = Result<Standing, E>>,
    staged: impl Iterator<Item = Result<Staged, E>>,
) -> impl Iterator<Item = Result<Change, E>> {
    let mut standing = standing.peekable();
    let mut staged = staged.peekable();
    std::iter::from_fn(move || {
        let order = match (standing.peek(), staged.peek()) {
            (Some(Ok(old)), Some(Ok(new))) => old.key.cmp(&new.key),
            (Some(Err(_)), _) | (Some(Ok(_)), None) => Ordering::Less,
            (_, Some(Err(_))) | (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => standing.next().map(|old| old.map(Change::Withdrawn)),
            Ordering::Greater => staged.next().map(|new| new.map(Change::Added)),
            Ordering::Equal => {
                let (old, new) = (standing.next()?.ok()?, staged.next()?.ok()?);
                Some(Ok(if old.revision == new.revision {
                    Change::Unchanged
                } else {
                    Change::Revised(old, new)
                }))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Side<T> = Vec<Result<T, std::convert::Infallible>>;

    fn wide(byte: u8) -> Hash {
        [byte; 32]
    }

    proptest! {
        #[test]
        fn every_key_has_one_fate_and_law_one_holds(
            before in prop::collection::btree_map(0_u8..12, 0_u8..3, 0..10),
            after in prop::collection::btree_map(0_u8..12, 0_u8..3, 0..10),
        ) {
            let standing: Side<Standing> = before
                .iter()
                .map(|(key, revision)| Ok(Standing { id: i64::from(*key), key: wide(*key), revision: wide(*revision), counts: true }))
                .collect();
            let staged: Side<Staged> = after
                .iter()
                .map(|(key, revision)| Ok(Staged { id: i64::from(*key), key: wide(*key), revision: wide(*revision) }))
                .collect();
            let mut result: BTreeMap<Hash, Hash> = before.iter().map(|(key, revision)| (wide(*key), wide(*revision))).collect();
            let (mut unchanged, mut revised, mut added, mut withdrawn) = (0, 0, 0, 0);
            for change in compare(standing.into_iter(), staged.into_iter()) {
                match change.unwrap() {
                    Change::Unchanged => unchanged += 1,
                    Change::Revised(old, new) => {
                        revised += 1;
                        prop_assert_eq!(result.insert(new.key, new.revision), Some(old.revision));
                    }
                    Change::Added(new) => {
                        added += 1;
                        prop_assert_eq!(result.insert(new.key, new.revision), None);
                    }
                    Change::Withdrawn(old) => {
                        withdrawn += 1;
                        prop_assert!(result.remove(&old.key).is_some());
                    }
                }
            }
            let wanted: BTreeMap<Hash, Hash> = after.iter().map(|(key, revision)| (wide(*key), wide(*revision))).collect();
            prop_assert_eq!(result, wanted);
            prop_assert_eq!(before.len(), unchanged + revised + withdrawn);
            prop_assert_eq!(after.len(), unchanged + revised + added);
        }
    }

    #[test]
    fn a_side_that_cannot_be_read_on_is_no_end_of_it() {
        let staged = |key| Staged {
            id: 1,
            key: wide(key),
            revision: wide(0),
        };
        let standing: Vec<Result<Standing, &str>> = vec![Err("damaged")];
        let fates: Vec<_> = compare(standing.into_iter(), vec![Ok(staged(1))].into_iter()).collect();
        assert!(fates.contains(&Err("damaged")), "{fates:?}");
        let broken: Vec<Result<Staged, &str>> = vec![Ok(staged(1)), Err("damaged")];
        let fates: Vec<_> = compare(std::iter::empty(), broken.into_iter()).collect();
        assert_eq!(fates, [Ok(Change::Added(staged(1))), Err("damaged")]);
    }
}
