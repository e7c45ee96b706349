//! Whatever happens, in whatever order.

use super::*;
use proptest::prelude::*;

/// Something that happens to a snapshot.
#[derive(Clone, Debug)]
enum Happens {
    /// A month's bill, whatever it was before.
    Bill {
        month: usize,
        costs: Vec<u8>,
        finality: Finality,
    },
    Render,
    MonthsPass,
    Wipe,
}

fn happens() -> impl Strategy<Value = Happens> {
    let finality = prop_oneof![1 => Just(Finality::Open), 3 => Just(Finality::Final)];
    prop_oneof![
        6 => (0..4_usize, prop::collection::vec(0..4_u8, 0..3), finality)
            .prop_map(|(month, costs, finality)| Happens::Bill { month, costs, finality }),
        4 => Just(Happens::Render),
        2 => Just(Happens::MonthsPass),
        1 => Just(Happens::Wipe),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_the_files_add_up_to_the_books_and_final_ones_stay(
        life in prop::collection::vec(happens(), 1..24)
    ) {
        const MONTHS: [&str; 4] = [
            "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z",
        ];
        let files = Files::new();
        let mut final_files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut passed = 0;
        for it in life.into_iter().chain([Happens::Render]) {
            match it {
                Happens::Bill { month, costs, finality } => {
                    let named: Vec<(String, String)> = costs.iter().enumerate()
                        .map(|(index, cost)| (format!("service {index}"), format!("{cost}.000000001"))).collect();
                    let costs: Vec<(&str, &str)> =
                        named.iter().map(|(name, cost)| (name.as_str(), cost.as_str())).collect();
                    files.month(MONTHS[month], finality, &costs);
                }
                Happens::MonthsPass => {
                    passed += 1;
                    files.go_to(&format!("2026-{:02}-10T12:00:00Z", (8 + passed).min(12)));
                }
                Happens::Wipe => drop(fs::remove_dir_all(&files.config.directory)),
                Happens::Render => {
                    files.render();
                    let bytes = files.bytes();
                    for (name, then) in &final_files {
                        prop_assert_eq!(bytes.get(name), Some(then), "{} is final", name);
                    }
                    for file in files.manifest()["files"].as_array().unwrap() {
                        if file["final"] == true {
                            let name = file["name"].as_str().unwrap().to_owned();
                            let now = bytes[&name].clone();
                            final_files.insert(name, now);
                        }
                    }
                }
            }
        }
    }
}
