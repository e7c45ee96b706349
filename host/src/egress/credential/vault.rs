//! Step 6: the credentials of one run, put on requests whose bytes are final; and what a provider's refusal of one means.
//! What must hold: the secret of one credential waits for no other; a token is minted once, however many calls need it.

use super::{
    CredentialError, CredentialSpec, Scheme, Watch, digest,
    endpoint::Endpoint,
    held::{Held, Used},
    known::Known,
};
use crate::egress::{EgressError, reply::Run, request::without_query, resolve::Names};
use bytes::Bytes;
use reqwest::{StatusCode, header::HeaderMap};
use std::{fmt, sync::Arc};
use tokio::sync::{Mutex, OwnedMutexGuard};
use url::Url;
use zeroize::Zeroizing;

/// A request as it will be sent.
#[derive(Clone)]
pub(crate) struct Outgoing {
    /// Method.
    pub(crate) method: reqwest::Method,
    /// URL.
    pub(crate) url: Url,
    /// Headers, all of them.
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Option<Bytes>,
}

/// Without the query, which may hold a secret, and without what a guest wrote.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, without_query(&self.url))
    }
}

/// How often one call has been repeated because of its credential.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tries {
    /// A challenge was learnt from a first attempt without credential.
    pub(super) learned: bool,
    /// A token, challenge or secret was refused, and the call repeated with another.
    pub(super) renewed: bool,
}

/// What follows from a provider's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the guest's.
    Stands,
    /// The provider refused the credential before it acted, and another can be tried.
    Again,
}

/// The credentials of one run.
#[derive(Debug)]
pub(crate) struct Vault {
    credentials: Vec<Credential>,
    known: Known,
    run: Arc<Run>,
}

#[derive(Debug)]
struct Credential {
    name: String,
    /// Where it calls by itself.
    endpoints: Vec<Endpoint>,
    /// Locked while a token is minted, so that other calls wait for that one.
    held: Arc<Mutex<Held>>,
}

impl Vault {
    /// The credentials of a grant. Reads their `ca` files.
    pub(crate) fn new(
        specs: &[CredentialSpec],
        names: &Arc<dyn Names>,
        user_agent: &str,
        run: &Arc<Run>,
    ) -> Result<Self, EgressError> {
        let credential = |spec: &CredentialSpec| {
            Ok(Credential {
                name: spec.name.clone(),
                endpoints: Endpoint::of(spec, names, user_agent, run)?,
                held: Arc::new(Mutex::new(Held::new(spec))),
            })
        };
        Ok(Self {
            credentials: specs.iter().map(credential).collect::<Result<_, _>>()?,
            known: Known::new(),
            run: Arc::clone(run),
        })
    }

    /// Puts a credential on a request.
    pub(crate) async fn apply(&self, name: &str, outgoing: &mut Outgoing) -> Result<Used, CredentialError> {
        let credential = self.credential(name)?;
        let held = Arc::clone(&credential.held).lock_owned().await;
        let (mut held, (secrets, watched)) = off_runtime(held, |held| {
            let secrets = held.read()?;
            let watched = held.watched(&secrets);
            Ok((secrets, watched))
        })
        .await?;
        self.known.learn(&watched, &[]);
        let mut answers = Vec::new();
        loop {
            let (given, now) = (secrets.clone(), self.run.clock.now());
            let (back, (heard, ask)) = off_runtime(held, move |held| {
                let ask = held.next(&given, &answers, now)?;
                Ok((answers, ask))
            })
            .await?;
            (held, answers) = (back, heard);
            let Some(ask) = ask else { break };
            self.known.learn(&[], &ask.minted);
            let endpoint = credential.endpoints.iter().find(|endpoint| endpoint.is(&ask.at));
            let endpoint = endpoint.ok_or(CredentialError::Interrupted)?;
            answers.push(endpoint.ask(ask.request).await?);
            tracing::debug!(credential = name, url = ask.at.shown(), "asked for a credential");
        }
        let now = self.run.clock.now();
        let mut request = outgoing.clone();
        let (_, (used, made, request)) = off_runtime(held, move |held| {
            let (used, made) = held.put_on(secrets, &mut request, now)?;
            Ok((used, made, request))
        })
        .await?;
        self.known.learn(&[], &made);
        *outgoing = request;
        Ok(used)
    }

    /// Hears how the provider answered an attempt with that credential.
    pub(crate) async fn answered(
        &self,
        name: &str,
        used: Used,
        url: &Url,
        (status, headers): (StatusCode, &HeaderMap),
        tries: &mut Tries,
    ) -> Result<Verdict, CredentialError> {
        let credential = self.credential(name)?;
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Ok(Verdict::Stands);
        }
        let held = Arc::clone(&credential.held).lock_owned().await;
        // AWS refuses unknown keys and old tokens so.
        let refuses_with_403 = matches!(held.spec.scheme, Scheme::AwsSigV4(_));
        if status == StatusCode::FORBIDDEN && !refuses_with_403 {
            return Ok(Verdict::Stands);
        }
        let challenge = digest::heard(headers);
        let (url, before, now) = (url.clone(), *tries, self.run.clock.now());
        let (_, (verdict, after)) = off_runtime(held, move |held| {
            let mut tries = before;
            let verdict = held.refused(&used, &url, challenge, &mut tries, now)?;
            Ok((verdict, tries))
        })
        .await?;
        *tries = after;
        Ok(verdict)
    }

    /// The secret itself, where the operator's file reveals it; `None` where it does not.
    pub(crate) async fn reveal(&self, name: &str) -> Result<Option<Zeroizing<String>>, CredentialError> {
        let held = Arc::clone(&self.credential(name)?.held).lock_owned().await;
        if !held.spec.reveal {
            return Ok(None);
        }
        let (_, first) = off_runtime(held, Held::first).await?;
        Ok(first.map(|secret| secret.expose().clone()))
    }

    /// What replies are searched for from now on.
    pub(crate) fn watch(&self) -> Watch {
        self.known.watch()
    }

    fn credential(&self, name: &str) -> Result<&Credential, CredentialError> {
        let found = self.credentials.iter().find(|credential| credential.name == name);
        found.ok_or_else(|| CredentialError::Unknown(name.to_owned()))
    }
}

/// Works on one credential off the runtime's threads: files, encrypted keys and large bodies take their time.
async fn off_runtime<T: Send + 'static>(
    mut held: OwnedMutexGuard<Held>,
    work: impl FnOnce(&mut Held) -> Result<T, CredentialError> + Send + 'static,
) -> Result<(OwnedMutexGuard<Held>, T), CredentialError> {
    tokio::task::spawn_blocking(move || {
        let done = work(&mut held)?;
        Ok((held, done))
    })
    .await
    .map_err(|_| CredentialError::Interrupted)?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_outgoing_request_shows_neither_query_nor_headers_nor_body() {
        let outgoing = Outgoing {
            method: reqwest::Method::GET,
            url: "https://h.example/a?key=hunter2".parse().unwrap(),
            headers: [(reqwest::header::ACCEPT, "hunter2".parse().unwrap())]
                .into_iter()
                .collect(),
            body: Some("hunter2".into()),
        };
        assert_eq!(
            format!("{outgoing:?} {outgoing:#?}"),
            "GET https://h.example/a GET https://h.example/a"
        );
    }
}
