//! Queries through BigQuery's REST API: a free look at what one would read, the query itself, waiting, pages.
//! What must hold: a result is handed on whole or the reading fails, and no query reads more than the operator allows.

use crate::{
    api::Api,
    row::Row,
    settings::Settings,
    statement::Statement,
    table::{Table, TableName},
};
use finops_collector::{Delays, Failure, HttpRequest, Poll, escaped, excerpt, poll};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Rows on a page at most; BigQuery cuts a page at 10 MB.
const ROWS: u32 = 5_000;
/// How long BigQuery waits before it says that a query still runs, in milliseconds.
const WAIT: u32 = 10_000;

/// Where queries are run.
pub(crate) struct BigQuery<'a> {
    api: &'a Api<'a>,
    base: String,
    location: Option<String>,
    most: u64,
    patience: Duration,
    /// Bytes that the queries so far read.
    read: Cell<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    /// Absent is taken for unfinished, and waited for.
    #[serde(default)]
    job_complete: bool,
    #[serde(default)]
    job_reference: Option<Job>,
    #[serde(default)]
    schema: Option<Schema>,
    #[serde(default)]
    rows: Vec<Cells>,
    #[serde(default)]
    total_rows: Option<String>,
    #[serde(default)]
    total_bytes_processed: Option<String>,
    #[serde(default)]
    page_token: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    /// A dry run has none.
    #[serde(default)]
    job_id: String,
    #[serde(default)]
    location: Option<String>,
}

#[derive(Deserialize)]
struct Schema {
    fields: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

#[derive(Deserialize)]
struct Cells {
    f: Vec<Scalar>,
}

#[derive(Deserialize)]
struct Scalar {
    #[serde(default)]
    v: Option<String>,
}

impl<'a> BigQuery<'a> {
    /// Queries over this table, run in the settings' project and the table's location.
    pub(crate) fn new(api: &'a Api<'a>, settings: &Settings, name: &TableName, table: &Table) -> Self {
        let project = escaped(settings.job_project(name));
        Self {
            api,
            base: format!("https://bigquery.googleapis.com/bigquery/v2/projects/{project}/queries"),
            location: settings.location.clone().or_else(|| table.location.clone()),
            most: settings.max_bytes_billed,
            patience: Duration::from_secs(settings.query_timeout.into()),
            read: Cell::new(0),
        }
    }

    /// Bytes that the queries so far read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.get()
    }

