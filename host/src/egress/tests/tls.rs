//! TLS with the rule's own certificates.

use super::{
    super::{
        EgressError, RefusalKind,
        credential::{ClientAuth, ClientCredentials, Value},
    },
    server::{Server, answer},
    *,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    fn write(&self, directory: &tempfile::TempDir, name: &str) -> PathBuf {
        let path = directory.path().join(name);
        std::fs::write(&path, self.issuer.pem()).unwrap();
        path
    }

    fn acceptor(&self, host: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![host.to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

async fn server(authority: &Authority, host: &str) -> Server {
    Server::start_tls(vec![answer(200, &[], b"safe")], authority.acceptor(host)).await
}

fn secure(server: &Server, ca: PathBuf) -> Rule {
    let mut rule = rule("api.example.com", &["/"]);
    rule.connect_to = Some(server.address);
    rule.ca = Some(ca);
    rule
}

#[tokio::test]
async fn a_private_authority_and_connect_to_reach_the_named_host() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let server = server(&authority, "api.example.com").await;
    let rule = secure(&server, authority.write(&directory, "ca.pem"));
    let egress = Setup::new(vec![rule]).egress();
    let reply = egress.send(get("https://api.example.com/x")).await.unwrap();
    assert_eq!(whole(reply).await.unwrap(), b"safe");
    assert!(server.only().contains("\r\nhost: api.example.com\r\n"));
}

#[tokio::test]
async fn a_peer_without_the_right_certificate_is_unreachable_and_learns_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = authority.write(&directory, "ca.pem");
    let other_name = server(&authority, "other.example.com").await;
    let other_authority = server(&Authority::new(), "api.example.com").await;
    for server in [other_name, other_authority] {
        let mut setup = Setup::new(vec![secure(&server, ca.clone())]);
        setup.rules[0].credential = Some("main".to_owned());
        setup.credentials.push(bearer(&directory, "secret-token-1"));
        let egress = setup.egress();
        let refusal = egress.send(get("https://api.example.com/x")).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Unreachable);
        assert!(!refusal.message.contains("certificate"));
        assert_eq!((egress.report().attempts, server.seen().len()), (1, 0));
    }
}

#[tokio::test]
async fn a_token_url_is_trusted_by_the_credentials_own_authority_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (api, login) = (Authority::new(), Authority::new());
    let server = server(&api, "api.example.com").await;
    let token = vec![answer(200, &[], br#"{"access_token":"minted-token-1"}"#)];
    let minting = Server::start_tls(token, login.acceptor("login.example.com")).await;
    let mut setup = Setup::new(vec![secure(&server, api.write(&directory, "api.pem"))]);
    setup.rules[0].credential = Some("main".to_owned());
    let mut spec = credential(Scheme::OAuth2ClientCredentials(ClientCredentials {
        token_url: "https://login.example.com/token".parse().unwrap(),
        client_id: Value::Plain("client".to_owned()),
        client_secret: file(&directory, "secret", "canary-secret-1"),
        client_auth: ClientAuth::Header,
        scope: None,
        audience: None,
        parameters: Vec::new(),
    }));
    spec.connect_to = Some(minting.address);
    spec.ca = Some(login.write(&directory, "login.pem"));
    setup.credentials.push(spec);
    setup
        .egress()
        .send(get("https://api.example.com/x"))
        .await
        .unwrap();
    assert!(minting.only().starts_with("POST /token HTTP/1.1\r\n"));
    assert!(
        server
            .only()
            .contains("\r\nauthorization: Bearer minted-token-1\r\n")
    );
    setup.credentials[0].ca = Some(api.write(&directory, "api.pem"));
    let refusal = setup
        .egress()
        .send(get("https://api.example.com/x"))
        .await
        .unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unreachable);
    assert_eq!((minting.seen().len(), server.seen().len()), (1, 1));
}

#[tokio::test]
async fn the_systems_authorities_do_not_vouch_for_a_private_one() {
    let server = server(&Authority::new(), "api.example.com").await;
    let mut rule = secure(&server, PathBuf::new());
    rule.ca = None;
    let refusal = Setup::new(vec![rule])
        .egress()
        .send(get("https://api.example.com/x"))
        .await;
    assert_eq!(refusal.unwrap_err().kind, RefusalKind::Unreachable);
}

#[tokio::test]
async fn a_file_without_certificates_is_told_before_the_run() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("ca.pem"), "nothing").unwrap();
    for (name, why) in [("ca.pem", "no PEM certificate"), ("missing.pem", "No such file")] {
        let mut rule = rule("api.example.com", &["/"]);
        rule.ca = Some(directory.path().join(name));
        let grant = Grant {
            rules: vec![rule],
            credentials: Vec::new(),
        };
        let agent = UserAgent {
            collector: String::new(),
            version: String::new(),
        };
        let error = Egress::new(grant, &Limits::default(), &agent, ManualClock::new(), None).unwrap_err();
        assert!(matches!(error, EgressError::Ca { .. }));
        assert!(error.to_string().contains(why), "{error}");
    }
}
