//! One credential at work: its secrets as they are now, and what was last made of them. A scheme sees and may change the whole
//! outgoing request, once per attempt with the time of that attempt. Nothing here waits for a network.

use super::{
    CredentialError, CredentialSpec, Outgoing, Scheme, Secret, SecretRef, Value,
    aws::{self, SessionKeys},
    basic, client_credentials,
    digest::{self, Challenge, Covered, Sessions},
    endpoint::{Answer, Ask, Step},
    jwt_bearer, query,
    rsa::{Found, KeptKey},
    snowflake,
    source::Source,
    token::Minted,
    vault::{Tries, Verdict},
    written::{self, NO_HEADER, sensitive},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use url::{Position, Url};

/// One credential.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) spec: CredentialSpec,
    sources: Vec<Source>,
    key: KeptKey,
    token: Option<Kept<Secret>>,
    keys: Option<Kept<SessionKeys>>,
    sessions: Sessions,
    /// Of the token or challenge made last, so that a refusal of an older one does not take it away.
    version: u64,
}

/// A minted token or keys, and the secrets that they were minted with.
#[derive(Debug)]
struct Kept<T> {
    minted: Minted<T>,
    from: Secrets,
}

impl<T> Kept<T> {
    /// Whether they can be used with these secrets.
    fn is_good(&self, secrets: &Secrets, now: Timestamp) -> bool {
        self.from == *secrets && self.minted.is_fresh(now)
    }
}

/// The secrets of a credential as they were at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Secrets(Vec<(SecretRef, Secret)>);

/// What was put on an attempt.
#[derive(Debug)]
pub(crate) struct Used {
    secrets: Secrets,
    /// Of the token or challenge; none if there was none to use.
    version: Option<u64>,
}

impl Secrets {
    pub(super) fn of(&self, at: &SecretRef) -> Result<Found<'_>, CredentialError> {
        let found = self.0.iter().find(|(known, _)| known == at);
        let (at, secret) = found.ok_or_else(|| at.unusable("missing"))?;
        Ok((secret, at))
    }

    pub(super) fn text(&self, at: &SecretRef) -> Result<&str, CredentialError> {
        self.of(at).map(|(secret, _)| secret.expose().as_str())
    }

    fn value<'a>(&'a self, value: &'a Value) -> Result<&'a str, CredentialError> {
        match value {
            Value::Plain(text) => Ok(text),
            Value::Secret(at) => self.text(at),
        }
    }

    pub(super) fn optional(&self, at: Option<&SecretRef>) -> Result<Option<Found<'_>>, CredentialError> {
        at.map(|at| self.of(at)).transpose()
    }
}

impl Held {
    pub(super) fn new(spec: &CredentialSpec) -> Self {
        let sources = spec.scheme.secrets().into_iter();
        Self {
            sources: sources.map(|at| Source::new(at.clone())).collect(),
            spec: spec.clone(),
            key: KeptKey::default(),
            token: None,
            keys: None,
            sessions: Sessions::default(),
            version: 0,
        }
    }

