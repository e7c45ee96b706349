//! The text of the queries: what stands in it, and what never does.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::{
    api::Api,
    cut::Cut,
    table::{Table, TableName},
};
use finops_collector::{
    jiff::civil::date,
    testing::{FakeHost, reply},
};

fn name() -> TableName {
    TableName::parse("fin.billing.gcp_billing_export_resource_v1_0123AB_4567CD_89EF01").unwrap()
}

fn table(text: &str) -> Table {
    let host = FakeHost::replying([reply(200, text)]);
    Table::read(&Api::new(&host), &name()).unwrap()
}

#[test]
fn a_label_is_a_parameter_and_no_text() {
    let label = "team\") OR 1=1 --`";
    let statement = Cut::ByLabel(label).statement(&name(), &Table::default(), &[date(2026, 8, 1)], 7);
    assert!(!statement.sql.contains("1=1") && statement.sql.contains("label.key = @label"));
    assert!(
        statement
            .parameters
            .iter()
            .any(|one| one.json()["parameterValue"]["value"] == label)
    );
}

#[test]
fn partitions_are_pruned_with_a_margin_and_only_where_they_go_by_arrival() {
    let days = [date(2026, 8, 1), date(2026, 8, 2)];
    for (partitioning, pruned) in [
        (r#","timePartitioning":{"type":"DAY"}"#, true),
        (
            r#","timePartitioning":{"type":"DAY","field":"usage_start_time"}"#,
            false,
        ),
        ("", false),
    ] {
        let table = table(&format!(r#"{{"schema":{{"fields":[]}}{partitioning}}}"#));
        let statement = Cut::Spend.statement(&name(), &table, &days, 7);
        assert_eq!(statement.sql.contains("_PARTITIONTIME"), pruned, "{partitioning}");
        let margin = statement
            .parameters
            .iter()
            .any(|one| one.json()["parameterValue"]["value"] == "2026-07-30");
        assert_eq!(margin, pruned);
    }
}

#[test]
fn no_cost_is_added_up_as_a_float_and_columns_that_are_missing_are_empty() {
    let statement = Cut::Spend.statement(&name(), &Table::default(), &[date(2026, 8, 1)], 7);
    let sql = statement.sql;
    assert!(!sql.contains("SUM(cost)") && !sql.contains("AS FLOAT64"), "{sql}");
    assert!(
        sql.contains("ROUND(CAST(CAST(cost AS STRING) AS BIGNUMERIC), 18) AS cost"),
        "{sql}"
    );
    assert!(
        sql.contains("CAST(NULL AS BIGNUMERIC) AS list_cost")
            && sql.contains("LOGICAL_OR(FALSE) AS corrected")
    );
    assert!(
        !sql.contains("cost_at_list") && !sql.contains("seller_name"),
        "{sql}"
    );
}
