//! One `[credentials.NAME]` table as plain data: how a credential is applied, and where its secrets are. Never the secrets.

use super::{AwsSigV4, Azure, Google, Place, TokenUrl, digest, sigv4, snowflake};
use ipnet::IpNet;
use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

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
    /// Private address ranges that its token URL's host may resolve to.
    pub addresses: Vec<IpNet>,
}

/// How a credential is applied to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer`.
    Bearer {
        /// The token.
        token: SecretRef,
    },
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// User name; some providers take their key as one, with no password.
        username: Value,
        /// Password; absent: empty.
        password: Option<SecretRef>,
    },
    /// Headers whose whole values are secrets.
    Headers {
        /// Header name and its value.
        headers: Vec<(String, SecretRef)>,
    },
    /// Query parameters whose values are secrets.
    Query {
        /// Parameter name and its value.
        parameters: Vec<(String, SecretRef)>,
    },
    /// `Authorization: Digest` (RFC 7616).
    Digest {
        /// User name.
        username: Value,
        /// Password.
        password: SecretRef,
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
    /// An access token by client id and secret (RFC 6749, 4.4).
    OAuth2ClientCredentials(ClientCredentials),
    /// An access token by a signed assertion (RFC 7523, 2.1).
    JwtBearer(JwtBearer),
    /// AWS Signature Version 4.
    AwsSigV4(AwsSigV4),
    /// A token of Microsoft Entra.
    Azure(Azure),
    /// An access token of Google.
    Google(Google),
}

/// The OAuth 2.0 client credentials grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCredentials {
    /// Where tokens are minted.
    pub token_url: TokenUrl,
    /// Client id.
    pub client_id: Value,
    /// Client secret.
    pub client_secret: SecretRef,
    /// Where id and secret stand.
    pub client_auth: ClientAuth,
    /// Scope asked for.
    pub scope: Option<String>,
    /// Audience asked for.
    pub audience: Option<String>,
    /// Further fixed, not secret form parameters.
    pub parameters: Vec<(String, String)>,
}

/// Where a client's id and secret stand in a token call (RFC 6749, 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// In `Authorization: Basic`.
    Header,
    /// In the form.
    Body,
}

/// The JWT bearer grant, signed with RS256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtBearer {
    /// Where tokens are minted.
    pub token_url: TokenUrl,
    /// Claim `iss`.
    pub issuer: String,
    /// Claim `sub`.
    pub subject: Option<String>,
    /// Claim `aud`; absent: the token URL.
    pub audience: Option<String>,
    /// Claim `scope`.
    pub scope: Option<String>,
    /// PKCS#8 PEM, perhaps encrypted.
    pub private_key: SecretRef,
    /// Passphrase of an encrypted key.
    pub passphrase: Option<SecretRef>,
    /// Header `kid`.
    pub key_id: Option<String>,
    /// Time from claim `iat` to claim `exp`.
    pub lifetime: Duration,
    /// Further fixed, not secret form parameters.
    pub parameters: Vec<(String, String)>,
}

/// A name beside a secret: written in the file, or kept like a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// In the file: no secret.
    Plain(String),
    /// Somewhere else, and treated as a secret.
    Secret(SecretRef),
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
        self.scheme.sets(name) || self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// Whether it sets that query parameter, given decoded. A guest may then not set it.
    #[must_use]
    pub fn sets_query(&self, name: &str) -> bool {
        match &self.scheme {
            Scheme::Query { parameters } => parameters.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)),
            _ => false,
        }
    }
}

