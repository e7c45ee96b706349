//! The one place through which any byte leaves towards a provider. [`Egress::send`] takes every call through the same
//! steps in the same order: parse, headers, match, budget, addresses, credential, send, retry, reply.
//! What must hold: the grant alone decides; the guest learns no more than a [`Refusal`] says, the operator all but secrets.

mod address;
mod attempt;
mod budget;
mod client;
pub mod credential;
mod grant;
mod headers;
mod in_flight;
mod matching;
mod overlap;
mod recording;
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
mod told;
#[cfg(feature = "bench")]
mod unjudged;

pub(crate) use address::meant;
pub use budget::{Peaks, SpendLedger};
pub use grant::{Grant, Remark};
pub(crate) use headers::is_usual;
pub use in_flight::{Full, Gathered, Held, InFlight};
pub(crate) use matching::is_loopback;
pub use recording::{About, Recorder, Recording, RecordingError, Wire};
pub use refusal::{Refusal, RefusalKind};
pub use reply::{Body, Reply};
pub use report::{Denied, Failed, Report};
pub use request::{Request, Surplus};
#[cfg(feature = "bench")]
pub use unjudged::Unjudged;

use crate::{clock::SharedClock, foreign::Foreign, sandbox::limits::Limits};
use budget::Budget;
use client::Clients;
use credential::Vault;
use headers::Headers;
use recording::Asked;
use refusal::Fault;
use reply::Run;
use report::Journal;
use request::Target;
use resolve::{Names, SystemNames};
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
    way: Way,
    run: Arc<Run>,
}

/// Where calls go that the grant allows.
#[derive(Debug)]
enum Way {
    /// Out.
    Out(Box<Out>),
    /// Into a recording: there is no client and no credential.
    Recording(Arc<Recording>),
}

/// What a call needs to leave.
#[derive(Debug)]
struct Out {
    clients: Clients,
    vault: Vault,
    recorder: Option<Arc<Recorder>>,
}

/// A call that a rule allows.
struct Call<'a> {
    target: Target,
    headers: Headers,
    request: &'a Request,
    rule: &'a Rule,
    /// Which rule of the grant that is.
    index: usize,
}

impl Egress {
    /// Egress for a run that begins now, whose span is the current one. Reads `ca` files; secrets are read when they are first needed.
    pub fn new(
        grant: Grant,
        limits: &Limits,
        user_agent: &UserAgent,
        clock: SharedClock,
        spend: Option<Arc<dyn SpendLedger>>,
    ) -> Result<Self, EgressError> {
        Self::over(&Wire::Live, grant, limits, user_agent, clock, spend)
    }

    /// The same, with a recording beside the network or instead of it. Without the network neither secrets nor `ca` files
    /// are read.
    pub fn over(
        wire: &Wire,
        grant: Grant,
        limits: &Limits,
        user_agent: &UserAgent,
        clock: SharedClock,
        spend: Option<Arc<dyn SpendLedger>>,
    ) -> Result<Self, EgressError> {
        let names = Arc::new(SystemNames);
        Self::with_names(wire, grant, limits, user_agent, clock, spend, names)
    }

    fn with_names(
        wire: &Wire,
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
            span: tracing::Span::current(),
        });
        let user_agent = user_agent.to_header();
        let out = |recorder| -> Result<Way, EgressError> {
            Ok(Way::Out(Box::new(Out {
                clients: Clients::new(&grant.rules, &names, &user_agent)?,
                vault: Vault::new(&grant.credentials, &names, &user_agent, &run)?,
                recorder,
            })))
        };
        Ok(Self {
            way: match wire {
                Wire::Live => out(None)?,
                Wire::Recorded(recorder) => out(Some(Arc::clone(recorder)))?,
                Wire::Replayed(recording) => Way::Recording(Arc::clone(recording)),
            },
            run,
            grant,
        })
    }

    /// What the next guest's random bytes are made of; `None`: the system's randomness.
    #[must_use]
    pub fn seed(&self) -> Option<[u8; 32]> {
        match &self.way {
            Way::Out(out) => out.recorder.as_ref().map(|recorder| recorder.seed()),
            Way::Recording(recording) => Some(recording.seed()),
        }
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
        let revealed = match &self.way {
            Way::Out(out) => match out.vault.reveal(credential).await {
                Ok(Some(secret)) => Ok(secret),
                Ok(None) => Err(denied(format!(
                    "credential `{shown}` does not say `reveal = true`"
                ))),
                Err(error @ credential::CredentialError::Unknown(_)) => {
                    Err(denied(Foreign::from(error.to_string()).to_string()))
                }
                Err(error) => Err(error.into_fault()),
            },
            Way::Recording(_) => Err(Fault::hidden(
                RefusalKind::Credential,
                "this secret cannot be read",
                "a replay reads no secret",
            )),
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
        let body = request.body.as_deref().unwrap_or_default();
        let asked = || Asked::of(&call.target, &call.headers, body, &self.grant);
        let out = match &self.way {
            Way::Out(out) => out,
            Way::Recording(recording) => return self.replayed(recording, &call, &asked(), shown).await,
        };
        let taking = out
            .recorder
            .as_ref()
            .and_then(|recorder| recorder.taking(&asked(), body));
        let mut outcome = self.attempts(out, &call, shown).await;
        if let Some(taking) = taking {
            let watch = out.vault.watch();
            match &mut outcome {
                Ok(reply) => {
                    let taking = taking.replied(reply.status, &reply.headers, &self.grant, &watch);
                    reply.body.recorded(taking);
                }
                Err(fault) => taking.refused(&fault.refusal, &watch),
            }
        }
        outcome
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
        let rule = rules.get(index).ok_or_else(|| Fault::denied("no rule"))?;
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
            index,
        })
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
