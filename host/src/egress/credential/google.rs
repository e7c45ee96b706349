//! Google access tokens: for a service account's key, from the metadata server, and for a token of another identity provider,
//! with a service account impersonated on top. What must hold: no URL is taken out of a key's file.

use super::{
    CredentialError, Place, Secret, SecretRef, TokenUrl,
    encode::form,
    endpoint::{Answer, Ask, Step},
    held::Secrets,
    jwt_bearer,
    rsa::{Found, KeptKey},
    token::{Minted, Wiped},
    written::sensitive,
};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const GOOGLE: HeaderValue = HeaderValue::from_static("Google");
const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What a token that impersonates is for, before it does.
const PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long an assertion and an impersonated token are valid: the longest that Google takes.
const HOUR: i64 = 3600;
/// How long before its end an impersonated token is fetched anew.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// An access token of Google.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Google {
    /// Who asks.
    pub identity: GoogleIdentity,
    /// What the token is for: scopes, separated by spaces.
    pub scope: String,
}

/// Who asks for an access token of Google.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoogleIdentity {
    /// A service account's key.
    ServiceAccount {
        /// The key's file, JSON.
        key: SecretRef,
        /// Where tokens are minted.
        token_url: TokenUrl,
    },
    /// This machine's service account.
    Metadata {
        /// The metadata server.
        url: TokenUrl,
    },
    /// A token of another identity provider: workload identity federation.
    Federated(Box<Federated>),
}

/// Workload identity federation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Federated {
    /// The workload identity provider's full name.
    pub audience: String,
    /// The other provider's token, read anew for each call.
    pub token: SecretRef,
    /// What kind of token that is, such as `urn:ietf:params:oauth:token-type:jwt`.
    pub token_type: String,
    /// Where it is exchanged.
    pub token_url: TokenUrl,
    /// Where the service account is impersonated, if one is.
    pub impersonate: Option<TokenUrl>,
}

impl GoogleIdentity {
    /// The scheme's name in the operator's file.
    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Self::ServiceAccount { .. } => "google-service-account",
            Self::Metadata { .. } => "google-metadata",
            Self::Federated(_) => "google-workload-identity",
        }
    }

    /// Where its secrets are.
    #[must_use]
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Self::ServiceAccount { key, .. } => vec![key],
            Self::Metadata { .. } => Vec::new(),
            Self::Federated(federated) => vec![&federated.token],
        }
    }

    /// Where the host calls for it by itself.
    pub(super) fn places(&self) -> Vec<Place<'_>> {
        match self {
            Self::ServiceAccount { token_url, .. } => vec![Place::Minting(token_url)],
            Self::Metadata { url } => vec![Place::Machine(url)],
            Self::Federated(federated) => std::iter::once(&federated.token_url)
                .chain(&federated.impersonate)
                .map(Place::Minting)
                .collect(),
        }
    }

    /// Whether replies are not searched for what stands there: of a key's file, the key itself is.
    pub(super) fn is_public(&self, at: &SecretRef) -> bool {
        matches!(self, Self::ServiceAccount { key, .. } if key == at)
    }
}

impl Google {
    /// The next step after those that were answered.
    pub(super) fn step(
        &self,
        secrets: &Secrets,
        key: &mut KeptKey,
        answers: &[Answer],
        now: Timestamp,
    ) -> Result<Step<Secret>, CredentialError> {
        match (&self.identity, answers) {
            (GoogleIdentity::ServiceAccount { key: file, token_url }, []) => self
                .assert(secrets.of(file)?, token_url, key, now)
                .map(Step::asked),
            (GoogleIdentity::Metadata { url }, []) => Ok(Step::asked(self.of_machine(url))),
            (GoogleIdentity::Metadata { .. }, [answer, ..])
                if answer.header(FLAVOR.as_str()) != Some(&GOOGLE) =>
            {
                Err(answer.unusable("is no metadata server: its answer lacks the header Metadata-Flavor"))
            }
            (GoogleIdentity::ServiceAccount { .. } | GoogleIdentity::Metadata { .. }, [answer, ..]) => {
                answer.granted(now).map(Step::Have)
            }
            (GoogleIdentity::Federated(federated), answers) => {
                self.federated(federated, secrets, answers, now)
            }
        }
    }

