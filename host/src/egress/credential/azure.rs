//! Microsoft Entra tokens: for an app that has a secret, a certificate or a token of another identity provider, and for a
//! managed identity. The facts are those of Entra's client credentials grant, of the instance metadata service and of App
//! Service's endpoint.

use super::{
    CredentialError, Place, Secret, SecretRef, TokenUrl,
    encode::form,
    endpoint::{Answer, Ask, Step},
    held::Secrets,
    rsa::{Found, KeptKey},
    written::{NO_HEADER, sensitive},
};
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use sha2::{Digest, Sha256};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion is valid, in seconds.
const VALID: i64 = 300;
const METADATA: HeaderName = HeaderName::from_static("metadata");
const IDENTITY: HeaderName = HeaderName::from_static("x-identity-header");

/// A token of Microsoft Entra.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Azure {
    /// Who asks.
    pub identity: AzureIdentity,
    /// What the token is for, such as `https://management.azure.com/.default`.
    pub scope: String,
}

/// Who asks for a token of Microsoft Entra.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AzureIdentity {
    /// An app with a secret.
    Secret {
        /// The app.
        app: App,
        /// Its secret.
        client_secret: SecretRef,
    },
    /// An app with a certificate.
    Certificate {
        /// The app.
        app: App,
        /// The certificate, PEM; no secret.
        certificate: SecretRef,
        /// Its key, PKCS#8 PEM, perhaps encrypted.
        private_key: SecretRef,
        /// Passphrase of an encrypted key.
        passphrase: Option<SecretRef>,
    },
    /// An app that trusts another identity provider: AKS workload identity.
    Federated {
        /// The app.
        app: App,
        /// The other provider's token, read anew for each call.
        token: SecretRef,
    },
    /// This machine's managed identity.
    Managed {
        /// The metadata service, or App Service's endpoint.
        url: TokenUrl,
        /// What App Service wants in a header; absent: this is the metadata service.
        header: Option<SecretRef>,
        /// Which of several identities.
        client_id: Option<String>,
    },
}

/// An app registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Where the tenant's tokens are minted.
    pub token_url: TokenUrl,
    /// Its client id.
    pub client_id: String,
}

impl AzureIdentity {
    /// The scheme's name in the operator's file.
    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "azure-client-secret",
            Self::Certificate { .. } => "azure-client-certificate",
            Self::Federated { .. } => "azure-workload-identity",
            Self::Managed { .. } => "azure-managed-identity",
        }
    }

    /// Where its secrets are; the one that `reveal` shows comes first.
    #[must_use]
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Self::Secret { client_secret, .. } => vec![client_secret],
            Self::Certificate {
                certificate,
                private_key,
                passphrase,
                ..
            } => std::iter::once(private_key)
                .chain(passphrase)
                .chain([certificate])
                .collect(),
            Self::Federated { token, .. } => vec![token],
            Self::Managed { header, .. } => header.iter().collect(),
        }
    }

    /// Where the host calls for it by itself.
    pub(super) fn place(&self) -> Place<'_> {
        match self {
            Self::Secret { app, .. } | Self::Certificate { app, .. } | Self::Federated { app, .. } => {
                Place::Minting(&app.token_url)
            }
            Self::Managed { url, .. } => Place::Machine(url),
        }
    }

    /// Whether replies are not searched for what stands there.
    pub(super) fn is_public(&self, at: &SecretRef) -> bool {
        matches!(self, Self::Certificate { certificate, .. } if certificate == at)
    }
}

impl Azure {
    /// The next step after those that were answered.
    pub(super) fn step(
        &self,
        secrets: &Secrets,
        key: &mut KeptKey,
        answers: &[Answer],
        now: Timestamp,
    ) -> Result<Step<Secret>, CredentialError> {
        if let [answer, ..] = answers {
            return answer.granted(now).map(Step::Have);
        }
        let ask = match &self.identity {
            AzureIdentity::Secret { app, client_secret } => self.form(
                app,
                &[("client_secret", secrets.text(client_secret)?)],
                Vec::new(),
            ),
            AzureIdentity::Federated { app, token } => self.assert(app, secrets.text(token)?, Vec::new()),
            AzureIdentity::Certificate {
                app,
                certificate,
                private_key,
                passphrase,
            } => {
                let thumbprint = thumbprint(secrets.of(certificate)?)?;
                let passphrase = secrets.optional(passphrase.as_ref())?;
                let key = key.of(secrets.of(private_key)?, passphrase)?;
                let header = Some(("x5t#S256", thumbprint.as_str()));
                let assertion = key.jwt(header, &claims(app, now)?)?;
                self.assert(app, assertion.expose(), vec![assertion.clone()])
            }
            AzureIdentity::Managed {
                url,
                header,
                client_id,
            } => self.managed(url, secrets.optional(header.as_ref())?, client_id.as_deref())?,
        };
        Ok(Step::asked(ask))
    }

    fn assert(&self, app: &App, assertion: &str, minted: Vec<Secret>) -> Ask {
        let fields = [
            ("client_assertion_type", ASSERTION),
            ("client_assertion", assertion),
        ];
        self.form(app, &fields, minted)
    }

    fn form(&self, app: &App, proof: &[(&str, &str)], minted: Vec<Secret>) -> Ask {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", app.client_id.as_str()),
            ("scope", self.scope.as_str()),
        ];
        Ask::form(
            &app.token_url,
            form(fields.into_iter().chain(proof.iter().copied())),
            minted,
        )
    }

    fn managed(
        &self,
        url: &TokenUrl,
        header: Option<Found<'_>>,
        client_id: Option<&str>,
    ) -> Result<Ask, CredentialError> {
        let mut headers = HeaderMap::new();
        let version = match header {
            None => {
                headers.insert(METADATA, HeaderValue::from_static("true"));
                "2018-02-01"
            }
            Some((secret, at)) => {
                let value = sensitive(&[secret.expose()]).ok_or_else(|| at.unusable(NO_HEADER))?;
                headers.insert(IDENTITY, value);
                "2019-08-01"
            }
        };
        // These endpoints want the resource that a scope is of.
        let resource = self.scope.strip_suffix("/.default").unwrap_or(&self.scope);
        let mut whole = url.url().clone();
        whole
            .query_pairs_mut()
            .clear()
            .append_pair("api-version", version)
            .append_pair("resource", resource)
            .extend_pairs(client_id.map(|id| ("client_id", id)));
        Ok(Ask::get(url, whole, headers))
    }
}

/// The claims of an assertion (Entra, "certificate credentials").
fn claims(app: &App, now: Timestamp) -> Result<serde_json::Value, CredentialError> {
    let mut id = [0_u8; 16];
    rand::fill(&mut id).map_err(|_| CredentialError::Signing)?;
    let issued = now.as_second();
    Ok(serde_json::json!({
        "aud": app.token_url.url().as_str(),
        "iss": app.client_id,
        "sub": app.client_id,
        "jti": URL_SAFE_NO_PAD.encode(id),
        "nbf": issued,
        "iat": issued,
        "exp": issued.saturating_add(VALID),
    }))
}

/// SHA-256 of the first certificate in a PEM file, as `x5t#S256` has it (RFC 7515, 4.1.8).
fn thumbprint((pem, at): Found<'_>) -> Result<String, CredentialError> {
    let certificate = CertificateDer::from_pem_slice(pem.expose().as_bytes())
        .map_err(|_| at.unusable("not a PEM certificate: it begins with `-----BEGIN CERTIFICATE-----`"))?;
    Ok(URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)))
}
