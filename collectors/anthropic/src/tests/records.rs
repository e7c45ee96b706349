//! What becomes of a line.

use super::*;
use finops_collector::{
    CostRecord, FailureKind,
    record::{ChargeCategory, Finality},
};

fn record(line: &Value) -> (CostRecord, Vec<String>) {
    let host = billing(&page(&[bucket("2026-08-01", &json!([line]))]));
    run(&host).unwrap();
    let mut warned = warnings(&host);
    warned.retain(|text| !text.contains("does not tell of"));
    (host.records("spend").remove(0), warned)
}

#[test]
fn a_line_is_mapped_field_by_field_and_its_cents_become_dollars() {
    let (record, warned) = record(&line(&json!("123.45")));
    assert_eq!(warned, Vec::<String>::new());
    assert_eq!(record.charge_period, days("2026-08-01", "2026-08-02"));
    assert_eq!(record.billed_cost.to_string(), "1.2345");
    assert_eq!(record.effective_cost, record.billed_cost);
    assert_eq!(
        (record.list_cost, record.contracted_cost, record.consumed),
        (None, None, None)
    );
    assert_eq!(
        (record.currency.as_str(), record.billing_account_id.as_str()),
        ("USD", "org-1")
    );
    let workspace = record.sub_account.unwrap();
    assert_eq!(
        (workspace.id.as_str(), workspace.name.as_deref()),
        ("wrkspc_01", Some("Support"))
    );
    assert_eq!(
        (
            record.service_provider.as_str(),
            record.service_name.as_str(),
            record.service_category.as_str()
        ),
        ("Anthropic", "Claude API", "AI and Machine Learning")
    );
    let sku = record.sku.unwrap();
    assert_eq!(
        sku.id.as_deref(),
        Some("claude-sonnet-5|tokens|uncached_input_tokens|standard|0-200k")
    );
    assert_eq!(sku.meter.as_deref(), Some("uncached_input_tokens"));
    assert_eq!(
        record.description.as_deref(),
        Some("Claude Sonnet 5 Usage - Input Tokens")
    );
    assert_eq!(record.resource.unwrap().id, "claude-sonnet-5");
    assert_eq!(
        (record.category, record.finality),
        (ChargeCategory::Usage, Finality::Open)
    );
    assert_eq!(record.region, None);
    let tag = |name: &str| {
        record
            .tags
            .iter()
            .find(|tag| tag.0 == name)
            .map(|tag| tag.1.as_str())
    };
    assert_eq!(
        (tag("model"), tag("service_tier")),
        (Some("claude-sonnet-5"), Some("standard"))
    );
}

#[test]
fn what_is_no_token_belongs_to_no_model_and_may_belong_to_no_workspace() {
    let (record, warned) = record(
        &json!({"amount": "10.00", "currency": "USD", "cost_type": "web_search",
        "description": "Web Search Usage", "model": null, "token_type": null, "context_window": null,
        "service_tier": null, "workspace_id": null}),
    );
    assert_eq!(warned, Vec::<String>::new());
    assert_eq!(record.billed_cost.to_string(), "0.1");
    let sku = record.sku.unwrap();
    assert_eq!(
        (sku.id.as_deref(), sku.meter.as_deref()),
        (Some("web_search"), Some("web_search"))
    );
    assert_eq!((record.resource, record.tags.len()), (None, 0));
    assert_eq!(record.sub_account.unwrap().id, "default");
}

#[test]
fn a_place_of_inference_is_the_region() {
    for (geo, region) in [
        (json!("us"), Some("us")),
        (json!("not_available"), None),
        (json!(null), None),
    ] {
        let mut line = line(&json!("1"));
        line["inference_geo"] = geo;
        let (record, _) = record(&line);
        assert_eq!(record.region.map(|region| region.id).as_deref(), region);
    }
}

#[test]
fn what_is_not_known_passes_through_and_is_warned_of() {
    for (field, value) in [
        ("cost_type", "dreams"),
        ("token_type", "dream_tokens"),
        ("service_tier", "flex"),
        ("context_window", "1M-2M"),
        ("currency", "eur"),
    ] {
        let mut line = line(&json!("200"));
        line[field] = json!(value);
        line["a_new_field"] = json!({"a": [1.5]});
        let (record, warned) = record(&line);
        assert_eq!(record.billed_cost.to_string(), "2", "{field}");
        let shown = if field == "currency" { "EUR" } else { value };
        assert!(
            warned.len() == 1 && warned[0].contains(&format!("`{shown}`")),
            "{warned:?}"
        );
        let sku = record.sku.unwrap().id.unwrap();
        assert!(
            field == "currency" && record.currency == "EUR" || sku.contains(value),
            "{sku}"
        );
    }
    let (record, warned) = record(&json!({"amount": "1", "currency": "USD"}));
    assert_eq!(
        (record.sku, record.billed_cost.to_string().as_str()),
        (None, "0.01")
    );
    assert!(warned[0].contains("neither model nor type"), "{warned:?}");
}

#[test]
fn money_back_is_a_credit() {
    let (record, _) = record(&line(&json!("-250")));
    assert_eq!(
        (record.category, record.billed_cost.to_string()),
        (ChargeCategory::Credit, "-2.5".to_owned())
    );
    assert_eq!(record.frequency, None);
}

#[test]
fn a_line_without_an_amount_is_an_error_and_its_day_is_not_committed() {
    for amount in [json!(null), json!(""), json!("free"), json!([1])] {
        let costs = page(&[
            bucket("2026-08-01", &json!([line(&json!("1"))])),
            bucket("2026-08-02", &json!([line(&json!("1")), line(&amount)])),
        ]);
        let host = billing(&costs);
        let failure = run(&host).unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply, "{failure}");
        assert!(failure.message.contains("2026-08-02"), "{failure}");
        // The whole day before it is.
        let committed: Vec<_> = host
            .commits()
            .iter()
            .map(|commit| commit.partitions.clone())
            .collect();
        assert_eq!(
            (committed, host.open_writers()),
            (vec![vec![days("2026-08-01", "2026-08-01").start]], 0)
        );
    }
}
