//! Step 6: puts a credential on a request whose bytes are final. A scheme sees and may change the whole outgoing request,
//! once per attempt with the time of that attempt, so that schemes which sign body and headers need no other seam.

use super::{CredentialError, CredentialSpec, Scheme, Secret, SecretRef, Watch, snowflake, source::Source};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;
use zeroize::Zeroizing;

/// Most secrets looked for in replies; of more, the oldest are minted tokens long expired.
const WATCHED: usize = 64;

/// A request as it will be sent.
#[derive(Clone, Debug)]
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

/// The credentials of one run.
#[derive(Debug)]
pub(crate) struct Vault {
    /// By name, so that finding one waits for none.
    credentials: Vec<(String, Arc<Mutex<Held>>)>,
    known: Mutex<Known>,
}

/// One credential and what was last made of it.
#[derive(Debug)]
struct Held {
    spec: CredentialSpec,
    sources: Vec<Source>,
    key: Option<SignedWith>,
}

/// A parsed key, with the secrets that it was parsed from and the token minted last.
#[derive(Debug)]
struct SignedWith {
    from: Vec<Secret>,
    key: snowflake::Key,
    token: Option<snowflake::Token>,
}

#[derive(Debug)]
struct Known {
    secrets: Vec<Secret>,
    watch: Watch,
}

impl Vault {
    pub(crate) fn new(specs: &[CredentialSpec]) -> Self {
        let held = |spec: &CredentialSpec| {
            let held = Held {
                spec: spec.clone(),
                sources: secret_refs(&spec.scheme)
                    .map(|at| Source::new(at.clone()))
                    .collect(),
                key: None,
            };
            (spec.name.clone(), Arc::new(Mutex::new(held)))
        };
        Self {
            credentials: specs.iter().map(held).collect(),
            known: Mutex::new(Known {
                secrets: Vec::new(),
                watch: Watch::over(std::iter::empty()),
            }),
        }
    }

    /// Puts a credential on a request.
    pub(crate) async fn apply(
        &self,
        name: &str,
        outgoing: &mut Outgoing,
        now: Timestamp,
    ) -> Result<(), CredentialError> {
        let (secrets, headers) = self.with(name, move |held| held.headers(now)).await?;
        self.learn(&secrets);
        for (name, value) in headers {
            outgoing.headers.insert(name, value);
        }
        Ok(())
    }

    /// Hears how the provider answered. A token that was refused is not used again.
    pub(crate) async fn answered(&self, name: &str, status: StatusCode) -> Result<(), CredentialError> {
        if status != StatusCode::UNAUTHORIZED {
            return Ok(());
        }
        self.with(name, |held| {
            if let Some(signed) = &mut held.key {
                signed.token = None;
            }
            Ok(())
        })
        .await
    }

    /// The secret itself, where the operator's file reveals it; `None` where it does not.
    pub(crate) async fn reveal(&self, name: &str) -> Result<Option<Zeroizing<String>>, CredentialError> {
        self.with(name, |held| {
            if !held.spec.reveal {
                return Ok(None);
            }
            let first = held.sources.first_mut().map(Source::read).transpose()?;
            Ok(first.map(|secret| secret.expose().clone()))
        })
        .await
    }

    /// What replies are searched for from now on.
    pub(crate) fn watch(&self) -> Watch {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.watch.clone()
    }

    fn learn(&self, secrets: &[Secret]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let count = known.secrets.len();
        for secret in secrets {
            if !known.secrets.contains(secret) {
                known.secrets.push(secret.clone());
            }
        }
        if known.secrets.len() > count {
            let surplus = known.secrets.len().saturating_sub(WATCHED);
            known.secrets.drain(..surplus);
            known.watch = Watch::over(known.secrets.iter());
        }
    }

    /// Works on one credential, off the runtime's threads: opening an encrypted key takes its time.
    async fn with<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Held) -> Result<T, CredentialError> + Send + 'static,
    ) -> Result<T, CredentialError> {
        let found = self.credentials.iter().find(|(known, _)| known == name);
        let (_, held) = found.ok_or_else(|| CredentialError::Unknown(name.to_owned()))?;
        let held = Arc::clone(held);
        tokio::task::spawn_blocking(move || work(&mut held.lock().unwrap_or_else(PoisonError::into_inner)))
            .await
            .map_err(|_| CredentialError::Interrupted)?
    }
}

