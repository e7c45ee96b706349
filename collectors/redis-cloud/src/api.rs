//! Calls of Redis Cloud's REST API: one at a time, with a pause between.

use crate::refusal;
use finops_collector::{Failure, Host, HttpRequest, Response, Warnings};
use std::{cell::Cell, time::Duration};

const BASE: &str = "https://api.redislabs.com/v1";

/// The way to Redis Cloud.
pub(crate) struct Api<'h> {
    pub(crate) host: &'h dyn Host,
    pause: Duration,
    begun: Cell<bool>,
    warned: Warnings<'h>,
}

impl<'h> Api<'h> {
    pub(crate) fn new(host: &'h dyn Host, pause: u32) -> Self {
        Self {
            host,
            pause: Duration::from_secs(u64::from(pause)),
            begun: Cell::new(false),
            warned: Warnings::new(host),
        }
    }

    /// Warns, unless the same was said before.
    pub(crate) fn warn_once(&self, warning: String) {
        self.warned.once(warning);
    }

    /// A successful reply to a GET; `what` says what was asked, for messages.
    pub(crate) fn get(&self, path: &str, what: &str) -> Result<Response, Failure> {
        self.send(&HttpRequest::get(format!("{BASE}{path}")), what)
    }

    /// A successful reply to a POST of JSON that does no harm when it is sent twice.
    pub(crate) fn post(&self, path: &str, body: &serde_json::Value, what: &str) -> Result<Response, Failure> {
        let request = HttpRequest::post(format!("{BASE}{path}"))
            .json(body)?
            .repeatable();
        self.send(&request, what)
    }

    fn send(&self, request: &HttpRequest, what: &str) -> Result<Response, Failure> {
        if self.begun.replace(true) && !self.pause.is_zero() {
            self.host.sleep(self.pause);
        }
        // The host itself has tried 429, 502, 503 and 504 again.
        let response = self.host.send(request).map_err(|failure| failure.context(what))?;
        match response.status {
            200..300 => Ok(response),
            _ => Err(refusal::of(response, what)),
        }
    }
}

/// An id as one segment of a path; none where it is none.
pub(crate) fn segment(id: &str) -> Option<String> {
    if id.is_empty() || id.len() > 200 || id.bytes().all(|byte| byte == b'.') {
        return None;
    }
    let mut url = String::new();
    for byte in id.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(url)
}
