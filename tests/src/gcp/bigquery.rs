//! BigQuery's REST API as far as the discovery document and the fact sheet go: tables.get, jobs.query, jobs.getQueryResults.
//! What must hold: a body with a field that is not documented, legacy SQL, a wrong location and too many bytes are refused.

use super::{
    Provider,
    export::{LOCATION, PROJECT},
    focus,
    query::{self, Answer, Schema, Value, Values},
    reply::Reply,
};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// The dataset.
pub const DATASET: &str = "billing";
/// The detailed table.
pub const DETAILED: &str = "gcp_billing_export_resource_v1_0123AB_4567CD_89EF01";
/// The standard table.
pub const STANDARD: &str = "gcp_billing_export_v1_0123AB_4567CD_89EF01";
/// The FOCUS table.
pub const FOCUS: &str = "gcp_billing_export_focus_0123AB_4567CD_89EF01";
/// What a query bills at least.
const LEAST: u64 = 10 << 20;

/// A query that was run.
#[derive(Debug)]
pub(crate) struct Job {
    answer: Answer,
    bytes: u64,
    /// How often it still says that it runs.
    running: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    query: String,
    /// Legacy SQL is the default.
    #[serde(default = "legacy")]
    use_legacy_sql: bool,
    location: Option<String>,
    max_results: Option<usize>,
    #[serde(rename = "timeoutMs")]
    _timeout: Option<u32>,
    maximum_bytes_billed: Option<String>,
    parameter_mode: Option<String>,
    #[serde(default)]
    query_parameters: Vec<Parameter>,
    #[serde(rename = "labels")]
    _labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    dry_run: bool,
    request_id: Option<String>,
}

