//! Credentials as the operator's file describes them, and their use. The secret itself is read late, held short, and never shown.

use std::{net::SocketAddr, path::PathBuf};

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
    /// An environment variable.
    Env(String),
}
