//! What becomes of a line.

use super::{host, line, report, settings, since};
use crate::{GitHub, descriptor::SPEND};
use finops_collector::{CostRecord, Decimal, FailureKind, record::ChargeCategory, testing::FakeHost};
use serde_json::{Value, json};

fn read(lines: Vec<Value>) -> FakeHost {
    let host = host(move |_, _| report(&lines));
    host.run::<GitHub>(&settings(), since("2026-08-03")).unwrap();
    host
}

fn one(more: Value) -> CostRecord {
    read(vec![line("2026-08-03", more)]).records(SPEND).remove(0)
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn gross_is_list_and_net_is_billed() {
    let record = one(json!({}));
    assert_eq!(
        (
            record.list_cost,
            record.contracted_cost,
            record.billed_cost,
            record.effective_cost
        ),
        (
            Some(decimal("2.472")),
            Some(decimal("2.472")),
            decimal("0.472"),
            decimal("0.472")
        )
    );
    let pricing = record.pricing.unwrap();
    assert_eq!(pricing.list_unit_price, Some(decimal("0.006")));
    assert_eq!(record.consumed.unwrap().unit, "Minutes");
    assert_eq!(record.resource.unwrap().id, "acme/api");
    assert_eq!(record.sub_account.unwrap().id, "acme");
    assert_eq!(record.billing_account_id, "acme");
}

#[test]
fn every_spelling_of_github_gives_the_same_record() {
    let plain = one(json!({}));
    let other = one(
        json!({"date": "2026-08-03", "product": "Actions", "sku": "Actions Linux", "unitType": "Minutes",
        "organizationName": "Acme", "repositoryName": "api", "netAmount": "0.472"}),
    );
    assert_eq!(
        CostRecord {
            description: None,
            ..other
        },
        CostRecord {
            description: None,
            ..plain
        }
    );
    let none = one(json!({"organizationName": null, "repositoryName": ""}));
    assert_eq!(
        (none.resource, none.sub_account.unwrap().id.as_str()),
        (None, "acme")
    );
}

#[test]
fn digits_of_floats_are_read_as_they_stand() {
    let record = one(json!({"netAmount": serde_json::from_str::<Value>("4.7200000000000004e-7").unwrap()}));
    assert_eq!(record.billed_cost, decimal("0.00000047200000000"));
    let record = one(json!({"netAmount": serde_json::from_str::<Value>("0.47200000000000003").unwrap()}));
    assert_eq!(record.billed_cost, decimal("0.47200000000000003"));
}

#[test]
fn licences_are_purchases() {
    let record = one(
        json!({"product": "copilot", "sku": "copilot_business", "unitType": "user-months", "repositoryName": ""}),
    );
    assert_eq!(
        (record.category, record.consumed),
        (ChargeCategory::Purchase, None)
    );
    assert_eq!(record.pricing.unwrap().quantity.unwrap().unit, "User-Months");
}

#[test]
fn what_is_unknown_passes_through_with_a_warning() {
    let lines = vec![
        line(
            "2026-08-03",
            json!({"product": "quantum", "sku": "quantum_qubit", "unitType": "QubitHours"}),
        ),
        line(
            "2026-08-03",
            json!({"product": "quantum", "sku": "quantum_gate", "unitType": "QubitHours"}),
        ),
        line("2026-08-03", json!({"sku": "actions_beos_4_core"})),
        line("2026-08-03", json!({"discountAmount": 1})),
    ];
    let host = read(lines);
    let records = host.records(SPEND);
    assert_eq!((records.len(), records[0].service_name.as_str()), (4, "quantum"));
    assert_eq!(records[0].consumed.as_ref().unwrap().unit, "QubitHours");
    assert_eq!(records[0].service_category, "Other");
    let said: Vec<String> = host.logs().into_iter().map(|(_, text)| text).collect();
    for word in [
        "product `quantum`",
        "unit `QubitHours`",
        "runner `actions_beos_4_core`",
        "not net",
    ] {
        assert_eq!(
            said.iter().filter(|text| text.contains(word)).count(),
            1,
            "{word}: {said:?}"
        );
    }
}

#[test]
fn minutes_are_observed_by_sku_and_system() {
    let host = read(vec![
        line("2026-08-03", json!({})),
        line(
            "2026-08-03",
            json!({"repositoryName": "acme/web", "quantity": 8.5}),
        ),
        line(
            "2026-08-03",
            json!({"sku": "actions_windows_8_core", "quantity": 3}),
        ),
        line(
            "2026-08-03",
            json!({"product": "git_lfs", "unitType": "GigabyteHours"}),
        ),
    ]);
    let seen: Vec<(String, Decimal)> = host
        .observations()
        .into_iter()
        .map(|seen| {
            let words: Vec<String> = seen.dimensions.into_iter().map(|(_, value)| value).collect();
            (words.join(" "), seen.value)
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("2026-08-03 linux actions_linux".to_owned(), decimal("420.5")),
            (
                "2026-08-03 windows actions_windows_8_core".to_owned(),
                decimal("3")
            ),
        ]
    );
}

#[test]
fn a_line_of_another_day_or_without_its_amount_is_refused() {
    for odd in [
        json!({"date": "2026-08-02"}),
        json!({"netAmount": null}),
        json!({"netAmount": "much"}),
    ] {
        let lines = vec![line("2026-08-03", json!({})), line("2026-08-03", odd)];
        let host = host(move |_, _| report(&lines));
        let failure = host.run::<GitHub>(&settings(), since("2026-08-03")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply, "{failure}");
        assert!(host.commits().is_empty());
    }
}
