//! Calls of the workspace's REST API: JSON over HTTPS. The host itself tries throttled calls again.

use crate::refusal;
use finops_collector::{Failure, Host, HttpRequest, Response, Warnings};
use serde::de::DeserializeOwned;

/// The way to the workspace.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    pub(crate) warnings: Warnings<'h>,
    /// `https://HOST`.
    pub(crate) origin: String,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host, origin: String) -> Self {
        Self {
            host,
            warnings: Warnings::new(host),
            origin,
        }
    }

    /// A reply that is a success; `what` says what was asked, for messages.
    pub(crate) fn send(&self, request: HttpRequest, what: &str) -> Result<Response, Failure> {
        let request = request.header("Accept", "application/json");
        let response = self
            .host
            .send(&request)
            .map_err(|failure| failure.context(what))?;
        match response.status {
            200..=299 => Ok(response),
            _ => Err(refusal::of(response, what)),
        }
    }

    /// The answer to a GET as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<T, Failure> {
        let response = self.send(HttpRequest::get(format!("{}{path}", self.origin)), what)?;
        response.json().map_err(|failure| failure.context(what))
    }
}
