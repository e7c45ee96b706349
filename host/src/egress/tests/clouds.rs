//! Azure's and Google's identities, against a server that plays Entra, the metadata services and Google's token servers, checks
//! what it is shown, and lets tokens expire.

use super::{
    super::{
        RefusalKind,
        credential::{App, Azure, AzureIdentity, Federated, Google, GoogleIdentity},
    },
    canary::Logs,
    keys,
    server::{Server, answer, header, parts},
    *,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

const API: &str = "http://api.example.com/v1/cost";
const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x";

/// What a server was asked for a token: path with query, form, and the request.
type Check = fn(&str, &str, &BTreeMap<String, String>) -> Result<String, u16>;

/// A cloud whose n-th token is `canary-token-n`, and an API that takes the newest.
async fn cloud(check: Check) -> Server {
    let minted = Mutex::new(0);
    Server::answering(move |request| {
        let (_, target, body) = parts(request);
        let mut minted = minted.lock().unwrap();
        if header(request, "host") == Some("api.example.com") {
            let newest = format!("Bearer canary-token-{minted}");
            let good = header(request, "authorization") == Some(newest.as_str());
            return answer(if good { 200 } else { 401 }, &[], b"{}");
        }
        let form = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        let next = format!("canary-token-{}", *minted + 1);
        match check(request, target, &form) {
            Ok(reply) => {
                *minted += 1;
                let reply = reply.replace("TOKEN", &next);
                answer(200, &["metadata-flavor: Google"], reply.as_bytes())
            }
            Err(status) => answer(
                status,
                &[],
                br#"{"error":"invalid_client","error_description":"canary-text"}"#,
            ),
        }
    })
    .await
}

fn setup(server: &Server, scheme: Scheme) -> Setup {
    let mut spec = credential(scheme);
    spec.connect_to = Some(server.address);
    let mut setup = Setup::with_credential(server.address, spec);
    setup.limits.wall = Duration::from_secs(360_000);
    setup
}

/// One call, the next within the token's life, and one after it.
async fn three_calls(setup: &Setup) {
    let egress = setup.egress();
    for minutes in [0, 50, 60] {
        setup.clock.forward(Duration::from_secs(minutes * 60));
        assert_eq!(egress.send(get(API)).await.unwrap().status, 200);
    }
}

fn minting(server: &Server) -> usize {
    let api = |request: &String| header(request, "host") == Some("api.example.com");
    server.seen().iter().filter(|request| !api(request)).count()
}

fn app() -> App {
    App {
        token_url: "http://login.example.com/tenant/oauth2/v2.0/token"
            .parse()
            .unwrap(),
        client_id: "me".to_owned(),
    }
}

fn azure(identity: AzureIdentity) -> Scheme {
    Scheme::Azure(Azure {
        identity,
        scope: "https://management.azure.com/.default".to_owned(),
    })
}

fn google(identity: GoogleIdentity, scope: &str) -> Scheme {
    Scheme::Google(Google {
        identity,
        scope: scope.to_owned(),
    })
}

const GRANTED: &str = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"TOKEN"}"#;

