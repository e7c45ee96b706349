//! Credentials as the operator's file describes them, and their use. The secret itself is read late, held short, and never shown.

mod aws;
mod azure;
mod basic;
mod below;
mod client_credentials;
mod digest;
mod echo;
mod encode;
mod endpoint;
mod error_code;
mod google;
mod held;
mod jwt_bearer;
mod known;
mod place;
mod query;
mod rsa;
mod secret;
mod sigv4;
mod snowflake;
mod source;
mod spec;
mod token;
mod token_url;
mod vault;
mod written;

pub(super) use aws::of_host;
pub use aws::{AssumeRole, AwsIdentity, AwsSigV4, Canonical, Scope, Signed, WebIdentity};
pub use azure::{App, Azure, AzureIdentity};
pub(crate) use below::open_below;
pub(crate) use digest::can_be_user as can_be_digest_user;
pub(super) use echo::{Echo, Watch};
pub use google::{Federated, Google, GoogleIdentity};
pub use place::Place;
pub use secret::Secret;
pub use spec::{ClientAuth, ClientCredentials, CredentialSpec, JwtBearer, Scheme, SecretRef, Value};
pub use token_url::{TokenUrl, TokenUrlError};
pub(super) use vault::{Outgoing, Tries, Vault, Verdict};

use super::{
    refusal::{Fault, RefusalKind},
    retry::Outcome,
};
use std::time::Duration;

/// Why a credential cannot be applied. For the operator; names files, variables and token URLs, never what is in them.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredentialError {
    #[error("credential `{0}`: there is no such table")]
    Unknown(String),
    #[error("{at}: {why}")]
    Unreadable { at: SecretRef, why: std::io::Error },
    #[error("{at}: {why}")]
    Unusable { at: SecretRef, why: &'static str },
    #[error("header `{0}` of the credential is no valid header")]
    Header(String),
    #[error("the token could not be signed")]
    Signing,
    #[error("the host `{0}` tells no region and service to sign for: write both in the credential's table")]
    Scope(String),
    #[error("reading or signing was interrupted")]
    Interrupted,
    #[error(
        "the provider's 401 holds no challenge that can be answered: digest with MD5 or SHA-256 and qop=auth"
    )]
    Challenge,
    #[error("the token URL {url} {why}")]
    Token { url: String, why: String },
    #[error("the token URL {url} {why}")]
    TokenUnreachable {
        url: String,
        why: String,
        /// Whether asking again may help, and how long it asks to wait.
        again: Option<Outcome>,
    },
    #[error("the token URL {url} asks to come again later ({status})")]
    TokenThrottled {
        url: String,
        status: u16,
        after: Option<Duration>,
    },
    #[error("{}", .0.why)]
    Limit(Fault),
}

impl CredentialError {
    /// Whether trying again may help. The call itself has not gone out then.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::TokenUnreachable { again, .. } => *again,
            Self::TokenThrottled { after, .. } => Some(Outcome::Status(429, *after)),
            _ => None,
        }
    }

    /// The same as a fault of the call: the guest learns no more than that the credential cannot be used.
    pub(super) fn into_fault(self) -> Fault {
        let kind = match &self {
            Self::TokenUnreachable { .. } => RefusalKind::Unreachable,
            Self::TokenThrottled { .. } => RefusalKind::Throttled,
            _ => RefusalKind::Credential,
        };
        match self {
            Self::Limit(fault) => fault,
            error => Fault::hidden(
                kind,
                "the operator's credential for this call cannot be used",
                error,
            ),
        }
    }
}
