//! The SQL Statement Execution API 2.0: submission, state, chunks, cancellation; results inline as arrays of texts.

use super::{WAREHOUSE, Workspace, error, tables::Found};
use crate::provider::{Asked, Reply};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What was submitted so far.
#[derive(Debug, Default)]
pub(super) struct Statements {
    kept: BTreeMap<String, Kept>,
    /// What stands before the path of a next chunk's link.
    pub(super) elsewhere: String,
}

#[derive(Clone, Debug)]
struct Kept {
    outcome: Outcome,
    /// How often it still says that it runs.
    slow: u32,
}

#[derive(Clone, Debug)]
enum Outcome {
    Rows(Found),
    Failed(&'static str, String, &'static str),
    Canceled,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Submitted {
    warehouse_id: String,
    statement: String,
    #[serde(default)]
    parameters: Vec<Parameter>,
    #[serde(default)]
    disposition: Option<String>,
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    wait_timeout: Option<String>,
    #[serde(default)]
    on_wait_timeout: Option<String>,
    #[serde(default)]
    catalog: Option<String>,
    #[serde(default)]
    schema: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    name: String,
    #[serde(default)]
    value: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

impl Workspace {
    pub(super) fn execute(&self, asked: &Asked) -> Reply {
        let submitted: Submitted = match serde_json::from_slice(&asked.body) {
            Ok(submitted) => submitted,
            Err(problem) => return error(400, "MALFORMED_REQUEST", &problem.to_string()),
        };
        if submitted.warehouse_id != WAREHOUSE {
            let id = &submitted.warehouse_id;
            return error(
                404,
                "RESOURCE_DOES_NOT_EXIST",
                &format!("SQL warehouse {id} does not exist."),
            );
        }
        if let Some(problem) = unfit(&submitted) {
            return error(400, "INVALID_PARAMETER_VALUE", &problem);
        }
        let parameters: Vec<_> = submitted
            .parameters
            .into_iter()
            .map(|parameter| (parameter.name, parameter.value))
            .collect();
        let outcome = match self.tables().run(&submitted.statement, &parameters, asked.now) {
            Ok(found) if size(&found) > self.options.inline_limit => {
                let message = "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at \
                               most 26214400 bytes. Please execute the statement with disposition=EXTERNAL_LINKS if you want to \
                               download the full result.";
                Outcome::Failed("BAD_REQUEST", message.to_owned(), "XXKUC")
            }
            Ok(found) => Outcome::Rows(found),
            Err((code, message, state)) => Outcome::Failed(code, message, state),
        };
        let id = {
            let mut statements = self.statements();
            let id = format!("01f0aaaa-0000-{:04}", statements.kept.len());
            let slow = self.options.slow;
            statements.kept.insert(id.clone(), Kept { outcome, slow });
            id
        };
        match self.options.slow {
            0 => self.statement(&id),
            _ => Reply::json(200, &json!({"statement_id": id, "status": {"state": "PENDING"}})),
        }
    }

    pub(super) fn statement(&self, id: &str) -> Reply {
        let mut statements = self.statements();
        let elsewhere = statements.elsewhere.clone();
        let Some(kept) = statements.kept.get_mut(id) else {
            return gone(id);
        };
        if kept.slow > 0 {
            kept.slow -= 1;
            return Reply::json(200, &json!({"statement_id": id, "status": {"state": "RUNNING"}}));
        }
        let body = match &kept.outcome {
            Outcome::Canceled => json!({"statement_id": id, "status": {"state": "CANCELED"}}),
            Outcome::Failed(code, message, state) => json!({
                "statement_id": id,
                "status": {"state": "FAILED", "error": {"error_code": code, "message": message}, "sql_state": state},
            }),
            Outcome::Rows(found) => {
                let per_chunk = self.options.rows_per_chunk;
                let described = found.columns.iter().enumerate();
                let columns: Vec<Value> = described
                    .map(|(place, name)| json!({"name": name, "position": place, "type_name": "STRING", "type_text": "STRING"}))
                    .collect();
                let chunks: Vec<Value> = found
                    .rows
                    .chunks(per_chunk)
                    .enumerate()
                    .map(|(place, rows)| json!({"chunk_index": place, "row_offset": place * per_chunk, "row_count": rows.len()}))
                    .collect();
                json!({
                    "statement_id": id,
                    "status": {"state": "SUCCEEDED"},
                    "manifest": {
                        "format": "JSON_ARRAY", "total_chunk_count": chunks.len(), "total_row_count": found.rows.len(),
                        "truncated": false, "chunks": chunks, "schema": {"column_count": columns.len(), "columns": columns},
                    },
                    "result": chunk(id, found, 0, per_chunk, &elsewhere).unwrap_or_else(|| json!({})),
                })
            }
        };
        Reply::json(200, &body)
    }

    pub(super) fn chunk(&self, id: &str, place: &str) -> Reply {
        let statements = self.statements();
        let Some(Outcome::Rows(found)) = statements.kept.get(id).map(|kept| &kept.outcome) else {
            return gone(id);
        };
        let place = place.parse().unwrap_or(usize::MAX);
        let chunk = chunk(
            id,
            found,
            place,
            self.options.rows_per_chunk,
            &statements.elsewhere,
        );
        match chunk {
            Some(chunk) => Reply::json(200, &chunk),
            None => error(400, "INVALID_PARAMETER_VALUE", "There is no such chunk."),
        }
    }

    pub(super) fn cancel(&self, id: &str) -> Reply {
        match self.statements().kept.get_mut(id) {
            Some(kept) => {
                kept.outcome = Outcome::Canceled;
                kept.slow = 0;
                Reply::json(200, &json!({}))
            }
            None => gone(id),
        }
    }
}

/// A part of the result, with the link to the next one; none beyond the end.
fn chunk(id: &str, found: &Found, place: usize, per_chunk: usize, elsewhere: &str) -> Option<Value> {
    let rows = found.rows.chunks(per_chunk).nth(place)?;
    let offset = place * per_chunk;
    let mut chunk = json!({
        "chunk_index": place, "row_offset": offset, "row_count": rows.len(), "data_array": rows,
    });
    let next = place + 1;
    if next * per_chunk < found.rows.len() {
        let path = format!(
            "/api/2.0/sql/statements/{id}/result/chunks/{next}?row_offset={}",
            next * per_chunk
        );
        let object = chunk.as_object_mut()?;
        object.insert("next_chunk_index".to_owned(), json!(next));
        object.insert(
            "next_chunk_internal_link".to_owned(),
            json!(format!("{elsewhere}{path}")),
        );
    }
    Some(chunk)
}

fn gone(id: &str) -> Reply {
    error(
        404,
        "RESOURCE_DOES_NOT_EXIST",
        &format!("The statement {id} was not found."),
    )
}

fn size(found: &Found) -> usize {
    let cells = found.rows.iter().flatten();
    cells.map(|cell| cell.as_ref().map_or(4, String::len) + 3).sum()
}

/// What the API does not take.
fn unfit(submitted: &Submitted) -> Option<String> {
    if submitted.disposition.as_deref().unwrap_or("INLINE") != "INLINE" {
        return Some("This workspace gives results inline only.".to_owned());
    }
    if submitted.format.as_deref().unwrap_or("JSON_ARRAY") != "JSON_ARRAY" {
        return Some("INLINE results come as JSON_ARRAY.".to_owned());
    }
    let wait = submitted.wait_timeout.as_deref().unwrap_or("10s");
    let seconds = wait.strip_suffix('s').and_then(|text| text.parse::<u32>().ok());
    if !seconds.is_some_and(|seconds| seconds == 0 || (5..=50).contains(&seconds)) {
        return Some(format!(
            "wait_timeout must be 0s or between 5s and 50s, not {wait}."
        ));
    }
    if !matches!(
        submitted.on_wait_timeout.as_deref(),
        None | Some("CONTINUE" | "CANCEL")
    ) {
        return Some("on_wait_timeout is CONTINUE or CANCEL.".to_owned());
    }
    if submitted.statement.contains('?') {
        return Some("Positional parameters are not supported.".to_owned());
    }
    let typed = |parameter: &&Parameter| {
        let value = parameter.value.as_deref().unwrap_or_default();
        match parameter.kind.as_deref() {
            Some("DATE") => value.parse::<jiff::civil::Date>().is_ok(),
            Some("INT") => value.parse::<i32>().is_ok(),
            Some("STRING") | None => true,
            Some(_) => false,
        }
    };
    let odd = submitted.parameters.iter().find(|parameter| !typed(parameter));
    if let Some(parameter) = odd {
        return Some(format!(
            "The value of the parameter {} does not fit its type.",
            parameter.name
        ));
    }
    // Names without a catalog would be looked for there.
    let _catalog = (&submitted.catalog, &submitted.schema);
    None
}
