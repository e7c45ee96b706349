//! Snowflake's key pair, end to end.

use super::{
    super::RefusalKind,
    server::{Server, answer},
    *,
};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use pkcs8::{
    PrivateKeyInfoRef, SecretDocument,
    der::{Decode, pem::LineEnding},
    pkcs5::pbes2,
};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

const URL: &str = "http://api.example.com/v1/statements";

fn pair() -> &'static KeyPair {
    static PAIR: OnceLock<KeyPair> = OnceLock::new();
    PAIR.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).unwrap())
}

fn der() -> Vec<u8> {
    let der: Pkcs8V1Der<'_> = pair().as_der().unwrap();
    der.as_ref().to_vec()
}

fn pem(label: &'static str, der: &[u8]) -> String {
    let document = SecretDocument::try_from(der).unwrap();
    document.to_pem(label, LineEnding::LF).unwrap().to_string()
}

pub(super) fn plain_pem() -> String {
    pem("PRIVATE KEY", &der())
}

fn encrypted_pem(encryption: pbes2::EncryptionScheme) -> String {
    let parameters = pbes2::Parameters {
        kdf: pbes2::Pbkdf2Params::hmac_sha256(1000, b"saltsalt")
            .unwrap()
            .into(),
        encryption,
    };
    let der = der();
    let info = PrivateKeyInfoRef::from_der(&der).unwrap();
    let document = info.encrypt_with_params(parameters, "pass phrase").unwrap();
    pem("ENCRYPTED PRIVATE KEY", document.as_bytes())
}

fn key_pair(private_key: SecretRef, passphrase: Option<SecretRef>) -> CredentialSpec {
    credential(Scheme::SnowflakeKeyPair {
        account: "myorg.acct".to_owned(),
        user: "telemetry".to_owned(),
        private_key,
        passphrase,
    })
}

fn token(request: &str) -> String {
    assert!(
        request.contains("\r\nx-snowflake-authorization-token-type: KEYPAIR_JWT\r\n"),
        "{request}"
    );
    let (_, rest) = request.split_once("\r\nauthorization: Bearer ").unwrap();
    rest.split("\r\n").next().unwrap().to_owned()
}

/// The claims, their signature checked with the public key.
pub(super) fn claims(token: &str) -> serde_json::Value {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_rsa_der(pair().public_key().as_ref());
    jsonwebtoken::decode(token, &key, &validation).unwrap().claims
}

#[tokio::test]
async fn the_token_is_signed_and_names_account_user_and_key() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let spec = key_pair(file(&directory, "key", &plain_pem()), None);
    Setup::with_credential(server.address, spec)
        .egress()
        .send(get(URL))
        .await
        .unwrap();
    let public: PublicKeyX509Der<'_> = pair().public_key().as_der().unwrap();
    let fingerprint = STANDARD.encode(Sha256::digest(public.as_ref()));
    let issued = 1_785_542_400_i64;
    assert_eq!(
        claims(&token(&server.only())),
        serde_json::json!({
            "iss": format!("MYORG-ACCT.TELEMETRY.SHA256:{fingerprint}"),
            "sub": "MYORG-ACCT.TELEMETRY",
            "iat": issued,
            "exp": issued + 59 * 60,
        })
    );
}

#[tokio::test]
async fn a_token_is_used_for_fifty_minutes_then_minted_anew() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let mut setup = Setup::with_credential(
        server.address,
        key_pair(file(&directory, "key", &plain_pem()), None),
    );
    setup.limits.wall = Duration::from_secs(36_000);
    let egress = setup.egress();
    for minutes in [0, 49, 1] {
        setup.clock.forward(Duration::from_secs(minutes * 60));
        egress.send(get(URL)).await.unwrap();
    }
    let tokens: Vec<String> = server.seen().iter().map(|seen| token(seen)).collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
}

