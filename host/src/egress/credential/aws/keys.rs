//! A set of AWS keys, and how long it is used.

use super::super::{CredentialError, Secret, rsa::Found, sigv4::Keys, token::Minted, written};
use jiff::{SignedDuration, Timestamp};

/// How long before their end keys are fetched anew, as the AWS SDKs do.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Keys that sign.
#[derive(Debug)]
pub(in super::super) struct SessionKeys {
    id: Secret,
    secret: Secret,
    token: Option<Secret>,
}

impl SessionKeys {
    /// Keys, where those that stand in headers can.
    pub(super) fn of(
        (id, id_at): Found<'_>,
        (secret, _): Found<'_>,
        token: Option<Found<'_>>,
    ) -> Result<Self, CredentialError> {
        for (secret, at) in std::iter::once((id, id_at)).chain(token) {
            written::sensitive(&[secret.expose()]).ok_or_else(|| at.unusable(written::NO_HEADER))?;
        }
        Ok(Self {
            id: id.clone(),
            secret: secret.clone(),
            token: token.map(|(token, _)| token.clone()),
        })
    }

    /// The same, of a reply; none where an id or token cannot stand in a header.
    pub(super) fn answered(id: Secret, secret: Secret, token: Option<Secret>) -> Option<Self> {
        for shown in std::iter::once(&id).chain(&token) {
            written::sensitive(&[shown.expose()])?;
        }
        let empty = |secret: &Secret| secret.expose().is_empty();
        (!empty(&id) && !empty(&secret)).then_some(Self { id, secret, token })
    }

    /// For signing.
    pub(in super::super) fn keys(&self) -> Keys<'_> {
        Keys {
            id: self.id.expose(),
            secret: self.secret.expose(),
            token: self.token.as_ref().map(|token| token.expose().as_str()),
        }
    }

    /// What replies are searched for. The id is none of it: AWS names it in error replies.
    pub(in super::super) fn watched(&self) -> Vec<Secret> {
        std::iter::once(&self.secret)
            .chain(&self.token)
            .cloned()
            .collect()
    }
}

/// Keys that hold until then, used up to five minutes less, and never less than half of that time.
pub(super) fn until(keys: SessionKeys, end: Timestamp, now: Timestamp) -> Minted<SessionKeys> {
    let whole = end.duration_since(now);
    let fresh = (whole - MARGIN).max(whole / 2);
    Minted::new(keys, now, fresh)
}

/// Keys that are read anew for each call.
pub(super) fn used_once(keys: SessionKeys, now: Timestamp) -> Minted<SessionKeys> {
    Minted::new(keys, now, SignedDuration::ZERO)
}
