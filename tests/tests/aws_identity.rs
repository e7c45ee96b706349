//! The keys of an EC2 instance and of a pod, from metadata services at their real addresses, in a network namespace where
//! those addresses are this machine: the bill is read with them, a guest reaches them in no way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use finops_tests::{
    artifacts,
    aws::{
        Key,
        golden::State as Bill,
        stage::{Stage, config},
    },
    hostile::elsewhere::{self, Side},
    proof::assert_no_leak,
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

const INSTANCE: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const POD: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 23);
const SECRET: &str = "canary/instance/secret+key0000000000000";
const TOKEN: &str = "canary//session+token==";

/// What a metadata service was asked, and what it gives.
#[derive(Clone, Default)]
struct Metadata {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Metadata {
    /// Listens where the cloud does.
    async fn start(at: Ipv4Addr) -> Self {
        let metadata = Self::default();
        let listener = TcpListener::bind(SocketAddr::from((at, 80))).await.unwrap();
        let router = Router::new().fallback(answer).with_state(metadata.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        metadata
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    State(metadata): State<Metadata>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    metadata.asked.lock().unwrap().push(format!("{method} {uri}"));
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
    let keys = |code: &str| {
        format!(
            r#"{{{code}"AccessKeyId":"ASIAINSTANCE","SecretAccessKey":"{SECRET}","Token":"{TOKEN}","Expiration":"2036-01-01T00:00:00Z"}}"#
        )
    };
    match (method.as_str(), uri.path()) {
        ("PUT", "/latest/api/token") if header("x-aws-ec2-metadata-token-ttl-seconds").is_some() => {
            Ok("canary-metadata-token".to_owned())
        }
        ("GET", _) if header("x-aws-ec2-metadata-token") == Some("canary-metadata-token") => match uri.path()
        {
            "/latest/meta-data/iam/security-credentials/" => Ok("finops".to_owned()),
            "/latest/meta-data/iam/security-credentials/finops" => Ok(keys(r#""Code":"Success","#)),
            _ => Err(StatusCode::NOT_FOUND),
        },
        ("GET", "/v1/credentials") if header("authorization") == Some("canary-pod-token") => Ok(keys("")),
        _ => Err(StatusCode::UNAUTHORIZED),
    }
}

/// Whether the test goes on here: in a namespace of its own.
fn is_inside(test: &str) -> bool {
    // Built before, since inside nothing can be fetched.
    artifacts::collector("aws").unwrap();
    elsewhere::enter(test).unwrap() == Side::Inside
}

/// The bill is read with keys of that scheme alone, and nothing secret is said or kept.
async fn assert_bill_is_read(scheme: &str) {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.simulator.set_keys(vec![Key {
        id: "ASIAINSTANCE".to_owned(),
        secret: SECRET.to_owned(),
        token: Some(TOKEN.to_owned()),
        expires: None,
    }]);
    stage.place.file("secrets/pod-token", "canary-pod-token").unwrap();
    let text = config(&stage.simulator, "", "");
    let (before, _) = text.split_once("[credentials.").unwrap();
    let name = text
        .split("credential = \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    stage
        .configure(&format!("{before}\n[credentials.{name}]\n{scheme}\n"))
        .unwrap();
    stage.go_to(Bill::Initial).unwrap();
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let secrets = [SECRET, TOKEN, "canary-metadata-token", "canary-pod-token"];
    assert_no_leak(&stage.place, &secrets, &[&ran], "Amazon Quantum Ledger Deluxe");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_reads_its_bill_with_the_keys_of_its_metadata_service() {
    let test = "an_instance_reads_its_bill_with_the_keys_of_its_metadata_service";
    if !is_inside(test) {
        return;
    }
    let metadata = Metadata::start(INSTANCE).await;
    assert_bill_is_read("scheme = \"aws-instance\"").await;
    assert_eq!(
        metadata.asked(),
        [
            "PUT /latest/api/token",
            "GET /latest/meta-data/iam/security-credentials/",
            "GET /latest/meta-data/iam/security-credentials/finops",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_reads_its_bill_with_the_keys_of_its_identity() {
    let test = "a_pod_reads_its_bill_with_the_keys_of_its_identity";
    if !is_inside(test) {
        return;
    }
    let metadata = Metadata::start(POD).await;
    let scheme = format!(
        "scheme = \"aws-container\"\nendpoint = \"http://{POD}/v1/credentials\"\ntoken = {{ file = \"secrets/pod-token\" }}"
    );
    assert_bill_is_read(&scheme).await;
    assert_eq!(metadata.asked(), ["GET /v1/credentials"]);
}