    fn assert(
        &self,
        (file, at): Found<'_>,
        token_url: &TokenUrl,
        kept: &mut KeptKey,
        now: Timestamp,
    ) -> Result<Ask, CredentialError> {
        #[derive(Deserialize)]
        struct File {
            client_email: String,
            private_key: Wiped,
            private_key_id: Option<String>,
        }
        // An error would show what it met, so it is not passed on.
        let file: File = serde_json::from_str(file.expose()).map_err(|_| {
            at.unusable("not a service account's key: JSON with `client_email` and `private_key`")
        })?;
        let Wiped(pem) = file.private_key;
        let pem = Secret::new(pem);
        let issued = now.as_second();
        let claims = serde_json::json!({
            "iss": file.client_email,
            "scope": self.scope,
            "aud": token_url.url().as_str(),
            "iat": issued,
            "exp": issued.saturating_add(HOUR),
        });
        let id = file.private_key_id.as_deref().map(|id| ("kid", id));
        let assertion = kept.of((&pem, at), None)?.jwt(id, &claims)?;
        let fields = [
            ("grant_type", jwt_bearer::GRANT),
            ("assertion", assertion.expose().as_str()),
        ];
        Ok(Ask::form(
            token_url,
            form(fields.into_iter()),
            vec![pem, assertion.clone()],
        ))
    }

    fn of_machine(&self, url: &TokenUrl) -> Ask {
        let mut whole = url.url().clone();
        whole.set_path(TOKEN);
        if !self.scope.is_empty() {
            let scopes = self.scope.replace(' ', ",");
            whole.query_pairs_mut().append_pair("scopes", &scopes);
        }
        Ask::get(url, whole, HeaderMap::from_iter([(FLAVOR, GOOGLE)]))
    }

    fn federated(
        &self,
        federated: &Federated,
        secrets: &Secrets,
        answers: &[Answer],
        now: Timestamp,
    ) -> Result<Step<Secret>, CredentialError> {
        match (answers, &federated.impersonate) {
            ([], impersonate) => {
                let scope = impersonate.as_ref().map_or(self.scope.as_str(), |_| PLATFORM);
                let fields = [
                    ("grant_type", EXCHANGE),
                    ("audience", federated.audience.as_str()),
                    ("scope", scope),
                    ("requested_token_type", ACCESS_TOKEN),
                    ("subject_token_type", federated.token_type.as_str()),
                    ("subject_token", secrets.text(&federated.token)?),
                ];
                Ok(Step::asked(Ask::form(
                    &federated.token_url,
                    form(fields.into_iter()),
                    Vec::new(),
                )))
            }
            ([answer], Some(url)) => self.impersonate(url, answer.granted(now)?.token).map(Step::asked),
            ([answer, ..], None) => answer.granted(now).map(Step::Have),
            ([_, answer, ..], Some(_)) => impersonated(answer, now).map(Step::Have),
        }
    }

    fn impersonate(&self, url: &TokenUrl, token: Secret) -> Result<Ask, CredentialError> {
        let scopes: Vec<&str> = self.scope.split(' ').filter(|scope| !scope.is_empty()).collect();
        let body = serde_json::json!({ "scope": scopes, "lifetime": format!("{HOUR}s") });
        let value = sensitive(&["Bearer ", token.expose()]).ok_or(CredentialError::Signing)?;
        let mut ask = Ask::get(
            url,
            url.url().clone(),
            HeaderMap::from_iter([(AUTHORIZATION, value)]),
        );
        let kind = HeaderValue::from_static("application/json");
        ask.request.headers.insert(CONTENT_TYPE, kind);
        ask.request.method = reqwest::Method::POST;
        ask.request.body = Some(Bytes::from(body.to_string()));
        ask.minted.push(token);
        Ok(ask)
    }
}

/// The token of a service account that is impersonated.
fn impersonated(answer: &Answer, now: Timestamp) -> Result<Minted, CredentialError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Given {
        access_token: Wiped,
        expire_time: Timestamp,
    }
    // An error would show what it met, so it is not passed on.
    let given: Given = serde_json::from_slice(answer.body())
        .map_err(|_| answer.unusable("answered with other than a token"))?;
    let Wiped(token) = given.access_token;
    if token.is_empty() || sensitive(&[&token]).is_none() {
        return Err(answer.unusable("answered with a token that cannot stand in a header"));
    }
    let whole = given.expire_time.duration_since(now);
    Ok(Minted::new(
        Secret::new(token),
        now,
        (whole - MARGIN).max(whole / 2),
    ))
}