fn legacy() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parameter {
    name: String,
    parameter_type: Type,
    parameter_value: Given,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Type {
    #[serde(rename = "type")]
    kind: String,
    array_type: Option<Box<Type>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Given {
    value: Option<String>,
    array_values: Option<Vec<Given>>,
}

impl Parameter {
    fn value(&self) -> Option<Value> {
        let of = &self.parameter_value;
        match self.parameter_type.kind.as_str() {
            "STRING" => of.value.clone().map(Value::Text),
            "INT64" => of.value.as_ref()?.parse().ok().map(Value::Integer),
            "DATE" => of.value.as_ref()?.parse().ok().map(Value::Day),
            "ARRAY" if self.parameter_type.array_type.as_ref()?.kind == "DATE" => {
                let days = of.array_values.as_ref()?.iter();
                let days = days.map(|day| day.value.as_ref()?.parse().ok());
                days.collect::<Option<_>>().map(Value::Days)
            }
            _ => None,
        }
    }
}

fn invalid(message: &str) -> Reply {
    Reply::error(400, "invalidQuery", message)
}

fn not_found(what: &str) -> Reply {
    Reply::error(404, "notFound", &format!("Not found: {what}"))
}

/// `projects/P/datasets/D/tables/T`.
pub(crate) fn table(project: &str, dataset: &str, name: &str) -> Reply {
    let of = |name: &str, fields: &[&str]| {
        let fields: Vec<_> = fields
            .iter()
            .map(|field| json!({"name": field, "type": "STRING"}))
            .collect();
        json!({"name": name, "type": "RECORD", "fields": fields})
    };
    let simple = |name: &str| json!({"name": name, "type": "STRING", "mode": "NULLABLE"});
    let Some(schema) = schema(name).filter(|_| project == PROJECT && dataset == DATASET) else {
        return not_found(&format!("Table {project}:{dataset}.{name}"));
    };
    let mut fields = Vec::new();
    if schema == Schema::Focus {
        fields.extend(focus::TEXTS.iter().chain(&focus::AMOUNTS).copied().map(simple));
        fields.extend(
            [
                "BillingPeriodStart",
                "BillingPeriodEnd",
                "ChargePeriodStart",
                "ChargePeriodEnd",
                "x_ExportTime",
            ]
            .map(simple),
        );
    } else {
        fields.extend(
            [
                "billing_account_id",
                "cost_type",
                "usage_start_time",
                "usage_end_time",
                "cost",
                "currency",
                "currency_conversion_rate",
                "export_time",
                "cost_at_list",
                "transaction_type",
                "seller_name",
            ]
            .map(simple),
        );
        fields.push(of("invoice", &["month", "publisher_type"]));
        fields.push(of("service", &["id", "description"]));
        fields.push(of("sku", &["id", "description"]));
        fields.push(of("project", &["id", "number", "name"]));
        fields.push(of("labels", &["key", "value"]));
        fields.push(of("location", &["location", "country", "region", "zone"]));
        fields.push(of(
            "usage",
            &["amount", "unit", "amount_in_pricing_units", "pricing_unit"],
        ));
        fields.push(of("credits", &["id", "full_name", "type", "name", "amount"]));
        fields.push(of("adjustment_info", &["id", "description", "type", "mode"]));
        if schema == Schema::Detailed {
            fields.push(of("resource", &["name", "global_name"]));
        }
    }
    Reply::json(&json!({
        "kind": "bigquery#table",
        "id": format!("{project}:{dataset}.{name}"),
        "location": LOCATION,
        "schema": {"fields": fields},
        "timePartitioning": {"type": "DAY"},
    }))
}

fn schema(table: &str) -> Option<Schema> {
    match table {
        DETAILED => Some(Schema::Detailed),
        STANDARD => Some(Schema::Standard),
        FOCUS => Some(Schema::Focus),
        _ => None,
    }
}

/// Whether a body asks for a dry run.
pub(crate) fn is_dry(body: &[u8]) -> bool {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    value.get("dryRun") == Some(&true.into())
}

/// jobs.query.
pub(crate) fn submit(provider: &Provider, project: &str, body: &[u8]) -> Reply {
    let body: Body = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(error) => {
            return Reply::error(400, "invalid", &format!("Invalid JSON payload received. {error}"));
        }
    };
    if body.use_legacy_sql {
        return invalid("Encountered \" \"AS\" at line 1: legacy SQL");
    }
    if body.location.as_deref() != Some(LOCATION) {
        return not_found(&format!(
            "Dataset {PROJECT}:{DATASET} was not found in location {:?}",
            body.location
        ));
    }
    if body.query_parameters.is_empty() != (body.parameter_mode.as_deref() != Some("NAMED")) {
        return invalid("Query parameters and parameterMode do not fit");
    }
    let mut values = Values::new();
    for parameter in &body.query_parameters {
        let Some(value) = parameter.value() else {
            return invalid(&format!("Invalid value for parameter {}", parameter.name));
        };
        values.insert(parameter.name.clone(), value);
    }
    let Some((schema, table)) = [DETAILED, STANDARD, FOCUS].into_iter().find_map(|table| {
        let name = format!("{PROJECT}.{DATASET}.{table}");
        body.query
            .contains(&format!("`{name}`"))
            .then_some((schema(table)?, name))
    }) else {
        return not_found("Table");
    };
    let answer = match query::run(&provider.visible(), schema, &table, &body.query, &values) {
        Ok(answer) => answer,
        Err(message) => return invalid(&message),
    };
    let bytes = provider.bytes(&answer);
    if body.dry_run {
        return Reply::json(&json!({
            "kind": "bigquery#queryResponse", "jobComplete": true, "totalBytesProcessed": bytes.to_string(),
            "jobReference": {"projectId": project, "location": LOCATION}, "schema": {"fields": []}, "cacheHit": false,
        }));
    }
    let most: Option<u64> = body
        .maximum_bytes_billed
        .as_ref()
        .and_then(|text| text.parse().ok());
    if most.is_none_or(|most| bytes.max(LEAST) > most) {
        let message = format!(
            "Query exceeded limit for bytes billed: {}. {} or higher required.",
            most.unwrap_or_default(),
            bytes.max(LEAST)
        );
        return Reply::error(400, "bytesBilledLimitExceeded", &message);
    }
    let id = format!("job_{}", body.request_id.as_deref().unwrap_or("none"));
    let job = Job {
        answer,
        bytes,
        running: provider.slow(),
    };
    provider.keep(id.clone(), job, bytes.max(LEAST));
    results(
        provider,
        project,
        &id,
        &BTreeMap::from([
            (
                "maxResults".to_owned(),
                body.max_results.unwrap_or(usize::MAX).to_string(),
            ),
            ("location".to_owned(), LOCATION.to_owned()),
        ]),
    )
}

/// jobs.getQueryResults.
pub(crate) fn results(
    provider: &Provider,
    project: &str,
    id: &str,
    query: &BTreeMap<String, String>,
) -> Reply {
    if query.get("location").map(String::as_str) != Some(LOCATION) {
        return not_found(&format!("Job {project}:{id}"));
    }
    let most = query
        .get("maxResults")
        .and_then(|text| text.parse().ok())
        .unwrap_or(usize::MAX);
    let from: usize = match query.get("pageToken") {
        None => 0,
        Some(token) => match token.strip_prefix("BFBX-").and_then(|place| place.parse().ok()) {
            Some(place) => place,
            None => return Reply::error(400, "invalid", "Invalid page token"),
        },
    };
    let reference = json!({"projectId": project, "jobId": id, "location": LOCATION});
    let found = provider.with_job(id, |job| {
        if job.running > 0 {
            job.running -= 1;
            return json!({"kind": "bigquery#queryResponse", "jobComplete": false, "jobReference": reference});
        }
        let page = most.min(provider.options.rows_per_page);
        let rows: Vec<_> = job.answer.rows.iter().skip(from).take(page).collect();
        let next = from + rows.len();
        let rows: Vec<_> = rows
            .into_iter()
            .map(|cells| json!({"f": cells.iter().map(|cell| json!({"v": cell})).collect::<Vec<_>>()}))
            .collect();
        let fields: Vec<_> = job
            .answer
            .columns
            .iter()
            .map(|name| json!({"name": name, "type": "STRING", "mode": "NULLABLE"}))
            .collect();
        // An empty token is none.
        let token = match next < job.answer.rows.len() {
            true => format!("BFBX-{next}"),
            false => String::new(),
        };
        json!({
            "kind": "bigquery#queryResponse", "jobComplete": true, "jobReference": reference,
            "totalRows": job.answer.rows.len().to_string(), "totalBytesProcessed": job.bytes.to_string(),
            "schema": {"fields": fields}, "rows": rows, "cacheHit": false,
            "pageToken": token,
        })
    });
    found.map_or_else(
        || not_found(&format!("Job {project}:{id}")),
        |reply| Reply::json(&reply),
    )
}
