//! What becomes of a line.

use super::*;
use finops_collector::{
    CostRecord, FailureKind,
    record::{ChargeCategory, Finality},
};

fn record(line: &Value) -> (CostRecord, Vec<String>) {
    let host = billing(&page(&[bucket("2026-07-31", &json!([line]))]));
    run(&host).unwrap();
    let mut warned = warnings(&host);
    warned.retain(|text| !text.contains("does not tell of"));
    (host.records("spend").remove(0), warned)
}

#[test]
fn a_line_is_mapped_field_by_field() {
    let (record, warned) = record(&line("gpt-5-mini, input_tokens", &json!(1.2534)));
    assert_eq!(warned, Vec::<String>::new());
    assert_eq!(record.charge_period, days("2026-07-31", "2026-08-01"));
    assert_eq!(record.billed_cost.to_string(), "1.2534");
    assert_eq!(record.effective_cost, record.billed_cost);
    assert_eq!((record.list_cost, record.contracted_cost), (None, None));
    assert_eq!(record.currency, "USD");
    assert_eq!(record.billing_account_id, "org-1");
    let project = record.sub_account.unwrap();
    assert_eq!(
        (project.id.as_str(), project.name.as_deref()),
        ("proj_a", Some("Search"))
    );
    assert_eq!(
        (
            record.service_provider.as_str(),
            record.service_name.as_str(),
            record.service_category.as_str()
        ),
        ("OpenAI", "OpenAI API", "AI and Machine Learning")
    );
    let sku = record.sku.unwrap();
    assert_eq!(
        (sku.id.as_deref(), sku.meter.as_deref()),
        (Some("gpt-5-mini, input_tokens"), Some("input_tokens"))
    );
    assert_eq!(record.resource.unwrap().id, "gpt-5-mini");
    let consumed = record.consumed.unwrap();
    assert_eq!(
        (consumed.amount.to_string(), consumed.unit.as_str()),
        ("1000".to_owned(), "Tokens")
    );
    assert_eq!(record.pricing.unwrap().quantity, Some(consumed));
    assert_eq!(record.category, ChargeCategory::Usage);
    assert_eq!(record.finality, Finality::Open);
    let tag = |name: &str| {
        record
            .tags
            .iter()
            .find(|tag| tag.0 == name)
            .map(|tag| tag.1.as_str())
    };
    assert_eq!(
        (tag("model"), tag("metric")),
        (Some("gpt-5-mini"), Some("input_tokens"))
    );
}

#[test]
fn amounts_keep_their_digits_as_numbers_as_text_and_as_powers_of_ten() {
    for (value, read) in [
        (r#"0.1"#, "0.1"),
        (r#""0.30000000000000004""#, "0.30000000000000004"),
        (r#"6.25e-7"#, "0.000000625"),
        (r#"123456789012.123456789"#, "123456789012.123456789"),
        (r#"0"#, "0"),
    ] {
        let value: Value = serde_json::from_str(value).unwrap();
        assert_eq!(
            record(&line("web search", &value)).0.billed_cost.to_string(),
            read
        );
    }
}

#[test]
fn free_text_without_a_metric_is_kept_whole() {
    let (record, _) = record(&line("assistants api | file search", &json!(1)));
    assert_eq!(
        record.sku.unwrap().id.as_deref(),
        Some("assistants api | file search")
    );
    assert_eq!((record.resource, record.tags.len()), (None, 0));
    let (record, _) = records::record(&line("ft:gpt-5, acme, output", &json!(1)));
    assert_eq!(record.resource.unwrap().id, "ft:gpt-5, acme");
}

#[test]
fn what_is_not_known_passes_through_and_is_warned_of() {
    let mut odd = line("gpt-9, dreams", &json!(1));
    odd["amount"]["currency"] = json!("eur");
    odd["quantity_unit"] = json!("dreams");
    odd["a_new_field"] = json!({"a": [1.5]});
    let (record, warned) = record(&odd);
    assert_eq!(
        (record.currency.as_str(), record.consumed.unwrap().unit.as_str()),
        ("EUR", "dreams")
    );
    assert!(warned.iter().any(|text| text.contains("`EUR`")), "{warned:?}");
    assert!(warned.iter().any(|text| text.contains("`dreams`")), "{warned:?}");

    for (field, value, says) in [
        ("quantity", json!(true), "no number"),
        ("quantity_unit", json!(null), "without a unit"),
    ] {
        let mut odd = line("gpt-9, dreams", &json!(1));
        odd[field] = value;
        let (record, warned) = records::record(&odd);
        assert_eq!(record.consumed, None);
        assert!(warned[0].contains(says), "{warned:?}");
    }

    let mut bare = line("", &json!(1));
    for field in ["line_item", "project_id", "quantity", "quantity_unit"] {
        bare[field] = json!(null);
    }
    let (record, warned) = records::record(&bare);
    assert_eq!(
        (record.sku, record.sub_account, record.consumed),
        (None, None, None)
    );
    assert!(warned[0].contains("without a line item"), "{warned:?}");
}

#[test]
fn money_back_is_a_credit_and_has_no_quantity() {
    let (record, _) = record(&line("promotional credit", &json!("-2.50")));
    assert_eq!(
        (record.category, record.billed_cost.to_string()),
        (ChargeCategory::Credit, "-2.5".to_owned())
    );
    assert_eq!((record.consumed, record.frequency), (None, None));
}

#[test]
fn a_line_without_an_amount_is_an_error_and_its_day_is_not_committed() {
    for value in [json!(null), json!(""), json!("free"), json!([1])] {
        let costs = page(&[
            bucket("2026-07-31", &json!([line("web search", &json!(1))])),
            bucket(
                "2026-08-01",
                &json!([line("web search", &json!(1)), line("gpt-5, output", &value)]),
            ),
        ]);
        let host = billing(&costs);
        let failure = run(&host).unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply, "{failure}");
        assert!(failure.message.contains("2026-08-01"), "{failure}");
        // The whole day before it is.
        let committed: Vec<_> = host
            .commits()
            .iter()
            .map(|commit| commit.partitions.clone())
            .collect();
        assert_eq!(
            (committed, host.open_writers()),
            (vec![vec![days("2026-07-31", "2026-07-31").start]], 0)
        );
    }
}

#[test]
fn a_month_is_final_a_week_after_its_end() {
    let costs = page(&[
        bucket("2026-07-31", &json!([line("web search", &json!(1))])),
        bucket("2026-08-01", &json!([line("web search", &json!(1))])),
    ]);
    let host = billing(&costs).at(midnight("2026-08-08"));
    run(&host).unwrap();
    let finalities: Vec<_> = host
        .records("spend")
        .iter()
        .map(|record| record.finality)
        .collect();
    assert_eq!(finalities, [Finality::Final, Finality::Open]);
}
