//! RSA private keys from PKCS#8 PEM files, encrypted or not, and JWTs signed with them (RS256, RFC 7515).

use super::{CredentialError, Secret, SecretRef};
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
use pkcs8::{
    EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument,
    der::{Decode, pem::PemLabel},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const NOT_RSA: &str = "not an RSA key: this scheme takes RSA keys of 2048 bits or more";

/// A private key made ready for signing.
pub(super) struct Key {
    pair: KeyPair,
}

/// A key as long as the secrets that it was parsed from stay the same: opening an encrypted key takes its time.
#[derive(Debug, Default)]
pub(super) struct KeptKey(Option<(Vec<Secret>, Key)>);

/// A secret and where it came from, for errors.
pub(super) type Found<'a> = (&'a Secret, &'a SecretRef);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl KeptKey {
    /// The key in that PEM text.
    pub(super) fn of(
        &mut self,
        pem: Found<'_>,
        passphrase: Option<Found<'_>>,
    ) -> Result<&Key, CredentialError> {
        let from: Vec<Secret> = std::iter::once(pem)
            .chain(passphrase)
            .map(|(secret, _)| secret.clone())
            .collect();
        let key = match self.0.take() {
            Some((known, key)) if known == from => key,
            _ => Key::parse(pem, passphrase)?,
        };
        Ok(&self.0.insert((from, key)).1)
    }
}

impl Key {
    /// Reads a PKCS#8 PEM key.
    pub(super) fn parse(
        (pem, at): Found<'_>,
        passphrase: Option<Found<'_>>,
    ) -> Result<Self, CredentialError> {
        let document = document((pem, at), passphrase)?;
        let info = PrivateKeyInfoRef::from_der(document.as_bytes())
            .map_err(|_| at.unusable("not a PKCS#8 private key"))?;
        if info.algorithm.oid != RSA {
            return Err(at.unusable(NOT_RSA));
        }
        let pair = KeyPair::from_pkcs8(document.as_bytes()).map_err(|_| {
            at.unusable("an RSA key that cannot be used: it must be valid and have 2048 to 8192 bits")
        })?;
        Ok(Self { pair })
    }

    /// SHA-256 of the public key as X.509 writes it, in base64.
    pub(super) fn fingerprint(&self) -> Result<String, CredentialError> {
        let public: PublicKeyX509Der<'_> = self
            .pair
            .public_key()
            .as_der()
            .map_err(|_| CredentialError::Signing)?;
        Ok(STANDARD.encode(Sha256::digest(public.as_ref())))
    }

    /// A JWT with this header member beside `alg` and `typ`.
    pub(super) fn jwt(
        &self,
        member: Option<(&str, &str)>,
        claims: &Value,
    ) -> Result<Secret, CredentialError> {
        let mut header = serde_json::json!({ "alg": "RS256", "typ": "JWT" });
        if let (Some((name, value)), Some(members)) = (member, header.as_object_mut()) {
            members.insert(name.to_owned(), value.into());
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut jwt = Zeroizing::new(format!("{}.{}", part(&header), part(claims)));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                jwt.as_bytes(),
                &mut signature,
            )
            .map_err(|_| CredentialError::Signing)?;
        let signature = Zeroizing::new(URL_SAFE_NO_PAD.encode(&signature));
        // Room for all of it, so that no copy is left behind by growing.
        let mut whole = Zeroizing::new(String::with_capacity(jwt.len() + signature.len() + 1));
        whole.push_str(&jwt);
        whole.push('.');
        whole.push_str(&signature);
        jwt = whole;
        Ok(Secret::new(jwt))
    }
}

/// The key's DER, decrypted where need be.
fn document((pem, at): Found<'_>, passphrase: Option<Found<'_>>) -> Result<SecretDocument, CredentialError> {
    let not_pem = "not a PEM private key: it begins with `-----BEGIN PRIVATE KEY-----` or `-----BEGIN ENCRYPTED PRIVATE KEY-----`";
    let (label, document) = SecretDocument::from_pem(pem.expose()).map_err(|_| at.unusable(not_pem))?;
    match label {
        label if label == PrivateKeyInfoRef::PEM_LABEL => Ok(document),
        label if label == EncryptedPrivateKeyInfoRef::PEM_LABEL => {
            let (passphrase, passphrase_at) =
                passphrase.ok_or_else(|| at.unusable("encrypted: give its `passphrase`, too"))?;
            let encrypted = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| {
                at.unusable("encrypted in a way that cannot be read: use `openssl pkcs8 -topk8 -v2 aes256`")
            })?;
            encrypted
                .decrypt(passphrase.expose().as_bytes())
                .map_err(|_| passphrase_at.unusable("the passphrase does not open the private key"))
        }
        "RSA PRIVATE KEY" => {
            Err(at.unusable("a PKCS#1 key: convert it with `openssl pkcs8 -topk8 -in OLD -out NEW`"))
        }
        "EC PRIVATE KEY" => Err(at.unusable(NOT_RSA)),
        _ => Err(at.unusable(not_pem)),
    }
}
