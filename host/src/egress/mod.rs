//! The one place through which any byte leaves towards a provider. [`Egress::send`] takes every call through the same
//! steps in the same order: parse, headers, match, budget, addresses, credential, send, retry, reply.
//! What must hold: the grant alone decides; the guest learns no more than a [`Refusal`] says, the operator all but secrets.

mod address;
mod budget;
mod client;
pub mod credential;
mod grant;
mod headers;
mod in_flight;
mod matching;
mod overlap;
mod refusal;
mod remedy;
mod reply;
mod report;
mod request;
mod resolve;
mod retry;
pub mod rule;
#[cfg(test)]
mod tests;
#[cfg(feature = "bench")]
mod unjudged;

pub(crate) use address::meant;
pub use budget::{Peaks, SpendLedger};
pub use grant::{Grant, Remark};
pub(crate) use headers::is_usual;
pub use in_flight::{Full, Gathered, Held, InFlight};
pub(crate) use matching::is_loopback;
pub use refusal::{Refusal, RefusalKind};
pub use reply::{Body, Reply};
pub use report::{Denied, Failed, Report};
pub use request::{Request, Surplus};
#[cfg(feature = "bench")]
pub use unjudged::Unjudged;

use crate::{clock::SharedClock, foreign::Foreign, sandbox::limits::Limits};
use budget::Budget;
use client::{Client, Clients};
use credential::{Outgoing, Tries, Vault, Verdict};
use headers::Headers;
use refusal::Fault;
use reply::Run;
use report::Journal;
use request::Target;
use resolve::{Names, SystemNames};
use retry::Outcome;
use rule::Rule;
use std::{path::PathBuf, sync::Arc};
use zeroize::Zeroizing;

/// Who calls, for the User-Agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent {
    /// The collector's name.
    pub collector: String,
    /// The collector's version.
    pub version: String,
}

/// Why a run cannot have egress at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The grant contradicts itself.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Grant(Vec<Remark>),
    /// A file of certificates cannot be used.
    #[error("`ca` {path}: {why}", path = .path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// Egress of one run.
#[derive(Debug)]
pub struct Egress {
    grant: Grant,
    clients: Clients,
    vault: Vault,
    run: Arc<Run>,
}

/// A call that a rule allows.
struct Call<'a> {
    target: Target,
    headers: Headers,
    request: &'a Request,
    rule: &'a Rule,
    client: &'a Client,
}

impl Egress {
    /// Egress for a run that begins now. Reads `ca` files; secrets are read when they are first needed.
    pub fn new(
        grant: Grant,
        limits: &Limits,
        user_agent: &UserAgent,
        clock: SharedClock,
        spend: Option<Arc<dyn SpendLedger>>,
    ) -> Result<Self, EgressError> {
        Self::with_names(grant, limits, user_agent, clock, spend, Arc::new(SystemNames))
    }

    fn with_names(
        grant: Grant,
        limits: &Limits,
        user_agent: &UserAgent,
        clock: SharedClock,
        spend: Option<Arc<dyn SpendLedger>>,
        names: Arc<dyn Names>,
    ) -> Result<Self, EgressError> {
        let conflicts = grant.conflicts();
        if !conflicts.is_empty() {
            return Err(EgressError::Grant(conflicts));
        }
        let wall = jiff::SignedDuration::try_from(limits.wall).unwrap_or(jiff::SignedDuration::MAX);
        let deadline = clock.now().saturating_add(wall).unwrap_or(jiff::Timestamp::MAX);
        let run = Arc::new(Run {
            budget: Budget::new(limits, spend),
            journal: Journal::default(),
            clock,
            deadline,
        });
        let user_agent = user_agent.to_header();
        Ok(Self {
            clients: Clients::new(&grant.rules, &names, &user_agent)?,
            vault: Vault::new(&grant.credentials, &names, &user_agent, &run)?,
            run,
            grant,
        })
    }

    /// Makes one call for the guest, if the grant allows it, and waits for the reply's head.
    ///
    /// # Errors
    /// A [`Refusal`]: what the guest may know. What the operator should know goes to the log and to [`Self::report`].
    pub async fn send(&self, request: Request) -> Result<Reply, Refusal> {
        self.run.budget.asked(&request);
        let mut shown = "(a URL that cannot be parsed)".to_owned();
        let outcome = self.authorise_and_send(&request, &mut shown).await;
        outcome.map_err(|fault| {
            self.run.journal.failed(&request.method, &shown, &fault);
            fault.refusal
        })
    }

