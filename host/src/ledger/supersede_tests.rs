//! Superseding, told as stories of an estimate and the bill that follows it, and the rule on its own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{
    Completeness,
    record::CostRecord,
    sample::{self, Bench},
    slots::{Holder, winner},
};
use crate::component::descriptor::{Grain, Stream};
use proptest::prelude::*;

const DAY: &str = "2026-08-01T00:00:00Z";
const NEXT: &str = "2026-08-02T00:00:00Z";
const MONTH: &str = "2026-08-01T00:00:00Z";

fn estimate() -> Stream {
    sample::stream("estimate", Grain::Day)
}

fn bill(by: Option<&str>) -> Stream {
    sample::better("bill", Grain::Day, "estimate", by)
}

fn records(day: &str, costs: &[(&str, &str)]) -> Vec<CostRecord> {
    costs
        .iter()
        .map(|(service, cost)| sample::record(day, service, cost))
        .collect()
}

/// What is in the books: stream, service and total of each posting that is not zero.
fn books(bench: &Bench) -> Vec<String> {
    assert_eq!(bench.findings(), [""; 0]);
    bench.rows(
        "SELECT json_extract(dims, '$.stream'), json_extract(dims, '$.service'), total FROM posting
         WHERE total <> '0' ORDER BY 1, 2, 3",
    )
}

#[test]
fn a_bill_replaces_the_estimate_service_by_service() {
    let bench = Bench::posting();
    let by = Some("ServiceName");
    let estimated = records(DAY, &[("Compute", "5"), ("Storage", "2")]);
    bench.commit(&estimate(), &[DAY], estimated).unwrap();
    bench
        .commit(&bill(by), &[DAY], records(DAY, &[("Compute", "4")]))
        .unwrap();
    assert_eq!(books(&bench), ["bill|Compute|4", "estimate|Storage|2"]);
    let history = bench.rows("SELECT count(*) FROM record WHERE until_commit IS NULL AND counts = 0");
    assert_eq!(history, ["1"], "the estimate stays as history");
}

#[test]
fn a_restated_bill_that_loses_a_service_gives_it_back() {
    let bench = Bench::posting();
    let by = Some("ServiceName");
    bench
        .commit(&estimate(), &[DAY], records(DAY, &[("Compute", "5")]))
        .unwrap();
    bench
        .commit(&bill(by), &[DAY], records(DAY, &[("Compute", "4")]))
        .unwrap();
    bench.commit(&bill(by), &[DAY], Vec::new()).unwrap();
    assert_eq!(books(&bench), ["estimate|Compute|5"]);
    assert_eq!(bench.entries().len(), 5, "5; -5 and 4; -4 and 5");
}

#[test]
fn estimates_that_arrive_after_the_bill_obey_it() {
    let bench = Bench::posting();
    let by = Some("ServiceName");
    bench
        .commit(&bill(by), &[DAY], records(DAY, &[("Compute", "4")]))
        .unwrap();
    let estimated = records(DAY, &[("Compute", "5"), ("Storage", "2")]);
    bench.commit(&estimate(), &[DAY], estimated).unwrap();
    assert_eq!(books(&bench), ["bill|Compute|4", "estimate|Storage|2"]);
    let entries = bench.entries();
    assert_eq!(
        entries,
        ["pending|4|4", "pending|2|2"],
        "a superseded estimate is never posted"
    );
}

#[test]
fn a_partial_bill_replaces_nothing_and_counts_only_where_there_is_no_estimate() {
    let bench = Bench::posting();
    let by = Some("ServiceName");
    bench
        .commit(&estimate(), &[DAY], records(DAY, &[("Compute", "5")]))
        .unwrap();
    let billed = records(DAY, &[("Compute", "1"), ("Support", "3")]);
    bench
        .commit_as(&bill(by), &[DAY], billed.clone(), Completeness::Partial)
        .unwrap();
    assert_eq!(books(&bench), ["bill|Support|3", "estimate|Compute|5"]);
    bench.commit(&bill(by), &[DAY], billed).unwrap();
    assert_eq!(books(&bench), ["bill|Compute|1", "bill|Support|3"]);
}

#[test]
fn a_bill_that_supersedes_everything_does_so_even_when_it_is_empty() {
    let bench = Bench::posting();
    bench
        .commit(&estimate(), &[DAY, NEXT], records(DAY, &[("Compute", "5")]))
        .unwrap();
    bench
        .commit(&estimate(), &[NEXT], records(NEXT, &[("Compute", "6")]))
        .unwrap();
    bench.commit(&bill(None), &[DAY], Vec::new()).unwrap();
    assert_eq!(books(&bench), ["estimate|Compute|6"], "and only on its own day");
}

