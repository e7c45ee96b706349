//! The bills of Azure and Google, read with the identities that operators use: an app's secret, a pod's projected token, a machine's
//! managed identity; a service account's key, the metadata server. Nothing secret is said.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use finops_tests::{
    artifacts, azure, gcp,
    hostile::{
        Names,
        elsewhere::{self, Side},
    },
    program::{Place, Ran},
    proof::{assert_done, assert_example_grants, assert_no_leak},
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

const MACHINE: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// A service in Azure's bill.
const AZURES: &str = "Azure Kubernetes Service";
/// A service in Google's bill.
const GOOGLES: &str = "Compute Engine";

/// The run read the bill, in which this service is, and nothing secret was said or kept.
#[track_caller]
fn assert_done_without(place: &Place, ran: &Ran, secrets: &[&str], service: &str) {
    assert_done(ran);
    assert_no_leak(place, secrets, &[ran], service);
}

/// Azure's file with this credential for the management API.
async fn azure_with(credential: &str) -> azure::stage::Stage {
    let mut stage = azure::stage::Stage::new("inventory = true", "").await.unwrap();
    let file = stage.place.path().join("azure.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, _) = text.split_once("[credentials.azure]").unwrap();
    // The rule of the storage account's credential goes with it.
    let before = before.replace("credential = \"azure-storage\"\n", "");
    std::fs::write(&file, format!("{before}[credentials.azure]\n{credential}\n")).unwrap();
    stage.go_to(azure::golden::State::Initial).unwrap();
    stage
}

fn azure_login(stage: &azure::stage::Stage) -> String {
    format!(
        "tenant = \"{}\"\nclient-id = \"{}\"\nconnect-to = \"{}\"\nca = \"secrets/ca.pem\"",
        azure::token::TENANT,
        azure::token::CLIENT,
        stage.simulator.addr()
    )
}

#[track_caller]
fn assert_azures_books(stage: &azure::stage::Stage) {
    assert!(!azure::books::spend(&stage.place.state()).unwrap().is_empty());
    assert!(stage.simulator.requests()["graph"] > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn azures_bill_is_read_with_the_secret_of_an_app_or_the_projected_token_of_a_pod() {
    for (scheme, key, secret) in [
        ("azure-client-secret", "client-secret", azure::token::SECRET),
        ("azure-workload-identity", "token", azure::token::FEDERATED),
    ] {
        let stage = azure_with("").await;
        stage.place.file("secrets/shown.txt", secret).unwrap();
        let file = stage.place.path().join("azure.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let login = azure_login(&stage);
        let credential =
            format!("scheme = \"{scheme}\"\n{key} = {{ file = \"secrets/shown.txt\" }}\n{login}\n");
        std::fs::write(&file, format!("{text}{credential}")).unwrap();
        let ran = stage.collect_with(&["--log", "trace"]).unwrap();
        assert_done_without(&stage.place, &ran, &[secret, "simulated-Management"], AZURES);
        assert_azures_books(&stage);
        assert_eq!(stage.simulator.requests()["token"], 1, "{scheme}");
    }
}

/// What a metadata service is asked, and the one token that it has.
#[derive(Clone)]
struct Metadata {
    token: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Metadata {
    /// Listens where the clouds do.
    async fn start(token: &str) -> Self {
        let metadata = Self {
            token: token.to_owned(),
            asked: Arc::default(),
        };
        let listener = TcpListener::bind(SocketAddr::from((MACHINE, 80))).await.unwrap();
        let router = Router::new().fallback(answer).with_state(metadata.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        metadata
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(metadata): State<Metadata>, uri: Uri, headers: HeaderMap) -> Response {
    metadata.asked.lock().unwrap().push(uri.to_string());
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
    let token = &metadata.token;
    match uri.path() {
        "/metadata/identity/oauth2/token" if header("metadata") == Some("true") => {
            let body = format!(
                r#"{{"access_token":"{token}","refresh_token":"","expires_in":"3599","expires_on":"1736946000","resource":"https://management.azure.com/","token_type":"Bearer"}}"#
            );
            body.into_response()
        }
        "/computeMetadata/v1/instance/service-accounts/default/token"
            if header("metadata-flavor") == Some("Google") =>
        {
            let body = format!(r#"{{"access_token":"{token}","expires_in":1967,"token_type":"Bearer"}}"#);
            ([("metadata-flavor", "Google")], body).into_response()
        }
        _ => StatusCode::FORBIDDEN.into_response(),
    }
}

/// Whether the test goes on here: in a namespace of its own.
fn is_inside(test: &str, collector: &str) -> bool {
    // Built before, since inside nothing can be fetched.
    artifacts::collector(collector).unwrap();
    elsewhere::enter(test).unwrap() == Side::Inside
}

#[tokio::test(flavor = "multi_thread")]
async fn azures_bill_is_read_with_the_managed_identity_of_a_machine() {
    if !is_inside(
        "azures_bill_is_read_with_the_managed_identity_of_a_machine",
        "azure",
    ) {
        return;
    }
    let stage = azure_with("scheme = \"azure-managed-identity\"").await;
    let token = stage.simulator.issue();
    let metadata = Metadata::start(&token).await;
    let ran = stage.collect_with(&["--log", "trace"]).unwrap();
    assert_done_without(&stage.place, &ran, &[&token], AZURES);
    assert_azures_books(&stage);
    assert_eq!(metadata.asked().len(), 1);
    assert_eq!(stage.simulator.requests().get("token"), None);
}

/// Google's file with this credential.
async fn gcp_with(credential: &str) -> gcp::stage::Stage {
    let settings = format!("{}\nprojects = [\"acme-payments\"]", gcp::stage::DETAILED);
    let mut stage = gcp::stage::Stage::new(&settings).await.unwrap();
    let file = stage.place.path().join("gcp.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let bearer = "scheme = \"bearer\"\ntoken = { file = \"secrets/token.txt\" }\n";
    assert!(text.contains(bearer), "{text}");
    let dialled = format!(
        "connect-to = \"{}\"\nca = \"secrets/ca.pem\"",
        stage.simulator.addr()
    );
    let credential = credential.replace("DIALLED", &dialled);
    std::fs::write(&file, text.replace(bearer, &format!("{credential}\n"))).unwrap();
    stage.go_to(gcp::golden::State::Initial).unwrap();
    stage
}

#[track_caller]
fn assert_googles_books(stage: &gcp::stage::Stage) {
    let mut found = gcp::books::spend(&stage.place.state()).unwrap();
    let mut expected = gcp::golden::records(gcp::golden::State::Initial).unwrap();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_bill_is_read_with_the_key_of_a_service_account_and_no_url_of_its_file_is_asked() {
    let scheme = "scheme = \"google-service-account\"\nkey = { file = \"secrets/gcp.json\" }\nDIALLED\n\
                  scopes = [\"https://www.googleapis.com/auth/bigquery\", \"https://www.googleapis.com/auth/cloud-platform.read-only\"]";
    let stage = gcp_with(scheme).await;
    let ran = stage.collect(&["--log", "trace"]).unwrap();
    let secrets = [gcp::TOKEN, "PRIVATE KEY", "attacker"];
    assert_done_without(&stage.place, &ran, &secrets, GOOGLES);
    assert_googles_books(&stage);
    assert_eq!(stage.simulator.requests()["token"], 1);

    // A scope that cannot run queries is refused where the token is minted.
    let stage = gcp_with(&scheme.replace("auth/bigquery", "auth/compute.readonly")).await;
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stderr.contains("invalid_grant"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_bill_is_read_with_the_token_of_the_metadata_server() {
    if !is_inside(
        "googles_bill_is_read_with_the_token_of_the_metadata_server",
        "gcp",
    ) {
        return;
    }
    let names = Names::serve().await.unwrap();
    names
        .set("metadata.google.internal", &[&["169.254.169.254"]])
        .unwrap();
    let stage = gcp_with("scheme = \"google-metadata\"").await;
    let metadata = Metadata::start(gcp::TOKEN).await;
    let ran = stage.collect(&["--log", "trace"]).unwrap();
    assert_done_without(&stage.place, &ran, &[gcp::TOKEN], GOOGLES);
    assert_googles_books(&stage);
    assert_eq!(
        metadata.asked(),
        ["/computeMetadata/v1/instance/service-accounts/default/token"]
    );
    assert_eq!(stage.simulator.requests().get("token"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_use_these_identities_and_grant_all_that_their_runs_need() {
    let mut azure = azure::stage::Stage::new("", "").await.unwrap();
    azure.go_to(azure::golden::State::Initial).unwrap();
    let ran = assert_example_grants("azure", azure.simulator.addr(), |text| {
        assert!(text.contains("scheme = \"azure-client-secret\""));
        azure.place.file("azure.toml", text).unwrap();
        azure.collect().unwrap()
    });
    assert!(!ran.stderr.contains("not counted"), "{}", ran.stderr);
    assert_azures_books(&azure);

    let mut gcp = gcp::stage::Stage::new(gcp::stage::DETAILED).await.unwrap();
    gcp.go_to(gcp::golden::State::Initial).unwrap();
    let ran = assert_example_grants("gcp", gcp.simulator.addr(), |text| {
        assert!(text.contains("scheme = \"google-service-account\""));
        gcp.place.file("gcp.toml", text).unwrap();
        gcp.collect(&[]).unwrap()
    });
    assert!(!ran.stderr.contains("not counted"), "{}", ran.stderr);
    assert_googles_books(&gcp);
}
