//! One server for all of Azure's hosts: told apart by the Host header, the token checked, faults met, calls counted.

use super::{
    Tenant,
    export::{self, ACCOUNT},
    faults::{self, Act},
    graph, machines,
    query::{self, Asked, Manner},
    reply::Reply,
    token::{self, Audience},
};
use axum::{
    body::Body,
    extract::State as Shared,
    http::{HeaderMap, Method, Response, Uri},
};
use bytes::Bytes;
use std::sync::Arc;

/// Versions of the query API; next links carry an older one.
const VERSIONS: [&str; 3] = ["2023-03-01", "2023-11-01", "2025-03-01"];

/// Answers every request of the HTTPS port.
pub(crate) async fn handle(
    Shared(tenant): Shared<Arc<Tenant>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = header("host").unwrap_or_default();
    let path = uri.path();
    let storage = format!("{ACCOUNT}.blob.core.windows.net");
    let (operation, audience) = match host {
        "login.microsoftonline.com" if method == Method::POST => ("token", None),
        "management.azure.com" if path.ends_with("/providers/Microsoft.CostManagement/query") => {
            ("query", Some(Audience::Management))
        }
        "management.azure.com" if path == "/providers/Microsoft.ResourceGraph/resources" => {
            ("graph", Some(Audience::Management))
        }
        "prices.azure.com" if method == Method::GET && path == "/api/retail/prices" => ("prices", None),
        host if host == storage && method == Method::GET => ("blob", Some(Audience::Storage)),
        _ => return Reply::html(404).whole(),
    };
    tenant.count(operation);
    if let Some(audience) = audience {
        let given = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if !given.is_some_and(|token| tenant.accepts(token, audience)) {
            return match audience {
                Audience::Management => Reply::error(
                    401,
                    "ExpiredAuthenticationToken",
                    "The access token expiry UTC time is earlier than current UTC time, or its audience is another.",
                )
                .header("www-authenticate", "Bearer error=\"invalid_token\""),
                Audience::Storage => {
                    Reply::storage_error(401, "InvalidAuthenticationInfo", "Authentication information is not valid.")
                }
            }
            .whole();
        }
    }
    let fault = tenant.faults.meet(operation);
    let call = Call {
        method: &method,
        uri: &uri,
        since: header("if-unmodified-since"),
        version: header("x-ms-version"),
        body: &body,
    };
    let right = || match operation {
        "token" => token::mint(&tenant, path, &body),
        "graph" => graph::answer(&body, &tenant.options),
        "prices" => machines::prices(uri.query().unwrap_or_default(), header("authorization").is_some()),
        "blob" if call.version.is_none() => {
            Reply::storage_error(400, "MissingRequiredHeader", "x-ms-version is missing.")
        }
        "blob" => tenant.with_blobs(|blobs| {
            let query = uri.query().unwrap_or_default();
            export::storage(blobs, path, query, call.since, tenant.options.blobs_per_page)
        }),
        _ => asked(&tenant, &call, fault.as_ref()),
    };
    match &fault {
        Some(act) => faults::answered(act, right),
        None => right().whole(),
    }
}

struct Call<'a> {
    method: &'a Method,
    uri: &'a Uri,
    since: Option<&'a str>,
    version: Option<&'a str>,
    body: &'a [u8],
}

fn asked(tenant: &Tenant, call: &Call<'_>, fault: Option<&Act>) -> Reply {
    let field = |name: &str| {
        let mut pairs = call
            .uri
            .query()?
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(found, _)| *found == name)?;
        Some(value.to_owned())
    };
    if !field("api-version").is_some_and(|version| VERSIONS.contains(&version.as_str())) {
        return Reply::error(
            400,
            "InvalidApiVersionParameter",
            "The api-version is missing or not supported.",
        );
    }
    // A next link, too, wants the question in a POST.
    if *call.method != Method::POST {
        return Reply::error(400, "BadRequest", "Dataset is invalid or not supplied.");
    }
    let skip = field("$skiptoken").map_or(Some(0), |token| token.parse().ok());
    let Some(skip) = skip else {
        return Reply::error(400, "BadRequest", "The skip token is invalid.");
    };
    let path = call.uri.path().trim_start_matches('/');
    let Some(scope) = path.strip_suffix("/providers/Microsoft.CostManagement/query") else {
        return Reply::error(404, "NotFound", "There is no such scope.");
    };
    let options = &tenant.options;
    let manner = Manner {
        page: options.rows_per_page,
        most_groups: options.groupings,
        cost_column: options.cost_column,
        shift: match fault {
            Some(Act::Shift(days)) => *days,
            _ => 0,
        },
        next_host: match fault {
            Some(Act::Elsewhere) => "management.azure.com.evil.example",
            _ => "management.azure.com",
        },
        turn: tenant.requests("query"),
    };
    let asked = Asked {
        scope,
        skip,
        body: call.body,
    };
    let behind = jiff::SignedDuration::from_hours(24 * options.days_behind);
    let now = tenant
        .now()
        .saturating_sub(behind)
        .unwrap_or(jiff::Timestamp::MIN);
    let bill = tenant.bill();
    query::answer(&asked, bill.known(now), manner)
}
