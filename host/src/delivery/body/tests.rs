//! What a body looks like.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use serde_json::json;

fn contents(dims: Value, amount: &str) -> Contents {
    Contents {
        source: BatchSource {
            id: 1,
            hash: "0123456789abcdef".to_owned(),
            provider: "snowflake".to_owned(),
            instance: "prod".to_owned(),
        },
        measure: "effective".to_owned(),
        entries: vec![Entry {
            row: 1,
            entry_id: "e1".to_owned(),
            posting_key: "k1".to_owned(),
            dims: dims.to_string(),
            currency: "USD".to_owned(),
            amount: amount.parse().unwrap(),
            total_after: "7".parse().unwrap(),
            original: None,
            sequence: 3,
            epoch: 2,
        }],
        observations: Vec::new(),
        events: Vec::new(),
    }
}

fn day(extra: Value) -> Value {
    let mut dims = json!({"charge_start": "2026-01-02T00:00:00Z", "charge_end": "2026-01-03T00:00:00Z",
        "partition_start": "2026-01-02T00:00:00Z", "service": "STORAGE", "service_category": "Storage"});
    let (Value::Object(dims), Value::Object(extra)) = (&mut dims, extra) else {
        unreachable!()
    };
    dims.extend(extra);
    Value::Object(dims.clone())
}

fn head() -> Head {
    Head {
        uid: "b1".to_owned(),
        sealed_at: "2026-01-05T06:07:08.9Z".parse().unwrap(),
        hostname: "box".to_owned(),
    }
}

fn rendered(contents: &Contents) -> Value {
    serde_json::from_slice(&render(&head(), contents).unwrap()).unwrap()
}

#[test]
fn a_body_holds_what_the_server_keeps_and_nothing_else() {
    let mut contents = contents(day(json!({"region": "eu-west-1"})), "0.100000000000000001");
    contents.observations.push(Observation {
        seq: 4,
        name: "credits".to_owned(),
        dims: json!({"warehouse": "W"}),
        value: "1.5".parse().unwrap(),
        unit: "Credits".to_owned(),
        at: "2026-01-04T00:00:00Z".parse().unwrap(),
    });
    for detail in [r#"{"calls":2}"#, "plain words"] {
        contents.events.push(Event {
            row: 1,
            at: "2026-01-05T00:00:00Z".parse().unwrap(),
            kind: "finished".to_owned(),
            detail: detail.to_owned(),
        });
    }
    let body = rendered(&contents);
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    let expected = [
        "agent_id",
        "cloud_provider",
        "events",
        "hostname",
        "metrics",
        "region",
        "timestamp",
        "traces",
    ];
    assert_eq!(keys, expected);
    assert_eq!(body["agent_id"], "finops-host/snowflake/0123456789ab");
    assert_eq!(body["timestamp"], json!(1_767_593_228));
    assert_eq!(body["region"], "eu-west-1");
    assert_eq!(
        body["metrics"]["summary"],
        json!({"entries": 1, "observations": 1, "measure": "effective",
            "amounts": {"USD": "0.100000000000000001"}})
    );
    assert_eq!(body["metrics"]["schema"], SCHEMA);
    assert_eq!(body["metrics"]["batch_id"], "b1");
    assert_eq!(body["metrics"]["instance"], "prod");
    assert_eq!(body["metrics"]["period_start"], "2026-01-02T00:00:00Z");
    assert_eq!(body["metrics"]["period_end"], "2026-01-04T00:00:00Z");
    assert_eq!(body["metrics"]["observations"][0]["value"].to_string(), "1.5");
    assert_eq!(body["events"][0]["detail"], json!({"calls": 2}));
    assert_eq!(body["events"][1]["detail"], "plain words");
    assert_eq!(body["traces"], json!([]));
}

