//! For `cargo xtask bench` alone: the client of a rule without the steps before and after it, to measure what they cost.

use super::{Egress, Way, client::Client, credential::Outgoing};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use std::time::Duration;

/// Calls that are neither parsed, matched, counted nor searched for secrets.
#[derive(Debug)]
pub struct Unjudged<'a>(&'a Client);

impl<'a> Unjudged<'a> {
    /// Over the client of the first rule.
    #[must_use]
    pub fn over(egress: &'a Egress) -> Option<Self> {
        match &egress.way {
            Way::Out(out) => out.clients.of(0).map(Self),
            Way::Recording(_) => None,
        }
    }

    /// Gets a URL with that bearer token and reads the whole body. Gives its bytes.
    ///
    /// # Errors
    /// Why there is no reply.
    pub async fn get(&self, url: &str, token: &str) -> Result<u64, String> {
        let authorization =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|error| error.to_string())?;
        let outgoing = Outgoing {
            method: reqwest::Method::GET,
            url: url.parse().map_err(|error| format!("{error}"))?,
            headers: HeaderMap::from_iter([(AUTHORIZATION, authorization)]),
            body: None,
        };
        let sent = self.0.send(outgoing, Duration::MAX).await;
        let mut response = sent.map_err(|failed| failed.fault.why)?;
        let mut bytes = 0;
        while let Some(piece) = response.chunk().await.map_err(|error| error.to_string())? {
            bytes += piece.len() as u64;
        }
        Ok(bytes)
    }
}
