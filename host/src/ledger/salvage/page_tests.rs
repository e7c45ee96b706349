//! Damage to the bytes of the file, wherever it falls.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use super::{
    tests::{now, revisions, salvaged, sound},
    *,
};
use crate::ledger::{sample, store::open_read_only};
use proptest::prelude::*;
use std::{collections::BTreeSet, fs};

const PAGE: usize = 16_384;

#[test]
fn pages_that_cannot_be_read_are_passed_over_and_the_rest_carried() {
    let bench = sound();
    let (all, directory) = (revisions(&bench), bench.closed());
    let path = directory.path().join(FILE_NAME);
    let whole = fs::read(&path).unwrap();
    // Leaf pages of tables that hold records, from their second half on, so that cells stay to be found.
    let leaves: Vec<usize> = (1..whole.len() / PAGE)
        .filter(|page| {
            let page = &whole[page * PAGE..][..PAGE];
            page[0] == 13 && page.windows(12).any(|bytes| bytes == b"\"ServiceName")
        })
        .collect();
    assert!(leaves.len() > 5, "{}", leaves.len());
    for bad in [0, 4, leaves.len() - 1] {
        let directory = tempfile::tempdir().unwrap();
        let mut broken = whole.clone();
        broken[leaves[bad] * PAGE..][..PAGE].fill(0xAA);
        fs::write(directory.path().join(FILE_NAME), broken).unwrap();
        mark::copy(bench.directory.path(), directory.path()).unwrap();
        let (said, bench) = salvaged(directory);
        let left = revisions(&bench);
        assert!(left.is_subset(&all));
        assert!(
            left.len() > all.len() - 40 && left.len() < all.len(),
            "{} of {}",
            left.len(),
            all.len()
        );
        assert!(
            said.lost
                .iter()
                .any(|lost| lost.table == "record" && lost.what.contains("cannot be read")),
            "{said:?}"
        );
        assert!(!said.again.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_damaged_the_result_is_refused_or_lawful_and_holds_nothing_that_was_not_there(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 1_usize..600), 1..4),
        kept in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        static SOUND: std::sync::OnceLock<(Vec<u8>, Vec<u8>, BTreeSet<String>)> = std::sync::OnceLock::new();
        let (whole, mark, all) = SOUND.get_or_init(|| {
            let bench = sound();
            let closed = bench.closed();
            let read = |name| fs::read(closed.path().join(name)).unwrap();
            (read(FILE_NAME), read("ledger.mark"), revisions(&bench))
        });
        let mut broken = whole.clone();
        for (place, value, length) in places {
            let place = place.index(broken.len());
            broken.iter_mut().skip(place).take(length).for_each(|byte| *byte = byte.wrapping_add(value).rotate_left(1));
        }
        if let Some(kept) = kept {
            broken.truncate(kept.index(broken.len()).max(1));
        }
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE_NAME), &broken).unwrap();
        fs::write(directory.path().join("ledger.mark"), mark).unwrap();
        match salvage(directory.path(), None, now()) {
            Ok(_) => {
                let connection = open_read_only(directory.path()).unwrap();
                let report = check::check(&connection).unwrap();
                prop_assert!(report.findings.is_empty(), "{:?}", report.findings);
                drop(connection);
                let left = revisions(&sample::Bench::on(directory));
                prop_assert!(left.is_subset(all));
            }
            Err(error) => {
                prop_assert!(error.to_string().contains("restore a copy"), "{}", error);
                prop_assert_eq!(fs::read(directory.path().join(FILE_NAME)).unwrap(), broken);
            }
        }
    }
}
