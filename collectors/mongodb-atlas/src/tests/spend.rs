//! Invoices: which are read, how they are booked, what is refused.

use super::fake::{AUGUST, JULY, ORG, Org, invoice, line, number, records, run, says};
use finops_collector::{
    Completeness, CostRecord, Decimal, FailureKind,
    record::{ChargeCategory, Finality},
    testing::reply,
};
use serde_json::json;
use std::cell::Cell;

fn costs(records: &[CostRecord]) -> Vec<String> {
    records
        .iter()
        .map(|record| record.billed_cost.to_string())
        .collect()
}

fn sum(records: &[CostRecord]) -> String {
    Decimal::sum(records.iter().map(|record| record.billed_cost))
        .unwrap()
        .to_string()
}

#[test]
fn a_line_becomes_a_record_with_its_words_and_digits() {
    let mut org = Org::default();
    org.pending[0]["lineItems"][0]["tags"] = json!({"env": ["prod", "eu"], "team": "shop"});
    org.pending[0]["lineItems"][0]["discountCents"] = json!(96);
    org.pending[0]["amountBilledCents"] = json!(1_204);
    org.pending[0]["lineItems"][0]["quantity"] = number("72.123456789012345");
    let records = records(&org.host());
    let record = &records[0];
    assert_eq!(costs(&records), ["12", "0.04"]);
    assert_eq!(record.list_cost.unwrap().to_string(), "12.96");
    let consumed = record.consumed.as_ref().unwrap();
    assert_eq!(
        (consumed.amount.to_string().as_str(), consumed.unit.as_str()),
        ("72.123456789012345", "server hours")
    );
    assert_eq!(
        record
            .pricing
            .as_ref()
            .unwrap()
            .list_unit_price
            .unwrap()
            .to_string(),
        "0.18"
    );
    assert_eq!(record.host_provider.as_deref(), Some("Amazon Web Services"));
    assert_eq!(
        record.resource.as_ref().unwrap().id,
        "5f1a00000000000000000001/orders"
    );
    assert_eq!(
        record.tags,
        [
            ("env".to_owned(), "prod,eu".to_owned()),
            ("team".to_owned(), "shop".to_owned())
        ]
    );
    assert_eq!((record.finality, &record.invoice), (Finality::Open, &None));
    assert_eq!(records[1].service_category, "Networking");
}

#[test]
fn tax_and_credits_are_records_of_their_own_and_count_once() {
    let mut july = invoice(
        JULY,
        7,
        "INVOICED",
        vec![line("ATLAS_AWS_INSTANCE_M30", 1, 10_000)],
    );
    july["salesTaxCents"] = json!(800);
    july["creditsCents"] = json!(2_500);
    july["amountBilledCents"] = json!(8_300);
    let with = |july| Org {
        closed: vec![july],
        ..Org::default()
    };
    let host = with(july.clone()).host();
    let own = records(&host);
    let july_only: Vec<_> = own
        .iter()
        .filter(|record| record.invoice.is_some())
        .cloned()
        .collect();
    assert_eq!(sum(&july_only), "83");
    let categories: Vec<_> = july_only.iter().map(|record| record.category).collect();
    assert_eq!(
        categories,
        [ChargeCategory::Tax, ChargeCategory::Credit, ChargeCategory::Usage]
    );
    assert!(july_only.iter().all(|record| record.finality == Finality::Final));

    // The same where they are lines, too.
    let lines = july["lineItems"].as_array_mut().unwrap();
    lines.push(line("ATLAS_CREDIT", 1, -2_500));
    lines.push(line("SALES_TAX", 1, 800));
    let host = with(july).host();
    let lines = records(&host);
    assert_eq!(sum(&lines), sum(&own));
    assert!(!says(&host, "add up"));
    let kinds = |of: &[CostRecord]| {
        of.iter()
            .filter(|record| record.category == ChargeCategory::Credit)
            .count()
    };
    assert_eq!((kinds(&lines), kinds(&own)), (1, 1));
}