    /// The run's memory for bytes in flight. Whoever takes a guest's body charges it here.
    #[must_use]
    pub fn in_flight(&self) -> &InFlight {
        self.run.budget.in_flight()
    }

    /// The secret of a credential whose table says `reveal = true`.
    ///
    /// # Errors
    /// [`RefusalKind::Denied`] for every other credential; [`RefusalKind::Credential`] where it cannot be read.
    pub async fn reveal(&self, credential: &str) -> Result<Zeroizing<String>, Refusal> {
        let shown = Foreign::from(credential);
        let denied = |why: String| Fault::hidden(RefusalKind::Denied, "this secret is not granted", why);
        let revealed = match self.vault.reveal(credential).await {
            Ok(Some(secret)) => Ok(secret),
            Ok(None) => Err(denied(format!(
                "credential `{shown}` does not say `reveal = true`"
            ))),
            Err(error @ credential::CredentialError::Unknown(_)) => {
                Err(denied(Foreign::from(error.to_string()).to_string()))
            }
            Err(error) => Err(error.into_fault()),
        };
        revealed.map_err(|fault| {
            self.run.journal.failed("reveal", credential, &fault);
            fault.refusal
        })
    }

    /// What the run's calls came to so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let lines = self.grant.rules.iter().map(|rule| rule.line);
        self.run.journal.report(self.run.budget.counts(), lines)
    }

    /// Steps 1 to 3 depend on the request and the grant alone, so that one answer holds for all attempts; the rest is
    /// done for each attempt anew.
    async fn authorise_and_send(&self, request: &Request, shown: &mut String) -> Result<Reply, Fault> {
        let own_mistake = |error: &dyn std::fmt::Display| Fault::open(RefusalKind::Denied, error);
        let target = request::target(&request.method, &request.url).map_err(|error| own_mistake(&error))?;
        *shown = request::without_query(&target.url);
        self.run
            .budget
            .fits(request.body.as_ref().map_or(0, bytes::Bytes::len))?;
        let headers = match request.surplus {
            Surplus::Refuse => headers::checked(&request.headers, &target),
            Surplus::Drop => {
                headers::without_surplus(&request.headers, &self.grant, &target).and_then(|headers| {
                    self.run.journal.dropped(&headers.dropped);
                    headers::checked(&headers.kept, &target)
                })
            }
        };
        let headers = headers.map_err(|error| own_mistake(&error))?;
        let call = self.matched(request, target, headers)?;
        let mut attempt = 1;
        let mut tries = Tries::default();
        loop {
            let outcome = self.attempt(&call, shown, &mut tries).await.transpose();
            let Some(outcome) = outcome else {
                // The provider has not acted, so that a call may be repeated whatever its method.
                tracing::debug!(url = %Foreign::from(shown.as_str()), "trying again with another credential");
                continue;
            };
            let summary = match &outcome {
                Ok((_, summary)) | Err((_, Some(summary))) => *summary,
                Err((_, None)) => return outcome.map(|(reply, _)| reply).map_err(|(fault, _)| fault),
            };
            let left = self.run.left();
            let pause = retry::pause(
                summary,
                call.target.method,
                request.repeatable,
                attempt,
                left,
                jitter(),
            );
            let Some(pause) = pause else {
                return outcome.map(|(reply, _)| reply).map_err(|(fault, _)| fault);
            };
            // The reply's connection and memory are given back before the wait.
            drop(outcome);
            tracing::debug!(url = %Foreign::from(shown.as_str()), attempt, ?pause, "trying again");
            self.run.clock.sleep(pause).await;
            attempt += 1;
        }
    }

    /// Step 3.
    fn matched<'a>(
        &'a self,
        request: &'a Request,
        target: Target,
        headers: Headers,
    ) -> Result<Call<'a>, Fault> {
        let rules = &self.grant.rules;
        if let Some(spec) = self.grant.mints_at(&target) {
            let why = format!("the token URL of credential `{}` is the host's alone", spec.name);
            return Err(Fault::denied(format!("{why} (line {})", spec.line)));
        }
        let body = request.body.as_deref().unwrap_or_default();
        let index = matching::choose(rules, &target, &headers, body).map_err(|(nearest, miss)| {
            let line = nearest.and_then(|index| rules.get(index)).map(|rule| rule.line);
            let why = line.map_or_else(|| miss.to_string(), |line| format!("{miss} (line {line})"));
            Fault::denied(why).with_remedy(Some(remedy::allow(rules, &target, &headers)))
        })?;
        let (Some(rule), Some(client)) = (rules.get(index), self.clients.of(index)) else {
            return Err(Fault::denied("no rule"));
        };
        if let Some(spec) = self.grant.credential_of(rule) {
            let by_host = |what: &str, name: &str| {
                let message = format!("{what} `{}` is set by the host alone", Foreign::from(name));
                Fault::open(RefusalKind::Denied, message)
            };
            if let Some((name, _)) = headers.iter().find(|(name, _)| spec.sets(name)) {
                return Err(by_host("header", name));
            }
            if let Some((name, _)) = target.query.iter().find(|(name, _)| spec.sets_query(name)) {
                return Err(by_host("query parameter", name));
            }
        }
        self.run.journal.used(index);
        Ok(Call {
            target,
            headers,
            request,
            rule,
            client,
        })
    }

    /// Steps 4 to 7 and 9, once. An error comes with an outcome if trying again may help; there is no reply if the
    /// provider refused the credential and another can be tried at once.
    async fn attempt(
        &self,
        call: &Call<'_>,
        shown: &str,
        tries: &mut Tries,
    ) -> Result<Option<(Reply, Outcome)>, (Fault, Option<Outcome>)> {
        let finally = |fault| (fault, None);
        let body = call.request.body.clone();
        let length = body.as_ref().map_or(0, bytes::Bytes::len);
        let _place = self.run.budget.place().await.map_err(finally)?;
        let window = self.run.budget.window().map_err(finally)?;
        let left = self.run.left();
        if left.is_zero() {
            return Err(finally(Fault::open(
                RefusalKind::Throttled,
                "the run's time is used up",
            )));
        }
        self.run
            .budget
            .attempt(length, call.rule.price)
            .await
            .map_err(finally)?;
        let line = call.rule.line;
        call.client
            .judge_literal(&call.target.url)
            .map_err(|error| finally(Fault::denied(format!("{error} (line {line})"))))?;

        let mut outgoing = outgoing(call, body).map_err(finally)?;
        let failed = |error: credential::CredentialError| {
            let again = error.outcome();
            (error.into_fault(), again)
        };
        let mut used = None;
        if let Some(name) = &call.rule.credential {
            used = Some((name, self.vault.apply(name, &mut outgoing).await.map_err(failed)?));
        }
        // A token call has taken its time.
        let left = left.min(self.run.left());
        let response = call.client.send(outgoing, left).await.map_err(|failed| {
            let again = failed.unconnected.then_some(Outcome::Unconnected);
            (failed.fault, again)
        })?;
        if let Some((name, used)) = used {
            let answer = (response.status(), response.headers());
            let verdict = self.vault.answered(name, used, &call.target.url, answer, tries);
            if verdict.await.map_err(failed)? == Verdict::Again {
                return Ok(None);
            }
        }
        let asked = retry::asked(response.headers(), self.run.clock.now());
        let outcome = Outcome::Status(response.status().as_u16(), asked);
        let about = (call.request.method.as_str(), shown);
        let reply = reply::open(response, self.vault.watch(), window, Arc::clone(&self.run), about)
            .map_err(finally)?;
        Ok(Some((reply, outcome)))
    }
}