#[test]
fn the_best_of_a_chain_wins_over_all() {
    let bench = Bench::posting();
    let invoice = sample::better("invoice", Grain::Month, "bill", Some("ServiceName"));
    let by = Some("ServiceName");
    bench
        .commit(
            &estimate(),
            &[DAY],
            records(DAY, &[("Compute", "5"), ("Storage", "2")]),
        )
        .unwrap();
    bench
        .commit(&bill(by), &[DAY], records(DAY, &[("Storage", "3")]))
        .unwrap();
    assert_eq!(books(&bench), ["bill|Storage|3", "estimate|Compute|5"]);
    let invoiced = records(DAY, &[("Compute", "100"), ("Storage", "1")]);
    bench
        .commit_as(&invoice, &[MONTH], invoiced.clone(), Completeness::Partial)
        .unwrap();
    assert_eq!(
        books(&bench),
        ["bill|Storage|3", "estimate|Compute|5"],
        "a partial invoice changes nothing"
    );
    bench.commit(&invoice, &[MONTH], invoiced[..1].to_vec()).unwrap();
    assert_eq!(books(&bench), ["bill|Storage|3", "invoice|Compute|100"]);
    bench.commit(&invoice, &[MONTH], invoiced).unwrap();
    assert_eq!(books(&bench), ["invoice|Compute|100", "invoice|Storage|1"]);
}

#[test]
fn hours_of_a_bill_replace_a_day_of_estimates_only_together() {
    let bench = Bench::posting();
    let hourly = sample::better("bill", Grain::Hour, "estimate", None);
    bench
        .commit(&estimate(), &[DAY], records(DAY, &[("Compute", "24")]))
        .unwrap();
    let hours: Vec<String> = (0..24)
        .map(|hour| format!("2026-08-01T{hour:02}:00:00Z"))
        .collect();
    for hour in &hours {
        bench
            .commit(&hourly, &[hour], records(hour, &[("Compute", "0.5")]))
            .unwrap();
        let counted = bench.rows("SELECT count(*) FROM record WHERE counts = 1");
        assert_eq!(counted, [if hour == hours.last().unwrap() { "24" } else { "1" }]);
    }
    assert_eq!(books(&bench).len(), 24);
}

#[test]
fn a_stream_that_links_two_others_counts_them_anew_as_soon_as_it_is_known() {
    let mut bench = Bench::posting();
    let invoice = sample::better("invoice", Grain::Day, "bill", None);
    bench
        .commit(&estimate(), &[DAY], records(DAY, &[("Compute", "5")]))
        .unwrap();
    bench
        .commit(&invoice, &[DAY], records(DAY, &[("Compute", "4")]))
        .unwrap();
    assert_eq!(
        books(&bench),
        ["estimate|Compute|5", "invoice|Compute|4"],
        "nobody said that they are one"
    );
    bench.declare(&[estimate(), bill(None), invoice]);
    bench
        .commit(&sample::stream("alone", Grain::Day), &[DAY], Vec::new())
        .unwrap();
    assert_eq!(books(&bench), ["invoice|Compute|4"]);
}

#[test]
fn a_view_never_counts() {
    let bench = Bench::posting();
    let view = Stream {
        view_of: Some("estimate".to_owned()),
        ..sample::stream("by-tag", Grain::Day)
    };
    bench
        .commit(&view, &[DAY], records(DAY, &[("Compute", "5")]))
        .unwrap();
    assert_eq!(books(&bench), [""; 0]);
}

fn holders() -> impl Strategy<Value = Vec<Holder>> {
    prop::collection::vec(any::<bool>().prop_map(|complete| Holder { complete }), 0..6)
}

proptest! {
    #[test]
    fn whoever_holds_a_value_exactly_one_counts(holders in holders()) {
        let won = winner(&holders);
        prop_assert_eq!(won.is_none(), holders.is_empty());
        if let Some(won) = won {
            let any_complete = holders.iter().any(|holder| holder.complete);
            prop_assert_eq!(holders[won].complete, any_complete);
            let better = &holders[..won];
            prop_assert!(better.iter().all(|holder| !holder.complete));
            prop_assert!(any_complete || won + 1 == holders.len());
        }
    }

    #[test]
    fn a_better_stream_that_is_partial_changes_no_winner(holders in holders()) {
        let mut with = vec![Holder { complete: false }];
        with.extend(&holders);
        let before = winner(&holders);
        if let Some(before) = before {
            prop_assert_eq!(winner(&with), Some(before + 1));
        }
    }
}