#[test]
fn totals_that_balance_only_after_their_discounts_are_booked_so_and_said() {
    let mut discounted = line("ATLAS_AWS_INSTANCE_M30", 1, 900);
    discounted["discountCents"] = json!(100);
    let mut july = invoice(JULY, 7, "PAID", vec![discounted]);
    july["amountBilledCents"] = json!(900);
    let host = Org {
        closed: vec![july],
        pending: Vec::new(),
        ..Org::default()
    }
    .host();
    let records = records(&host);
    assert_eq!(costs(&records), ["9"]);
    assert_eq!(records[0].list_cost.unwrap().to_string(), "10");
    assert!(says(&host, "after their discounts"));
}

#[test]
fn a_closed_invoice_that_does_not_balance_is_booked_as_incomplete_and_warned_of() {
    let mut july = invoice(JULY, 7, "PAID", vec![line("ATLAS_AWS_INSTANCE_M30", 1, 900)]);
    july["amountBilledCents"] = json!(901);
    let host = Org {
        closed: vec![july],
        ..Org::default()
    }
    .host();
    run(&host).unwrap();
    assert!(says(
        &host,
        "add up to 9 USD, but MongoDB says that 9.01 USD were billed"
    ));
    let completeness: Vec<_> = host
        .commits()
        .iter()
        .map(|commit| commit.seal.as_ref().unwrap().completeness)
        .collect();
    assert_eq!(completeness, [Completeness::Partial, Completeness::Complete]);
}

#[test]
fn a_line_of_several_days_is_spread_to_the_cent() {
    let mut support = line("ATLAS_DEVELOPER_SUPPORT", 1, 10_000);
    support["endDate"] = json!("2026-09-01T00:00:00Z");
    support["quantity"] = json!(1);
    let host = Org {
        pending: vec![invoice(AUGUST, 8, "PENDING", vec![support])],
        ..Org::default()
    }
    .host();
    let records = records(&host);
    assert_eq!((records.len(), sum(&records).as_str()), (31, "100"));
    assert_eq!(
        (costs(&records)[0].as_str(), costs(&records)[30].as_str()),
        ("3.23", "3.22")
    );
    assert!(
        records
            .iter()
            .all(|record| record.category == ChargeCategory::Purchase)
    );
    let used = Decimal::sum(
        records
            .iter()
            .map(|record| record.consumed.as_ref().unwrap().amount),
    );
    assert_eq!(used.unwrap(), Decimal::ONE);
}

#[test]
fn what_is_not_known_passes_through_labelled() {
    let mut odd = line("QUANTUM_LEDGER", 1, 5);
    odd["cloudProvider"] = json!("MOON");
    odd.as_object_mut().unwrap().remove("unit");
    let mut refund = line("ATLAS_AWS_INSTANCE_M30", 2, -5);
    refund["tierLowerBound"] = number("10.0");
    let mut july = invoice(JULY, 7, "SETTLED_IN_KIND", vec![odd, refund]);
    july["amountBilledCents"] = json!(0);
    let host = Org {
        closed: vec![july],
        pending: Vec::new(),
        ..Org::default()
    }
    .host();
    let records = records(&host);
    for words in ["QUANTUM_LEDGER", "MOON", "no unit", "SETTLED_IN_KIND"] {
        assert!(says(&host, words), "{words} {:?}", host.logs());
    }
    let odd = &records[0];
    assert_eq!(
        (odd.service_category.as_str(), odd.host_provider.as_deref()),
        ("Other", Some("MOON"))
    );
    assert_eq!(odd.sku.as_ref().unwrap().id.as_deref(), Some("QUANTUM_LEDGER"));
    assert_eq!(odd.consumed.as_ref().unwrap().unit, "Units");
    assert_eq!(
        (records[1].category, records[1].finality),
        (ChargeCategory::Adjustment, Finality::Open)
    );
    assert!(
        records[1]
            .extra
            .contains(&("x_TierLowerBound".to_owned(), "10".to_owned()))
    );
}

