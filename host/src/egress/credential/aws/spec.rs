//! The AWS schemes as plain data: whose keys sign, for which region and service, and where they come from.

use super::super::{CredentialError, Place, SecretRef, TokenUrl};
use std::time::Duration;

/// AWS Signature Version 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsSigV4 {
    /// Whose keys.
    pub identity: AwsIdentity,
    /// A role that those keys assume; its keys then sign.
    pub role: Option<AssumeRole>,
    /// Where STS is; there if the identity or the role needs it.
    pub sts: Option<TokenUrl>,
    /// What is signed for.
    pub scope: Scope,
}

/// The region and service that a signature is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that the host's name tells: `ec2.eu-west-1.amazonaws.com`.
    OfHost,
    /// The same for every call.
    Fixed(Signed),
}

/// A region and service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Region, such as `us-east-1`.
    pub region: String,
    /// Service as AWS names it in signatures, such as `ce`.
    pub service: String,
    /// How the path enters the signature.
    pub canonical: Canonical,
}

/// Where AWS keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsIdentity {
    /// They stand in files or variables.
    Keys {
        /// Access key id.
        access_key_id: SecretRef,
        /// Secret access key.
        secret_access_key: SecretRef,
        /// Session token of temporary keys.
        session_token: Option<SecretRef>,
    },
    /// They stand in a profile of a shared credentials file.
    Profile {
        /// The file.
        file: SecretRef,
        /// The profile's name.
        profile: String,
    },
    /// STS gives them for a token of another identity provider: IRSA.
    WebIdentity(WebIdentity),
    /// A container's endpoint gives them: ECS, EKS Pod Identity.
    Container {
        /// The endpoint.
        url: TokenUrl,
        /// What stands in `Authorization`, as it is.
        token: Option<SecretRef>,
    },
    /// The instance metadata service gives them: IMDSv2.
    Instance {
        /// The service.
        url: TokenUrl,
    },
}

/// A role assumed with a token of another identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// ARN of the role.
    pub role: String,
    /// The token, read anew for each call.
    pub token: SecretRef,
    /// Name of the session.
    pub session: String,
}

/// A role assumed by keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// ARN of the role.
    pub role: String,
    /// What the role's owner asks for beside it; no secret.
    pub external_id: Option<String>,
    /// Name of the session.
    pub session: String,
    /// How long its keys are asked to hold; absent: as STS has it, an hour.
    pub duration: Option<Duration>,
}

/// How a path enters an AWS signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canonical {
    /// Normalised and encoded twice: every service but S3.
    Usual,
    /// As it is, encoded once, and the body's digest in a header.
    S3,
}

impl AwsSigV4 {
    /// Where the host calls for it by itself.
    pub(in super::super) fn places(&self) -> Vec<Place<'_>> {
        let own = match &self.identity {
            AwsIdentity::Container { url, .. } | AwsIdentity::Instance { url } => {
                Some(match url.is_of_this_machine() {
                    true => Place::Machine(url),
                    false => Place::Minting(url),
                })
            }
            AwsIdentity::Keys { .. } | AwsIdentity::Profile { .. } | AwsIdentity::WebIdentity(_) => None,
        };
        own.into_iter()
            .chain(self.sts.as_ref().map(Place::Minting))
            .collect()
    }

    /// Where STS is.
    pub(super) fn sts(&self) -> Result<&TokenUrl, CredentialError> {
        self.sts.as_ref().ok_or(CredentialError::Interrupted)
    }
}

impl AwsIdentity {
    /// The scheme's name in the operator's file.
    pub(in super::super) fn scheme(&self) -> &'static str {
        match self {
            Self::Keys { .. } => "aws-sigv4",
            Self::Profile { .. } => "aws-profile",
            Self::WebIdentity(_) => "aws-web-identity",
            Self::Container { .. } => "aws-container",
            Self::Instance { .. } => "aws-instance",
        }
    }

    /// Where its secrets are; the one that `reveal` shows comes first.
    #[must_use]
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Self::Keys {
                access_key_id,
                secret_access_key,
                session_token,
            } => [secret_access_key, access_key_id]
                .into_iter()
                .chain(session_token)
                .collect(),
            Self::Profile { file, .. } => vec![file],
            Self::WebIdentity(identity) => vec![&identity.token],
            Self::Container { token, .. } => token.iter().collect(),
            Self::Instance { .. } => Vec::new(),
        }
    }

    /// Whether replies are not searched for what stands there.
    pub(in super::super) fn is_public(&self, at: &SecretRef) -> bool {
        match self {
            // AWS names the access key in error replies; it is an identifier, and worth nothing without the secret key.
            Self::Keys { access_key_id, .. } => access_key_id == at,
            // A whole file: the keys in it are searched for.
            Self::Profile { .. } => true,
            Self::WebIdentity(_) | Self::Container { .. } | Self::Instance { .. } => false,
        }
    }
}
