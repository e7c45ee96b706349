//! Minted tokens: OAuth client credentials and the JWT bearer grant, against a provider that mints, checks and revokes.

use super::{
    super::{
        RefusalKind,
        credential::{ClientAuth, ClientCredentials, JwtBearer, Value},
    },
    canary::Logs,
    keys,
    server::{Server, answer, header, parts},
    *,
};
use base64::{Engine, engine::general_purpose::STANDARD};

const URL: &str = "http://api.example.com/v1/cost";
const SECRET: &str = "canary client/secret";

/// Mints tokens at `/token`, and takes the newest of them at `/v1`.
struct Provider {
    secret: String,
    expires_in: u32,
    minted: usize,
    revoked: usize,
}

impl Provider {
    fn answer(&mut self, request: &str) -> Vec<u8> {
        let (method, target, body) = parts(request);
        if target != "/token" {
            let newest = format!("Bearer canary-token-{}", self.minted);
            let good =
                self.minted > self.revoked && header(request, "authorization") == Some(newest.as_str());
            return answer(if good { 200 } else { 401 }, &[], b"api");
        }
        assert_eq!(
            (method, header(request, "host")),
            ("POST", Some("login.example.com"))
        );
        assert_eq!(
            header(request, "content-type"),
            Some("application/x-www-form-urlencoded")
        );
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(form["scope"], "cost:read all");
        let pair = header(request, "authorization").map(|value| {
            let pair = STANDARD.decode(value.strip_prefix("Basic ").unwrap()).unwrap();
            let pair = String::from_utf8(pair).unwrap();
            let (id, secret) = pair.split_once(':').unwrap();
            (decoded(id), decoded(secret))
        });
        let in_body = || Some((form.get("client_id")?.clone(), form.get("client_secret")?.clone()));
        assert!(pair.is_none() || in_body().is_none(), "authenticated twice");
        if pair.or_else(in_body) != Some(("the:client".to_owned(), self.secret.clone())) {
            return answer(401, &[], br#"{"error":"invalid_client"}"#);
        }
        self.minted += 1;
        let token = format!("canary-token-{}", self.minted);
        let reply = serde_json::json!({
            "access_token": token, "token_type": "Bearer", "expires_in": self.expires_in,
        });
        answer(
            200,
            &["content-type: application/json"],
            reply.to_string().as_bytes(),
        )
    }
}

fn decoded(text: &str) -> String {
    let pair = format!("x={text}");
    let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next().unwrap();
    value.into_owned()
}

async fn provider() -> (Server, Arc<Mutex<Provider>>) {
    let provider = Arc::new(Mutex::new(Provider {
        secret: SECRET.to_owned(),
        expires_in: 3600,
        minted: 0,
        revoked: 0,
    }));
    let shared = Arc::clone(&provider);
    let server = Server::answering(move |request| shared.lock().unwrap().answer(request)).await;
    (server, provider)
}

fn oauth(directory: &tempfile::TempDir, server: SocketAddr) -> CredentialSpec {
    let mut spec = credential(Scheme::OAuth2ClientCredentials(ClientCredentials {
        token_url: "http://login.example.com/token".parse().unwrap(),
        client_id: Value::Plain("the:client".to_owned()),
        client_secret: file(directory, "secret", SECRET),
        client_auth: ClientAuth::Header,
        scope: Some("cost:read all".to_owned()),
        audience: None,
        parameters: Vec::new(),
    }));
    spec.connect_to = Some(server);
    spec
}

/// An API and its token URL on one server.
fn setup(directory: &tempfile::TempDir, server: SocketAddr) -> Setup {
    Setup::with_credential(server, oauth(directory, server))
}

/// How many calls went to the token URL, and how many to the API.
fn calls(server: &Server) -> (usize, usize) {
    let seen = server.seen();
    let minting = seen.iter().filter(|request| parts(request).1 == "/token").count();
    (minting, seen.len() - minting)
}

async fn status(egress: &Egress) -> u16 {
    egress.send(post(URL, "x")).await.unwrap().status
}

#[tokio::test]
async fn a_token_is_minted_once_and_used_until_it_is_about_to_expire() {
    let directory = tempfile::tempdir().unwrap();
    let (server, _) = provider().await;
    let mut setup = setup(&directory, server.address);
    setup.limits.wall = Duration::from_secs(36_000);
    let egress = setup.egress();
    for (seconds, minted) in [(0, 1), (3539, 1), (1, 2), (10, 2)] {
        setup.clock.forward(Duration::from_secs(seconds));
        assert_eq!(status(&egress).await, 200);
        assert_eq!(calls(&server).0, minted, "after {seconds} s");
    }
    assert_eq!(egress.report().attempts, 6);
    assert_eq!(egress.report().requests, 4);
}

#[tokio::test]
async fn a_token_that_expires_at_once_serves_the_call_it_was_minted_for() {
    let directory = tempfile::tempdir().unwrap();
    let (server, provider) = provider().await;
    provider.lock().unwrap().expires_in = 0;
    let egress = setup(&directory, server.address).egress();
    assert_eq!((status(&egress).await, status(&egress).await), (200, 200));
    assert_eq!(calls(&server), (2, 2));
}

#[tokio::test]
async fn a_client_authenticates_in_the_body_where_the_file_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (server, _) = provider().await;
    let mut setup = setup(&directory, server.address);
    if let Scheme::OAuth2ClientCredentials(grant) = &mut setup.credentials[0].scheme {
        grant.client_auth = ClientAuth::Body;
    }
    assert_eq!(status(&setup.egress()).await, 200);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_within_the_call_and_only_once() {
    let directory = tempfile::tempdir().unwrap();
    let (server, provider) = provider().await;
    let egress = setup(&directory, server.address).egress();
    assert_eq!(status(&egress).await, 200);
    provider.lock().unwrap().revoked = 1;
    assert_eq!(status(&egress).await, 200);
    assert_eq!(calls(&server), (2, 3));
    provider.lock().unwrap().revoked = usize::MAX;
    assert_eq!(status(&egress).await, 401);
    assert_eq!(calls(&server), (3, 5));
}

#[tokio::test]
async fn calls_at_once_share_one_token_and_one_renewal() {
    let directory = tempfile::tempdir().unwrap();
    let (server, provider) = provider().await;
    let egress = setup(&directory, server.address).egress();
    for expected in [1, 2] {
        let replies = futures::future::join_all((0..20).map(|_| status(&egress))).await;
        assert!(replies.iter().all(|status| *status == 200), "{replies:?}");
        assert_eq!(calls(&server).0, expected);
        let mut provider = provider.lock().unwrap();
        provider.revoked = provider.minted;
    }
}

#[tokio::test]
async fn a_rotated_client_secret_mints_a_token_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let (server, provider) = provider().await;
    let egress = setup(&directory, server.address).egress();
    assert_eq!(status(&egress).await, 200);
    provider.lock().unwrap().secret = "canary-client-secret-2".to_owned();
    file(&directory, "next", "canary-client-secret-2");
    std::fs::rename(directory.path().join("next"), directory.path().join("secret")).unwrap();
    assert_eq!(status(&egress).await, 200);
    assert_eq!(calls(&server), (2, 2));
}

