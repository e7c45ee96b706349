//! Retiring and freezing, told as stories of a series that ends and of one that takes its place.
#![allow(clippy::unwrap_used)]

use super::{
    Freeze, Retire, WriteError, WriteFault,
    hold::HoldPolicy,
    sample::{self, Bench},
};
use crate::{
    component::descriptor::{Grain, Stream},
    ledger::CommitOptions,
};

const DAY: &str = "2026-08-01T00:00:00Z";
const NEXT: &str = "2026-08-02T00:00:00Z";
const HOUR: &str = "2026-08-01T23:00:00Z";

fn daily() -> Stream {
    sample::stream("daily", Grain::Day)
}

/// Stream, partition and total of each posting that is not zero; the laws hold.
fn books(bench: &Bench) -> Vec<String> {
    assert_eq!(bench.findings(), [""; 0]);
    bench.rows(
        "SELECT json_extract(dims, '$.stream'), substr(json_extract(dims, '$.partition_start'), 1, 10), total
         FROM posting WHERE total <> '0' ORDER BY 1, 2, 3",
    )
}

/// Two days of one series.
fn standing() -> Bench {
    let bench = Bench::posting();
    for (day, cost) in [(DAY, "5"), (NEXT, "7")] {
        let records = vec![sample::record(day, "Compute", cost)];
        bench.commit(&daily(), &[day], records).unwrap();
    }
    bench
}

fn retire(bench: &Bench, what: &Retire) -> Result<super::Recounted, WriteError> {
    bench.block(bench.ledger.retire(&sample::source(), what))
}

fn stream(name: &str) -> Retire {
    Retire::Stream(name.to_owned())
}

fn in_favour(stream: &str, successor: &str) -> Retire {
    Retire::InFavourOf {
        stream: stream.to_owned(),
        successor: successor.to_owned(),
    }
}

fn denied(result: Result<impl std::fmt::Debug, WriteError>) -> String {
    match result.unwrap_err() {
        WriteError::Refused {
            fault: WriteFault::Denied,
            message,
        } => message,
        other => format!("not denied: {other}"),
    }
}

#[test]
fn a_retired_source_leaves_the_books_and_stays_as_history() {
    let mut bench = standing();
    let recounted = retire(&bench, &Retire::Source).unwrap();
    assert_eq!((recounted.left, recounted.entered), (2, 0));
    let change: Vec<String> = recounted
        .change
        .iter()
        .map(|(c, sum)| format!("{sum} {c}"))
        .collect();
    assert_eq!(change, ["-12 USD"]);
    assert_eq!(books(&bench), [""; 0]);
    assert_eq!(
        bench.rows("SELECT count(*) FROM record WHERE until_commit IS NULL"),
        ["2"]
    );
    bench.reopen();
    assert!(denied(bench.commit(&daily(), &[DAY], Vec::new())).contains("frozen"));
    let thawed = bench.block(bench.ledger.freeze(&sample::source(), Freeze::Open));
    assert!(denied(thawed).contains("was retired"));
}

#[test]
fn a_frozen_source_keeps_counting_and_takes_commits_again_once_it_is_opened() {
    let bench = standing();
    let freeze = |to| bench.block(bench.ledger.freeze(&sample::source(), to)).unwrap();
    freeze(Freeze::Frozen);
    let refused = denied(bench.commit(&daily(), &[DAY], Vec::new()));
    assert!(refused.contains("ledger unfreeze"), "{refused}");
    assert_eq!(books(&bench), ["daily|2026-08-01|5", "daily|2026-08-02|7"]);
    freeze(Freeze::Open);
    bench.commit(&daily(), &[DAY], Vec::new()).unwrap();
    assert_eq!(books(&bench), ["daily|2026-08-02|7"]);
}

#[test]
fn a_held_commit_is_not_accepted_into_a_frozen_source_and_falls_with_a_retired_stream() {
    let bench = standing();
    let seal = sample::seal(super::Completeness::Complete);
    let writer = bench.sealed(&daily(), &[DAY], Vec::new(), seal).unwrap();
    let options = CommitOptions {
        hold: HoldPolicy::default(),
        ..CommitOptions::default()
    };
    let receipts = bench
        .block(bench.ledger.commit(bench.run, vec![writer], options))
        .unwrap();
    assert!(receipts.iter().all(|receipt| receipt.held));
    bench
        .block(bench.ledger.freeze(&sample::source(), Freeze::Frozen))
        .unwrap();
    assert!(denied(bench.block(bench.ledger.accept(3))).contains("unfreeze"));
    retire(&bench, &stream("daily")).unwrap();
    assert_eq!(
        bench.rows("SELECT state, reason FROM commits WHERE id = 3"),
        ["rejected|its stream was retired"]
    );
    assert_eq!(books(&bench), [""; 0]);
}

