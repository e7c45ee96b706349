//! AWS identities, against a cloud that gives keys, checks every signature made with them, lets them expire and revokes them.

use super::{
    super::{
        RefusalKind,
        credential::{AssumeRole, AwsIdentity, AwsSigV4, Canonical, Scope, Signed, WebIdentity},
        rule::PathPrefix,
    },
    canary::Logs,
    server::{Server, answer, header, parts},
    signed::is_signed,
    *,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/finops";
const API: &str = "http://api.example.com/v1";

/// Keys that the cloud has given.
#[derive(Clone)]
struct Given {
    id: String,
    secret: String,
    token: Option<String>,
    until: Timestamp,
}

/// IMDS, a container's endpoint, STS and an API on one server.
struct Cloud {
    clock: Arc<ManualClock>,
    /// How long keys hold.
    holds: SignedDuration,
    given: Vec<Given>,
    /// Keys with a lower number are refused.
    revoked: usize,
    /// What IMDS answers instead of keys.
    instead: Option<(u16, &'static str)>,
    /// The token that STS takes for an identity.
    web_token: String,
}

impl Cloud {
    fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            clock,
            holds: SignedDuration::from_hours(1),
            given: Vec::new(),
            revoked: 0,
            instead: None,
            web_token: "canary-web-token-1".to_owned(),
        }
    }

    fn give(&mut self) -> Given {
        let number = self.given.len() + 1;
        let given = Given {
            id: format!("ASIA{number:04}"),
            secret: format!("canary/secret+{number}="),
            token: Some(format!("canary/token+{number}==")),
            until: self.clock.now() + self.holds,
        };
        self.given.push(given.clone());
        given
    }

    /// Which keys signed a request, if they are good.
    fn signer(&self, request: &str, scope: (&str, &str)) -> Option<usize> {
        let now = self.clock.now();
        let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        self.given
            .iter()
            .enumerate()
            .skip(self.revoked)
            .find_map(|(number, given)| {
                let keys = (given.id.as_str(), given.secret.as_str(), given.token.as_deref());
                (given.until > now && is_signed(request, &time, keys, scope, false)).then_some(number)
            })
    }

    fn answer(&mut self, request: &str) -> Vec<u8> {
        let (method, target, body) = parts(request);
        let host = header(request, "host").unwrap();
        if host.starts_with("sts.") {
            return self.sts(request, body);
        }
        match (method, target) {
            ("PUT", "/latest/api/token") => {
                assert_eq!(
                    header(request, "x-aws-ec2-metadata-token-ttl-seconds"),
                    Some("21600")
                );
                answer(200, &[], b"canary-imds-token==")
            }
            ("GET", "/v1/credentials") => {
                assert_eq!(header(request, "authorization"), Some("canary-container-token"));
                self.keys_as_json("")
            }
            ("GET", path) if path.starts_with("/latest/") => {
                assert_eq!(
                    header(request, "x-aws-ec2-metadata-token"),
                    Some("canary-imds-token==")
                );
                match path
                    .strip_prefix("/latest/meta-data/iam/security-credentials/")
                    .unwrap()
                {
                    "" => answer(200, &[], b"finops-role"),
                    "finops-role" => match self.instead {
                        Some((status, text)) => answer(status, &[], text.as_bytes()),
                        None => self.keys_as_json(r#""Code":"Success","#),
                    },
                    other => panic!("{other}"),
                }
            }
            _ => match self.signer(request, ("us-east-1", "ce")) {
                Some(_) => answer(200, &[], b"{}"),
                None => answer(403, &[], br#"{"__type":"ExpiredTokenException"}"#),
            },
        }
    }

    fn keys_as_json(&mut self, further: &str) -> Vec<u8> {
        let Given {
            id,
            secret,
            token,
            until,
        } = self.give();
        let token = token.unwrap();
        let body = format!(
            r#"{{{further}"AccessKeyId":"{id}","SecretAccessKey":"{secret}","Token":"{token}","Expiration":"{until}"}}"#
        );
        answer(200, &[], body.as_bytes())
    }

    fn sts(&mut self, request: &str, body: &str) -> Vec<u8> {
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(form["Version"], "2011-06-15");
        assert_eq!(form["RoleArn"], ROLE);
        assert_eq!(form["RoleSessionName"], "finops-host");
        let action = form["Action"].as_str();
        let refused = |code: &str| {
            let text = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>canary-text</Message></Error></ErrorResponse>"
            );
            answer(403, &[], text.as_bytes())
        };
        match action {
            "AssumeRoleWithWebIdentity" => {
                assert_eq!(header(request, "authorization"), None);
                if form["WebIdentityToken"] != self.web_token {
                    return refused("ExpiredTokenException");
                }
            }
            "AssumeRole" => {
                assert_eq!(form["ExternalId"], "who asks");
                assert_eq!(form["DurationSeconds"], "1800");
                if self.signer(request, ("eu-west-1", "sts")).is_none() {
                    return refused("AccessDenied");
                }
            }
            other => panic!("{other}"),
        }
        let Given {
            id,
            secret,
            token,
            until,
        } = self.give();
        let token = token.unwrap();
        let text = format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials><AccessKeyId>{id}</AccessKeyId>\n\
             <SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>\
             <Expiration>{until}</Expiration></Credentials></{action}Result></{action}Response>"
        );
        answer(200, &[], text.as_bytes())
    }
}

