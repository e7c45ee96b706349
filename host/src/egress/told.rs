//! A request as those see it who look on: its span lasts until the reply's head, under the run's.
//! What must hold: of the request itself only the method and the port are told; host and path are the operator's.

use super::{
    client::{Client, Failed},
    credential::Outgoing,
    rule::Rule,
};
use crate::trace;
use reqwest::Response;
use std::time::Duration;
use tracing::{Instrument, Span};
use url::Url;

/// Which place of the operator's file a request goes to.
pub(super) struct Place {
    by: trace::By,
    host: String,
    path: String,
}

impl Place {
    /// What a rule says of the requests that it allows: of its paths the longest that this one falls under.
    pub(super) fn of_rule(rule: &Rule, url: &Url) -> Self {
        let allowed = rule.paths.iter().filter(|prefix| prefix.matches(url.path()));
        let nearest = allowed.max_by_key(|prefix| prefix.as_str().len());
        Self {
            by: trace::By::Collector,
            host: rule.host.to_string(),
            path: nearest.map_or("/", |prefix| prefix.as_str()).to_owned(),
        }
    }

    /// A place that a credential calls.
    pub(super) fn of_credential(url: &Url) -> Self {
        Self {
            by: trace::By::Credential,
            host: url.host_str().unwrap_or_default().to_owned(),
            path: url.path().to_owned(),
        }
    }
}

/// Sends a request by a client, as [`Client::send`] does.
pub(super) async fn send(
    client: &Client,
    outgoing: Outgoing,
    left: Duration,
    place: &Place,
    run: &Span,
) -> Result<Response, Failed> {
    let request = trace::Request {
        by: place.by,
        method: outgoing.method.as_str(),
        host: &place.host,
        port: outgoing.url.port_or_known_default().unwrap_or_default(),
        path: &place.path,
    };
    let span = request.span(run);
    let sent = client.send(outgoing, left).instrument(span.clone()).await;
    match &sent {
        Ok(response) => trace::answered(&span, response.status().as_u16()),
        Err(failed) if failed.unconnected => trace::failed(&span, "no-connection"),
        Err(_) => trace::failed(&span, "no-answer"),
    }
    sent
}
