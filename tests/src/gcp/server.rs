//! One server for all of Google's hosts: told apart by the Host header, the token checked, faults met, calls counted.

use super::{Provider, TOKEN, bigquery, faults, inventory, reply::Reply, token};
use axum::{
    body::Body,
    extract::State as Shared,
    http::{HeaderMap, Method, Response, Uri},
};
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc};

/// What a request asks for.
struct Call<'a> {
    host: &'a str,
    method: &'a Method,
    path: Vec<&'a str>,
    query: BTreeMap<String, String>,
    body: &'a [u8],
}

impl Call<'_> {
    /// As an operator or a fault names it.
    fn operation(&self) -> String {
        match (self.host, self.path.as_slice()) {
            ("bigquery.googleapis.com", ["bigquery", "v2", "projects", _, rest @ ..]) => match rest {
                ["datasets", _, "tables", _] => "tables.get".to_owned(),
                ["queries"] if bigquery::is_dry(self.body) => "jobs.dryRun".to_owned(),
                ["queries"] => "jobs.query".to_owned(),
                ["queries", _] => "jobs.getQueryResults".to_owned(),
                _ => "unknown".to_owned(),
            },
            (host, [.., last]) => format!("{}:{last}", host.split('.').next().unwrap_or_default()),
            _ => "unknown".to_owned(),
        }
    }

    fn answer(&self, provider: &Provider) -> Reply {
        let found = match (self.host, self.method, self.path.as_slice()) {
            ("bigquery.googleapis.com", &Method::GET, ["bigquery", "v2", "projects", project, rest @ ..]) => {
                match rest {
                    ["datasets", dataset, "tables", table] => Some(bigquery::table(project, dataset, table)),
                    ["queries", id] => Some(bigquery::results(provider, project, id, &self.query)),
                    _ => None,
                }
            }
            (
                "bigquery.googleapis.com",
                &Method::POST,
                ["bigquery", "v2", "projects", project, "queries"],
            ) => Some(bigquery::submit(provider, project, self.body)),
            (host, &Method::GET, path) => inventory::list(host, path, &self.query),
            _ => None,
        };
        found.unwrap_or_else(|| Reply::error(404, "notFound", "Not Found"))
    }
}

/// Answers every request of the HTTPS port.
pub(crate) async fn handle(
    Shared(provider): Shared<Arc<Provider>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let host = header("host");
    let query = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    let call = Call {
        host,
        method: &method,
        path: uri.path().trim_start_matches('/').split('/').collect(),
        query: query
            .map(|(name, value)| (name.to_owned(), decoded(value)))
            .collect(),
        body: &body,
    };
    let operation = match host {
        token::HOST => "token".to_owned(),
        _ => call.operation(),
    };
    provider.count(&operation);
    if operation == "token" {
        return token::mint(&provider, &body).whole();
    }
    if header("authorization") != format!("Bearer {TOKEN}") {
        return Reply::error(
            401,
            "authError",
            "Request had invalid authentication credentials. Expected OAuth 2 access token.",
        )
        .whole();
    }
    if provider.is_disabled(&operation) {
        let message = "The API has not been used in project 123 before or it is disabled.";
        return Reply::detailed(403, "PERMISSION_DENIED", "SERVICE_DISABLED", message).whole();
    }
    match provider.faults.meet(&operation) {
        Some(act) => faults::answered(&act, || call.answer(&provider)),
        None => call.answer(&provider).whole(),
    }
}

fn decoded(text: &str) -> String {
    String::from_utf8(crate::aws::sigv4::decoded(text)).unwrap_or_default()
}
