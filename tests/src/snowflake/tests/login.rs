//! Who is let in.

use super::*;
use crate::snowflake::identity::{ACCESS_TOKEN, OAUTH_TOKEN, PASSPHRASE};
use pkcs8::{DecodePrivateKey as _, SecretDocument};

/// The status of a harmless statement sent with this token and type.
async fn status(account: &Account, token: &str, kind: &str) -> StatusCode {
    let request = account
        .client
        .post(account.url("/api/v2/statements"))
        .header("Authorization", format!("Bearer {token}"))
        .header("X-Snowflake-Authorization-Token-Type", kind)
        .header("Content-Type", "application/json")
        .body(body("SELECT 1", &[]).to_string());
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn a_signed_token_is_accepted() {
    let account = Account::start(Options::default()).await;
    assert_eq!(
        status(&account, &account.token, "KEYPAIR_JWT").await,
        StatusCode::OK
    );
    assert_eq!(account.simulator.refusals(), Vec::<String>::new());
}

#[tokio::test]
async fn a_token_with_a_wrong_claim_is_refused() {
    let account = Account::start(Options::default()).await;
    let now = account.simulator.account.now().as_second();
    let fingerprint = &identity().unwrap().fingerprint;
    for (claim, wrong) in [
        ("iss", json!(format!("MYORG-ACCT.TELEMETRY.{}", "SHA256:AAAA"))),
        ("iss", json!(format!("myorg-acct.telemetry.{fingerprint}"))),
        ("iss", json!(format!("MYORG-ACCT.OTHER.{fingerprint}"))),
        ("sub", json!("MYORG-ACCT.telemetry")),
        ("iat", json!(now + 120)),
        ("exp", json!(now + 3700)),
        ("exp", json!(now - 1)),
        ("iat", json!(now - 3700)),
    ] {
        let mut claims = claims(&account.simulator);
        claims[claim] = wrong;
        let got = status(&account, &token(&claims), "KEYPAIR_JWT").await;
        assert_eq!(got, StatusCode::UNAUTHORIZED, "{claims}");
    }
    assert_eq!(account.simulator.refusals().len(), 8);
    // A clock that is a little ahead is no reason.
    let mut claims = claims(&account.simulator);
    claims["iat"] = json!(now + 20);
    assert_eq!(
        status(&account, &token(&claims), "KEYPAIR_JWT").await,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_token_signed_by_another_key_is_refused_as_snowflake_words_it() {
    let account = Account::start(Options::default()).await;
    let (head, signature) = account.token.rsplit_once('.').unwrap();
    let mut bytes = signature.to_owned();
    let first = if bytes.starts_with('A') { "B" } else { "A" };
    bytes.replace_range(0..1, first);
    let bad = Account {
        token: format!("{head}.{bytes}"),
        ..account
    };
    let (status, body) = bad.submit(&body("SELECT 1", &[])).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["code"], "390144");
    assert!(body["message"].as_str().unwrap().contains("JWT token is invalid"));
}

#[tokio::test]
async fn access_tokens_are_accepted_under_their_own_type_only() {
    let account = Account::start(Options::default()).await;
    for (token, kind, expected) in [
        (ACCESS_TOKEN, "PROGRAMMATIC_ACCESS_TOKEN", StatusCode::OK),
        (OAUTH_TOKEN, "OAUTH", StatusCode::OK),
        (ACCESS_TOKEN, "OAUTH", StatusCode::UNAUTHORIZED),
        (ACCESS_TOKEN, "KEYPAIR_JWT", StatusCode::UNAUTHORIZED),
        ("wrong", "PROGRAMMATIC_ACCESS_TOKEN", StatusCode::UNAUTHORIZED),
        (ACCESS_TOKEN, "", StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(status(&account, token, kind).await, expected, "{token} as {kind}");
    }
}

#[tokio::test]
async fn a_caller_without_user_agent_or_token_is_refused() {
    let account = Account::start(Options::default()).await;
    let known = identity().unwrap();
    let nameless = Client::builder()
        .resolve(HOST, account.simulator.addr())
        .tls_certs_only([Certificate::from_pem(known.authority.ca_pem.as_bytes()).unwrap()])
        .build()
        .unwrap();
    let request = nameless
        .post(account.url("/api/v2/statements"))
        .header("Authorization", format!("Bearer {}", account.token))
        .header("X-Snowflake-Authorization-Token-Type", "KEYPAIR_JWT");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    let request = account.client.post(account.url("/api/v2/statements"));
    assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_files_hold_the_same_key_plain_and_encrypted() {
    let account = Account::start(Options::default()).await;
    let dir = tempfile::tempdir().unwrap();
    account.simulator.write_files(dir.path()).unwrap();
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let (_, plain) = SecretDocument::from_pem(&read("finops.p8")).unwrap();
    let encrypted =
        Decrypted::from_pkcs8_encrypted_pem(&read("finops-encrypted.p8"), read("passphrase")).unwrap();
    assert_eq!(encrypted.0, plain.as_bytes());
    assert_eq!(read("passphrase"), PASSPHRASE);
    assert_eq!(read("pat.txt"), ACCESS_TOKEN);
    assert_eq!(read("oauth.txt"), OAUTH_TOKEN);
    assert!(read("finops.pub").starts_with("-----BEGIN PUBLIC KEY-----\n"));
    assert!(read("ca.pem").starts_with("-----BEGIN CERTIFICATE-----\n"));
}

/// The DER of a decrypted key.
struct Decrypted(Vec<u8>);

impl TryFrom<pkcs8::PrivateKeyInfoRef<'_>> for Decrypted {
    type Error = pkcs8::Error;

    fn try_from(info: pkcs8::PrivateKeyInfoRef<'_>) -> Result<Self, Self::Error> {
        use pkcs8::der::Encode as _;
        Ok(Self(info.to_der()?))
    }
}