/// Status, headers and body; the kind, how often the token URL is asked, and what the operator reads.
type Answered<'a> = (u16, &'a [&'a str], &'a str, RefusalKind, usize, &'a str);

#[tokio::test]
async fn what_a_token_url_answers_is_told_to_the_operator_in_known_words_alone() {
    let logs = Logs::start();
    let directory = tempfile::tempdir().unwrap();
    let large = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(70_000));
    use RefusalKind::{Credential, Throttled, Unreachable};
    let cases: [Answered<'_>; 10] = [
        (
            401,
            &[],
            r#"{"error":"invalid_client","error_description":"canary-body"}"#,
            Credential,
            1,
            "answered 401 (invalid_client)",
        ),
        (
            400,
            &[],
            r#"{"error":"canary-body"}"#,
            Credential,
            1,
            "answered 400",
        ),
        (403, &[], "canary-body", Credential, 1, "answered 403"),
        (
            302,
            &["location: https://canary-body.example/"],
            "",
            Credential,
            1,
            "answered 302: redirects are not followed",
        ),
        (
            200,
            &[],
            "canary-body",
            Credential,
            1,
            "answered with other than a token",
        ),
        (200, &[], &large, Credential, 1, "answered with more than 64 KiB"),
        (500, &[], "canary-body", Unreachable, 1, "answered 500"),
        (503, &[], "canary-body", Unreachable, 4, "answered 503"),
        (
            429,
            &["retry-after: 7"],
            "canary-body",
            Throttled,
            4,
            "asks to come again later (429)",
        ),
        (
            429,
            &["retry-after: 700"],
            "canary-body",
            Throttled,
            1,
            "asks to come again later (429)",
        ),
    ];
    for (code, headers, body, kind, times, why) in cases {
        let server = Server::start(vec![answer(code, headers, body.as_bytes())]).await;
        let setup = setup(&directory, server.address);
        let egress = setup.egress();
        let refusal = egress.send(post(URL, "x")).await.unwrap_err();
        assert_eq!(refusal.kind, kind, "{code} {body}");
        assert_eq!(
            refusal.message,
            "the operator's credential for this call cannot be used"
        );
        assert_eq!(calls(&server), (times, 0), "{code} {headers:?}");
        let failed = egress.report().failed;
        let expected = format!("the token URL http://login.example.com/token {why}");
        assert!(failed[0].why.starts_with(&expected), "{failed:?}");
        logs.assert_unseen(&["canary-body", SECRET], &egress, &[refusal]);
    }
}

#[tokio::test]
async fn a_token_url_that_asks_to_wait_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let token = br#"{"access_token":"canary-token-1"}"#;
    let answers = vec![
        answer(429, &["retry-after: 7"], b""),
        answer(200, &[], token),
        answer(200, &[], b""),
    ];
    let server = Server::start(answers).await;
    let setup = setup(&directory, server.address);
    assert_eq!(status(&setup.egress()).await, 200);
    assert_eq!(*setup.clock.slept.lock().unwrap(), [Duration::from_secs(7)]);
}

