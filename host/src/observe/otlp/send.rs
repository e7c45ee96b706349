//! Sending one message by OTLP over HTTP: once, within its time, and with no more read of the answer than its head.
//! What must hold: what goes wrong is told at most now and then, without address, header or body, and stops nothing else.

use super::asked::{AskedError, Place};
use crate::{
    delivery::client::{ClientError, chain, http, roots_for},
    roots,
};
use prost::Message;
use reqwest::{
    Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use std::time::{Duration, Instant};

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// How often one complains.
const COMPLAINT: Duration = Duration::from_secs(300);

/// Sends one kind of messages to one place.
#[derive(Debug)]
pub(super) struct Sender {
    /// What it sends, for people.
    what: &'static str,
    http: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    timeout: Duration,
    /// When one complained last, and what went wrong since.
    complained: Option<Instant>,
    unsent: u64,
}

impl Sender {
    /// One for a place.
    pub(super) fn new(what: &'static str, place: Place) -> Result<Self, AskedError> {
        let refused = |error: ClientError| AskedError::Client {
            name: place.variable,
            why: error.to_string(),
        };
        let roots = match &place.certificate {
            Some((name, path)) => {
                roots::of_file(path).map_err(|why| AskedError::Certificate { name, why })?
            }
            None => roots_for(&place.url, None).map_err(refused)?,
        };
        Ok(Self {
            what,
            http: http(roots, CONNECT).map_err(refused)?,
            url: place.url,
            headers: place.headers,
            timeout: place.timeout,
            complained: None,
            unsent: 0,
        })
    }

    /// Sends a message. What is not taken is gone: there is more to come, and nothing of it counts.
    pub(super) async fn send(&mut self, message: &impl Message) {
        if let Err(why) = self.attempt(message.encode_to_vec()).await {
            self.complain(&why);
        }
    }

    async fn attempt(&self, body: Vec<u8>) -> Result<(), String> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let request = self.http.post(self.url.clone()).headers(headers).body(body);
        let answer = tokio::time::timeout(self.timeout, request.send())
            .await
            .map_err(|_| format!("no answer within {:?}", self.timeout))?
            .map_err(|error| chain(&error))?;
        let status = answer.status();
        // The body is not read: its end might never come.
        match status.is_success() {
            true => Ok(()),
            false => Err(format!("answered {}", status.as_u16())),
        }
    }

    fn complain(&mut self, why: &str) {
        self.unsent += 1;
        if self.complained.is_some_and(|last| last.elapsed() < COMPLAINT) {
            return;
        }
        self.complained = Some(Instant::now());
        let messages = std::mem::take(&mut self.unsent);
        tracing::warn!(
            messages,
            "{} cannot be sent by OTLP: {why}; runs and deliveries go on",
            self.what
        );
    }
}