#[test]
fn a_cost_entry_has_the_servers_fields_and_exact_tags() {
    let dims = day(json!({"stream": "spend", "basis": "billed", "sub_account": "LOC",
        "resource_id": "7", "resource_name": "WH",
        "tags": {"user": "ana"}, "extra": {"x_Attribution": "query"}}));
    let body = rendered(&contents(dims, "-0.100000000000000001"));
    let entry = &body["metrics"]["cost_entries"][0];
    let keys: Vec<&String> = entry.as_object().unwrap().keys().collect();
    let expected = [
        "amount",
        "billing_period",
        "category",
        "currency",
        "description",
        "entry_id",
        "region",
        "resource_id",
        "tags",
        "timestamp",
    ];
    assert_eq!(keys, expected);
    assert_eq!(entry["amount"].to_string(), "-0.100000000000000001");
    assert_eq!(entry["category"], "snowflake_storage");
    assert_eq!(entry["resource_id"], "7");
    assert_eq!(entry["description"], "STORAGE: WH");
    assert_eq!(entry["region"], "global");
    let tags = entry["tags"].as_object().unwrap();
    assert!(tags.values().all(Value::is_string));
    for (name, value) in [
        ("user", "ana"),
        ("finops_host.amount", "-0.100000000000000001"),
        ("finops_host.total_after", "7"),
        ("finops_host.sequence", "3"),
        ("finops_host.epoch", "2"),
        ("finops_host.measure", "effective"),
        ("finops_host.posting_key", "k1"),
        ("finops_host.stream", "spend"),
        ("finops_host.basis", "billed"),
        ("finops_host.partition", "2026-01-02T00:00:00Z"),
        ("finops_host.charge_start", "2026-01-02T00:00:00Z"),
        ("finops_host.sub_account", "LOC"),
        ("finops_host.x_Attribution", "query"),
    ] {
        assert_eq!(tags.get(name).and_then(Value::as_str), Some(value), "{name}");
    }
}

#[test]
fn a_provider_tag_cannot_take_one_of_our_names() {
    let forged =
        json!({"tags": {"finops_host.amount": "999", "tag.finops_host.amount": "998", "tag.a": "1"}});
    let body = rendered(&contents(day(forged), "5"));
    let tags = &body["metrics"]["cost_entries"][0]["tags"];
    assert_eq!(tags["finops_host.amount"], "5");
    assert_eq!(tags["tag.finops_host.amount"], "999");
    assert_eq!(tags["tag.tag.finops_host.amount"], "998");
    assert_eq!(tags["tag.a"], "1");
}

#[test]
fn charges_of_a_day_or_longer_stand_at_noon() {
    for (start, end, timestamp, period) in [
        (
            "2026-01-02T03:00:00Z",
            "2026-01-02T04:00:00Z",
            "2026-01-02T03:00:00Z",
            "hourly",
        ),
        (
            "2026-01-02T00:00:00Z",
            "2026-01-03T00:00:00Z",
            "2026-01-02T12:00:00Z",
            "daily",
        ),
        (
            "2026-02-01T00:00:00Z",
            "2026-03-01T00:00:00Z",
            "2026-02-01T12:00:00Z",
            "monthly",
        ),
    ] {
        let dims = json!({"charge_start": start, "charge_end": end});
        let body = rendered(&contents(dims, "1"));
        let entry = &body["metrics"]["cost_entries"][0];
        let expected: Timestamp = timestamp.parse().unwrap();
        assert_eq!(entry["timestamp"], json!(expected.as_second()));
        assert_eq!(entry["billing_period"], period);
        assert_eq!(
            entry["resource_id"], "snowflake",
            "without service the provider stands in"
        );
    }
}

#[test]
fn the_same_contents_give_the_same_bytes_and_a_damaged_row_is_refused() {
    let good = contents(day(json!({"tags": {"b": "1", "a": "2"}})), "1");
    assert_eq!(render(&head(), &good).unwrap(), render(&head(), &good).unwrap());
    let damaged = contents(json!({"charge_start": "yesterday"}), "1");
    let error = render(&head(), &damaged).unwrap_err().to_string();
    assert!(error.contains("charge_start"), "{error}");
}
