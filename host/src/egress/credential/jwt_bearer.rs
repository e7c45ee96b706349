//! The JWT bearer grant (RFC 7523, 2.1): an assertion signed with RS256 is exchanged at the token URL. The scope is a claim,
//! as Google's service accounts want it; where a server wants it as a form parameter, `parameters` names it.

use super::{CredentialError, JwtBearer, Secret, encode::form, endpoint::Ask, rsa::Key};
use jiff::Timestamp;
use serde_json::Value;

/// The grant's name.
pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The token call.
pub(super) fn ask(grant: &JwtBearer, key: &Key, now: Timestamp) -> Result<Ask, CredentialError> {
    let assertion: Secret = key.jwt(grant.key_id.as_deref().map(|id| ("kid", id)), &claims(grant, now))?;
    let fields = [("grant_type", GRANT), ("assertion", assertion.expose().as_str())];
    let further = grant
        .parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let fields = form(fields.into_iter().chain(further));
    Ok(Ask::form(&grant.token_url, fields, vec![assertion.clone()]))
}

fn claims(grant: &JwtBearer, now: Timestamp) -> Value {
    let issued = now.as_second();
    let lifetime = i64::try_from(grant.lifetime.as_secs()).unwrap_or(i64::MAX);
    let mut claims = serde_json::json!({
        "iss": grant.issuer,
        "aud": grant.audience.as_deref().unwrap_or(grant.token_url.url().as_str()),
        "iat": issued,
        "exp": issued.saturating_add(lifetime),
    });
    if let Some(members) = claims.as_object_mut() {
        for (name, value) in [("sub", &grant.subject), ("scope", &grant.scope)] {
            members.extend(value.as_deref().map(|value| (name.to_owned(), value.into())));
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::SecretRef, *};
    use std::time::Duration;

    #[test]
    fn the_claims_are_those_of_rfc_7523() {
        let mut grant = JwtBearer {
            token_url: "https://authz.example.net/token.oauth2".parse().unwrap(),
            issuer: "https://jwt-idp.example.com".to_owned(),
            subject: Some("mailto:mike@example.com".to_owned()),
            audience: None,
            scope: None,
            private_key: SecretRef::Env("KEY".to_owned()),
            passphrase: None,
            key_id: Some("16".to_owned()),
            lifetime: Duration::from_secs(300),
            parameters: Vec::new(),
        };
        let now = Timestamp::from_second(1_300_815_480).unwrap();
        assert_eq!(
            claims(&grant, now),
            serde_json::json!({
                "iss": "https://jwt-idp.example.com",
                "sub": "mailto:mike@example.com",
                "aud": "https://authz.example.net/token.oauth2",
                "iat": 1_300_815_480,
                "exp": 1_300_815_780,
            })
        );
        grant.audience = Some("https://jwt-rp.example.net".to_owned());
        grant.subject = None;
        grant.scope = Some("read".to_owned());
        assert_eq!(
            claims(&grant, now),
            serde_json::json!({
                "iss": "https://jwt-idp.example.com",
                "aud": "https://jwt-rp.example.net",
                "scope": "read",
                "iat": 1_300_815_480,
                "exp": 1_300_815_780,
            })
        );
    }
}
