//! Products, tiers, resources and tags of rows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::fake::{Cells, row};
use crate::{
    mapping::{Mapped, Mapping, tag_set},
    prices::Prices,
    resource::Names,
};
use finops_collector::{
    CostRecord, Failure, Row, Warnings, jiff::civil::date, record::Finality, testing::FakeHost,
};
use std::collections::BTreeMap;

const COLUMNS: [&str; 32] = [
    "account",
    "workspace",
    "cloud_name",
    "sku",
    "unit",
    "meter",
    "product",
    "jobs_tier",
    "sql_tier",
    "dlt_tier",
    "serving_type",
    "serverless",
    "photon",
    "cluster_id",
    "job_id",
    "job_run_id",
    "job_name",
    "warehouse_id",
    "pipeline_id",
    "endpoint_id",
    "endpoint_name",
    "notebook_id",
    "app_id",
    "app_name",
    "database_id",
    "run_as",
    "owner",
    "creator",
    "tags",
    "list_price",
    "quantity",
    "day",
];

fn try_map(cells: &Cells, host: &FakeHost) -> Result<Option<Mapped>, Failure> {
    let names: Vec<String> = COLUMNS.map(str::to_owned).into();
    let values: Vec<Option<String>> = COLUMNS.iter().map(|name| cells.get(name).cloned()).collect();
    let prices = Prices {
        currency: "USD".to_owned(),
        negotiated: false,
    };
    let known = Names {
        warehouses: BTreeMap::from([("w1".to_owned(), "BI".to_owned())]),
        ..Names::default()
    };
    let mapping = Mapping {
        prices: &prices,
        names: &known,
        warnings: &Warnings::new(host),
        now: 1_785_758_400,
    };
    let row = Row {
        what: "the bill",
        names: &names,
        cells: &values,
    };
    mapping.of(&row, date(2026, 8, 1))
}

