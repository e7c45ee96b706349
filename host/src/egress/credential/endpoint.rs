//! The calls that the host makes for a credential by itself: to token URLs, and to the machine's metadata service. Through the
//! same client machinery as a collector's. What must hold: only the configured places are asked, their addresses are judged, no
//! redirect is followed, the reply is small, and each call counts in the run's budget and ends within its time.

use super::{
    CredentialError, CredentialSpec, Outgoing, Place, Secret, TokenUrl,
    error_code::error_code,
    token::{self, Minted},
};
use crate::egress::{
    EgressError,
    client::{Client, judge_literal},
    refusal::{Fault, RefusalKind},
    reply::Run,
    resolve::Names,
    retry::{self, Outcome},
    told,
};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use std::{sync::Arc, time::Duration};
use url::Url;
use zeroize::Zeroizing;

/// The longest that a call may take.
const LONGEST: Duration = Duration::from_secs(30);
/// The same for a metadata service, which is on the machine or nowhere.
const LONGEST_NEARBY: Duration = Duration::from_secs(5);
/// The largest reply, decoded.
const LARGEST: usize = 64 << 10;

/// One place that a credential calls.
#[derive(Debug)]
pub(super) struct Endpoint {
    url: TokenUrl,
    longest: Duration,
    client: Client,
    run: Arc<Run>,
}

/// What is sent there.
pub(super) struct Ask {
    /// The place: the request stays on its scheme, host and port.
    pub(super) at: TokenUrl,
    /// The request, whole.
    pub(super) request: Outgoing,
    /// What of it was made of secrets, and must not come back.
    pub(super) minted: Vec<Secret>,
}

/// What comes next on the way to a token or keys.
pub(super) enum Step<T> {
    /// The host asks this, and comes again with its answer, too.
    Ask(Box<Ask>),
    /// There they are.
    Have(Minted<T>),
}

impl<T> Step<T> {
    /// The step to ask something.
    pub(super) fn asked(ask: Ask) -> Self {
        Self::Ask(Box::new(ask))
    }
}

/// What came back with a status of success.
pub(super) struct Answer {
    /// The place, for people.
    from: String,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
}

/// What came back.
struct Heard {
    status: StatusCode,
    headers: HeaderMap,
    /// How long it asks to wait.
    after: Option<Duration>,
    body: Zeroizing<Vec<u8>>,
}

impl Ask {
    /// A request for a metadata service.
    pub(super) fn get(at: &TokenUrl, url: Url, headers: HeaderMap) -> Self {
        Self {
            at: at.clone(),
            request: Outgoing {
                method: Method::GET,
                url,
                headers,
                body: None,
            },
            minted: Vec::new(),
        }
    }

    /// A form posted to a token URL.
    pub(super) fn form(at: &TokenUrl, form: Zeroizing<Vec<u8>>, minted: Vec<Secret>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, kind);
        Self {
            at: at.clone(),
            request: Outgoing {
                method: Method::POST,
                url: at.url().clone(),
                headers,
                body: Some(Bytes::from_owner(form)),
            },
            minted,
        }
    }
}

impl Answer {
    /// Its body.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// One of its headers.
    pub(super) fn header(&self, name: &str) -> Option<&HeaderValue> {
        self.headers.get(name)
    }

    /// The token that it grants.
    pub(super) fn granted(&self, now: Timestamp) -> Result<Minted, CredentialError> {
        token::granted(&self.body, now).map_err(|why| self.unusable(why))
    }

    /// An error about what it holds.
    pub(super) fn unusable(&self, why: &'static str) -> CredentialError {
        CredentialError::Token {
            url: self.from.clone(),
            why: why.to_owned(),
        }
    }
}

impl Endpoint {
    /// The places that a credential calls. Reads its `ca`.
    pub(super) fn of(
        spec: &CredentialSpec,
        names: &Arc<dyn Names>,
        user_agent: &str,
        run: &Arc<Run>,
    ) -> Result<Vec<Self>, EgressError> {
        let endpoint = |place: Place<'_>| {
            Ok(Self {
                url: place.url().clone(),
                longest: match place {
                    Place::Minting(_) => LONGEST,
                    Place::Machine(_) => LONGEST_NEARBY,
                },
                client: Client::new(place.addresses(spec), spec.ca.as_deref(), names, user_agent)?,
                run: Arc::clone(run),
            })
        };
        spec.scheme.places().into_iter().map(endpoint).collect()
    }

    /// Whether it is that place.
    pub(super) fn is(&self, url: &TokenUrl) -> bool {
        self.url == *url
    }

    /// Asks. Runs within the place of the call that needs it.
    pub(super) async fn ask(&self, request: Outgoing) -> Result<Answer, CredentialError> {
        // A step that asked elsewhere would be our mistake, and would show a secret there.
        if request.url.origin() != self.url.url().origin() {
            return Err(CredentialError::Signing);
        }
        let heard = self.call(request).await?;
        match heard.status.as_u16() {
            200..=299 => Ok(Answer {
                from: self.url.shown(),
                headers: heard.headers,
                body: heard.body,
            }),
            429 => Err(CredentialError::TokenThrottled {
                url: self.url.shown(),
                status: 429,
                after: heard.after,
            }),
            code @ 500.. => {
                // No call has gone out yet, so that coming again harms nothing.
                let again = (502..=504).contains(&code);
                let again = again.then_some(Outcome::Status(429, heard.after));
                Err(self.unreachable(heard.told(), again))
            }
            _ => Err(self.failed(heard.told())),
        }
    }

    /// One call of the host's own: counted, its address judged, within its time.
    async fn call(&self, outgoing: Outgoing) -> Result<Heard, CredentialError> {
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
        judge_literal(&self.client.policy, &outgoing.url)
            .map_err(|error| self.unreachable(error.to_string(), None))?;
        let time = self.longest.min(left);
        tokio::time::timeout(time, self.exchange(outgoing, time))
            .await
            .map_err(|_| self.unreachable("does not answer in time".to_owned(), None))?
    }

    async fn exchange(&self, outgoing: Outgoing, time: Duration) -> Result<Heard, CredentialError> {
        let place = told::Place::of_credential(self.url.url());
        let sent = told::send(&self.client, outgoing, time, &place, &self.run.span).await;
        let response = sent.map_err(|failed| {
            let again = failed.unconnected.then_some(Outcome::Unconnected);
            self.unreachable(format!("cannot be reached: {}", failed.fault.why), again)
        })?;
        let headers = response.headers().clone();
        Ok(Heard {
            status: response.status(),
            after: retry::asked(&headers, self.run.clock.now()),
            body: self.body(response).await?,
            headers,
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

impl Heard {
    /// What an answer without a token tells the operator: its status, and its error code if it is a known one.
    fn told(&self) -> String {
        let number = self.status.as_u16();
        if self.status.is_redirection() {
            return format!(
                "answered {number}: redirects are not followed, so write the URL that it leads to"
            );
        }
        match error_code(&self.body) {
            Some(code) => format!("answered {number} ({code})"),
            None => format!("answered {number}"),
        }
    }
}