impl Scheme {
    /// Its name in the operator's file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bearer { .. } => "bearer",
            Self::Basic { .. } => "basic",
            Self::Headers { .. } => "headers",
            Self::Query { .. } => "query",
            Self::Digest { .. } => "digest",
            Self::SnowflakeKeyPair { .. } => "snowflake-key-pair",
            Self::OAuth2ClientCredentials(_) => "oauth2-client-credentials",
            Self::JwtBearer(_) => "jwt-bearer",
            Self::AwsSigV4(aws) => aws.identity.scheme(),
            Self::Azure(azure) => azure.identity.scheme(),
            Self::Google(google) => google.identity.scheme(),
        }
    }

    /// Where its secrets are; the one that `reveal` shows comes first.
    #[must_use]
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Self::Bearer { token } => vec![token],
            Self::Basic { username, password } => password.iter().chain(username.secret()).collect(),
            Self::Headers { headers: named } | Self::Query { parameters: named } => {
                named.iter().map(|(_, at)| at).collect()
            }
            Self::Digest { username, password } => {
                std::iter::once(password).chain(username.secret()).collect()
            }
            Self::SnowflakeKeyPair {
                private_key,
                passphrase,
                ..
            } => std::iter::once(private_key).chain(passphrase).collect(),
            Self::OAuth2ClientCredentials(grant) => std::iter::once(&grant.client_secret)
                .chain(grant.client_id.secret())
                .collect(),
            Self::JwtBearer(grant) => std::iter::once(&grant.private_key)
                .chain(&grant.passphrase)
                .collect(),
            Self::AwsSigV4(aws) => aws.identity.secrets(),
            Self::Azure(azure) => azure.identity.secrets(),
            Self::Google(google) => google.identity.secrets(),
        }
    }

    /// Where the host calls for it by itself. No collector may.
    #[must_use]
    pub fn places(&self) -> Vec<Place<'_>> {
        match self {
            Self::OAuth2ClientCredentials(grant) => vec![Place::Minting(&grant.token_url)],
            Self::JwtBearer(grant) => vec![Place::Minting(&grant.token_url)],
            Self::AwsSigV4(aws) => aws.places(),
            Self::Azure(azure) => vec![azure.identity.place()],
            Self::Google(google) => google.identity.places(),
            Self::Bearer { .. }
            | Self::Basic { .. }
            | Self::Headers { .. }
            | Self::Query { .. }
            | Self::Digest { .. }
            | Self::SnowflakeKeyPair { .. } => Vec::new(),
        }
    }

    /// The servers among them, whose address the operator's file may choose.
    pub(in crate::egress) fn token_urls(&self) -> impl Iterator<Item = &TokenUrl> {
        self.places().into_iter().filter_map(|place| match place {
            Place::Minting(url) => Some(url),
            Place::Machine(_) => None,
        })
    }

    /// Whether the scheme sets that header, given in lower case.
    #[must_use]
    pub fn sets(&self, name: &str) -> bool {
        match self {
            Self::Bearer { .. }
            | Self::Basic { .. }
            | Self::OAuth2ClientCredentials(_)
            | Self::JwtBearer(_)
            | Self::Azure(_)
            | Self::Google(_) => name == "authorization",
            Self::Headers { headers } => headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)),
            Self::Query { .. } => false,
            Self::Digest { .. } => digest::SETS.contains(&name),
            Self::SnowflakeKeyPair { .. } => snowflake::SETS.contains(&name),
            Self::AwsSigV4(_) => sigv4::SETS.contains(&name),
        }
    }

    /// Whether a secret may be shown by providers in ordinary replies, so that replies are not searched for it.
    pub(super) fn is_public(&self, at: &SecretRef) -> bool {
        match self {
            Self::AwsSigV4(aws) => aws.identity.is_public(at),
            Self::Azure(azure) => azure.identity.is_public(at),
            Self::Google(google) => google.identity.is_public(at),
            _ => false,
        }
    }
}

impl Value {
    /// Where it is kept, if it is kept like a secret.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretRef> {
        match self {
            Self::Plain(_) => None,
            Self::Secret(at) => Some(at),
        }
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

#[cfg(test)]
mod tests {
    use super::{
        super::{AwsIdentity, Canonical, Scope, Signed},
        *,
    };

    fn env(name: &str) -> SecretRef {
        SecretRef::Env(name.to_owned())
    }

    fn aws() -> Scheme {
        Scheme::AwsSigV4(AwsSigV4 {
            identity: AwsIdentity::Keys {
                access_key_id: env("ID"),
                secret_access_key: env("FIRST"),
                session_token: Some(env("TOKEN")),
            },
            role: None,
            sts: None,
            scope: Scope::Fixed(Signed {
                region: "us-east-1".to_owned(),
                service: "ce".to_owned(),
                canonical: Canonical::Usual,
            }),
        })
    }

    #[test]
    fn the_secret_comes_before_the_names_beside_it() {
        let name = || Value::Secret(env("NAME"));
        let basic = |password| Scheme::Basic {
            username: name(),
            password,
        };
        for (scheme, expected) in [
            (basic(Some(env("FIRST"))), vec!["FIRST", "NAME"]),
            (basic(None), vec!["NAME"]),
            (
                Scheme::Digest {
                    username: name(),
                    password: env("FIRST"),
                },
                vec!["FIRST", "NAME"],
            ),
            (aws(), vec!["FIRST", "ID", "TOKEN"]),
        ] {
            let expected: Vec<SecretRef> = expected.into_iter().map(env).collect();
            assert_eq!(
                scheme.secrets(),
                expected.iter().collect::<Vec<_>>(),
                "{}",
                scheme.name()
            );
        }
    }

    #[test]
    fn what_a_scheme_sets_it_answers_for() {
        let spec = |scheme| CredentialSpec {
            name: "main".to_owned(),
            line: 1,
            scheme,
            headers: vec![("X-Kind".to_owned(), "a".to_owned())],
            reveal: false,
            connect_to: None,
            ca: None,
            addresses: Vec::new(),
        };
        let query = spec(Scheme::Query {
            parameters: vec![("Key".to_owned(), env("KEY"))],
        });
        assert!(query.sets("x-kind") && !query.sets("authorization"));
        assert!(query.sets_query("KEY") && !query.sets_query("keys"));
        let aws = spec(aws());
        for name in [
            "authorization",
            "x-amz-date",
            "x-amz-security-token",
            "x-amz-content-sha256",
            "x-kind",
        ] {
            assert!(aws.sets(name), "{name}");
        }
        assert!(!aws.sets("x-amz-target") && !aws.sets_query("key"));
    }
}