/// A cloud, and an API that is called with that identity.
struct Scene {
    server: Server,
    cloud: Arc<Mutex<Cloud>>,
    setup: Setup,
    directory: tempfile::TempDir,
}

impl Scene {
    /// `identity` is told where the server is, and where to keep secrets.
    async fn new(
        identity: impl FnOnce(SocketAddr, &tempfile::TempDir) -> AwsIdentity,
        role: Option<AssumeRole>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::new();
        let cloud = Arc::new(Mutex::new(Cloud::new(Arc::clone(&clock))));
        let shared = Arc::clone(&cloud);
        let server = Server::answering(move |request| shared.lock().unwrap().answer(request)).await;
        let mut spec = credential(Scheme::AwsSigV4(AwsSigV4 {
            identity: identity(server.address, &directory),
            role,
            sts: Some("http://sts.eu-west-1.amazonaws.com/".parse().unwrap()),
            scope: Scope::Fixed(Signed {
                region: "us-east-1".to_owned(),
                service: "ce".to_owned(),
                canonical: Canonical::Usual,
            }),
        }));
        spec.connect_to = Some(server.address);
        let mut setup = Setup::with_credential(server.address, spec);
        setup.clock = clock;
        setup.limits.wall = Duration::from_secs(360_000);
        Self {
            server,
            cloud,
            setup,
            directory,
        }
    }

    async fn instance() -> Self {
        Self::new(instance, None).await
    }

    fn forward(&self, minutes: u64) {
        self.setup.clock.forward(Duration::from_secs(minutes * 60));
    }

    /// How many keys were given so far.
    fn given(&self) -> usize {
        self.cloud.lock().unwrap().given.len()
    }
}

fn instance(server: SocketAddr, _: &tempfile::TempDir) -> AwsIdentity {
    AwsIdentity::Instance {
        url: format!("http://{server}/").parse().unwrap(),
    }
}

fn container(server: SocketAddr, directory: &tempfile::TempDir) -> AwsIdentity {
    AwsIdentity::Container {
        url: format!("http://{server}/v1/credentials").parse().unwrap(),
        token: Some(file(directory, "token", "canary-container-token\n")),
    }
}

fn web_identity(_: SocketAddr, directory: &tempfile::TempDir) -> AwsIdentity {
    AwsIdentity::WebIdentity(WebIdentity {
        role: ROLE.to_owned(),
        token: file(directory, "token", "canary-web-token-1\n"),
        session: "finops-host".to_owned(),
    })
}

fn role() -> AssumeRole {
    AssumeRole {
        role: ROLE.to_owned(),
        external_id: Some("who asks".to_owned()),
        session: "finops-host".to_owned(),
        duration: Some(Duration::from_secs(1800)),
    }
}

async fn status(egress: &Egress) -> u16 {
    egress.send(get(API)).await.unwrap().status
}

