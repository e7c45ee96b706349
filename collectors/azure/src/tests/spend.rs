//! Which questions are asked, and what becomes of the answers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::fake::{Fake, Line, days};
use crate::{Azure, descriptor::SPEND};
use finops_collector::{
    CostRecord, Decimal, Failure, FailureKind, HttpRequest, Period,
    record::{ChargeCategory, Finality},
    testing::FakeHost,
};
use serde_json::{Value, json};

const NOW: &str = "2026-08-03T12:00:00Z";
const LINES: [Line; 6] = [
    (
        "2026-08-01",
        "s-1",
        "Usage",
        "Storage",
        "Hot LRS",
        Some("1.5"),
        Some("1.5"),
    ),
    (
        "2026-08-01",
        "s-1",
        "Usage",
        "Virtual Machines",
        "D2 v5",
        Some("0"),
        Some("2.25"),
    ),
    (
        "2026-08-01",
        "s-1",
        "Purchase",
        "Virtual Machines",
        "",
        Some("72"),
        None,
    ),
    (
        "2026-08-02",
        "s-1",
        "UnusedReservation",
        "Virtual Machines",
        "D2 v5",
        None,
        Some("0.15"),
    ),
    (
        "2026-08-02",
        "s-1",
        "Usage",
        "Storage",
        "Hot LRS",
        Some("1.1"),
        Some("1.1"),
    ),
    (
        "2026-07-31",
        "s-1",
        "Refund",
        "Storage",
        "",
        Some("-0.5"),
        Some("-0.5"),
    ),
];

fn settings() -> Value {
    json!({"scope": "subscriptions/S-1", "pace": 0})
}

fn period() -> Period {
    days("2026-07-31", "2026-08-04")
}

fn ran(fake: &Fake, settings: &Value) -> (FakeHost, Result<(), Failure>) {
    let host = fake.host(NOW);
    let ran = host.run::<Azure>(settings, period()).map(drop);
    (host, ran)
}

fn found(host: &FakeHost, day: &str, charge_type: &str) -> Vec<CostRecord> {
    let start = days(day, "2026-08-04").start;
    let labelled = |record: &CostRecord| {
        let label = record.extra.iter().find(|(name, _)| name == "x_ChargeType");
        label.map_or("Usage", |(_, value)| value.as_str()) == charge_type
    };
    let mut records = host.records(SPEND);
    records.retain(|record| record.charge_period.start == start && labelled(record));
    records
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(request.body.as_deref().unwrap()).unwrap()
}

#[test]
fn actual_and_amortized_costs_are_two_measures_of_one_record() {
    let (host, ran) = ran(&Fake::of(&LINES), &settings());
    ran.unwrap();
    // The overview and use by meter, each of both bills.
    assert_eq!(host.requests().len(), 4);
    let costs = |records: &[CostRecord]| -> Vec<(Decimal, Decimal)> {
        records
            .iter()
            .map(|record| (record.billed_cost, record.effective_cost))
            .collect()
    };
    assert_eq!(
        costs(&found(&host, "2026-08-01", "Purchase")),
        [(decimal("72"), Decimal::ZERO)]
    );
    let unused = found(&host, "2026-08-02", "UnusedReservation");
    assert_eq!(costs(&unused), [(Decimal::ZERO, decimal("0.15"))]);
    assert_eq!(unused[0].category, ChargeCategory::Usage);
    let usage = found(&host, "2026-08-01", "Usage");
    assert_eq!(usage.len(), 2);
    let machine = usage
        .iter()
        .find(|record| record.service_category == "Compute")
        .unwrap();
    assert_eq!(
        (machine.billed_cost, machine.effective_cost),
        (Decimal::ZERO, decimal("2.25"))
    );
    assert_eq!(machine.sku.as_ref().unwrap().meter.as_deref(), Some("D2 v5"));
    let refund = &found(&host, "2026-07-31", "Refund")[0];
    assert!(refund.correction && refund.finality == Finality::Open);
}

#[test]
fn many_subscriptions_are_cut_in_disjoint_questions_or_read_at_once() {
    let mut lines = LINES.to_vec();
    lines.push((
        "2026-08-01",
        "s-2",
        "Usage",
        "Storage",
        "Cool LRS",
        Some("4"),
        Some("4"),
    ));
    lines.push(("2026-08-01", "", "Usage", "SaaS", "Seat", Some("3"), Some("3")));
    let scope = "providers/Microsoft.Management/managementGroups/root";
    let total = |host: &FakeHost| {
        let records = host.records(SPEND);
        (
            Decimal::sum(records.iter().map(|record| record.billed_cost)).unwrap(),
            Decimal::sum(records.iter().map(|record| record.effective_cost)).unwrap(),
        )
    };
    for (more, asked) in [
        // The overview, two subscriptions, three other charge types.
        (json!({}), 12),
        (json!({"groupings": 4}), 4),
        // The overview, use of all, three other charge types.
        (json!({"detail": "service"}), 10),
    ] {
        let mut settings = json!({"scope": scope, "pace": 0});
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let (host, ran) = ran(&Fake::of(&lines), &settings);
        ran.unwrap();
        assert_eq!(host.requests().len(), asked, "{more}");
        assert_eq!(total(&host), (decimal("81.1"), decimal("11.5")), "{more}");
    }
}