#[tokio::test]
async fn an_app_shows_entra_its_secret_or_the_token_of_another_provider() {
    let directory = tempfile::tempdir().unwrap();
    let check: Check = |_, target, form| {
        assert_eq!(target, "/tenant/oauth2/v2.0/token");
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(
            (form["client_id"].as_str(), form.len()),
            ("me", if form.contains_key("client_secret") { 4 } else { 5 })
        );
        assert_eq!(form["scope"], "https://management.azure.com/.default");
        if let Some(secret) = form.get("client_secret") {
            assert_eq!(secret, "canary&secret");
        } else {
            assert_eq!(
                form["client_assertion_type"],
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            assert_eq!(form["client_assertion"], "canary.federated.token");
        }
        Ok(GRANTED.to_owned())
    };
    let (secret, token) = (
        file(&directory, "secret", "canary&secret"),
        file(&directory, "token", "canary.federated.token"),
    );
    for identity in [
        AzureIdentity::Secret {
            app: app(),
            client_secret: secret,
        },
        AzureIdentity::Federated { app: app(), token },
    ] {
        let server = cloud(check).await;
        three_calls(&setup(&server, azure(identity))).await;
        assert_eq!(minting(&server), 2);
    }
}

#[tokio::test]
async fn an_app_signs_its_assertion_with_the_key_of_its_certificate() {
    let logs = Logs::start();
    let directory = tempfile::tempdir().unwrap();
    let check: Check = |_, _, form| {
        let claims = keys::claims(&form["client_assertion"]);
        let expected = [
            ("aud", "http://login.example.com/tenant/oauth2/v2.0/token"),
            ("iss", "me"),
            ("sub", "me"),
        ];
        for (name, value) in expected {
            assert_eq!(claims[name], value);
        }
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            300
        );
        assert!(claims["jti"].as_str().unwrap().len() >= 16);
        let head = form["client_assertion"].split('.').next().unwrap();
        let head: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(b"a certificate"));
        assert_eq!(head["x5t#S256"], thumbprint);
        Ok(GRANTED.to_owned())
    };
    let pem = "-----BEGIN CERTIFICATE-----\nYSBjZXJ0aWZpY2F0ZQ==\n-----END CERTIFICATE-----\n";
    let server = cloud(check).await;
    let identity = AzureIdentity::Certificate {
        app: app(),
        certificate: file(&directory, "crt", pem),
        private_key: file(&directory, "key", &keys::plain_pem()),
        passphrase: None,
    };
    let setup = setup(&server, azure(identity.clone()));
    three_calls(&setup).await;
    assert_eq!(minting(&server), 2);
    file(&directory, "crt", "canary-no-certificate");
    let egress = setup.egress();
    let refusal = egress.send(get(API)).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Credential);
    logs.assert_unseen(&["canary-no-certificate", "canary-token-1"], &egress, &[refusal]);
}

#[tokio::test]
async fn a_managed_identity_is_asked_for_as_the_metadata_service_or_the_app_service_wants_it() {
    let directory = tempfile::tempdir().unwrap();
    let machine: Check = |request, target, _| {
        assert_eq!(header(request, "metadata"), Some("true"));
        assert_eq!(
            target,
            "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com&client_id=which"
        );
        // Its numbers are texts.
        Ok(r#"{"access_token":"TOKEN","refresh_token":"","expires_in":"3599","expires_on":"1","token_type":"Bearer"}"#.to_owned())
    };
    let service: Check = |request, target, _| {
        assert_eq!(header(request, "x-identity-header"), Some("canary-header"));
        assert_eq!(header(request, "metadata"), None);
        assert_eq!(
            target,
            "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com"
        );
        Ok(r#"{"access_token":"TOKEN","expires_in":"3599","token_type":"Bearer"}"#.to_owned())
    };
    let server = cloud(machine).await;
    let identity = AzureIdentity::Managed {
        url: format!("http://{}/metadata/identity/oauth2/token", server.address)
            .parse()
            .unwrap(),
        header: None,
        client_id: Some("which".to_owned()),
    };
    three_calls(&setup(&server, azure(identity))).await;
    assert_eq!(minting(&server), 2);
    let server = cloud(service).await;
    let identity = AzureIdentity::Managed {
        url: format!("http://{}/msi/token", server.address).parse().unwrap(),
        header: Some(file(&directory, "header", "canary-header")),
        client_id: None,
    };
    three_calls(&setup(&server, azure(identity))).await;
    assert_eq!(minting(&server), 2);
}

#[tokio::test]
async fn a_service_accounts_key_signs_and_no_url_is_taken_from_its_file() {
    let logs = Logs::start();
    let directory = tempfile::tempdir().unwrap();
    let check: Check = |_, target, form| {
        assert_eq!(target, "/token");
        assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let assertion = &form["assertion"];
        assert_eq!(
            jsonwebtoken::decode_header(assertion).unwrap().kid.as_deref(),
            Some("k1")
        );
        let claims = keys::claims(assertion);
        assert_eq!(claims["iss"], "reader@p.iam.gserviceaccount.com");
        assert_eq!(claims["scope"], "a b");
        assert_eq!(claims["aud"], "http://oauth2.example.com/token");
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            3600
        );
        Ok(GRANTED.to_owned())
    };
    let server = cloud(check).await;
    let key = serde_json::json!({
        "type": "service_account",
        "client_email": "reader@p.iam.gserviceaccount.com",
        "private_key": keys::plain_pem(),
        "private_key_id": "k1",
        "token_uri": "https://evil.example.com/token",
    });
    let identity = GoogleIdentity::ServiceAccount {
        key: file(&directory, "key.json", &key.to_string()),
        token_url: "http://oauth2.example.com/token".parse().unwrap(),
    };
    let setup = setup(&server, google(identity, "a b"));
    three_calls(&setup).await;
    assert_eq!(minting(&server), 2);
    file(&directory, "key.json", r#"{"private_key":"canary-key"}"#);
    let egress = setup.egress();
    let refusal = egress.send(get(API)).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Credential);
    logs.assert_unseen(&["canary-key"], &egress, &[refusal]);
}

#[tokio::test]
async fn the_metadata_server_is_believed_only_with_its_flavour() {
    let check: Check = |request, target, _| {
        assert_eq!(header(request, "metadata-flavor"), Some("Google"));
        assert_eq!(
            target,
            "/computeMetadata/v1/instance/service-accounts/default/token?scopes=a%2Cb"
        );
        Ok(GRANTED.to_owned())
    };
    let server = cloud(check).await;
    let identity = |server: &Server| GoogleIdentity::Metadata {
        url: format!("http://{}/", server.address).parse().unwrap(),
    };
    three_calls(&setup(&server, google(identity(&server), "a b"))).await;
    assert_eq!(minting(&server), 2);
    let other = Server::start(vec![answer(200, &[], GRANTED.as_bytes())]).await;
    let egress = setup(&other, google(identity(&other), "")).egress();
    let refusal = egress.send(get(API)).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Credential);
    assert!(format!("{:?}", egress.report()).contains("no metadata server"));
}

