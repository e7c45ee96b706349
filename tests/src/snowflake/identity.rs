//! Who the simulated account is and who may log in: names, keys, tokens, certificates, and the files that carry them.
//!
//! Made once per process, since RSA keys are slow to make.

use crate::{Error, tls::Authority};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use pkcs8::{EncodePrivateKey as _, PrivateKeyInfoRef, der::pem::LineEnding, pkcs5::pbes2};
use sha2::{Digest, Sha256};
use std::{fs, path::Path, sync::OnceLock};

/// The organization.
pub const ORGANIZATION: &str = "MYORG";
/// The account's name in its organization.
pub const ACCOUNT: &str = "ACCT";
/// The account's legacy locator.
pub const LOCATOR: &str = "AB12345";
/// The account's region.
pub const REGION: &str = "AWS_EU_CENTRAL_1";
/// The account identifier, as logins name it.
pub const ACCOUNT_IDENTIFIER: &str = "MYORG-ACCT";
/// The service user.
pub const USER: &str = "TELEMETRY";
/// The host name that the certificate proves.
pub const HOST: &str = "myorg-acct.snowflakecomputing.com";
/// The role that may read everything that is granted.
pub const ROLE: &str = "FINOPS_READER";
/// The one warehouse that statements may run on.
pub const WAREHOUSE: &str = "FINOPS_WH";
/// The passphrase of `finops-encrypted.p8`.
pub const PASSPHRASE: &str = "correct horse battery staple";
/// The programmatic access token.
pub const ACCESS_TOKEN: &str = "simulated-programmatic-access-token";
/// The OAuth access token.
pub const OAUTH_TOKEN: &str = "simulated-oauth-access-token";

/// Keys and certificates of this process.
pub(crate) struct Identity {
    pub(crate) authority: Authority,
    /// The private key, PKCS#8 as PEM.
    pub(crate) key_pem: String,
    /// The same under [`PASSPHRASE`].
    pub(crate) encrypted_pem: String,
    /// The public key, SubjectPublicKeyInfo as PEM.
    pub(crate) public_pem: String,
    /// `SHA256:` and the digest of the public key, as DESCRIBE USER shows it.
    pub(crate) fingerprint: String,
}

/// The identity of this process, made at the first call.
pub(crate) fn identity() -> Result<&'static Identity, Error> {
    static MADE: OnceLock<Result<Identity, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| Identity::generate().map_err(|error| error.to_string()));
    made.as_ref().map_err(|error| Error::from(error.clone()))
}

impl Identity {
    fn generate() -> Result<Self, Error> {
        let key = KeyPair::generate(KeySize::Rsa2048)?;
        let private: Pkcs8V1Der<'_> = key.as_der()?;
        let public: PublicKeyX509Der<'_> = key.public_key().as_der()?;
        let info = PrivateKeyInfoRef::try_from(private.as_ref()).map_err(|error| error.to_string())?;
        let pem_of = |document: &pkcs8::SecretDocument, label| {
            document
                .to_pem(label, LineEnding::LF)
                .map_err(|error| error.to_string())
        };
        let plain = info.to_pkcs8_der().map_err(|error| error.to_string())?;

        // What `openssl pkcs8 -topk8 -v2 aes-256-cbc` makes: PBES2 with PBKDF2 and HMAC-SHA256, 2048 rounds.
        let (mut salt, mut vector) = ([0; 16], [0; 16]);
        rand::fill(&mut salt)?;
        rand::fill(&mut vector)?;
        let scheme = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(2048, &salt, vector)
            .map_err(|error| error.to_string())?;
        let encrypted = info
            .encrypt_with_params(scheme, PASSPHRASE)
            .map_err(|error| error.to_string())?;

        let digest = BASE64_STANDARD.encode(Sha256::digest(public.as_ref()));
        Ok(Self {
            authority: Authority::generate(HOST)?,
            key_pem: pem_of(&plain, "PRIVATE KEY")?.to_string(),
            encrypted_pem: pem_of(&encrypted, "ENCRYPTED PRIVATE KEY")?.to_string(),
            public_pem: public_pem(public.as_ref()),
            fingerprint: format!("SHA256:{digest}"),
        })
    }

    /// Writes ca.pem, finops.p8, finops-encrypted.p8, passphrase, finops.pub, pat.txt and oauth.txt.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), Error> {
        fs::create_dir_all(dir)?;
        fs::write(dir.join("ca.pem"), &self.authority.ca_pem)?;
        fs::write(dir.join("finops.pub"), &self.public_pem)?;
        for (name, secret) in [
            ("finops.p8", self.key_pem.as_str()),
            ("finops-encrypted.p8", &self.encrypted_pem),
            ("passphrase", PASSPHRASE),
            ("pat.txt", ACCESS_TOKEN),
            ("oauth.txt", OAUTH_TOKEN),
        ] {
            write_secret(&dir.join(name), secret)?;
        }
        Ok(())
    }
}

/// Writes a file that only its owner can read.
fn write_secret(path: &Path, text: &str) -> Result<(), Error> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

fn public_pem(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    for (at, letter) in text.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END PUBLIC KEY-----\n");
    pem
}