#[test]
fn a_shifted_date_a_missing_half_and_parts_that_do_not_add_up_commit_nothing() {
    type Twist = fn(&Value, &mut Value);
    let cases: [(Twist, FailureKind, &str); 4] = [
        (
            |_, answer| answer["properties"]["rows"][0][1] = json!(20_250_801),
            FailureKind::MalformedReply,
            "shifted the dates",
        ),
        (
            |body, answer| {
                if body["type"] == "AmortizedCost" && body["dataset"]["filter"].is_null() {
                    *answer = json!({"status": 204});
                }
            },
            FailureKind::Incomplete,
            "Amortized",
        ),
        (
            |body, answer| {
                if !body["dataset"]["filter"].is_null() {
                    answer["properties"]["rows"].as_array_mut().unwrap().pop();
                }
            },
            FailureKind::Incomplete,
            "add up to",
        ),
        (
            |_, answer| answer["properties"]["nextLink"] = json!("https://evil.example/x"),
            FailureKind::MalformedReply,
            "another host",
        ),
    ];
    for (twist, kind, says) in cases {
        let fake = Fake::of(&LINES);
        fake.twist(twist);
        let (host, ran) = ran(&fake, &settings());
        let failure = ran.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert_eq!((host.commits().len(), host.open_writers()), (0, 0));
    }
}

#[test]
fn no_content_is_no_empty_bill_and_a_failure_where_the_ledger_knows_better() {
    let fake = Fake::of(&LINES);
    let (host, first) = ran(&fake, &settings());
    first.unwrap();
    fake.lines.borrow_mut().clear();
    let failure = host.run::<Azure>(&settings(), period()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete, "{failure}");
    assert_eq!(
        host.commits()
            .iter()
            .filter(|commit| commit.records.is_empty())
            .count(),
        0
    );

    let (host, ran) = ran(&Fake::default(), &settings());
    ran.unwrap();
    assert_eq!(host.commits().len(), 0);
    assert!(
        host.logs()
            .iter()
            .any(|(_, line)| line.contains("not an empty bill"))
    );
}

#[test]
fn days_before_the_first_and_after_the_last_that_azure_tells_of_stay_as_they_are() {
    let (host, ran) = ran(&Fake::of(&LINES[..3]), &settings());
    ran.unwrap();
    let partitions: Vec<_> = host
        .commits()
        .iter()
        .flat_map(|commit| commit.partitions.clone())
        .collect();
    assert_eq!(partitions, [days("2026-08-01", "2026-08-02").start]);
}

#[test]
fn the_column_of_the_agreement_is_found_out_and_asked_for_from_then_on() {
    let fake = Fake::of(&LINES);
    fake.twist(|body, answer| {
        if body["dataset"]["aggregation"]["totalCost"]["name"] == "Cost" {
            let message = "Invalid query definition: Invalid dataset aggregation column: 'Cost'; valid values: 'PreTaxCost'";
            *answer = json!({"status": 400, "error": {"code": "BadRequest", "message": message}});
        }
    });
    let (host, ran) = ran(&fake, &settings());
    ran.unwrap();
    let columns: Vec<Value> = host
        .requests()
        .iter()
        .map(|request| body(request)["dataset"]["aggregation"]["totalCost"]["name"].clone())
        .collect();
    assert_eq!(
        columns,
        ["Cost", "PreTaxCost", "PreTaxCost", "PreTaxCost", "PreTaxCost"]
    );
}

#[test]
fn unknown_charge_types_and_services_pass_through_labelled() {
    let line: Line = (
        "2026-08-01",
        "s-1",
        "TrueUp",
        "Quantum Workspace",
        "",
        Some("5"),
        Some("5"),
    );
    let (host, ran) = ran(&Fake::of(&[line]), &settings());
    ran.unwrap();
    let record = &found(&host, "2026-08-01", "TrueUp")[0];
    assert_eq!(record.category, ChargeCategory::Adjustment);
    assert_eq!(record.service_category, "Other");
    for word in ["TrueUp", "Quantum Workspace"] {
        assert!(host.logs().iter().any(|(_, line)| line.contains(word)), "{word}");
    }
}