#[tokio::test]
async fn a_federated_token_is_exchanged_and_may_impersonate() {
    let logs = Logs::start();
    let directory = tempfile::tempdir().unwrap();
    let check: Check = |request, target, form| {
        if target == "/impersonate" {
            assert_eq!(header(request, "authorization"), Some("Bearer canary-token-1"));
            let (_, _, body) = parts(request);
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(
                body,
                serde_json::json!({ "scope": ["a", "b"], "lifetime": "3600s" })
            );
            return Ok(r#"{"accessToken":"TOKEN","expireTime":"2026-08-01T01:00:00Z"}"#.to_owned());
        }
        let expected = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", AUDIENCE),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("subject_token", "canary.federated.token"),
        ];
        for (name, value) in expected {
            assert_eq!(form[name], value);
        }
        match form["scope"].as_str() {
            "a b" | "https://www.googleapis.com/auth/cloud-platform" => Ok(GRANTED.to_owned()),
            _ => Err(400),
        }
    };
    let federated = |impersonate: Option<&str>| {
        GoogleIdentity::Federated(Box::new(Federated {
            audience: AUDIENCE.to_owned(),
            token: file(&directory, "token", "canary.federated.token"),
            token_type: "urn:ietf:params:oauth:token-type:jwt".to_owned(),
            token_url: "http://sts.example.com/v1/token".parse().unwrap(),
            impersonate: impersonate.map(|url| url.parse().unwrap()),
        }))
    };
    let server = cloud(check).await;
    three_calls(&setup(&server, google(federated(None), "a b"))).await;
    assert_eq!(minting(&server), 2);
    let server = cloud(check).await;
    let egress = setup(
        &server,
        google(federated(Some("http://iam.example.com/impersonate")), "a b"),
    )
    .egress();
    for _ in 0..2 {
        assert_eq!(egress.send(get(API)).await.unwrap().status, 200);
    }
    assert_eq!(minting(&server), 2);
    let secrets = ["canary.federated.token", "canary-token-1", "canary-token-2"];
    logs.assert_unseen(&secrets, &egress, &[]);
    // What Google refuses is told in known words.
    let server = cloud(check).await;
    let egress = setup(&server, google(federated(None), "other")).egress();
    let refusal = egress.send(get(API)).await.unwrap_err();
    assert!(format!("{:?}", egress.report()).contains("answered 400 (invalid_client)"));
    logs.assert_unseen(&["canary-text"], &egress, &[refusal]);
}
