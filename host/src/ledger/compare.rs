//! What a partition's new records change: a pure comparison of what is staged with what stands.
//! What must hold (law 1): before = unchanged + revised + withdrawn; after = unchanged + revised + added.
//! Memory: some 80 bytes a record on each side, one partition at a time.

use super::{error::damaged, store::LedgerError};
use std::cmp::Ordering;

/// A SHA-256 in binary, to hold many of them.
pub(super) type Hash = [u8; 32];

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
    pub(super) seq: i64,
    pub(super) key: Hash,
    pub(super) revision: Hash,
}

/// What becomes of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change<'a> {
    /// The same content.
    Unchanged,
    /// Other content.
    Revised(&'a Standing, &'a Staged),
    /// A new key.
    Added(&'a Staged),
    /// A key that is gone.
    Withdrawn(&'a Standing),
}

/// Compares records in the order of their keys; each side holds a key at most once.
pub(super) fn compare<'a>(
    standing: &'a [Standing],
    staged: &'a [Staged],
) -> impl Iterator<Item = Change<'a>> {
    let mut standing = standing.iter().peekable();
    let mut staged = staged.iter().peekable();
    std::iter::from_fn(move || {
        let order = match (standing.peek(), staged.peek()) {
            (Some(old), Some(new)) => old.key.cmp(&new.key),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => standing.next().map(Change::Withdrawn),
            Ordering::Greater => staged.next().map(Change::Added),
            Ordering::Equal => {
                let (old, new) = (standing.next()?, staged.next()?);
                Some(if old.revision == new.revision {
                    Change::Unchanged
                } else {
                    Change::Revised(old, new)
                })
            }
        }
    })
}

/// A hash from its lower-case hex.
///
/// # Errors
/// [`LedgerError::Damaged`] where it is none.
pub(super) fn hash(hex: &str) -> Result<Hash, LedgerError> {
    let mut hash = Hash::default();
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return Err(damaged("hash", hex));
    }
    for (byte, &[high, low]) in hash.iter_mut().zip(pairs) {
        *byte = digit(high)
            .zip(digit(low))
            .map(|(high, low)| high << 4 | low)
            .ok_or_else(|| damaged("hash", hex))?;
    }
    Ok(hash)
}

fn digit(hex: u8) -> Option<u8> {
    match hex {
        b'0'..=b'9' => Some(hex - b'0'),
        b'a'..=b'f' => Some(hex - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn wide(byte: u8) -> Hash {
        [byte; 32]
    }

    proptest! {
        #[test]
        fn every_key_has_one_fate_and_law_one_holds(
            before in prop::collection::btree_map(0_u8..12, 0_u8..3, 0..10),
            after in prop::collection::btree_map(0_u8..12, 0_u8..3, 0..10),
        ) {
            let standing: Vec<Standing> = before
                .iter()
                .map(|(key, revision)| Standing { id: i64::from(*key), key: wide(*key), revision: wide(*revision), counts: true })
                .collect();
            let staged: Vec<Staged> = after
                .iter()
                .map(|(key, revision)| Staged { seq: i64::from(*key), key: wide(*key), revision: wide(*revision) })
                .collect();
            let mut result: BTreeMap<Hash, Hash> = standing.iter().map(|old| (old.key, old.revision)).collect();
            let (mut unchanged, mut revised, mut added, mut withdrawn) = (0, 0, 0, 0);
            for change in compare(&standing, &staged) {
                match change {
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
            let wanted: BTreeMap<Hash, Hash> = staged.iter().map(|new| (new.key, new.revision)).collect();
            prop_assert_eq!(result, wanted);
            prop_assert_eq!(standing.len(), unchanged + revised + withdrawn);
            prop_assert_eq!(staged.len(), unchanged + revised + added);
        }
    }

    #[test]
    fn only_whole_lower_case_hex_is_a_hash() {
        let hex = crate::ledger::store::hash_parts([b"a".as_slice()]);
        assert!(hash(&hex).is_ok());
        assert!(hash(&hex.to_uppercase()).is_err());
        assert!(hash("00").is_err());
        assert!(hash(&format!("{hex}0")).is_err());
    }
}
