#![allow(clippy::unwrap_used)]

use super::{
    Act, Api, Asked, Fault, Reply, Simulator, Start,
    golden::{Golden, difference},
};
use serde_json::json;
use std::io::{Read, Write};

struct Echo;

impl Api for Echo {
    fn hosts(&self) -> Vec<String> {
        vec!["api.example".into()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![("token.txt", "t0ken".into())]
    }

    fn operation(&self, asked: &Asked) -> String {
        asked.segments().last().cloned().unwrap_or_default()
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let said = json!({
            "host": asked.host, "method": asked.method.as_str(), "segments": asked.segments(),
            "tags": asked.params("tag"), "auth": asked.header("authorization"), "now": asked.now.to_string(),
        });
        Reply::json(200, &said).with("x-page", "2")
    }
}

/// One request over TLS to the simulator, as a client without any library sends it: the answer up to the connection's end.
async fn get(simulator: &Simulator<Echo>, path: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    simulator.write_files(directory.path()).unwrap();
    let pem = std::fs::read(directory.path().join("ca.pem")).unwrap();
    assert_eq!(
        std::fs::read_to_string(directory.path().join("token.txt")).unwrap(),
        "t0ken"
    );
    let (addr, path) = (simulator.addr(), path.to_owned());
    let asking = move || {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "api.example".try_into().unwrap();
        let mut client = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
        let mut tcp = std::net::TcpStream::connect(addr).unwrap();
        let mut tls = rustls::Stream::new(&mut client, &mut tcp);
        write!(
            tls,
            "GET {path} HTTP/1.1\r\nhost: api.example:443\r\nauthorization: Bearer t0ken\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        // A lost connection is an answer too: what came before it counts.
        let _lost = tls.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::task::spawn_blocking(asking).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_taken_apart_counted_and_answered_in_the_providers_time() {
    let start = Start::at("2026-08-03T12:00:00Z").unwrap();
    let simulator = Simulator::start(Echo, start).await.unwrap();
    simulator.set_now("2026-08-04T00:00:00Z".parse().unwrap());
    let answer = get(&simulator, "/v1/a%2Fb/list?tag=x%20y&tag=a+b&other=1").await;
    let expected = json!({
        "host": "api.example", "method": "GET", "segments": ["v1", "a/b", "list"], "tags": ["x y", "a b"],
        "auth": "Bearer t0ken", "now": "2026-08-04T00:00:00Z",
    });
    assert!(answer.ends_with(&expected.to_string()), "{answer}");
    assert!(answer.contains("x-page: 2"), "{answer}");
    assert_eq!(simulator.requests().get("list"), Some(&1));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_met_at_their_operation_and_then_the_right_answer_comes() {
    let start = Start::at("2026-08-03T12:00:00Z").unwrap();
    let simulator = Simulator::start(Echo, start).await.unwrap();
    let throttled = Reply::new(429, "text/plain", "slow down").with("retry-after", "1");
    for act in [Act::Answer(throttled), Act::Truncated, Act::Reset] {
        simulator.faults().add(Fault::new(act).at("list").times(1));
    }
    assert!(get(&simulator, "/other").await.starts_with("HTTP/1.1 200"));
    let answer = get(&simulator, "/list").await;
    assert!(
        answer.starts_with("HTTP/1.1 429") && answer.ends_with("slow down"),
        "{answer}"
    );
    let (cut, whole) = (get(&simulator, "/list").await, {
        get(&simulator, "/list").await; // the reset: it may end before or after its first half
        get(&simulator, "/list").await
    });
    assert!(
        cut.starts_with("HTTP/1.1 200") && cut.len() < whole.len(),
        "{cut}"
    );
    assert!(whole.ends_with('}'), "{whole}");
}

#[test]
fn a_golden_file_that_proves_nothing_or_does_not_fit_is_refused() {
    let of = |text: &str| Golden::read(text).map(|golden| golden.rows.len());
    assert_eq!(of(r#"{"columns": ["a"], "rows": [["1"], [null]]}"#).unwrap(), 2);
    assert!(of(r#"{"columns": ["a"], "rows": []}"#).is_err());
    assert!(of(r#"{"columns": ["a"], "rows": [["1", "2"]]}"#).is_err());
}

#[test]
fn records_are_the_same_in_any_order_but_not_where_one_is_booked_twice() {
    let differs = |found: &[i32], expected: &[i32]| difference(found, expected);
    assert_eq!(differs(&[2, 1, 2], &[2, 2, 1]), None);
    let twice = differs(&[1, 2, 2], &[2, 1]).unwrap();
    assert_eq!(
        twice,
        "3 records found, 2 expected\nmissing []\nsurplus [\n    2,\n]"
    );
    let once = differs(&[1, 2], &[2, 1, 2]).unwrap();
    assert_eq!(
        once,
        "2 records found, 3 expected\nmissing [\n    2,\n]\nsurplus []"
    );
    let many = differs(&[9, 8, 7, 6, 5], &[]).unwrap();
    assert!(many.contains('7') && !many.contains('8'), "{many}");
}
