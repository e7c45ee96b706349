//! AWS STS: the calls that turn a token or keys into the keys of a role, and their replies.

use super::{
    super::{
        CredentialError, Secret, TokenUrl,
        encode::form,
        endpoint::{Answer, Ask},
        held::Secrets,
        sigv4,
        token::Minted,
    },
    AwsSigV4, Canonical, Scope, SessionKeys, keys, of_host,
    spec::{AssumeRole, WebIdentity},
};
use jiff::Timestamp;
use zeroize::Zeroizing;

const VERSION: (&str, &str) = ("Version", "2011-06-15");

/// The call that shows a token of another identity provider. It is not signed.
pub(super) fn with_web_identity(
    sts: &TokenUrl,
    identity: &WebIdentity,
    secrets: &Secrets,
) -> Result<Ask, CredentialError> {
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        VERSION,
        ("RoleArn", &identity.role),
        ("RoleSessionName", &identity.session),
        ("WebIdentityToken", secrets.text(&identity.token)?),
    ];
    Ok(Ask::form(sts, form(fields.into_iter()), Vec::new()))
}

/// The call of keys that assume a role, signed with them.
pub(super) fn assume_role(
    aws: &AwsSigV4,
    role: &AssumeRole,
    own: &SessionKeys,
    now: Timestamp,
) -> Result<Ask, CredentialError> {
    let seconds = role.duration.map(|duration| duration.as_secs().to_string());
    let fields = [
        ("Action", "AssumeRole"),
        VERSION,
        ("RoleArn", &role.role),
        ("RoleSessionName", &role.session),
    ]
    .into_iter()
    .chain(seconds.as_deref().map(|seconds| ("DurationSeconds", seconds)))
    .chain(role.external_id.as_deref().map(|id| ("ExternalId", id)));
    let mut ask = Ask::form(aws.sts()?, form(fields), own.watched());
    let told = of_host(aws.sts()?.host()).map(|signed| signed.region);
    let region = match (&aws.scope, &told) {
        (_, Some(region)) => region,
        (Scope::Fixed(signed), None) => &signed.region,
        (Scope::OfHost, None) => return Err(CredentialError::Scope(aws.sts()?.host().to_owned())),
    };
    let settings = sigv4::settings(Canonical::Usual);
    sigv4::sign(&mut ask.request, own.keys(), (region, "sts"), now, settings)?;
    Ok(ask)
}

/// The keys of a reply.
pub(super) fn keys(answer: &Answer, now: Timestamp) -> Result<Minted<SessionKeys>, CredentialError> {
    let no_keys = || answer.unusable("answered with other than a role's keys");
    let text = std::str::from_utf8(answer.body()).map_err(|_| no_keys())?;
    let given = element(text, "Credentials").ok_or_else(no_keys)?;
    let secret = |name| {
        let text = element(given, name)?.trim();
        // Keys and tokens are base64: no entity of XML stands in them.
        (!text.contains('&')).then(|| Secret::new(Zeroizing::new(text.to_owned())))
    };
    let found = || {
        let token = secret("SessionToken")?;
        SessionKeys::answered(secret("AccessKeyId")?, secret("SecretAccessKey")?, Some(token))
    };
    let end = element(given, "Expiration").and_then(|text| text.trim().parse().ok());
    match (found(), end) {
        (Some(keys), Some(end)) => Ok(keys::until(keys, end, now)),
        _ => Err(no_keys()),
    }
}

/// What stands in the first element of that name, which has no attributes.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}