#[test]
fn a_new_grain_takes_the_place_of_the_old_one_day_by_day_once_a_day_is_whole() {
    let mut bench = standing();
    let hourly = sample::stream("hourly", Grain::Hour);
    let unknown = denied(retire(&bench, &in_favour("daily", "hourly")));
    assert!(unknown.contains("no collector"), "{unknown}");
    // The collector that declares it was started, and is refused nothing yet.
    bench.declare(&[daily(), hourly.clone()]);
    retire(&bench, &in_favour("daily", "hourly")).unwrap();
    assert_eq!(books(&bench), ["daily|2026-08-01|5", "daily|2026-08-02|7"]);
    let hours: Vec<String> = (0..24)
        .map(|hour| format!("2026-08-01T{hour:02}:00:00Z"))
        .collect();
    let most: Vec<&str> = hours.iter().take(23).map(String::as_str).collect();
    let records = most
        .iter()
        .map(|hour| sample::record(hour, "Compute", "0.2"))
        .collect();
    bench.commit(&hourly, &most, records).unwrap();
    assert_eq!(
        books(&bench),
        ["daily|2026-08-01|5", "daily|2026-08-02|7"],
        "23 hours are no day"
    );
    bench
        .commit(&hourly, &[HOUR], vec![sample::record(HOUR, "Compute", "0.6")])
        .unwrap();
    let total = bench.rows("SELECT exact_sum(total) FROM posting WHERE dims LIKE '%\"hourly\"%'");
    assert_eq!(total, ["5.2"]);
    let daily_left: Vec<String> = books(&bench)
        .into_iter()
        .filter(|row| row.starts_with("daily"))
        .collect();
    assert_eq!(
        daily_left,
        ["daily|2026-08-02|7"],
        "what the successor does not have is not lost"
    );
    let refused = denied(bench.commit(&daily(), &[DAY], Vec::new()));
    assert!(refused.contains("in favour of hourly"), "{refused}");
}

#[test]
fn a_view_takes_the_place_of_the_stream_that_it_showed() {
    let mut bench = standing();
    let view = Stream {
        view_of: Some("daily".to_owned()),
        ..sample::stream("by-tag", Grain::Day)
    };
    let records = vec![sample::record(DAY, "Compute", "4.5")];
    bench.commit(&view, &[DAY], records.clone()).unwrap();
    assert_eq!(books(&bench), ["daily|2026-08-01|5", "daily|2026-08-02|7"]);
    let recounted = retire(&bench, &in_favour("daily", "by-tag")).unwrap();
    assert_eq!((recounted.left, recounted.entered), (1, 1));
    let wanted = ["by-tag|2026-08-01|4.5", "daily|2026-08-02|7"];
    assert_eq!(books(&bench), wanted);
    // The collector still calls it a view; a new version says that it counts. Both are the same to the books.
    bench.reopen();
    for definition in [
        Stream {
            text: "new words".to_owned(),
            ..view.clone()
        },
        Stream {
            view_of: None,
            ..view
        },
    ] {
        bench.commit(&definition, &[DAY], records.clone()).unwrap();
        assert_eq!(books(&bench), wanted);
    }
    assert!(denied(retire(&bench, &in_favour("daily", "by-tag"))).contains("already"));
    retire(&bench, &stream("by-tag")).unwrap();
    assert_eq!(
        books(&bench),
        ["daily|2026-08-01|5", "daily|2026-08-02|7"],
        "the best word that is left"
    );
    retire(&bench, &stream("daily")).unwrap();
    assert_eq!(books(&bench), [""; 0]);
}

#[test]
fn a_bill_of_a_new_key_takes_its_predecessors_place_in_the_chain() {
    let bench = Bench::posting();
    let (estimate, bill) = (
        sample::stream("estimate", Grain::Day),
        sample::better("bill", Grain::Day, "estimate", None),
    );
    let invoice = sample::better("invoice", Grain::Month, "bill", None);
    bench
        .commit(&estimate, &[DAY], vec![sample::record(DAY, "Compute", "3")])
        .unwrap();
    bench
        .commit(&bill, &[DAY], vec![sample::record(DAY, "Compute", "5")])
        .unwrap();
    bench
        .commit_as(&invoice, &[DAY], Vec::new(), super::Completeness::Partial)
        .unwrap();
    let newer = sample::better("bill-2", Grain::Day, "estimate", None);
    assert!(
        bench.commit(&newer, &[DAY], Vec::new()).is_err(),
        "two bills of one estimate"
    );
    let mut bench = bench;
    bench.declare(&[estimate, newer.clone()]);
    retire(&bench, &in_favour("bill", "bill-2")).unwrap();
    assert_eq!(books(&bench), ["bill|2026-08-01|5"]);
    bench
        .commit(&newer, &[DAY], vec![sample::record(DAY, "Compute", "5.5")])
        .unwrap();
    assert_eq!(books(&bench), ["bill-2|2026-08-01|5.5"]);
    // The invoice of the new collector names the new bill; that is the same link.
    let invoice = sample::better("invoice", Grain::Month, "bill-2", None);
    bench
        .commit(&invoice, &[DAY], vec![sample::record(DAY, "Compute", "6")])
        .unwrap();
    assert_eq!(books(&bench), ["invoice|2026-08-01|6"]);
}

#[test]
fn what_cannot_succeed_is_refused_with_the_reason() {
    let bench = standing();
    let other = sample::better("other", Grain::Day, "rest", None);
    bench.commit(&other, &[DAY], Vec::new()).unwrap();
    for (what, words) in [
        (stream("none"), "has no stream none"),
        (in_favour("daily", "daily"), "same stream"),
        (in_favour("other", "gone"), "no collector"),
    ] {
        let refused = denied(retire(&bench, &what));
        assert!(refused.contains(words), "{refused}");
    }
    let nowhere = super::record::Source {
        billing_account: "NONE".to_owned(),
        ..sample::source()
    };
    assert!(denied(bench.block(bench.ledger.retire(&nowhere, &Retire::Source))).contains("no source"));
    assert_eq!(books(&bench).len(), 2);
}
