//! Tags of the operator's own: what they change, and what they never do.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    component::descriptor::Grain,
    ledger::{
        RunInfo,
        dimension::Dimension,
        query::{CostFilter, costs},
        sample::{self, Bench},
        store::open_read_only,
    },
};

const DAY: &str = "2026-08-01T00:00:00Z";

fn tags(pairs: &[(&str, &str)]) -> Tags {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

fn begin(bench: &mut Bench, instance: &str, pairs: &[(&str, &str)]) {
    let info = RunInfo {
        tags: tags(pairs),
        ..sample::info(instance)
    };
    bench.run = bench.block(bench.ledger.begin_run(info)).unwrap();
}

/// Effective cost by the tag `team`.
fn by_team(bench: &Bench) -> Vec<String> {
    let connection = open_read_only(bench.directory.path()).unwrap();
    let filter = CostFilter {
        group_by: vec![Dimension::Tag("team".to_owned())],
        ..CostFilter::default()
    };
    let rows = costs(&connection, &filter).unwrap();
    rows.iter()
        .map(|row| format!("{}={}", row.dims.join(","), row.effective))
        .collect()
}

fn books(bench: &Bench) -> (Vec<String>, Vec<String>) {
    (
        bench.entries(),
        bench.rows("SELECT hex(key), hex(revision), content FROM record ORDER BY id"),
    )
}

/// One record that the provider tagged, and one that it did not.
fn commit(bench: &Bench) {
    let tagged = CostRecord {
        tags: tags(&[("team", "provider's")]),
        ..sample::record(DAY, "Storage", "2")
    };
    let records = vec![sample::record(DAY, "Compute", "1"), tagged];
    let receipt = bench
        .commit(&sample::stream("daily", Grain::Day), &[DAY], records)
        .unwrap();
    assert_eq!((receipt.revised, receipt.withdrawn), (0, 0));
}

#[test]
fn changing_a_tag_shows_at_once_and_posts_nothing() {
    let mut bench = Bench::posting();
    begin(&mut bench, "acme-prod", &[]);
    commit(&bench);
    let stood = books(&bench);
    assert_eq!(by_team(&bench), ["=1", "provider's=2"]);
    for (own, said) in [("data", "data=1"), ("platform", "platform=1")] {
        begin(&mut bench, "acme-prod", &[("team", own)]);
        assert_eq!(by_team(&bench), [said, "provider's=2"]);
        commit(&bench);
        assert_eq!(books(&bench), stood, "reading it again changes nothing, either");
    }
    begin(&mut bench, "acme-prod", &[("other", "x")]);
    assert_eq!(by_team(&bench), ["=1", "provider's=2"]);
    assert_eq!(bench.findings(), [""; 0]);
}

#[test]
fn an_adopted_source_has_the_tags_of_its_new_instance() {
    let mut bench = Bench::posting();
    begin(&mut bench, "acme-prod", &[("team", "data")]);
    commit(&bench);
    begin(&mut bench, "other", &[("team", "web")]);
    assert_eq!(by_team(&bench), ["data=1", "provider's=2"]);
    assert!(
        bench
            .block(bench.ledger.adopt(&sample::source(), "other"))
            .unwrap()
    );
    assert_eq!(by_team(&bench), ["provider's=2", "web=1"]);
}

#[test]
fn the_view_for_other_programs_joins_them_and_the_providers_own_win() {
    let mut bench = Bench::new();
    let sql = "SELECT ServiceName, Tags FROM finops_current_cost ORDER BY 1";
    commit(&bench);
    assert_eq!(
        bench.rows(sql),
        ["Compute|-", "Storage|{\"team\":\"provider's\"}"]
    );
    begin(&mut bench, "acme-prod", &[("owner", "o'\"x"), ("team", "data")]);
    assert_eq!(
        bench.rows(sql),
        [
            "Compute|{\"owner\":\"o'\\\"x\",\"team\":\"data\"}",
            "Storage|{\"owner\":\"o'\\\"x\",\"team\":\"provider's\"}"
        ]
    );
}
