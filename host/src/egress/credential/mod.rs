//! Credentials as the operator's file describes them, and their use. The secret itself is read late, held short, and never shown.

mod below;
mod echo;
mod secret;
mod snowflake;
mod source;
mod vault;

pub(crate) use below::open_below;
pub(super) use echo::{Echo, Watch};
pub use secret::Secret;
pub(super) use vault::{Outgoing, Vault};

use std::{fmt, net::SocketAddr, path::PathBuf};

/// One `[credentials.NAME]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSpec {
    /// Its name.
    pub name: String,
    /// Where in the operator's file it stands: its line.
    pub line: usize,
    /// How it is applied.
    pub scheme: Scheme,
    /// Fixed, not secret headers put on with it, such as a token type.
    pub headers: Vec<(String, String)>,
    /// Whether a guest may see the secret.
    pub reveal: bool,
    /// The only address dialled for its token calls.
    pub connect_to: Option<SocketAddr>,
    /// Roots trusted for its token calls.
    pub ca: Option<PathBuf>,
}

/// How a credential is applied to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer`.
    Bearer {
        /// The token.
        token: SecretRef,
    },
    /// Headers whose whole values are secrets.
    Headers {
        /// Header name and its value.
        headers: Vec<(String, SecretRef)>,
    },
    /// Snowflake's key-pair JWT.
    SnowflakeKeyPair {
        /// Account identifier.
        account: String,
        /// User name.
        user: String,
        /// PKCS#8 PEM, perhaps encrypted.
        private_key: SecretRef,
        /// Passphrase of an encrypted key.
        passphrase: Option<SecretRef>,
    },
}

/// Where a secret is. Never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// A file; white space at its end is no part of the secret.
    File(PathBuf),
    /// A file of a tenant, which must lie below one of these real directories whenever it is read, after links.
    Below {
        /// The file.
        path: PathBuf,
        /// Where it must lie.
        roots: Vec<PathBuf>,
    },
    /// An environment variable.
    Env(String),
}

impl CredentialSpec {
    /// Whether it sets that header, given in lower case. A guest may then not set it.
    #[must_use]
    pub fn sets(&self, name: &str) -> bool {
        let by_scheme = match &self.scheme {
            Scheme::Bearer { .. } => name == "authorization",
            Scheme::Headers { headers } => headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)),
            Scheme::SnowflakeKeyPair { .. } => name == "authorization" || name == snowflake::TOKEN_TYPE,
        };
        by_scheme || self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Below { path, .. } => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// Why a credential cannot be applied. For the operator; names files and variables, never what is in them.
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
    #[error("reading or signing was interrupted")]
    Interrupted,
}
