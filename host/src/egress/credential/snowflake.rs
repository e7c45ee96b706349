//! Snowflake's key-pair JWT (SQL API, "authenticating to the server"): RS256 over claims that name account, user and the
//! fingerprint of the public key. Valid an hour at most, so it is minted for 59 minutes and anew after 50.

use super::{CredentialError, Secret, source::Source};
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::{SignedDuration, Timestamp};
use pkcs8::{
    EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument,
    der::{Decode, pem::PemLabel},
};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// The header that tells Snowflake the kind of token.
pub(super) const TOKEN_TYPE: &str = "x-snowflake-authorization-token-type";
/// Its value.
pub(super) const KEYPAIR_JWT: &str = "KEYPAIR_JWT";

const LIFETIME: SignedDuration = SignedDuration::from_mins(59);
const FRESH: SignedDuration = SignedDuration::from_mins(50);
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A private key made ready for signing.
pub(super) struct Key {
    pair: KeyPair,
    issuer: String,
    subject: String,
}

/// A minted token.
#[derive(Debug)]
pub(super) struct Token {
    /// The JWT.
    pub(super) jwt: Secret,
    minted: Timestamp,
}

impl Token {
    /// Whether it can still be used.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.minted);
        !age.is_negative() && age < FRESH
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.issuer)
    }
}

impl Key {
    /// Reads a PKCS#8 PEM key. `at` is where it and its passphrase came from, for errors.
    pub(super) fn parse(
        pem: &Secret,
        passphrase: Option<&Secret>,
        (account, user): (&str, &str),
        (at, passphrase_at): (&Source, Option<&Source>),
    ) -> Result<Self, CredentialError> {
        let document = document(pem, passphrase, at, passphrase_at)?;
        let info = PrivateKeyInfoRef::from_der(document.as_bytes())
            .map_err(|_| at.unusable("not a PKCS#8 private key"))?;
        if info.algorithm.oid != RSA {
            return Err(at.unusable("not an RSA key: Snowflake takes RSA keys of 2048 bits or more"));
        }
        let pair = KeyPair::from_pkcs8(document.as_bytes()).map_err(|_| {
            at.unusable("an RSA key that cannot be used: it must be valid and have 2048 to 8192 bits")
        })?;
        let public: PublicKeyX509Der<'_> = pair
            .public_key()
            .as_der()
            .map_err(|_| at.unusable("its public key cannot be written"))?;
        let fingerprint = STANDARD.encode(Sha256::digest(public.as_ref()));
        let subject = format!("{}.{}", account_for_jwt(account), user.to_uppercase());
        Ok(Self {
            pair,
            issuer: format!("{subject}.SHA256:{fingerprint}"),
            subject,
        })
    }

    /// Mints a token.
    pub(super) fn mint(&self, now: Timestamp) -> Result<Token, CredentialError> {
        let issued = now.as_second();
        let header = serde_json::json!({ "alg": "RS256", "typ": "JWT" });
        let claims = serde_json::json!({
            "iss": self.issuer,
            "sub": self.subject,
            "iat": issued,
            "exp": issued.saturating_add(LIFETIME.as_secs()),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut jwt = Zeroizing::new(format!("{}.{}", part(&header), part(&claims)));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                jwt.as_bytes(),
                &mut signature,
            )
            .map_err(|_| CredentialError::Signing)?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut jwt);
        Ok(Token {
            jwt: Secret::new(jwt),
            minted: now,
        })
    }
}

/// The key's DER, decrypted where need be.
fn document(
    pem: &Secret,
    passphrase: Option<&Secret>,
    at: &Source,
    passphrase_at: Option<&Source>,
) -> Result<SecretDocument, CredentialError> {
    let not_pem = "not a PEM private key: it begins with `-----BEGIN PRIVATE KEY-----` or `-----BEGIN ENCRYPTED PRIVATE KEY-----`";
    let (label, document) = SecretDocument::from_pem(pem.expose()).map_err(|_| at.unusable(not_pem))?;
    match label {
        label if label == PrivateKeyInfoRef::PEM_LABEL => Ok(document),
        label if label == EncryptedPrivateKeyInfoRef::PEM_LABEL => {
            let passphrase =
                passphrase.ok_or_else(|| at.unusable("encrypted: give its `passphrase`, too"))?;
            let encrypted = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| {
                at.unusable("encrypted in a way that cannot be read: use `openssl pkcs8 -topk8 -v2 aes256`")
            })?;
            encrypted.decrypt(passphrase.expose().as_bytes()).map_err(|_| {
                passphrase_at
                    .unwrap_or(at)
                    .unusable("the passphrase does not open the private key")
            })
        }
        "RSA PRIVATE KEY" => {
            Err(at.unusable("a PKCS#1 key: convert it with `openssl pkcs8 -topk8 -in OLD -out NEW`"))
        }
        "EC PRIVATE KEY" => Err(at.unusable("not an RSA key: Snowflake takes RSA keys of 2048 bits or more")),
        _ => Err(at.unusable(not_pem)),
    }
}

/// The account as a token names it: upper case; of `LOCATOR.region.cloud` the locator alone, of `NAME-ID.global` the name
/// alone; in `ORG.ACCOUNT` the point becomes a hyphen. A region is known by its hyphen, which no account name has.
fn account_for_jwt(account: &str) -> String {
    let account = account.to_uppercase();
    match account.split_once('.') {
        None => account,
        Some((name, "GLOBAL")) => name.split('-').next().unwrap_or(name).to_owned(),
        Some((name, rest)) if rest == "PRIVATELINK" || rest.contains(['-', '.']) => name.to_owned(),
        Some((organization, name)) => format!("{organization}-{name}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_account_is_named_as_tokens_want_it() {
        for (given, expected) in [
            ("myorg-acct", "MYORG-ACCT"),
            ("MyOrg.acct_1", "MYORG-ACCT_1"),
            ("xy12345", "XY12345"),
            ("xy12345.eu-central-1", "XY12345"),
            ("xy12345.us-east-2.aws", "XY12345"),
            ("xy12345.west-europe.azure", "XY12345"),
            ("xy12345.us-east-1.privatelink", "XY12345"),
            ("myorg-acct.privatelink", "MYORG-ACCT"),
            ("acct-123456789.global", "ACCT"),
        ] {
            assert_eq!(account_for_jwt(given), expected, "{given}");
        }
    }

    #[test]
    fn a_token_is_fresh_for_fifty_minutes() {
        let minted: Timestamp = "2026-08-01T00:00:00Z".parse().unwrap();
        let token = Token {
            jwt: Secret::new(Zeroizing::new("x".to_owned())),
            minted,
        };
        for (minutes, fresh) in [(0, true), (49, true), (50, false), (70, false), (-1, false)] {
            assert_eq!(
                token.is_fresh(minted + SignedDuration::from_mins(minutes)),
                fresh,
                "{minutes}"
            );
        }
    }
}
