#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::ledger::store::{Store, open_read_only};
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

proptest! {
    #[test]
    fn a_mark_reads_back_and_a_flipped_bit_is_noticed(
        count in any::<u64>(),
        place in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let mark = Mark { uid: "0123456789abcdef0123456789abcdef".to_owned(), count };
        let line = mark.line();
        prop_assert_eq!(Mark::parse(&line), Some(mark.clone()));
        let mut bytes = line.into_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let read = String::from_utf8(bytes).ok().and_then(|text| Mark::parse(&text));
        prop_assert!(read.is_none(), "{:?}", read);
    }
}

#[test]
fn writers_and_readers_that_come_and_go_at_once_never_find_the_ledger_behind_its_mark() {
    let directory = tempfile::tempdir().unwrap();
    let done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let writers = [0, 1, 2].map(|writer| {
            let directory = directory.path();
            scope.spawn(move || {
                for round in 0..25 {
                    // Each opens, makes the ledger where it is the first, writes and closes: the last one takes the log away.
                    let store = Store::open(directory).unwrap();
                    for _ in 0..8 {
                        let sql = format!(
                            "INSERT INTO spend VALUES ('{writer}', {round}, '1', 1) ON CONFLICT DO UPDATE SET calls = calls + 1"
                        );
                        store
                            .with_blocking(move |connection| Ok(connection.execute_batch(&sql)?))
                            .unwrap();
                    }
                }
            })
        });
        let readers = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut reads = 0;
                while !done.load(Ordering::Relaxed) {
                    match open_read_only(directory.path()) {
                        Ok(connection) => {
                            reads += 1;
                            assert!(of(&connection).is_ok());
                        }
                        Err(error) => assert!(error.to_string().contains("no ledger here yet"), "{error}"),
                    }
                }
                reads
            })
        });
        let ended = writers.map(|writer| writer.join());
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
        readers.map(|reader| reader.join().unwrap()).iter().sum::<u32>()
    });
    assert!(reads > 0);
    let connection = open_read_only(directory.path()).unwrap();
    let (marked, now) = (
        read(directory.path()).unwrap().unwrap(),
        of(&connection).unwrap().unwrap(),
    );
    assert_eq!(now.count, 3 * 25 * 8);
    assert_eq!(marked.uid, now.uid);
    assert!(
        marked.count <= now.count && marked.count + 3 > now.count,
        "{marked:?} {now:?}"
    );
}
