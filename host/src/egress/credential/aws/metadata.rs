//! Keys from an endpoint near the program: the instance metadata service (IMDSv2 alone), and the endpoint of containers.

use super::{
    super::{
        CredentialError, Secret, SecretRef, TokenUrl,
        endpoint::{Answer, Ask},
        held::Secrets,
        token::{Minted, Wiped},
        written::{NO_HEADER, sensitive},
    },
    SessionKeys, keys,
};
use jiff::Timestamp;
use reqwest::{
    Method,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TTL_HEADER: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
/// The longest life of a metadata token. It is used for one round only; a short one could end within it.
const TTL: &str = "21600";

/// The call to a container's endpoint.
pub(super) fn of_container(
    url: &TokenUrl,
    token: Option<&SecretRef>,
    secrets: &Secrets,
) -> Result<Ask, CredentialError> {
    let mut ask = Ask::get(url, url.url().clone(), HeaderMap::new());
    if let Some((token, at)) = secrets.optional(token)? {
        let value = sensitive(&[token.expose()]).ok_or_else(|| at.unusable(NO_HEADER))?;
        ask.request.headers.insert(AUTHORIZATION, value);
    }
    Ok(ask)
}

/// The next of the three calls to the instance metadata service: a token, the role's name, its keys.
pub(super) fn of_instance(url: &TokenUrl, answers: &[Answer]) -> Result<Ask, CredentialError> {
    let (token, role) = match answers {
        [] => {
            let headers = HeaderMap::from_iter([(TTL_HEADER, HeaderValue::from_static(TTL))]);
            let mut ask = Ask::get(url, at(url, TOKEN), headers);
            ask.request.method = Method::PUT;
            return Ok(ask);
        }
        [token, rest @ ..] => (token, rest.first()),
    };
    let token_text = text(token)?;
    let value = sensitive(&[&token_text])
        .filter(|value| !value.is_empty())
        .ok_or_else(|| token.unusable("answered with other than a metadata token"))?;
    let path = match role {
        None => ROLES.to_owned(),
        Some(role) => format!("{ROLES}{}", role_name(role)?),
    };
    let mut ask = Ask::get(url, at(url, &path), HeaderMap::from_iter([(TOKEN_HEADER, value)]));
    ask.minted.push(Secret::new(token_text));
    Ok(ask)
}

/// The first role of a listing. It becomes part of a path, so it is no more than what IAM allows in names.
fn role_name(listing: &Answer) -> Result<String, CredentialError> {
    let all = text(listing)?;
    let name = all.lines().next().unwrap_or_default().trim();
    let good = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if name.is_empty() || !name.chars().all(good) || name.chars().all(|c| c == '.') {
        return Err(listing.unusable("names no role: attach an instance profile to this machine"));
    }
    Ok(name.to_owned())
}

fn at(url: &TokenUrl, path: &str) -> Url {
    let mut whole = url.url().clone();
    whole.set_path(path);
    whole
}

fn text(answer: &Answer) -> Result<Zeroizing<String>, CredentialError> {
    let text =
        std::str::from_utf8(answer.body()).map_err(|_| answer.unusable("answered with other than text"))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// The keys of a reply. One of success can tell of a failure.
pub(super) fn keys(answer: &Answer, now: Timestamp) -> Result<Minted<SessionKeys>, CredentialError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Given {
        code: Option<String>,
        access_key_id: Wiped,
        secret_access_key: Wiped,
        token: Wiped,
        expiration: Timestamp,
    }
    // An error would show what it met, so it is not passed on.
    let no_keys = || answer.unusable("answered with other than keys");
    let given: Given = serde_json::from_slice(answer.body()).map_err(|_| no_keys())?;
    if given.code.is_some_and(|code| code != "Success") {
        return Err(no_keys());
    }
    let Wiped(id) = given.access_key_id;
    let (Wiped(secret), Wiped(token)) = (given.secret_access_key, given.token);
    let found = SessionKeys::answered(Secret::new(id), Secret::new(secret), Some(Secret::new(token)));
    Ok(keys::until(found.ok_or_else(no_keys)?, given.expiration, now))
}