#[tokio::test]
async fn a_token_url_that_cannot_be_reached_is_tried_again_as_a_provider_is() {
    let directory = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let (server, _) = provider().await;
    let mut setup = setup(&directory, server.address);
    setup.credentials[0].connect_to = Some(nobody);
    let egress = setup.egress();
    let refusal = egress.send(post(URL, "x")).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unreachable);
    assert_eq!(
        refusal.message,
        "the operator's credential for this call cannot be used"
    );
    assert!(egress.report().failed[0].why.contains("cannot be reached"));
    // Each attempt of the call, and each token call, counts.
    assert_eq!((egress.report().attempts, server.seen().len()), (8, 0));
}

#[tokio::test]
async fn token_calls_count_in_the_runs_budget_and_end_with_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let (server, _) = provider().await;
    let mut setup = setup(&directory, server.address);
    setup.limits.requests = 1;
    let refusal = setup.egress().send(get(URL)).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Throttled);
    assert_eq!(server.seen().len(), 0);
    setup.limits.requests = 2;
    assert_eq!(status(&setup.egress()).await, 200);
    setup.limits.sent = 20;
    assert_eq!(
        setup.egress().send(get(URL)).await.unwrap_err().kind,
        RefusalKind::Throttled
    );
}

#[tokio::test]
async fn tokens_and_what_they_are_minted_with_come_back_in_no_form_and_are_never_shown() {
    let logs = Logs::start();
    let directory = tempfile::tempdir().unwrap();
    let pair = STANDARD.encode("the%3Aclient:canary%20client%2Fsecret");
    for echoed in ["canary-token-1".to_owned(), SECRET.to_owned(), pair] {
        let echo = echoed.clone();
        let server = Server::answering(move |request| match parts(request).1 {
            "/token" => answer(200, &[], br#"{"access_token":"canary-token-1"}"#),
            _ => answer(200, &[], format!("you sent {echo}").as_bytes()),
        })
        .await;
        let egress = setup(&directory, server.address).egress();
        let refusal = whole(egress.send(get(URL)).await.unwrap()).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Echoed, "{echoed}");
        logs.assert_unseen(&["canary-token-1", SECRET, &echoed], &egress, &[refusal]);
    }
}

fn jwt_bearer(key: SecretRef, server: SocketAddr) -> CredentialSpec {
    let mut spec = credential(Scheme::JwtBearer(JwtBearer {
        token_url: "http://login.example.com/token".parse().unwrap(),
        issuer: "reader@project.example.com".to_owned(),
        subject: None,
        audience: None,
        scope: Some("cost:read".to_owned()),
        private_key: key,
        passphrase: None,
        key_id: Some("key-7".to_owned()),
        lifetime: Duration::from_secs(300),
        parameters: vec![("resource".to_owned(), "cost".to_owned())],
    }));
    spec.connect_to = Some(server);
    spec
}

#[tokio::test]
async fn an_assertion_is_signed_and_exchanged_for_a_token() {
    let logs = Logs::start();
    let directory = tempfile::tempdir().unwrap();
    let minted = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&minted);
    let server = Server::answering(move |request| {
        let (_, target, body) = parts(request);
        let mut minted = seen.lock().unwrap();
        if target != "/token" {
            let newest = format!("Bearer canary-token-{}", minted.len());
            let good = header(request, "authorization") == Some(newest.as_str()) && minted.len() == 2;
            return answer(if good { 200 } else { 401 }, &[], b"");
        }
        let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(form[0].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
        assert_eq!((form[1].0.as_str(), form.len()), ("assertion", 3));
        assert_eq!(form[2], ("resource".to_owned(), "cost".to_owned()));
        minted.push(form[1].1.clone());
        answer(
            200,
            &[],
            format!(r#"{{"access_token":"canary-token-{}"}}"#, minted.len()).as_bytes(),
        )
    })
    .await;
    let key = file(&directory, "key", &keys::plain_pem());
    let egress = Setup::with_credential(server.address, jwt_bearer(key, server.address)).egress();
    // The first token is refused, and replaced within the call.
    assert_eq!(status(&egress).await, 200);
    assert_eq!(status(&egress).await, 200);
    assert_eq!(calls(&server), (2, 3));
    let assertion = minted.lock().unwrap()[0].clone();
    let head = jsonwebtoken::decode_header(&assertion).unwrap();
    assert_eq!(
        (head.kid.as_deref(), head.alg),
        (Some("key-7"), jsonwebtoken::Algorithm::RS256)
    );
    assert_eq!(
        keys::claims(&assertion),
        serde_json::json!({
            "iss": "reader@project.example.com",
            "aud": "http://login.example.com/token",
            "scope": "cost:read",
            "iat": 1_785_542_400,
            "exp": 1_785_542_700,
        })
    );
    logs.assert_unseen(&["canary-token-1", "canary-token-2", &assertion], &egress, &[]);
}
