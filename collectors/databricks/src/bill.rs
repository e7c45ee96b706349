//! The statement that gives the usage of some days with its prices, added up exactly by the warehouse.
//! What must hold: lines of all record types are added up, so that a retraction takes its original away; every line meets at most one
//! price of each list, which the counts beside the sums prove; a line without a price stays, with none.

use crate::{
    overview::USAGE,
    prices::{ACCOUNT, LIST, Prices},
    statement::{Select, Statement},
};
use finops_collector::jiff::civil::Date;

/// One of so many parts of the lines, by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) part: u32,
    pub(crate) of: u32,
}

/// Which columns are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// All that Databricks documents.
    Wide,
    /// Without those that came last, and are not everywhere yet.
    Narrow,
}

/// The columns that came last.
const NEWEST: [&str; 4] = ["app_id", "app_name", "database_id", "creator"];

/// What the lines are grouped by: the name here and the column there.
const DIMENSIONS: [(&str, &str); 32] = [
    ("account", "account_id"),
    ("workspace", "workspace_id"),
    ("cloud_name", "cloud"),
    ("sku", "sku_name"),
    ("unit", "usage_unit"),
    ("meter", "usage_type"),
    ("product", "billing_origin_product"),
    ("jobs_tier", "product_features.jobs_tier"),
    ("sql_tier", "product_features.sql_tier"),
    ("dlt_tier", "product_features.dlt_tier"),
    ("serving_type", "product_features.serving_type"),
    ("serverless", "product_features.is_serverless"),
    ("photon", "product_features.is_photon"),
    ("cluster_id", "usage_metadata.cluster_id"),
    ("job_id", "usage_metadata.job_id"),
    ("job_run_id", "usage_metadata.job_run_id"),
    ("job_name", "usage_metadata.job_name"),
    ("warehouse_id", "usage_metadata.warehouse_id"),
    ("pipeline_id", "usage_metadata.dlt_pipeline_id"),
    ("endpoint_id", "usage_metadata.endpoint_id"),
    ("endpoint_name", "usage_metadata.endpoint_name"),
    ("notebook_id", "usage_metadata.notebook_id"),
    ("app_id", "usage_metadata.app_id"),
    ("app_name", "usage_metadata.app_name"),
    ("database_id", "usage_metadata.database_instance_id"),
    ("run_as", "identity_metadata.run_as"),
    ("owner", "identity_metadata.owned_by"),
    ("creator", "identity_metadata.created_by"),
    ("list_price", ""),
    ("own_price", ""),
    ("tags", ""),
    ("day", ""),
];

/// The statement for the days from `first` on and before `end`.
pub(crate) fn statement(prices: &Prices, (first, end): (Date, Date), part: Part, width: Width) -> Statement {
    let mut select = Select::default();
    for (name, column) in DIMENSIONS {
        if width == Width::Narrow && NEWEST.contains(&name) {
            // A constant cannot be grouped by.
            select.measure("MAX(CAST(NULL AS STRING))", name);
            continue;
        }
        let expression = match name {
            "day" => "CAST(u.usage_date AS STRING)".to_owned(),
            // A map cannot be grouped by; its text can, once its keys are in order.
            "tags" => "to_json(map_from_entries(array_sort(map_entries(u.custom_tags))))".to_owned(),
            "list_price" => {
                "CAST(COALESCE(p.pricing.effective_list.default, p.pricing.default) AS STRING)".to_owned()
            }
            "own_price" if prices.negotiated => "CAST(a.pricing.default AS STRING)".to_owned(),
            "own_price" => continue,
            "serverless" | "photon" => format!("CAST(u.{column} AS STRING)"),
            _ => format!("u.{column}"),
        };
        select.group(&expression, name);
    }
    select.measure("CAST(SUM(u.usage_quantity) AS STRING)", "quantity");
    select.measure("CAST(COUNT(*) AS STRING)", "line_count");
    select.measure("CAST(MAX(n.all_lines) AS STRING)", "all_lines");
    let mut filter = "usage_date >= :first_day AND usage_date < :end_day".to_owned();
    if part.of > 1 {
        filter.push_str(" AND pmod(xxhash64(record_id), :part_count) = :part_number");
    }
    let with = format!(
        "WITH u AS (SELECT * FROM {USAGE} WHERE {filter}), n AS (SELECT COUNT(*) AS all_lines FROM u) "
    );
    let mut from = format!("u CROSS JOIN n LEFT JOIN {LIST} p ON {}", on("p"));
    if prices.negotiated {
        from.push_str(&format!(" LEFT JOIN {ACCOUNT} a ON {}", on("a")));
    }
    let statement = select.statement("the bill", &with, &from);
    let statement = statement
        .day("first_day", first)
        .day("end_day", end)
        .text("code", &prices.currency);
    match part.of > 1 {
        true => statement
            .number("part_count", part.of)
            .number("part_number", part.part),
        false => statement,
    }
}

/// When a price is that of a line: the same SKU, cloud and unit, in force when the use ended.
fn on(list: &str) -> String {
    format!(
        "{list}.sku_name = u.sku_name AND {list}.cloud = u.cloud AND {list}.usage_unit = u.usage_unit \
         AND {list}.currency_code = :code AND u.usage_end_time >= {list}.price_start_time \
         AND ({list}.price_end_time IS NULL OR u.usage_end_time < {list}.price_end_time)"
    )
}
