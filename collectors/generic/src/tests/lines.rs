use super::{DAY_START, decimal, warnings};
use crate::Generic;
use finops_collector::{
    Collector, Completeness, FailureKind, Period,
    descriptor::Basis,
    period::{DAY, day_of},
    record::ChargeCategory,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::{cell::RefCell, rc::Rc};

const FIELDS: [&str; 6] = [
    "day = date",
    "cost = amount",
    "service = product",
    "currency = 'EUR'",
    "charge = kind",
    "tag team = team",
];

/// A server of files: their texts by path; what is not there is 404.
fn serving(files: Vec<(&'static str, String)>) -> FakeHost {
    FakeHost::answering(move |request| {
        assert_eq!(request.method, "GET");
        let path = request.url.strip_prefix("https://files.internal").unwrap();
        let found = files.iter().find(|(known, _)| *known == path);
        Ok(found.map_or_else(|| reply(404, "not found"), |(_, text)| reply(200, text)))
    })
    .describing(Generic::describe())
    .at(DAY_START + DAY / 2)
}

fn settings(kind: &str, path: &str) -> Value {
    json!({
        "kind": kind, "host": "files.internal", "path": path, "account": "colo", "currency": "USD", "fields": FIELDS, "billed": true,
        "rows": if kind == "json" { "data.items" } else { "" },
    })
}

/// The four days that end with 2026-08-03.
fn days() -> Period {
    Period {
        start: DAY_START - 3 * DAY,
        end: DAY_START + DAY,
    }
}

const CSV: &str = "date,amount,product,kind,team,more\n\
                   2026-07-31,10.10,Racks,,web,x\n\
                   2026-07-31,0.000000000000000001,Racks,usage,web,\n\
                   2026-07-31,-5,Racks,Credit,web,\n\
                   2026-08-02,3,\"Power, metered\",levy,,\n";

fn rows_as_json() -> String {
    let rows: Vec<Value> = CSV
        .replace("Power, metered", "Power; metered")
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let amount: Value = serde_json::from_str(cells[1]).unwrap();
            let product = cells[2].trim_matches('"').replace(';', ",");
            json!({"date": cells[0], "amount": amount, "product": product, "kind": cells[3], "team": cells[4]})
        })
        .collect();
    json!({"data": {"items": rows}}).to_string()
}

#[test]
fn lines_of_either_form_become_the_same_records() {
    let mut all = Vec::new();
    for (kind, text) in [("csv", CSV.to_owned()), ("json", rows_as_json())] {
        let host = serving(vec![("/bill", text)]);
        host.run::<Generic>(&settings(kind, "/bill"), days()).unwrap();
        assert!(warnings(&host).contains("`levy`"), "{}", warnings(&host));
        all.push(host.records("lines"));
    }
    assert_eq!(all[0], all[1]);
    let [rack, tiny, credit, power] = all[0].as_slice() else {
        unreachable!()
    };
    assert_eq!(
        (rack.billed_cost, rack.currency.as_str()),
        (decimal("10.1"), "EUR")
    );
    assert_eq!(tiny.billed_cost, decimal("0.000000000000000001"));
    assert_eq!(
        (credit.category, credit.billed_cost),
        (ChargeCategory::Credit, decimal("-5"))
    );
    assert_eq!(
        (power.service_name.as_str(), power.category),
        ("Power, metered", ChargeCategory::Adjustment)
    );
    assert_eq!(power.extra, [("x_Charge".to_owned(), "levy".to_owned())]);
    assert_eq!(rack.extra, [("x_Tags".to_owned(), r#"{team="web"}"#.to_owned())]);
    assert!(all[0].iter().all(|record| record.basis == Some(Basis::Billed)));
    assert!(all[0].iter().all(|record| record.line_id.is_none()));
}

#[test]
fn days_before_the_newest_line_are_whole_and_those_after_it_are_left_alone() {
    let host = serving(vec![("/bill", CSV.to_owned())]);
    host.run::<Generic>(&settings("csv", "/bill"), days()).unwrap();
    let commits = host.commits();
    let of = |completeness: Completeness| {
        let found = commits
            .iter()
            .find(|commit| commit.seal.as_ref().unwrap().completeness == completeness);
        found
            .unwrap()
            .partitions
            .iter()
            .map(|start| day_of(*start).day())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (of(Completeness::Complete), of(Completeness::Partial)),
        (vec![31, 1], vec![2])
    );
}

#[test]
fn a_file_a_month_is_read_for_its_own_days_and_one_that_is_not_there_yet_is_waited_for() {
    let july = "date,amount,product,kind,team\n2026-07-31,1,Racks,,\n2026-08-01,1,Racks,,\n".to_owned();
    let host = serving(vec![("/2026-07/bill.csv", july)]);
    host.run::<Generic>(&settings("csv", "/{month}/bill.csv"), days())
        .unwrap();
    assert_eq!(host.records("lines").len(), 1);
    assert!(
        warnings(&host).contains("/2026-08/bill.csv is not there"),
        "{}",
        warnings(&host)
    );
    let failure = serving(Vec::new())
        .run::<Generic>(&settings("csv", "/bill.csv"), days())
        .unwrap_err();
    assert_eq!(failure.status, Some(404));
}

#[test]
fn a_file_that_is_damaged_cut_off_or_empty_changes_nothing() {
    let header = "date,amount,product,kind,team\n";
    for (text, kind, says) in [
        ("<html>login".to_owned(), FailureKind::MalformedReply, "HTML"),
        (
            format!("{header}2026-07-31,1,Racks,,web"),
            FailureKind::MalformedReply,
            "cut off",
        ),
        (
            format!("{header}2026-07-31,1,Ra"),
            FailureKind::MalformedReply,
            "cut off",
        ),
        (
            format!("{header}2026-07-31,\"1,5\",Racks,,\n"),
            FailureKind::MalformedReply,
            "row 1: `1,5`",
        ),
        (
            format!("{header}2026-07-31,,Racks,,\n"),
            FailureKind::MalformedReply,
            "row 1: the cost is empty",
        ),
        (
            format!("{header}31.07.2026,1,Racks,,\n"),
            FailureKind::MalformedReply,
            "no day",
        ),
        (
            "date,amount\n".to_owned(),
            FailureKind::Settings,
            "no column `product`",
        ),
    ] {
        let host = serving(vec![("/bill", text)]);
        let failure = host
            .run::<Generic>(&settings("csv", "/bill"), days())
            .unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(
            failure.message.contains(says) && failure.message.starts_with("/bill: "),
            "{failure}"
        );
        assert!(host.commits().is_empty() && host.open_writers() == 0);
    }
    let host = serving(vec![("/bill", header.to_owned())]);
    host.run::<Generic>(&settings("csv", "/bill"), days()).unwrap();
    assert!(host.commits().is_empty() && warnings(&host).contains("no line"));
}

#[test]
fn a_file_that_changes_between_its_two_readings_is_not_committed() {
    let times = Rc::new(RefCell::new(0));
    let host = FakeHost::answering(move |_| {
        *times.borrow_mut() += 1;
        let lines = CSV.lines().take(if *times.borrow() == 1 { 5 } else { 4 });
        Ok(reply(
            200,
            &lines.map(|line| format!("{line}\n")).collect::<String>(),
        ))
    })
    .describing(Generic::describe())
    .at(DAY_START + DAY);
    let failure = host
        .run::<Generic>(&settings("csv", "/bill"), days())
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete);
    assert!(host.commits().is_empty());
}
