//! HTTP digest, against a server that checks it as a provider does.

use super::{
    super::{RefusalKind, credential::Value},
    canary::Logs,
    server::{Server, answer, header, parts},
    *,
};
use md5::Md5;
use sha2::{Digest, Sha256};

const URL: &str = "http://api.example.com/v1/invoices?b=2&a=%2f1";
const PASSWORD: &str = "canary-password-1";

/// What the server knows.
struct Provider {
    algorithm: &'static str,
    password: String,
    /// How often a nonce may be used.
    uses: usize,
    /// How many nonces were given out, and what was seen of each: its counts.
    nonces: Vec<Vec<String>>,
    /// Whether a spent nonce is told from a wrong digest.
    tells_stale: bool,
}

impl Provider {
    fn challenge(&mut self, stale: bool) -> Vec<u8> {
        self.nonces.push(Vec::new());
        let line = format!(
            "www-authenticate: Digest realm=\"MMS Public API\", domain=\"\", nonce=\"n{}/=\", algorithm={}, qop=\"auth\", \
             stale={stale}, opaque=\"5ccc\"",
            self.nonces.len(),
            self.algorithm,
        );
        answer(401, &[&line], b"no")
    }

    fn answer(&mut self, request: &str) -> Vec<u8> {
        let Some(given) = header(request, "authorization") else {
            return self.challenge(false);
        };
        let (method, target, _) = parts(request);
        let field = |name: &str| {
            let (_, rest) = given.split_once(&format!(" {name}=")).expect(name);
            rest.split(", ").next().unwrap().trim_matches('"').to_owned()
        };
        assert!(given.starts_with("Digest "), "{given}");
        assert_eq!(
            (
                field("username").as_str(),
                field("realm").as_str(),
                field("uri").as_str()
            ),
            ("public-key", "MMS Public API", target)
        );
        assert_eq!(
            (field("qop").as_str(), field("opaque").as_str()),
            ("auth", "5ccc")
        );
        assert_eq!(field("algorithm"), self.algorithm);
        let (nonce, count, client) = (field("nonce"), field("nc"), field("cnonce"));
        let hash = |text: String| match self.algorithm {
            "MD5" | "MD5-sess" => hex(&Md5::digest(text)),
            _ => hex(&Sha256::digest(text)),
        };
        let mut first = hash(format!("public-key:MMS Public API:{}", self.password));
        if self.algorithm.ends_with("-sess") {
            first = hash(format!("{first}:{nonce}:{client}"));
        }
        let second = hash(format!("{method}:{target}"));
        if field("response") != hash(format!("{first}:{nonce}:{count}:{client}:auth:{second}")) {
            return self.challenge(false);
        }
        let number: usize = nonce
            .trim_start_matches('n')
            .trim_end_matches("/=")
            .parse()
            .unwrap();
        let seen = &mut self.nonces[number - 1];
        assert!(!seen.contains(&count), "count {count} was used before");
        if seen.len() >= self.uses {
            let stale = self.tells_stale;
            return self.challenge(stale);
        }
        seen.push(count);
        answer(200, &["authentication-info: nextnonce=\"x\""], b"paid")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn provider(change: impl FnOnce(&mut Provider)) -> (Server, Arc<Mutex<Provider>>) {
    let mut provider = Provider {
        algorithm: "MD5",
        password: PASSWORD.to_owned(),
        uses: usize::MAX,
        nonces: Vec::new(),
        tells_stale: true,
    };
    change(&mut provider);
    let provider = Arc::new(Mutex::new(provider));
    let shared = Arc::clone(&provider);
    let server = Server::answering(move |request| shared.lock().unwrap().answer(request)).await;
    (server, provider)
}

fn digest(directory: &tempfile::TempDir) -> CredentialSpec {
    credential(Scheme::Digest {
        username: Value::Plain("public-key".to_owned()),
        password: file(directory, "password", PASSWORD),
    })
}

async fn status(egress: &Egress, request: Request) -> u16 {
    egress.send(request).await.unwrap().status
}

#[tokio::test]
async fn a_challenge_is_learnt_once_and_counted_up() {
    for algorithm in ["MD5", "SHA-256", "MD5-sess", "SHA-256-sess"] {
        let directory = tempfile::tempdir().unwrap();
        let (server, provider) = provider(|provider| provider.algorithm = algorithm).await;
        let egress = Setup::with_credential(server.address, digest(&directory)).egress();
        let reply = egress.send(post(URL, "body")).await.unwrap();
        assert_eq!(reply.status, 200, "{algorithm}");
        assert!(
            reply
                .headers
                .iter()
                .all(|(name, _)| name != "authentication-info")
        );
        assert_eq!(status(&egress, get(URL)).await, 200);
        assert_eq!(status(&egress, get("http://api.example.com/v1/other")).await, 200);
        assert_eq!(
            provider.lock().unwrap().nonces,
            [["00000001", "00000002", "00000003"]]
        );
        let seen = server.seen();
        assert_eq!(seen.len(), 4);
        assert!(seen[0].ends_with("\r\n\r\nbody") && seen[1].ends_with("\r\n\r\nbody"));
        assert_eq!(egress.report().attempts, 4);
    }
}

#[tokio::test]
async fn a_nonce_that_has_become_stale_is_replaced_within_the_call() {
    for tells_stale in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let (server, provider) = provider(|provider| {
            provider.uses = 2;
            provider.tells_stale = tells_stale;
        })
        .await;
        let egress = Setup::with_credential(server.address, digest(&directory)).egress();
        for _ in 0..4 {
            assert_eq!(status(&egress, get(URL)).await, 200);
        }
        let nonces = provider.lock().unwrap().nonces.clone();
        assert_eq!(nonces, [["00000001", "00000002"], ["00000001", "00000002"]]);
        assert_eq!(server.seen().len(), 6);
    }
}

#[tokio::test]
async fn nonces_that_are_always_stale_end_with_the_guest() {
    let directory = tempfile::tempdir().unwrap();
    let (server, _) = provider(|provider| provider.uses = 0).await;
    let egress = Setup::with_credential(server.address, digest(&directory)).egress();
    assert_eq!(status(&egress, get(URL)).await, 401);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_wrong_password_is_the_guests_to_hear_and_is_not_tried_on_and_on() {
    let directory = tempfile::tempdir().unwrap();
    let (server, _) = provider(|provider| provider.password = "another".to_owned()).await;
    let egress = Setup::with_credential(server.address, digest(&directory)).egress();
    assert_eq!(status(&egress, get(URL)).await, 401);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_changed_password_is_used_with_the_challenge_that_is_known() {
    let directory = tempfile::tempdir().unwrap();
    let (server, provider) = provider(|_| ()).await;
    let egress = Setup::with_credential(server.address, digest(&directory)).egress();
    assert_eq!(status(&egress, get(URL)).await, 200);
    provider.lock().unwrap().password = "canary-password-2".to_owned();
    file(&directory, "next", "canary-password-2");
    std::fs::rename(directory.path().join("next"), directory.path().join("password")).unwrap();
    assert_eq!(status(&egress, get(URL)).await, 200);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn calls_at_once_never_share_a_count() {
    let directory = tempfile::tempdir().unwrap();
    let (server, _) = provider(|_| ()).await;
    let egress = Setup::with_credential(server.address, digest(&directory)).egress();
    let replies = futures::future::join_all((0..20).map(|_| egress.send(get(URL)))).await;
    assert!(replies.iter().all(|reply| reply.as_ref().unwrap().status == 200));
}

#[tokio::test]
async fn a_challenge_that_cannot_be_answered_is_told_to_the_operator() {
    let directory = tempfile::tempdir().unwrap();
    for line in ["www-authenticate: Basic realm=\"x\"", "x-none: y"] {
        let server = Server::start(vec![answer(401, &[line], b"")]).await;
        let egress = Setup::with_credential(server.address, digest(&directory)).egress();
        let refusal = egress.send(get(URL)).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Credential);
        assert_eq!(
            refusal.message,
            "the operator's credential for this call cannot be used"
        );
        assert!(egress.report().failed[0].why.contains("qop=auth"));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn learning_a_challenge_counts_in_the_runs_budget() {
    let directory = tempfile::tempdir().unwrap();
    let (server, _) = provider(|_| ()).await;
    let mut setup = Setup::with_credential(server.address, digest(&directory));
    setup.limits.requests = 1;
    let refusal = setup.egress().send(get(URL)).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Throttled);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn neither_password_nor_digest_comes_back_or_is_shown() {
    let logs = Logs::start();
    let directory = tempfile::tempdir().unwrap();
    let server = Server::answering(|request| match header(request, "authorization") {
        None => answer(
            401,
            &["www-authenticate: Digest realm=\"r\", nonce=\"n\", qop=auth"],
            b"",
        ),
        Some(given) => answer(200, &[], format!("you sent {given}").as_bytes()),
    })
    .await;
    let egress = Setup::with_credential(server.address, digest(&directory)).egress();
    let refusal = whole(egress.send(get(URL)).await.unwrap()).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Echoed);
    let seen = server.seen();
    let (_, response) = seen[1].split_once("response=\"").unwrap();
    let response = response.split('"').next().unwrap();
    logs.assert_unseen(&[PASSWORD, response], &egress, &[refusal]);
}