impl UserAgent {
    fn to_header(&self) -> String {
        let token = |text: &str| -> String {
            let safe = |c: &char| c.is_ascii_alphanumeric() || "-._+".contains(*c);
            text.chars().filter(safe).take(64).collect()
        };
        format!(
            "finops-host/{} ({}/{})",
            env!("CARGO_PKG_VERSION"),
            token(&self.collector),
            token(&self.version)
        )
    }
}

/// The request as it stands before the credential.
fn outgoing(call: &Call<'_>, body: Option<bytes::Bytes>) -> Result<Outgoing, Fault> {
    let invalid = |_| Fault::open(RefusalKind::Denied, "a header cannot be sent");
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, value) in &call.headers {
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid(()))?;
        let value = reqwest::header::HeaderValue::from_str(value).map_err(|_| invalid(()))?;
        headers.insert(name, value);
    }
    let method =
        reqwest::Method::from_bytes(call.target.method.as_str().as_bytes()).map_err(|_| invalid(()))?;
    Ok(Outgoing {
        method,
        url: call.target.url.clone(),
        headers,
        body,
    })
}

/// Any number, for pauses.
fn jitter() -> u16 {
    let mut bytes = [0; 2];
    // Without randomness the pause is merely the shortest.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u16::from_ne_bytes(bytes)
}