#[test]
fn a_line_without_a_cost_is_no_zero() {
    let mut org = Org::default();
    org.pending[0]["lineItems"][1]
        .as_object_mut()
        .unwrap()
        .remove("totalPriceCents");
    let host = org.host();
    let failure = run(&host).unwrap_err();
    assert_eq!(failure.kind, FailureKind::MalformedReply, "{failure}");
    assert!(host.commits().is_empty() && host.open_writers() == 0);
}

#[test]
fn an_invoice_that_closes_while_it_is_read_is_taken_once() {
    // The pending reply has it still, the list says that it is closed: its own reply rules.
    let lines = |cents| vec![line("ATLAS_AWS_INSTANCE_M30", 1, cents)];
    let org = Org {
        closed: vec![invoice(JULY, 7, "CLOSED", lines(700))],
        pending: vec![invoice(AUGUST, 8, "PENDING", lines(1))],
        ..Org::default()
    };
    let late = json!({"results": [
        invoice(JULY, 7, "PENDING", lines(600)), invoice(AUGUST, 8, "PENDING", lines(1)),
    ]});
    let host = org.host_but(move |request| {
        request
            .url
            .ends_with("/invoices/pending")
            .then(|| reply(200, &late.to_string()))
    });
    assert_eq!(costs(&records(&host)), ["7", "0.01"]);
}

#[test]
fn an_invoice_that_changes_between_its_readings_is_not_committed() {
    let asked = Cell::new(0);
    let host = Org::default().host_but(move |request| {
        if !request.url.ends_with("/invoices/pending") {
            return None;
        }
        asked.set(asked.get() + 1);
        let cents = if asked.get() == 1 { 100 } else { 101 };
        let changed = invoice(
            AUGUST,
            8,
            "PENDING",
            vec![line("ATLAS_AWS_INSTANCE_M30", 1, cents)],
        );
        Some(reply(200, &json!({"results": [changed]}).to_string()))
    });
    let failure = run(&host).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete, "{failure}");
    assert!(host.records("spend").is_empty() && host.open_writers() == 0);
}

#[test]
fn invoices_of_linked_organizations_are_left_to_their_own_file() {
    let mut org = Org::default();
    let mut linked = invoice(JULY, 7, "PAID", vec![line("ATLAS_AWS_INSTANCE_M30", 1, 900)]);
    linked["orgId"] = json!("5f0c00000000000000000002");
    org.closed = vec![linked];
    let host = org.host();
    assert_eq!(sum(&records(&host)), "13");
    assert!(says(&host, "a file of its own"));
}

#[test]
fn a_list_of_many_pages_is_read_to_its_end_and_pages_that_repeat_are_refused() {
    let page = |from: usize, count: usize| {
        let heads: Vec<_> = (from..from + count)
            .map(|number| invoice(&format!("66d8{number:020x}"), 5, "PAID", Vec::new()))
            .collect();
        reply(200, &json!({"results": heads, "totalCount": 501}).to_string())
    };
    let list = format!("/orgs/{ORG}/invoices?");
    let pages = move |request: &finops_collector::HttpRequest| {
        let second = request.url.contains("pageNum=2");
        request
            .url
            .contains(&list)
            .then(|| if second { page(500, 1) } else { page(0, 500) })
    };
    let host = Org::default().host_but(pages);
    assert_eq!(costs(&records(&host)), ["12.96", "0.04"]);
    let list = format!("/orgs/{ORG}/invoices?");
    let host = Org::default().host_but(move |request| request.url.contains(&list).then(|| page(0, 500)));
    let failure = run(&host).unwrap_err();
    assert!(failure.message.contains("again"), "{failure}");
}

#[test]
fn an_organization_that_is_no_id_is_refused_before_any_call() {
    let host = Org::default().host();
    let period = finops_collector::Period { start: 0, end: 1 };
    let settings = json!({"organization": "../groups"});
    let failure = host.run::<crate::Atlas>(&settings, period).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Settings);
    assert!(host.requests().is_empty());
}
