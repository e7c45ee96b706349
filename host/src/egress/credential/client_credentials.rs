//! OAuth 2.0 client credentials (RFC 6749, 4.4): what is sent to the token URL.

use super::{
    ClientAuth, ClientCredentials, CredentialError, basic,
    encode::{form, percent},
    endpoint::Ask,
};
use reqwest::header::AUTHORIZATION;

/// The token call. In the header, id and secret are form-encoded first (RFC 6749, 2.3.1).
pub(super) fn ask(grant: &ClientCredentials, id: &str, secret: &str) -> Result<Ask, CredentialError> {
    let mut fields = vec![("grant_type", "client_credentials")];
    let mut authorization = None;
    let mut minted = Vec::new();
    match grant.client_auth {
        ClientAuth::Header => {
            let (value, pair) = basic::authorization(&percent(id.as_bytes()), &percent(secret.as_bytes()))?;
            authorization = Some(value);
            minted.extend(pair);
        }
        ClientAuth::Body => fields.extend([("client_id", id), ("client_secret", secret)]),
    }
    fields.extend(grant.scope.as_deref().map(|scope| ("scope", scope)));
    fields.extend(grant.audience.as_deref().map(|audience| ("audience", audience)));
    fields.extend(
        grant
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let mut ask = Ask::form(&grant.token_url, form(fields.into_iter()), minted);
    if let Some(value) = authorization {
        ask.request.headers.insert(AUTHORIZATION, value);
    }
    Ok(ask)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::{
        super::{SecretRef, Value},
        *,
    };

    fn grant(client_auth: ClientAuth) -> ClientCredentials {
        ClientCredentials {
            token_url: "https://login.example.com/token".parse().unwrap(),
            client_id: Value::Plain("s6BhdRkqt3".to_owned()),
            client_secret: SecretRef::Env("SECRET".to_owned()),
            client_auth,
            scope: Some("a b".to_owned()),
            audience: Some("https://api.example.com/".to_owned()),
            parameters: vec![("resource".to_owned(), "x&y".to_owned())],
        }
    }

    #[test]
    fn in_the_header_the_client_authenticates_as_rfc_6749_shows() {
        let ask = ask(&grant(ClientAuth::Header), "s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw").unwrap();
        assert_eq!(
            ask.request.headers[AUTHORIZATION],
            "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"
        );
        assert_eq!(
            std::str::from_utf8(ask.request.body.as_deref().unwrap()).unwrap(),
            "grant_type=client_credentials&scope=a%20b&audience=https%3A%2F%2Fapi.example.com%2F&resource=x%26y"
        );
    }

    #[test]
    fn what_would_end_the_name_in_the_header_is_encoded() {
        let ask = ask(&grant(ClientAuth::Header), "a:b", "c/d e").unwrap();
        let (expected, _) = basic::authorization("a%3Ab", "c%2Fd%20e").unwrap();
        assert_eq!(ask.request.headers[AUTHORIZATION], expected);
    }

    #[test]
    fn in_the_body_id_and_secret_are_fields() {
        let ask = ask(&grant(ClientAuth::Body), "id", "s&c").unwrap();
        assert!(!ask.request.headers.contains_key(AUTHORIZATION));
        assert!(
            std::str::from_utf8(ask.request.body.as_deref().unwrap())
                .unwrap()
                .starts_with("grant_type=client_credentials&client_id=id&client_secret=s%26c&scope=")
        );
    }
}