#[tokio::test]
async fn every_identity_gets_keys_once_and_anew_before_they_end() {
    for (identity, calls) in [
        (instance as fn(SocketAddr, &tempfile::TempDir) -> AwsIdentity, 3),
        (container, 1),
        (web_identity, 1),
    ] {
        let scene = Scene::new(identity, None).await;
        let egress = scene.setup.egress();
        // Keys hold for an hour and are fetched anew five minutes before.
        for (minutes, given) in [(0, 1), (54, 1), (1, 2), (54, 2), (600, 3)] {
            scene.forward(minutes);
            assert_eq!(status(&egress).await, 200);
            assert_eq!(scene.given(), given, "after {minutes} min");
        }
        assert_eq!(scene.server.seen().len(), 3 * calls + 5);
    }
}

#[tokio::test]
async fn a_role_is_assumed_on_top_of_any_keys() {
    let stood = |_: SocketAddr, directory: &tempfile::TempDir| AwsIdentity::Keys {
        access_key_id: file(directory, "id", "AKIAOWN"),
        secret_access_key: file(directory, "secret", "canary-own-secret"),
        session_token: None,
    };
    let profile = |_: SocketAddr, directory: &tempfile::TempDir| AwsIdentity::Profile {
        file: file(
            directory,
            "credentials",
            "[default]\naws_access_key_id = AKIAOWN\naws_secret_access_key = canary-own-secret\n",
        ),
        profile: "default".to_owned(),
    };
    type Identity = fn(SocketAddr, &tempfile::TempDir) -> AwsIdentity;
    for (identity, own) in [
        (stood as Identity, true),
        (profile, true),
        (instance, false),
        (container, false),
        (web_identity, false),
    ] {
        let scene = Scene::new(identity, Some(role())).await;
        if own {
            scene.cloud.lock().unwrap().given.push(Given {
                id: "AKIAOWN".to_owned(),
                secret: "canary-own-secret".to_owned(),
                token: None,
                until: Timestamp::MAX,
            });
        }
        let egress = scene.setup.egress();
        for minutes in [0, 30] {
            scene.forward(minutes);
            assert_eq!(status(&egress).await, 200);
        }
        // The keys of the role alone sign the call.
        let last = scene.server.seen().into_iter().last().unwrap();
        let signer = scene.cloud.lock().unwrap().signer(&last, ("us-east-1", "ce"));
        assert_eq!((signer, scene.given()), (Some(1), 2));
    }
}

#[tokio::test]
async fn keys_that_are_refused_are_fetched_anew_once_unless_they_are_new() {
    let scene = Scene::instance().await;
    let egress = scene.setup.egress();
    assert_eq!(status(&egress).await, 200);
    scene.forward(10);
    scene.cloud.lock().unwrap().revoked = 1;
    assert_eq!(status(&egress).await, 200);
    assert_eq!(scene.given(), 2);
    // A missing permission is answered in the same way: new keys are not blamed for it.
    scene.cloud.lock().unwrap().revoked = 99;
    for _ in 0..3 {
        assert_eq!(status(&egress).await, 403);
    }
    assert_eq!(scene.given(), 2);
}

#[tokio::test]
async fn a_token_that_the_platform_has_swapped_is_shown_from_then_on() {
    let scene = Scene::new(web_identity, None).await;
    let egress = scene.setup.egress();
    assert_eq!(status(&egress).await, 200);
    "canary-web-token-2".clone_into(&mut scene.cloud.lock().unwrap().web_token);
    file(&scene.directory, "token", "canary-web-token-2");
    scene.forward(59);
    assert_eq!(status(&egress).await, 200);
    assert_eq!(scene.given(), 2);
}