    /// Runs a statement and hands its rows on, one page in memory at a time.
    ///
    /// # Errors
    /// `settings` where it would read too much; `incomplete` where rows are missing; what `each` returns. Rows that were
    /// handed on before do not count then.
    pub(crate) fn read(
        &self,
        statement: &Statement,
        mut each: impl FnMut(Row<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let what = statement.what;
        self.look(statement)?;
        let mut request = HttpRequest::post(&self.base).json(&self.body(statement, false)?)?;
        request.repeatable = true;
        let mut reply: Reply = self.api.json(&request, what)?;
        let job = reply.job_reference.clone();
        if !reply.job_complete {
            reply = self.wait(what, job.as_ref())?;
        }
        let bytes = count(
            what,
            "totalBytesProcessed",
            reply.total_bytes_processed.as_deref(),
        )?;
        self.read.set(self.read.get().saturating_add(bytes.unwrap_or(0)));
        let expected = count(what, "totalRows", reply.total_rows.as_deref())?.ok_or_else(|| {
            Failure::malformed(format_args!(
                "{what}: the reply does not say how many rows there are"
            ))
        })?;
        let schema = reply
            .schema
            .take()
            .ok_or_else(|| Failure::malformed(format_args!("{what}: the reply has no schema")))?;
        let names: Vec<String> = schema.fields.into_iter().map(|column| column.name).collect();
        let (mut rows, mut tokens) = (0_u64, BTreeSet::new());
        loop {
            for cells in reply.rows {
                rows += 1;
                let cells: Vec<Option<String>> = cells.f.into_iter().map(|cell| cell.v).collect();
                if cells.len() != names.len() {
                    let found = cells.len();
                    return Err(Failure::malformed(format_args!(
                        "{what}: row {rows} has {found} cells"
                    )));
                }
                each(Row {
                    what,
                    names: &names,
                    cells: &cells,
                })?;
            }
            let Some(token) = reply.page_token.filter(|token| !token.is_empty()) else {
                break;
            };
            if !tokens.insert(token.clone()) {
                return Err(Failure::malformed(format_args!(
                    "{what}: the pages lead in a circle"
                )));
            }
            reply = self
                .api
                .json(&self.results(what, job.as_ref(), Some(&token))?, what)?;
            if !reply.job_complete {
                return Err(Failure::incomplete(format_args!(
                    "{what}: a page of the result is not there"
                )));
            }
        }
        if rows != expected {
            return Err(Failure::incomplete(format_args!(
                "{what}: {rows} rows came of {expected}"
            )));
        }
        Ok(())
    }

    /// What a statement would read in bytes, which BigQuery says for nothing; none where it does not say.
    ///
    /// # Errors
    /// `settings`, where it is more than the operator allows; else why BigQuery would not run it.
    pub(crate) fn look(&self, statement: &Statement) -> Result<Option<u64>, Failure> {
        let what = statement.what;
        let request = HttpRequest::post(&self.base)
            .json(&self.body(statement, true)?)?
            .repeatable();
        let reply: Reply = self.api.json(&request, what)?;
        let bytes = count(
            what,
            "totalBytesProcessed",
            reply.total_bytes_processed.as_deref(),
        )?;
        let Some(bytes) = bytes else { return Ok(None) };
        let most = self.most;
        if bytes > most {
            return Err(Failure::settings(format_args!(
                "{what}: the query would read {bytes} bytes, more than max-bytes-billed allows ({most}): raise it in \
                 [settings], or read fewer days (--since, --until); nothing was read and nothing billed"
            )));
        }
        self.api.host.info(format_args!(
            "{what}: the query reads {bytes} bytes; max-bytes-billed is {most}"
        ));
        Ok(Some(bytes))
    }

    fn body(&self, statement: &Statement, dry: bool) -> Result<Value, Failure> {
        let mut body = json!({
            "query": statement.sql,
            "useLegacySql": false,
            "maximumBytesBilled": self.most.to_string(),
            "maxResults": ROWS,
            "timeoutMs": WAIT,
            "labels": {"app": "finops-host"},
        });
        let mut more = Map::new();
        if !statement.parameters.is_empty() {
            let parameters: Vec<Value> = statement.parameters.iter().map(|one| one.json()).collect();
            more.insert("parameterMode".to_owned(), json!("NAMED"));
            more.insert("queryParameters".to_owned(), Value::Array(parameters));
        }
        if let Some(location) = &self.location {
            more.insert("location".to_owned(), json!(location));
        }
        match dry {
            true => more.insert("dryRun".to_owned(), json!(true)),
            // The same id twice is one job.
            false => more.insert("requestId".to_owned(), json!(self.api.host.uuid()?)),
        };
        if let Value::Object(fields) = &mut body {
            fields.extend(more);
        }
        Ok(body)
    }

    fn wait(&self, what: &str, job: Option<&Job>) -> Result<Reply, Failure> {
        let request = self.results(what, job, None)?;
        let delays = Delays {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(5),
            deadline: self.patience,
        };
        poll(self.api.host, &delays, || {
            let reply: Reply = self.api.json(&request, what)?;
            Ok(match reply.job_complete {
                true => Poll::Ready(reply),
                false => Poll::Pending,
            })
        })
        .map_err(|failure| match failure.message.starts_with("still not ready") {
            true => failure.context(format_args!(
                "{what}: the query does not end; raise query-timeout, or look at the job in BigQuery"
            )),
            false => failure,
        })
    }

    /// The question for a job's rows.
    fn results(&self, what: &str, job: Option<&Job>, token: Option<&str>) -> Result<HttpRequest, Failure> {
        let job = job.ok_or_else(|| Failure::malformed(format_args!("{what}: the reply names no job")))?;
        if job.job_id.is_empty() || job.job_id.len() > 1_024 {
            let shown = excerpt(&job.job_id, 40);
            return Err(Failure::malformed(format_args!(
                "{what}: the job `{shown}` has no name"
            )));
        }
        let mut query = BTreeMap::from([("maxResults", ROWS.to_string()), ("timeoutMs", WAIT.to_string())]);
        if let Some(location) = job.location.as_ref().or(self.location.as_ref()) {
            query.insert("location", location.clone());
        }
        if let Some(token) = token {
            query.insert("pageToken", token.to_owned());
        }
        let query: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        let url = format!("{}/{}?{}", self.base, escaped(&job.job_id), query.join("&"));
        Ok(HttpRequest::get(url))
    }
}

/// BigQuery writes counters as text.
fn count(what: &str, name: &str, text: Option<&str>) -> Result<Option<u64>, Failure> {
    let wrong = |text: &str| {
        let shown = excerpt(text, 30);
        Failure::malformed(format_args!("{what}: {name} is `{shown}` and no count"))
    };
    text.map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}
