//! Statements over the SQL REST API v2: submission, polling, partitions, cancellation.
//! What must hold: a result is handed on whole or the reading fails; a statement that is given up is cancelled.

use crate::{
    refusal::{Refusal, refusal},
    rows::{Cells, Column, Row},
    settings::Settings,
};
use finops_collector::{
    Delays, Failure, FailureKind, Host, HttpRequest, Poll, Response, excerpt, json, poll,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Waits before the same submission is sent again; the host itself retries what it may.
const RESUBMIT: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// How much longer than the statement's own timeout its result is waited for.
const GRACE: Duration = Duration::from_secs(30);

/// One SELECT.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// The view that it reads, for messages: `ACCOUNT_USAGE.QUERY_HISTORY`.
    pub(crate) view: &'static str,
    /// Its text, with `?` for the bindings.
    pub(crate) sql: String,
    /// Values of the `?`, in order.
    pub(crate) bindings: Vec<String>,
}

/// A place to run statements in.
pub(crate) struct Session<'h> {
    host: &'h dyn Host,
    settings: &'h Settings,
    base: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    statement_handle: Option<String>,
    #[serde(default)]
    result_set_meta_data: Option<Meta>,
    #[serde(default)]
    data: Option<Vec<Cells>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    num_rows: u64,
    row_type: Vec<Column>,
    #[serde(default)]
    partition_info: Vec<Partition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Partition {
    row_count: u64,
}

