//! Statements over the SQL Statement Execution API, results inline: submission, polling, chunks, cancellation.
//! What must hold: a result is handed on whole or the reading fails; chunks come from this statement alone, and links to storage are
//! never followed; a statement that is given up is cancelled.

use crate::{
    api::Api,
    refusal::{Refusal, StatementError, of_statement},
    settings::Settings,
    statement::Statement,
};
use finops_collector::{
    Delays, Failure, HttpRequest, Poll, Response, Row, excerpt, json::each_within, onward, poll,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// A row as the API sends it: whatever the SQL type, text or null.
type Cells = Vec<Option<String>>;

/// Where statements are run.
pub(crate) struct Warehouse<'a> {
    api: &'a Api<'a>,
    id: String,
    base: String,
    patience: Duration,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    statement_id: String,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    manifest: Option<Manifest>,
    #[serde(default)]
    result: Option<Chunk>,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    state: String,
    #[serde(default)]
    error: Option<StatementError>,
    #[serde(default)]
    sql_state: Option<String>,
}

#[derive(Deserialize)]
struct Manifest {
    total_row_count: u64,
    #[serde(default)]
    truncated: bool,
    schema: Schema,
}

#[derive(Deserialize)]
struct Schema {
    #[serde(default)]
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

/// A part of the result, its rows taken out.
#[derive(Default, Deserialize)]
struct Chunk {
    #[serde(default)]
    row_count: Option<u64>,
    #[serde(default)]
    next_chunk_internal_link: Option<String>,
    #[serde(default)]
    external_links: Option<Value>,
}

/// The rows of a statement on their way out.
struct Rows<'s, F> {
    statement: &'s Statement,
    each: F,
    count: u64,
}