fn map(changes: &[(&'static str, &str)], host: &FakeHost) -> Mapped {
    let mut cells = row("2026-08-01", "PREMIUM_JOBS_COMPUTE", "2");
    cells.insert("list_price", "0.5".to_owned());
    for (name, text) in changes {
        match text.is_empty() {
            true => cells.remove(name),
            false => cells.insert(name, (*text).to_owned()),
        };
    }
    try_map(&cells, host).unwrap().unwrap()
}

fn extra<'r>(record: &'r CostRecord, name: &str) -> Option<&'r str> {
    let found = record.extra.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn every_product_has_its_tier() {
    let host = FakeHost::new();
    for (changes, tier) in [
        (vec![("product", "ALL_PURPOSE")], Some("all-purpose")),
        (
            vec![("product", "INTERACTIVE"), ("serverless", "true")],
            Some("interactive serverless"),
        ),
        (vec![("jobs_tier", "LIGHT")], Some("jobs light")),
        (
            vec![("jobs_tier", "CLASSIC"), ("serverless", "false")],
            Some("jobs classic"),
        ),
        (
            vec![("jobs_tier", ""), ("serverless", "true")],
            Some("jobs serverless"),
        ),
        (
            vec![("product", "SQL"), ("sql_tier", "CLASSIC")],
            Some("sql classic"),
        ),
        (vec![("product", "SQL"), ("sql_tier", "PRO")], Some("sql pro")),
        (
            vec![("product", "SQL"), ("sql_tier", "PRO"), ("serverless", "true")],
            Some("sql serverless"),
        ),
        (
            vec![
                ("product", "SQL"),
                ("sku", "PREMIUM_SERVERLESS_SQL_COMPUTE_US_EAST"),
            ],
            Some("sql serverless"),
        ),
        (vec![("product", "DLT"), ("dlt_tier", "CORE")], Some("dlt core")),
        (
            vec![("product", "DLT"), ("dlt_tier", "ADVANCED")],
            Some("dlt advanced"),
        ),
        (
            vec![("product", "DLT"), ("serverless", "true")],
            Some("dlt serverless"),
        ),
        (
            vec![("product", "MODEL_SERVING"), ("serving_type", "GPU_MODEL")],
            Some("model serving gpu model"),
        ),
        (
            vec![("product", "VECTOR_SEARCH"), ("serverless", "true")],
            Some("serverless"),
        ),
        (vec![("product", "NETWORKING")], None),
    ] {
        let mapped = map(&changes, &host);
        assert_eq!(extra(&mapped.spend, "x_Tier"), tier, "{changes:?}");
    }
    assert!(host.logs().is_empty(), "{:?}", host.logs());
}

#[test]
fn what_is_not_known_passes_through_labelled_and_warned_of() {
    let host = FakeHost::new();
    let mapped = map(
        &[
            ("product", "QUANTUM"),
            ("unit", "QUBIT_HOUR"),
            ("cloud_name", "MOON"),
        ],
        &host,
    );
    let record = &mapped.spend;
    assert_eq!(
        (record.service_name.as_str(), record.service_category.as_str()),
        ("QUANTUM", "Other")
    );
    assert_eq!(extra(record, "x_Unit"), Some("QUBIT_HOUR"));
    assert_eq!(record.host_provider.as_deref(), Some("MOON"));
    assert_eq!(record.billed_cost.to_string(), "1");
    let of_tier = map(&[("jobs_tier", "TURBO_LIGHT")], &host);
    assert_eq!(extra(&of_tier.spend, "x_Tier"), Some("jobs turbo light"));
    for word in ["QUANTUM", "QUBIT_HOUR", "MOON", "TURBO_LIGHT"] {
        assert!(host.logs().iter().any(|(_, line)| line.contains(word)), "{word}");
    }
    let none = map(&[("product", "")], &host);
    assert_eq!(none.spend.service_name, "UNKNOWN");
}

#[test]
fn a_line_belongs_to_the_resource_of_its_product() {
    let host = FakeHost::new();
    for (changes, id, kind, name) in [
        (vec![("cluster_id", "c1")], "77", "Job", Some("nightly")),
        (vec![("cluster_id", "c1"), ("job_id", "")], "c1", "Cluster", None),
        (
            vec![("product", "ALL_PURPOSE"), ("cluster_id", "c1")],
            "c1",
            "Cluster",
            None,
        ),
        (
            vec![("product", "SQL"), ("warehouse_id", "w1")],
            "w1",
            "SQL Warehouse",
            Some("BI"),
        ),
        (
            vec![("product", "SQL"), ("warehouse_id", "w2")],
            "w2",
            "SQL Warehouse",
            None,
        ),
        (
            vec![("product", "DLT"), ("pipeline_id", "p1"), ("cluster_id", "c1")],
            "p1",
            "Pipeline",
            None,
        ),
        (
            vec![
                ("product", "MODEL_SERVING"),
                ("job_id", ""),
                ("endpoint_id", "e1"),
                ("endpoint_name", "chat"),
            ],
            "e1",
            "Serving Endpoint",
            Some("chat"),
        ),
        (
            vec![
                ("product", "MODEL_SERVING"),
                ("job_id", ""),
                ("endpoint_name", "foundation"),
            ],
            "foundation",
            "Serving Endpoint",
            Some("foundation"),
        ),
        (
            vec![("product", "INTERACTIVE"), ("notebook_id", "n1")],
            "n1",
            "Notebook",
            None,
        ),
        (
            vec![
                ("product", "NEW_THING"),
                ("app_id", "a1"),
                ("app_name", "desk"),
                ("job_id", ""),
            ],
            "a1",
            "App",
            Some("desk"),
        ),
    ] {
        let resource = map(&changes, &host).spend.resource.unwrap();
        assert_eq!(
            (
                resource.id.as_str(),
                resource.kind.as_deref(),
                resource.name.as_deref()
            ),
            (id, Some(kind), name),
            "{changes:?}"
        );
    }
    assert_eq!(
        map(&[("job_id", ""), ("product", "DEFAULT_STORAGE")], &host)
            .spend
            .resource,
        None
    );
}

#[test]
fn a_run_is_the_resource_of_its_view_and_what_has_none_says_so() {
    let host = FakeHost::new();
    let mapped = map(
        &[
            ("cluster_id", "c1"),
            ("run_as", "etl@example.com"),
            ("creator", "ann"),
        ],
        &host,
    );
    let run = mapped.by_run.resource.as_ref().unwrap();
    assert_eq!((run.id.as_str(), run.kind.as_deref()), ("7701", Some("Job Run")));
    assert_eq!(extra(&mapped.by_run, "x_JobId"), Some("77"));
    assert_eq!(extra(&mapped.by_run, "x_ClusterId"), Some("c1"));
    assert_eq!(extra(&mapped.spend, "x_RunAs"), Some("etl@example.com"));
    assert_eq!(extra(&mapped.spend, "x_Creator"), Some("ann"));
    assert_eq!(extra(&mapped.spend, "x_ClusterId"), None);
    assert_eq!(mapped.by_run.billed_cost, mapped.spend.billed_cost);
    let none = map(&[("job_run_id", "")], &host).by_run;
    assert_eq!(extra(&none, "x_Attribution"), Some("unattributed"));
    assert_eq!(none.resource.unwrap().id, "77");
}

#[test]
fn tags_stay_whole_and_other_tags_make_another_record() {
    let host = FakeHost::new();
    let mapped = map(&[("tags", r#"{"team":"data","cost center":"42"}"#)], &host).spend;
    let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(mapped.tags, [tag("cost center", "42"), tag("team", "data")]);
    assert_eq!(extra(&mapped, "x_TagSet"), Some(tag_set(&mapped.tags).as_str()));
    assert_ne!(tag_set(&[tag("a", "bc")]), tag_set(&[tag("ab", "c")]));
    assert_eq!(extra(&map(&[], &host).spend, "x_TagSet"), None);
    let many: BTreeMap<String, String> = (0..70).map(|n| (format!("t{n:02}"), n.to_string())).collect();
    let many = map(&[("tags", &serde_json::to_string(&many).unwrap())], &host).spend;
    assert_eq!(many.tags.len(), 64);
    assert!(host.logs()[0].1.contains("more than 64 tags"));
}

#[test]
fn a_product_of_quantity_and_price_is_exact_or_rounded_once_and_a_sum_of_zero_is_no_record() {
    let host = FakeHost::new();
    let cost = |quantity, price| {
        map(&[("quantity", quantity), ("list_price", price)], &host)
            .spend
            .billed_cost
            .to_string()
    };
    assert_eq!(cost("12.5", "0.55"), "6.875");
    assert_eq!(cost("-3", "0.1"), "-0.3");
    assert_eq!(cost("0.000000000000000003", "0.5"), "0.000000000000000002");
    let mut zero = row("2026-08-01", "X", "0E-18");
    zero.insert("list_price", "1".to_owned());
    assert_eq!(try_map(&zero, &host).unwrap(), None);
    assert_eq!(map(&[], &host).spend.finality, Finality::Open);
}