impl<'h> Session<'h> {
    /// A session of the account, role and warehouse of the settings. Nothing is sent yet.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn new(host: &'h dyn Host, settings: &'h Settings) -> Result<Self, Failure> {
        let base = format!("https://{}/api/v2/statements", settings.host_name()?);
        Ok(Self { host, settings, base })
    }

    /// Runs the statement and hands its rows on, one partition in memory at a time. Gives the number of rows.
    ///
    /// # Errors
    /// [`Refusal`]; `incomplete` where rows are missing; what `each` returns. Rows handed on before do not count then.
    pub(crate) fn read(
        &self,
        query: &Query,
        mut each: impl FnMut(Row<'_>) -> Result<(), Failure>,
    ) -> Result<u64, Refusal> {
        let mut reply = self.result(query, self.submit(query)?)?;
        let malformed = |what: &str| Failure::malformed(format_args!("reading {}: {what}", query.view));
        let meta = reply
            .result_set_meta_data
            .take()
            .ok_or_else(|| malformed("the reply has no resultSetMetaData"))?;
        let first = reply
            .data
            .take()
            .ok_or_else(|| malformed("the reply has no data"))?;
        let mut number = 0;
        let mut hand_on = |cells: Cells| {
            number += 1;
            if cells.len() != meta.row_type.len() {
                return Err(malformed(&format!("row {number} has {} cells", cells.len())));
            }
            each(Row {
                view: query.view,
                number,
                columns: &meta.row_type,
                cells: &cells,
            })
        };
        let mut rows: u64 = 0;
        for cells in first {
            hand_on(cells)?;
            rows += 1;
        }
        check_partition(query, &meta, 0, rows)?;
        for index in 1..meta.partition_info.len() {
            let handle = handle_of(reply.statement_handle.as_deref(), query)?;
            let mut here = 0;
            let body = self.partition(query, handle, index)?;
            json::each_in(body.reader(), "data", |cells: Cells| {
                here += 1;
                hand_on(cells)
            })
            .map_err(|failure| failure.context(format_args!("reading {}, partition {index}", query.view)))?;
            check_partition(query, &meta, index, here)?;
            rows += here;
        }
        if rows != meta.num_rows {
            let message = format!("reading {}: {rows} rows came of {}", query.view, meta.num_rows);
            return Err(Failure::incomplete(message).into());
        }
        Ok(rows)
    }

    /// Sends the statement; the same request id makes sending it again harmless.
    fn submit(&self, query: &Query) -> Result<Response, Refusal> {
        let id = self.host.uuid()?;
        let mut url = format!("{}?requestId={id}", self.base);
        let body = self.body(query);
        let mut pauses = RESUBMIT.iter();
        loop {
            let request = HttpRequest::post(url.clone())
                .json(&body)?
                .header("Accept", "application/json");
            let sent = self.host.send(&request);
            let again = match &sent {
                Ok(response) => matches!(response.status, 500 | 502 | 503 | 504),
                Err(failure) => failure.kind == FailureKind::Unreachable,
            };
            match (again, pauses.next()) {
                (true, Some(pause)) => self.host.sleep(*pause),
                _ => {
                    return sent
                        .map_err(|failure| failure.context(format_args!("reading {}", query.view)).into());
                }
            }
            url = format!("{}?requestId={id}&retry=true", self.base);
        }
    }

    fn body(&self, query: &Query) -> Value {
        let mut body = json!({
            "statement": query.sql,
            "timeout": self.settings.statement_timeout,
            "database": "SNOWFLAKE",
            "schema": "ACCOUNT_USAGE",
            "warehouse": self.settings.warehouse,
            "role": self.settings.role,
            "parameters": {
                "TIMEZONE": "UTC",
                "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
                "QUERY_TAG": "finops-host",
            },
        });
        let bindings = query.bindings.iter().zip(1..);
        let bindings: Map<String, Value> = bindings
            .map(|(value, place)| (place.to_string(), json!({"type": "TEXT", "value": value})))
            .collect();
        if let (false, Value::Object(fields)) = (bindings.is_empty(), &mut body) {
            fields.insert("bindings".to_owned(), Value::Object(bindings));
        }
        body
    }

    /// The first partition with its metadata, waited for where the statement still runs.
    fn result(&self, query: &Query, first: Response) -> Result<Reply, Refusal> {
        let place = format!("reading {}", query.view);
        if first.status != 202 {
            return self.reply(query, first);
        }
        let running: Reply = first.json().map_err(|failure| failure.context(&place))?;
        let handle = handle_of(running.statement_handle.as_deref(), query)?;
        let timeout = Duration::from_secs(self.settings.statement_timeout.into());
        let delays = Delays {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(5),
            deadline: timeout + GRACE,
        };
        let url = format!("{}/{handle}", self.base);
        let waited = poll(self.host, &delays, || {
            let response = self
                .host
                .send(&HttpRequest::get(url.clone()).header("Accept", "application/json"))?;
            Ok(if response.status == 202 {
                Poll::Pending
            } else {
                Poll::Ready(response)
            })
        });
        match waited {
            // An error status ends the statement only where it is the statement's own (408, 422).
            Ok(response) if matches!(response.status, 200 | 408 | 422) => self.reply(query, response),
            Ok(response) => {
                self.cancel(query, handle);
                self.reply(query, response)
            }
            Err(failure) => {
                self.cancel(query, handle);
                Err(failure.context(place).into())
            }
        }
    }

    fn reply(&self, query: &Query, response: Response) -> Result<Reply, Refusal> {
        let status = response.status;
        if status == 200 {
            return response
                .json()
                .map_err(|failure| failure.context(format_args!("reading {}", query.view)).into());
        }
        Err(refusal(
            status,
            &response.start_of_body(4_096),
            query.view,
            self.settings,
        ))
    }

    fn partition(&self, query: &Query, handle: &str, index: usize) -> Result<Response, Refusal> {
        let url = format!("{}/{handle}?partition={index}", self.base);
        let response = self
            .host
            .send(&HttpRequest::get(url).header("Accept", "application/json"))?;
        match response.status {
            200 => Ok(response),
            status @ (400 | 404 | 410 | 422) => {
                let text = excerpt(&response.start_of_body(1_024), 200);
                let message = format!(
                    "reading {}: partition {index} of the result is not there: {text}",
                    query.view
                );
                Err(Failure::incomplete(message).with_status(status).into())
            }
            status => Err(refusal(
                status,
                &response.start_of_body(4_096),
                query.view,
                self.settings,
            )),
        }
    }

    /// Ends a statement that nobody waits for any more. If that fails too, the statement's own timeout ends it.
    fn cancel(&self, query: &Query, handle: &str) {
        let request =
            HttpRequest::post(format!("{}/{handle}/cancel", self.base)).header("Accept", "application/json");
        let ended = match self.host.send(&request) {
            Ok(response) => response.success().map(|_| ()),
            Err(failure) => Err(failure),
        };
        match ended {
            Ok(()) => self.host.info(format_args!(
                "reading {}: the statement was cancelled",
                query.view
            )),
            Err(failure) => self.host.warn(format_args!(
                "reading {}: the statement could not be cancelled and ends at its timeout: {failure}",
                query.view
            )),
        }
    }
}

/// The handle, which becomes part of a path.
fn handle_of<'a>(handle: Option<&'a str>, query: &Query) -> Result<&'a str, Failure> {
    let fits = |text: &&str| {
        !text.is_empty()
            && text.len() <= 100
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    handle.filter(fits).ok_or_else(|| {
        Failure::malformed(format_args!(
            "reading {}: the reply has no usable statementHandle",
            query.view
        ))
    })
}

fn check_partition(query: &Query, meta: &Meta, index: usize, rows: u64) -> Result<(), Failure> {
    match meta.partition_info.get(index) {
        Some(partition) if partition.row_count != rows => Err(Failure::incomplete(format_args!(
            "reading {}: partition {index} has {rows} rows instead of {}",
            query.view, partition.row_count
        ))),
        _ => Ok(()),
    }
}