    /// The secrets as they are now.
    pub(super) fn read(&mut self) -> Result<Secrets, CredentialError> {
        let read = |source: &mut Source| Ok((source.at().clone(), source.read()?));
        self.sources
            .iter_mut()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Secrets)
    }

    /// The first of them.
    pub(super) fn first(&mut self) -> Result<Option<Secret>, CredentialError> {
        self.sources.first_mut().map(Source::read).transpose()
    }

    /// Which of them replies are searched for.
    pub(super) fn watched(&self, secrets: &Secrets) -> Vec<Secret> {
        let hidden = secrets.0.iter().filter(|(at, _)| !self.spec.scheme.is_public(at));
        hidden.map(|(_, secret)| secret.clone()).collect()
    }

    /// What must be asked, after what was answered, before the credential can be put on. Keeps what the answers give.
    pub(super) fn next(
        &mut self,
        secrets: &Secrets,
        answers: &[Answer],
        now: Timestamp,
    ) -> Result<Option<Ask>, CredentialError> {
        let fresh = answers.is_empty()
            && match &self.spec.scheme {
                Scheme::AwsSigV4(_) => self.keys.as_ref().is_some_and(|kept| kept.is_good(secrets, now)),
                _ => self.token.as_ref().is_some_and(|kept| kept.is_good(secrets, now)),
            };
        if fresh {
            return Ok(None);
        }
        let step = match &self.spec.scheme {
            Scheme::AwsSigV4(aws) => match aws::step(aws, secrets, answers, now)? {
                Step::Ask(ask) => return Ok(Some(*ask)),
                Step::Have(minted) => {
                    self.version += 1;
                    let from = secrets.clone();
                    self.keys = Some(Kept { minted, from });
                    return Ok(None);
                }
            },
            Scheme::OAuth2ClientCredentials(grant) => match answers {
                [answer, ..] => answer.granted(now).map(Step::Have)?,
                [] => {
                    let id = secrets.value(&grant.client_id)?;
                    let secret = secrets.text(&grant.client_secret)?;
                    client_credentials::ask(grant, id, secret).map(Step::asked)?
                }
            },
            Scheme::JwtBearer(grant) => match answers {
                [answer, ..] => answer.granted(now).map(Step::Have)?,
                [] => {
                    let passphrase = secrets.optional(grant.passphrase.as_ref())?;
                    let key = self.key.of(secrets.of(&grant.private_key)?, passphrase)?;
                    jwt_bearer::ask(grant, key, now).map(Step::asked)?
                }
            },
            Scheme::Azure(azure) => azure.step(secrets, &mut self.key, answers, now)?,
            Scheme::Google(google) => google.step(secrets, &mut self.key, answers, now)?,
            Scheme::Bearer { .. }
            | Scheme::Basic { .. }
            | Scheme::Headers { .. }
            | Scheme::Query { .. }
            | Scheme::Digest { .. }
            | Scheme::SnowflakeKeyPair { .. } => return Ok(None),
        };
        match step {
            Step::Ask(ask) => Ok(Some(*ask)),
            Step::Have(minted) => {
                self.version += 1;
                let from = secrets.clone();
                self.token = Some(Kept { minted, from });
                Ok(None)
            }
        }
    }

    /// Puts the credential on a request whose other bytes are final. Tells what was made of the secrets, too.
    pub(super) fn put_on(
        &mut self,
        secrets: Secrets,
        outgoing: &mut Outgoing,
        now: Timestamp,
    ) -> Result<(Used, Vec<Secret>), CredentialError> {
        // First, so that signatures cover them.
        for (name, value) in &self.spec.headers {
            let value = HeaderValue::from_str(value).map_err(|_| CredentialError::Header(name.clone()))?;
            outgoing.headers.insert(written::name(name)?, value);
        }
        let mut made = Vec::new();
        let mut version = None;
        match &self.spec.scheme {
            Scheme::Bearer { token } => bearer(outgoing, secrets.of(token)?)?,
            Scheme::Basic { username, password } => {
                let user = secrets.value(username)?;
                if let Value::Secret(at) = username
                    && user.contains(':')
                {
                    return Err(at.unusable("a user name holds no colon"));
                }
                let password = secrets.optional(password.as_ref())?;
                let password = password.map_or("", |(secret, _)| secret.expose());
                let (value, pair) = basic::authorization(user, password)?;
                outgoing.headers.insert(AUTHORIZATION, value);
                made.extend(pair);
            }
            Scheme::Headers { headers } => {
                for (name, at) in headers {
                    let value = sensitive(&[secrets.text(at)?]).ok_or_else(|| at.unusable(NO_HEADER))?;
                    outgoing.headers.insert(written::name(name)?, value);
                }
            }
            Scheme::Query { parameters } => {
                for (name, at) in parameters {
                    query::add(&mut outgoing.url, name, secrets.text(at)?);
                }
            }
            Scheme::Digest { username, password } => {
                let user = secrets.value(username)?;
                if let Value::Secret(at) = username
                    && !digest::can_be_user(user)
                {
                    return Err(
                        at.unusable("a user name for digest is printable ASCII without `\"`, `\\` and `:`")
                    );
                }
                let origin = origin(&outgoing.url);
                let covered = Covered {
                    origin: &origin,
                    method: outgoing.method.as_str(),
                    target: &outgoing.url[Position::BeforePath..Position::AfterQuery],
                };
                version = self.sessions.version(&origin);
                if let Some((value, response)) =
                    self.sessions.answer(covered, user, secrets.text(password)?)?
                {
                    outgoing.headers.insert(AUTHORIZATION, value);
                    made.push(response);
                }
            }
            Scheme::SnowflakeKeyPair {
                account,
                user,
                private_key,
                passphrase,
            } => {
                let fresh = self.token.take();
                let fresh = fresh.filter(|kept| kept.is_good(&secrets, now));
                let kept = match fresh {
                    Some(kept) => kept,
                    None => {
                        let passphrase = secrets.optional(passphrase.as_ref())?;
                        let key = self.key.of(secrets.of(private_key)?, passphrase)?;
                        self.version += 1;
                        Kept {
                            minted: snowflake::mint(key, account, user, now)?,
                            from: secrets.clone(),
                        }
                    }
                };
                let token = &self.token.insert(kept).minted.token;
                bearer(outgoing, (token, private_key))?;
                let kind = HeaderValue::from_static(snowflake::KEYPAIR_JWT);
                outgoing
                    .headers
                    .insert(HeaderName::from_static(snowflake::TOKEN_TYPE), kind);
                made.push(token.clone());
                version = Some(self.version);
            }
            Scheme::OAuth2ClientCredentials(_)
            | Scheme::JwtBearer(_)
            | Scheme::Azure(_)
            | Scheme::Google(_) => {
                let kept = self.token.as_ref().ok_or(CredentialError::Interrupted)?;
                let token = &kept.minted.token;
                let value = sensitive(&["Bearer ", token.expose()]).ok_or(CredentialError::Signing)?;
                outgoing.headers.insert(AUTHORIZATION, value);
                made.push(token.clone());
                version = Some(self.version);
            }
            Scheme::AwsSigV4(aws) => {
                let kept = self.keys.as_ref().ok_or(CredentialError::Interrupted)?;
                let keys = &kept.minted.token;
                aws::sign(aws, keys, outgoing, now)?;
                made.extend(keys.watched());
                version = Some(self.version);
            }
        }
        Ok((Used { secrets, version }, made))
    }

    /// Hears that the provider refused an attempt before it acted. What was refused is not used again; the call may be repeated
    /// if it would then carry something else.
    pub(super) fn refused(
        &mut self,
        used: &Used,
        url: &Url,
        challenge: Option<Challenge>,
        tries: &mut Tries,
        now: Timestamp,
    ) -> Result<Verdict, CredentialError> {
        for source in &mut self.sources {
            source.forget();
        }
        // A secret that cannot be read at this moment is no other secret.
        let changed = self.read().is_ok_and(|secrets| secrets != used.secrets);
        let renewed = match &self.spec.scheme {
            Scheme::Digest { .. } => {
                let origin = origin(url);
                let is_current = used.version == self.sessions.version(&origin);
                let stale = challenge.as_ref().is_some_and(|challenge| challenge.stale);
                match challenge {
                    Some(challenge) if is_current => {
                        self.version += 1;
                        self.sessions.begin(&origin, challenge, self.version)?;
                    }
                    None if used.version.is_none() => return Err(CredentialError::Challenge),
                    None if is_current => self.sessions.end(&origin),
                    _ => {}
                }
                if used.version.is_none() && !tries.learned {
                    tries.learned = true;
                    return Ok(Verdict::Again);
                }
                // A challenge that was learnt for this very call, and is still the newest, was refused for another reason
                // than its age.
                stale || !tries.learned || !is_current
            }
            Scheme::SnowflakeKeyPair { .. }
            | Scheme::OAuth2ClientCredentials(_)
            | Scheme::JwtBearer(_)
            | Scheme::Azure(_)
            | Scheme::Google(_) => {
                if used.version == Some(self.version) {
                    self.token = None;
                }
                true
            }
            Scheme::AwsSigV4(_) => self.refused_keys(used, now),
            _ => false,
        };
        if (renewed || changed) && !tries.renewed {
            tries.renewed = true;
            return Ok(Verdict::Again);
        }
        Ok(Verdict::Stands)
    }
}

/// How old fetched keys must be for a refusal to be blamed on them: AWS answers 403 to a missing permission, too.
const BLAMED_AFTER: SignedDuration = SignedDuration::from_mins(1);

impl Held {
    /// Forgets fetched keys that were refused, unless they are new. Keys that merely stand somewhere are no others the next time.
    fn refused_keys(&mut self, used: &Used, now: Timestamp) -> bool {
        let fetched = !self.spec.scheme.places().is_empty();
        let young = |kept: &Kept<SessionKeys>| kept.minted.is_younger(BLAMED_AFTER, now);
        if !fetched || (used.version == Some(self.version) && self.keys.as_ref().is_some_and(young)) {
            return false;
        }
        if used.version == Some(self.version) {
            self.keys = None;
        }
        true
    }
}

fn bearer(outgoing: &mut Outgoing, (token, at): Found<'_>) -> Result<(), CredentialError> {
    let value = sensitive(&["Bearer ", token.expose()]).ok_or_else(|| at.unusable(NO_HEADER))?;
    outgoing.headers.insert(AUTHORIZATION, value);
    Ok(())
}

/// Scheme, host and port: what a challenge holds for.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