/// Secrets now known, and the headers to put on.
type Applied = (Vec<Secret>, Vec<(HeaderName, HeaderValue)>);

impl Held {
    fn headers(&mut self, now: Timestamp) -> Result<Applied, CredentialError> {
        let mut secrets = self
            .sources
            .iter_mut()
            .map(Source::read)
            .collect::<Result<Vec<_>, _>>()?;
        let mut headers = Vec::new();
        match &self.spec.scheme {
            Scheme::Bearer { .. } => {
                for (source, secret) in self.sources.iter().zip(&secrets) {
                    headers.push((AUTHORIZATION, bearer(secret, source)?));
                }
            }
            Scheme::Headers { headers: named } => {
                for ((name, _), (source, secret)) in named.iter().zip(self.sources.iter().zip(&secrets)) {
                    headers.push((header_name(name)?, sensitive(secret.expose(), source)?));
                }
            }
            Scheme::SnowflakeKeyPair { account, user, .. } => {
                if let Some((source, rest)) = self.sources.split_first() {
                    let signed = match self.key.take().filter(|signed| signed.from == secrets) {
                        Some(signed) => signed,
                        None => SignedWith::new(&secrets, (account, user), (source, rest.first()))?,
                    };
                    let signed = self.key.insert(signed);
                    let jwt = signed.token(now)?;
                    headers.push((AUTHORIZATION, bearer(&jwt, source)?));
                    secrets.push(jwt);
                }
                let kind = HeaderValue::from_static(snowflake::KEYPAIR_JWT);
                headers.push((HeaderName::from_static(snowflake::TOKEN_TYPE), kind));
            }
        }
        for (name, value) in &self.spec.headers {
            let value = HeaderValue::from_str(value).map_err(|_| CredentialError::Header(name.clone()))?;
            headers.push((header_name(name)?, value));
        }
        Ok((secrets, headers))
    }
}

impl SignedWith {
    fn new(
        secrets: &[Secret],
        whose: (&str, &str),
        (source, passphrase_source): (&Source, Option<&Source>),
    ) -> Result<Self, CredentialError> {
        let pem = secrets.first().ok_or_else(|| source.unusable("missing"))?;
        let key = snowflake::Key::parse(pem, secrets.get(1), whose, (source, passphrase_source))?;
        Ok(Self {
            from: secrets.to_vec(),
            key,
            token: None,
        })
    }

    fn token(&mut self, now: Timestamp) -> Result<Secret, CredentialError> {
        let token = match self.token.take().filter(|token| token.is_fresh(now)) {
            Some(token) => token,
            None => self.key.mint(now)?,
        };
        Ok(self.token.insert(token).jwt.clone())
    }
}

/// Where a scheme's secrets are; the one that `reveal` shows comes first.
fn secret_refs(scheme: &Scheme) -> Box<dyn Iterator<Item = &SecretRef> + '_> {
    match scheme {
        Scheme::Bearer { token } => Box::new(std::iter::once(token)),
        Scheme::Headers { headers } => Box::new(headers.iter().map(|(_, at)| at)),
        Scheme::SnowflakeKeyPair {
            private_key,
            passphrase,
            ..
        } => Box::new(std::iter::once(private_key).chain(passphrase)),
    }
}

fn bearer(token: &Secret, source: &Source) -> Result<HeaderValue, CredentialError> {
    let mut text = Zeroizing::new(String::with_capacity(token.expose().len() + 7));
    text.push_str("Bearer ");
    text.push_str(token.expose());
    sensitive(&text, source)
}

fn sensitive(text: &str, source: &Source) -> Result<HeaderValue, CredentialError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| source.unusable("it cannot stand in a header: only printable ASCII characters can"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn header_name(name: &str) -> Result<HeaderName, CredentialError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| CredentialError::Header(name.to_owned()))
}