#[tokio::test]
async fn what_a_cloud_answers_instead_of_keys_is_told_to_the_operator_in_known_words_alone() {
    let logs = Logs::start();
    for (instead, kind, why) in [
        ((404, "canary-text"), RefusalKind::Credential, "answered 404"),
        ((200, "canary-text"), RefusalKind::Credential, "other than keys"),
        (
            (
                200,
                r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"canary-text"}"#,
            ),
            RefusalKind::Credential,
            "other than keys",
        ),
        (
            (
                200,
                r#"{"Code":"Failed","AccessKeyId":"a","SecretAccessKey":"canary-text","Token":"c","Expiration":"2027-01-01T00:00:00Z"}"#,
            ),
            RefusalKind::Credential,
            "other than keys",
        ),
        (
            (
                200,
                "{\"AccessKeyId\":\"a\\r\\nx: y\",\"SecretAccessKey\":\"canary-text\",\"Token\":\"c\",\"Expiration\":\"2027-01-01T00:00:00Z\"}",
            ),
            RefusalKind::Credential,
            "other than keys",
        ),
        ((500, "canary-text"), RefusalKind::Unreachable, "answered 500"),
    ] {
        let scene = Scene::instance().await;
        scene.cloud.lock().unwrap().instead = Some(instead);
        let egress = scene.setup.egress();
        let refusal = egress.send(get(API)).await.unwrap_err();
        assert_eq!(refusal.kind, kind, "{instead:?}");
        let told = format!("{:?}", egress.report());
        assert!(told.contains(why), "{told}");
        logs.assert_unseen(&["canary-text", "canary-imds-token=="], &egress, &[refusal]);
    }
    let scene = Scene::new(web_identity, None).await;
    "another".clone_into(&mut scene.cloud.lock().unwrap().web_token);
    let egress = scene.setup.egress();
    let refusal = egress.send(get(API)).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Credential);
    let told = format!("{:?}", egress.report());
    assert!(told.contains("answered 403 (ExpiredTokenException)"), "{told}");
    logs.assert_unseen(&["canary-web-token-1", "canary-text"], &egress, &[refusal]);
}

#[tokio::test]
async fn keys_that_were_fetched_come_back_in_no_form() {
    let logs = Logs::start();
    let scene = Scene::new(container, Some(role())).await;
    let cloud = Arc::clone(&scene.cloud);
    let echoing = Server::answering(move |_| {
        let given = cloud.lock().unwrap().given.last().unwrap().clone();
        answer(200, &[], format!("<X>{}</X>", given.secret).as_bytes())
    })
    .await;
    let mut setup = scene.setup;
    setup.rules[0].connect_to = Some(echoing.address);
    let egress = setup.egress();
    let refusal = whole(egress.send(get(API)).await.unwrap()).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Echoed);
    let secrets = [
        "canary/secret+1=",
        "canary/secret+2=",
        "canary/token+2==",
        "canary-container-token",
    ];
    logs.assert_unseen(&secrets, &egress, &[refusal]);
}

#[tokio::test]
async fn a_guest_reaches_neither_sts_nor_a_metadata_service() {
    let scene = Scene::instance().await;
    let address = scene.server.address;
    let mut setup = scene.setup;
    let mut nearby = rule("127.0.0.1", &["/other"]);
    nearby.port = Some(1);
    nearby.insecure_http = true;
    let mut sts = rule("sts.eu-west-1.amazonaws.com", &["/other"]);
    sts.insecure_http = true;
    sts.connect_to = Some(address);
    setup.rules = vec![nearby, sts];
    let mut egress = setup.egress();
    // As if the check of the whole grant had let it through.
    for rule in &mut egress.grant.rules {
        rule.paths = vec![PathPrefix::root()];
    }
    egress.grant.rules[0].port = Some(address.port());
    assert_eq!(egress.grant.conflicts().len(), 2);
    for url in [
        format!("http://{address}/latest/api/token"),
        format!("http://{address}/anything"),
        "http://sts.eu-west-1.amazonaws.com/?Action=AssumeRole".to_owned(),
        "http://169.254.169.254/latest/api/token".to_owned(),
    ] {
        let refusal = egress.send(get(&url)).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Denied, "{url}");
    }
    assert_eq!(scene.server.seen().len(), 0);
}

#[test]
fn a_host_that_tells_no_region_needs_one_in_the_table() {
    let directory = tempfile::tempdir().unwrap();
    let spec = credential(Scheme::AwsSigV4(AwsSigV4 {
        identity: container("127.0.0.1:9".parse().unwrap(), &directory),
        role: None,
        sts: None,
        scope: Scope::OfHost,
    }));
    let conflicts = |host: &str| {
        let mut rule = rule(host, &["/v1"]);
        rule.credential = Some("main".to_owned());
        let grant = Grant {
            rules: vec![rule],
            credentials: vec![spec.clone()],
        };
        grant.conflicts()
    };
    assert!(conflicts("ce.us-east-1.amazonaws.com").is_empty());
    assert!(
        conflicts("api.example.com")[0]
            .message
            .contains("no region and service")
    );
}
