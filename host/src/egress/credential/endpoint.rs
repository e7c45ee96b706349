//! Token calls: made by the host alone, through the same client machinery as a collector's. What must hold: only the configured
//! URL is asked, its address is judged as a rule's, no redirect is followed, the reply is small, and each call counts in the
//! run's budget and ends within its time.

use super::{
    CredentialError, CredentialSpec, Outgoing, Secret, TokenUrl,
    token::{self, Minted},
};
use crate::egress::{
    EgressError,
    client::Client,
    refusal::{Fault, RefusalKind},
    reply::Run,
    resolve::Names,
    retry::{Outcome, retry_after},
};
use bytes::Bytes;
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// The longest that a token call may take.
const LONGEST: Duration = Duration::from_secs(30);
/// The largest reply, decoded.
const LARGEST: usize = 64 << 10;

/// Where a credential has its tokens minted.
#[derive(Debug)]
pub(super) struct Endpoint {
    url: TokenUrl,
    client: Client,
    run: Arc<Run>,
}

/// What is sent there.
pub(super) struct Ask {
    /// Client authentication, where it stands in a header.
    pub(super) authorization: Option<HeaderValue>,
    /// The form.
    pub(super) form: Zeroizing<Vec<u8>>,
    /// What of it was made of secrets, and must not come back.
    pub(super) minted: Vec<Secret>,
}

/// What came back.
struct Answer {
    status: StatusCode,
    /// How long it asks to wait.
    after: Option<Duration>,
    body: Zeroizing<Vec<u8>>,
}

impl Endpoint {
    /// The endpoint of a credential that has one. Reads its `ca`.
    pub(super) fn of(
        spec: &CredentialSpec,
        names: &Arc<dyn Names>,
        user_agent: &str,
        run: &Arc<Run>,
    ) -> Result<Option<Self>, EgressError> {
        let Some(url) = spec.scheme.token_url() else {
            return Ok(None);
        };
        let policy = url.addresses(spec.connect_to, &spec.addresses);
        Ok(Some(Self {
            url: url.clone(),
            client: Client::new(policy, spec.ca.as_deref(), names, user_agent)?,
            run: Arc::clone(run),
        }))
    }

    /// Has a token minted. Runs within the place of the call that needs it.
    pub(super) async fn mint(&self, ask: Ask) -> Result<Minted, CredentialError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        if let Some(value) = ask.authorization {
            headers.insert(AUTHORIZATION, value);
        }
        let answer = self
            .call(Outgoing {
                method: Method::POST,
                url: self.url.url().clone(),
                headers,
                body: Some(Bytes::from_owner(ask.form)),
            })
            .await?;
        match answer.status.as_u16() {
            200..=299 => {
                let minted = token::granted(&answer.body, self.run.clock.now());
                minted.map_err(|why| self.failed(why))
            }
            429 => Err(CredentialError::TokenThrottled {
                url: self.url.shown(),
                status: 429,
                after: answer.after,
            }),
            code @ 500.. => {
                // No call has gone out yet, so that coming again harms nothing.
                let again = (502..=504).contains(&code);
                let again = again.then_some(Outcome::Status(429, answer.after));
                Err(self.unreachable(answer.told(), again))
            }
            _ => Err(self.failed(answer.told())),
        }
    }

    /// One call of the host's own: counted, its address judged, within its time.
    async fn call(&self, outgoing: Outgoing) -> Result<Answer, CredentialError> {
        let left = self.run.left();
        if left.is_zero() {
            let used_up = Fault::open(RefusalKind::Throttled, "the run's time is used up");
            return Err(CredentialError::Limit(used_up));
        }
        self.run
            .budget
            .attempt(outgoing.body.as_ref().map_or(0, Bytes::len), None)
            .await
            .map_err(CredentialError::Limit)?;
        self.client
            .judge_literal(&outgoing.url)
            .map_err(|error| self.unreachable(error.to_string(), None))?;
        let time = LONGEST.min(left);
        tokio::time::timeout(time, self.exchange(outgoing, time))
            .await
            .map_err(|_| self.unreachable("does not answer in time".to_owned(), None))?
    }

    async fn exchange(&self, outgoing: Outgoing, time: Duration) -> Result<Answer, CredentialError> {
        let response = self.client.send(outgoing, time).await.map_err(|failed| {
            let again = failed.unconnected.then_some(Outcome::Unconnected);
            self.unreachable(format!("cannot be reached: {}", failed.fault.why), again)
        })?;
        let after = response.headers().get(RETRY_AFTER);
        Ok(Answer {
            status: response.status(),
            after: after
                .and_then(|value| value.to_str().ok())
                .and_then(|value| retry_after(value, self.run.clock.now())),
            body: self.body(response).await?,
        })
    }

    /// The whole body.
    async fn body(&self, mut response: Response) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
        // Room for all of it, so that no copy is left behind by growing.
        let mut body = Zeroizing::new(Vec::with_capacity(LARGEST));
        let mut taken = 0;
        let cut = |_| self.unreachable("breaks off its answer".to_owned(), None);
        while let Some(piece) = response.chunk().await.map_err(cut)? {
            taken = self
                .run
                .budget
                .received(taken, piece.len())
                .map_err(CredentialError::Limit)?;
            if body.len() + piece.len() > LARGEST {
                return Err(self.failed("answered with more than 64 KiB"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn failed(&self, why: impl Into<String>) -> CredentialError {
        CredentialError::Token {
            url: self.url.shown(),
            why: why.into(),
        }
    }

    fn unreachable(&self, why: String, again: Option<Outcome>) -> CredentialError {
        CredentialError::TokenUnreachable {
            url: self.url.shown(),
            why,
            again,
        }
    }
}

impl Answer {
    /// What an answer without a token tells the operator: its status, and its error code if the standards name it.
    fn told(&self) -> String {
        let number = self.status.as_u16();
        if self.status.is_redirection() {
            return format!(
                "answered {number}: redirects are not followed, so write the URL that it leads to"
            );
        }
        match token::error_code(&self.body) {
            Some(code) => format!("answered {number} ({code})"),
            None => format!("answered {number}"),
        }
    }
}
