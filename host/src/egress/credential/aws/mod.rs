//! AWS keys: as they stand somewhere, or fetched for an identity that the machine or a token proves, with a role assumed on top.
//!
//! One step at a time, over plain data: what is asked next, or the keys. The facts are those of the AWS SDKs' own credential
//! providers (STS 2011-06-15, IMDSv2, the container endpoint, the shared credentials file).

mod host_scope;
mod keys;
mod metadata;
mod profile;
mod spec;
mod sts;

pub(in crate::egress) use host_scope::of_host;
pub(super) use keys::SessionKeys;
pub use spec::{AssumeRole, AwsIdentity, AwsSigV4, Canonical, Scope, Signed, WebIdentity};

use super::{
    CredentialError, Outgoing,
    endpoint::{Answer, Step},
    held::Secrets,
    sigv4,
    token::Minted,
};
use jiff::Timestamp;

/// The next step after those that were answered.
pub(super) fn step(
    aws: &AwsSigV4,
    secrets: &Secrets,
    answers: &[Answer],
    now: Timestamp,
) -> Result<Step<SessionKeys>, CredentialError> {
    let (own, rest) = match (&aws.identity, answers) {
        (AwsIdentity::Keys { .. } | AwsIdentity::Profile { .. }, rest) => {
            (standing(aws, secrets, now)?, rest)
        }
        (AwsIdentity::WebIdentity(identity), []) => {
            return sts::with_web_identity(aws.sts()?, identity, secrets).map(Step::asked);
        }
        (AwsIdentity::Container { url, token }, []) => {
            return metadata::of_container(url, token.as_ref(), secrets).map(Step::asked);
        }
        (AwsIdentity::Instance { url }, [] | [_] | [_, _]) => {
            return metadata::of_instance(url, answers).map(Step::asked);
        }
        (AwsIdentity::WebIdentity(_), [answer, rest @ ..]) => (sts::keys(answer, now)?, rest),
        (AwsIdentity::Container { .. }, [answer, rest @ ..])
        | (AwsIdentity::Instance { .. }, [_, _, answer, rest @ ..]) => (metadata::keys(answer, now)?, rest),
    };
    match (&aws.role, rest) {
        (None, _) => Ok(Step::Have(own)),
        (Some(role), []) => sts::assume_role(aws, role, &own.token, now).map(Step::asked),
        (Some(_), [answer, ..]) => sts::keys(answer, now).map(Step::Have),
    }
}

/// Puts a signature on a request whose other bytes are final.
pub(super) fn sign(
    aws: &AwsSigV4,
    keys: &SessionKeys,
    outgoing: &mut Outgoing,
    now: Timestamp,
) -> Result<(), CredentialError> {
    let told;
    let signed = match &aws.scope {
        Scope::Fixed(signed) => signed,
        Scope::OfHost => {
            let host = outgoing.url.host_str().unwrap_or_default();
            told = of_host(host).ok_or_else(|| CredentialError::Scope(host.to_owned()))?;
            &told
        }
    };
    let whose = (signed.region.as_str(), signed.service.as_str());
    sigv4::sign(
        outgoing,
        keys.keys(),
        whose,
        now,
        sigv4::settings(signed.canonical),
    )
}

/// The keys that stand in a file or variable, of an identity that has some.
fn standing(
    aws: &AwsSigV4,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<Minted<SessionKeys>, CredentialError> {
    let keys = match &aws.identity {
        AwsIdentity::Keys {
            access_key_id,
            secret_access_key,
            session_token,
        } => SessionKeys::of(
            secrets.of(access_key_id)?,
            secrets.of(secret_access_key)?,
            secrets.optional(session_token.as_ref())?,
        )?,
        AwsIdentity::Profile { file, profile } => profile::keys(secrets.of(file)?, profile)?,
        AwsIdentity::WebIdentity(_) | AwsIdentity::Container { .. } | AwsIdentity::Instance { .. } => {
            return Err(CredentialError::Interrupted);
        }
    };
    Ok(keys::used_once(keys, now))
}