impl<F: FnMut(Row<'_>) -> Result<(), Failure>> Rows<'_, F> {
    /// Hands the rows at the path on and gives the rest of the reply.
    fn take<T: DeserializeOwned>(&mut self, response: Response, path: &[&str]) -> Result<T, Failure> {
        let what = self.statement.what;
        let rest = each_within(response.reader(), path, |cells: Cells| {
            self.count += 1;
            if cells.len() != self.statement.names.len() {
                let (row, found) = (self.count, cells.len());
                return Err(Failure::malformed(format_args!("row {row} has {found} cells")));
            }
            (self.each)(Row {
                what,
                names: &self.statement.names,
                cells: &cells,
            })
        })
        .map_err(|failure| failure.context(what))?;
        serde_json::from_value(rest).map_err(|error| {
            let error = excerpt(&error.to_string(), 200);
            Failure::malformed(format_args!("{what}: the reply is not as documented: {error}"))
        })
    }
}

impl<'a> Warehouse<'a> {
    /// The warehouse of the settings. Nothing is sent yet.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn new(api: &'a Api<'a>, settings: &Settings) -> Result<Self, Failure> {
        Ok(Self {
            api,
            id: settings.warehouse()?.to_owned(),
            base: format!("{}/api/2.0/sql/statements", api.origin),
            patience: Duration::from_secs(settings.statement_timeout.into()),
        })
    }

    /// Runs a statement and hands its rows on, one in memory at a time. Gives their number.
    ///
    /// # Errors
    /// [`Refusal`]; `incomplete` where rows are missing; what `each` returns. Rows handed on before do not count then.
    pub(crate) fn read(
        &self,
        statement: &Statement,
        each: impl FnMut(Row<'_>) -> Result<(), Failure>,
    ) -> Result<u64, Refusal> {
        let what = statement.what;
        let mut rows = Rows {
            statement,
            each,
            count: 0,
        };
        let path = ["result", "data_array"];
        // Sent twice it is read twice, which changes nothing.
        let request = HttpRequest::post(&self.base)
            .json(&self.body(statement))?
            .repeatable();
        let mut reply: Reply = rows.take(self.api.send(request, what)?, &path)?;
        if !is_over(&reply.status) {
            let id = usable(what, &reply.statement_id)?;
            let url = format!("{}/{id}", self.base);
            let delays = Delays {
                first: Duration::from_secs(1),
                longest: Duration::from_secs(5),
                deadline: self.patience,
            };
            let waited = poll(self.api.host, &delays, || {
                let reply: Reply = rows.take(self.api.send(HttpRequest::get(&url), what)?, &path)?;
                Ok(if is_over(&reply.status) {
                    Poll::Ready(reply)
                } else {
                    Poll::Pending
                })
            });
            reply = waited.map_err(|failure| {
                self.cancel(what, &url);
                match failure.message.starts_with("still not ready") {
                    true => failure.context(format_args!(
                        "{what}: the statement does not end: raise statement-timeout, or look at the warehouse"
                    )),
                    false => failure,
                }
            })?;
        }
        self.result(reply, rows)
    }

    fn body(&self, statement: &Statement) -> Value {
        json!({
            "warehouse_id": self.id,
            "statement": statement.sql,
            "parameters": statement.bound(),
            "disposition": "INLINE",
            "format": "JSON_ARRAY",
            "wait_timeout": "10s",
            "on_wait_timeout": "CONTINUE",
        })
    }

    /// The result of a statement that is over, of which the first chunk's rows are handed on.
    fn result<F: FnMut(Row<'_>) -> Result<(), Failure>>(
        &self,
        reply: Reply,
        mut rows: Rows<'_, F>,
    ) -> Result<u64, Refusal> {
        let what = rows.statement.what;
        let malformed = |how: &str| Failure::malformed(format_args!("{what}: {how}"));
        match reply.status.state.as_str() {
            "SUCCEEDED" => {}
            "FAILED" => {
                let error = reply.status.error.unwrap_or_default();
                return Err(of_statement(&error, reply.status.sql_state.as_deref(), what));
            }
            "CANCELED" | "CLOSED" => {
                let how = format_args!("{what}: the statement was cancelled in the workspace; run again");
                return Err(Failure::provider(how).into());
            }
            other => {
                let shown = excerpt(other, 30);
                return Err(malformed(&format!("the statement's state `{shown}` is not known")).into());
            }
        }
        let manifest = reply
            .manifest
            .ok_or_else(|| malformed("the reply has no manifest"))?;
        if manifest.truncated {
            let how = format_args!("{what}: the result was cut off");
            return Err(Refusal::TooLarge(Failure::incomplete(how)));
        }
        let columns = manifest.schema.columns.iter().map(|column| column.name.as_str());
        if !columns.eq(rows.statement.names.iter().map(String::as_str)) {
            return Err(malformed("the reply has other columns than were asked for").into());
        }
        let id = usable(what, &reply.statement_id)?;
        let chunks = format!("{}/{id}/result/chunks/", self.base);
        let (mut chunk, mut before) = (reply.result.unwrap_or_default(), 0);
        let mut seen = BTreeSet::new();
        loop {
            if chunk
                .external_links
                .as_ref()
                .is_some_and(|links| !links.is_null())
            {
                return Err(malformed("links to storage came instead of rows: they are not followed").into());
            }
            if let Some(count) = chunk.row_count.filter(|count| before + count != rows.count) {
                let came = rows.count - before;
                let how = format_args!("{what}: {came} rows came of a chunk of {count}");
                return Err(Failure::incomplete(how).into());
            }
            before = rows.count;
            let Some(link) = chunk.next_chunk_internal_link.filter(|link| !link.is_empty()) else {
                break;
            };
            let url = onward(&self.base, &link).map_err(|failure| failure.context(what))?;
            if !url.starts_with(&chunks) || url.contains("..") {
                let shown = excerpt(&url, 120);
                let how = format!("the next chunk is not of this statement and is not fetched: {shown}");
                return Err(malformed(&how).into());
            }
            if !seen.insert(url.clone()) {
                return Err(malformed("the chunks lead in a circle").into());
            }
            chunk = rows.take(self.chunk(&url, what)?, &["data_array"])?;
        }
        if rows.count != manifest.total_row_count {
            let (came, all) = (rows.count, manifest.total_row_count);
            let how = format_args!("{what}: {came} rows came of {all}");
            return Err(Failure::incomplete(how).into());
        }
        Ok(rows.count)
    }

    fn chunk(&self, url: &str, what: &str) -> Result<Response, Failure> {
        self.api.send(HttpRequest::get(url), what).map_err(|failure| {
            match failure.status {
                // Results live for an hour.
                Some(404) => Failure::incomplete(format_args!("a chunk of the result is gone: {failure}")),
                _ => failure,
            }
        })
    }

    /// Ends a statement that nobody waits for any more.
    fn cancel(&self, what: &str, url: &str) {
        match self.api.send(HttpRequest::post(format!("{url}/cancel")), what) {
            Ok(_) => self
                .api
                .host
                .info(format_args!("{what}: the statement was cancelled")),
            Err(failure) => self.api.host.warn(format_args!(
                "the statement could not be cancelled, look for it in the query history: {failure}"
            )),
        }
    }
}

fn is_over(status: &Status) -> bool {
    !matches!(status.state.as_str(), "PENDING" | "RUNNING")
}

/// The statement's id, which becomes part of a path.
fn usable<'t>(what: &str, id: &'t str) -> Result<&'t str, Failure> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    match (1..=100).contains(&id.len()) && id.bytes().all(fits) {
        true => Ok(id),
        false => Err(Failure::malformed(format_args!(
            "{what}: the reply has no usable statement_id"
        ))),
    }
}