#[tokio::test]
async fn a_token_that_was_refused_is_minted_anew_and_the_call_repeated_once() {
    let directory = tempfile::tempdir().unwrap();
    let answers = [200, 401, 200, 401].map(|status| answer(status, &[], b""));
    let server = Server::start(answers.to_vec()).await;
    let setup = Setup::with_credential(
        server.address,
        key_pair(file(&directory, "key", &plain_pem()), None),
    );
    let egress = setup.egress();
    for (expected, requests) in [(200, 1), (200, 3), (401, 5)] {
        assert_eq!(egress.send(post(URL, "x")).await.unwrap().status, expected);
        assert_eq!(server.seen().len(), requests);
        setup.clock.forward(Duration::from_secs(1));
    }
    let seen = server.seen();
    assert_eq!(token(&seen[0]), token(&seen[1]));
    assert_ne!(token(&seen[1]), token(&seen[2]));
    assert!(seen.iter().all(|request| request.ends_with("\r\n\r\nx")));
}

#[tokio::test]
async fn a_minted_token_does_not_come_back_to_the_guest() {
    let directory = tempfile::tempdir().unwrap();
    let first = Server::start(vec![answer(200, &[], b"")]).await;
    let spec = key_pair(file(&directory, "key", &plain_pem()), None);
    Setup::with_credential(first.address, spec.clone())
        .egress()
        .send(get(URL))
        .await
        .unwrap();
    // The same key at the same time makes the same token.
    let echo = answer(200, &[], format!("you sent {}", token(&first.only())).as_bytes());
    let second = Server::start(vec![echo]).await;
    let egress = Setup::with_credential(second.address, spec).egress();
    let reply = egress.send(get(URL)).await.unwrap();
    assert_eq!(whole(reply).await.unwrap_err().kind, RefusalKind::Echoed);
}

#[tokio::test]
async fn encrypted_keys_are_opened_with_their_passphrase() {
    let directory = tempfile::tempdir().unwrap();
    for encryption in [
        pbes2::EncryptionScheme::Aes256Cbc { iv: [7; 16] },
        pbes2::EncryptionScheme::DesEde3Cbc { iv: [7; 8] },
    ] {
        let server = Server::start(vec![answer(200, &[], b"")]).await;
        let key = file(&directory, "key", &encrypted_pem(encryption));
        let spec = key_pair(key, Some(file(&directory, "passphrase", "pass phrase\n")));
        Setup::with_credential(server.address, spec)
            .egress()
            .send(get(URL))
            .await
            .unwrap();
        claims(&token(&server.only()));
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_explained_to_the_operator_alone() {
    let directory = tempfile::tempdir().unwrap();
    let encrypted = encrypted_pem(pbes2::EncryptionScheme::Aes256Cbc { iv: [7; 16] });
    let ec = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let pkcs1 = pem("RSA PRIVATE KEY", &der());
    let wrong = || Some(file(&directory, "passphrase", "wrong"));
    let key = |name: &str, text: &str| file(&directory, name, text);
    let cases = [
        (
            SecretRef::File(directory.path().join("missing")),
            None,
            "missing: No such file",
        ),
        (key("ec", &ec), None, "ec: not an RSA key"),
        (key("pkcs1", &pkcs1), None, "pkcs1: a PKCS#1 key: convert it"),
        (key("text", "no key"), None, "text: not a PEM private key"),
        (
            key("locked", &encrypted),
            None,
            "locked: encrypted: give its `passphrase`",
        ),
        (
            key("locked", &encrypted),
            wrong(),
            "passphrase: the passphrase does not open",
        ),
    ];
    for (private_key, passphrase, why) in cases {
        let server = Server::start(vec![answer(200, &[], b"")]).await;
        let egress = Setup::with_credential(server.address, key_pair(private_key, passphrase)).egress();
        let refusal = egress.send(get(URL)).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Credential);
        assert_eq!(
            refusal.message,
            "the operator's credential for this call cannot be used"
        );
        let failed = egress.report().failed;
        assert!(failed[0].why.contains(why), "{why}: {failed:?}");
        assert_eq!(server.seen().len(), 0);
    }
}
