//! Health over real sockets: what each path answers to whom, and what hostile clients get.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::*;
use crate::{clock::SystemClock, ledger::Ledger, observe::LastRun};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

const HOUR: Duration = Duration::from_secs(3_600);
/// Nothing ends by itself.
const PATIENT: Bounds = Bounds {
    connections: 64,
    head: HOUR,
    whole: HOUR,
    grace: HOUR,
};

/// Health that is served until it is dropped.
struct Served {
    addr: SocketAddr,
    health: Health,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
    _directory: tempfile::TempDir,
}

impl Served {
    /// With an empty ledger and no instances, in the phase of serving.
    fn new(bounds: Bounds, change: impl FnOnce(&mut Health)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock: SharedClock = Arc::new(SystemClock::default());
        drop(Ledger::open(directory.path(), Arc::clone(&clock)).unwrap());
        let mut health = Health {
            board: Board::default(),
            metrics: Metrics::new(),
            state_dir: directory.path().to_owned(),
            clock,
            ready: Readiness::new(),
            heartbeat: Heartbeat::new(),
        };
        health.ready.enter(Phase::Serving);
        change(&mut health);
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(listen_within(bounds, vec![listener], health.clone(), stopped));
        Self {
            addr,
            health,
            stop,
            serving,
            _directory: directory,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// All that comes back on a connection on which this is sent.
    async fn send(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }

    async fn get(&self, path: &str) -> Reply {
        Reply::of(
            &self
                .send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                .await,
        )
    }
}

/// What comes until the other end closes, by whatever means.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).unwrap()
}

#[derive(Debug, PartialEq, Eq)]
struct Reply {
    status: u16,
    /// Without the date.
    head: String,
    body: String,
}

impl Reply {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let lines = head.lines().filter(|line| !line.starts_with("date:"));
        Self {
            status: status.unwrap_or(0),
            head: lines.collect::<Vec<_>>().join("\n"),
            body: body.to_owned(),
        }
    }
}

fn unfit() -> InstanceState {
    InstanceState::unfit("acme.toml".into(), "no component".to_owned())
}

fn waiting() -> InstanceState {
    InstanceState {
        activity: Activity::Waiting {
            next: Timestamp::UNIX_EPOCH,
        },
        collector: "acme".to_owned(),
        refused: None,
        ..unfit()
    }
}

#[tokio::test]
async fn it_lives_while_the_scheduler_ticks_whatever_else_is_wrong() {
    let served = Served::new(PATIENT, |health| {
        health.ready = Readiness::new();
        health.state_dir = "/nowhere".into();
        health.board.put("acme", unfit());
    });
    let reply = served.get("/livez").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "alive\n"));
    let silent = Served::new(PATIENT, |health| {
        health.heartbeat = Heartbeat::stopped(Duration::from_secs(61));
    });
    let reply = silent.get("/livez").await;
    assert_eq!(reply.status, 503);
    assert!(
        reply.body.starts_with("the scheduler has not ticked for 6"),
        "{reply:?}"
    );
    assert_eq!(
        silent.get("/readyz").await.status,
        200,
        "that is another question"
    );
}

#[tokio::test]
async fn it_is_ready_once_files_are_read_and_one_instance_is_fit_until_it_stops() {
    let served = Served::new(PATIENT, |health| health.ready = Readiness::new());
    let health = &served.health;
    let asked = async || {
        let reply = served.get("/readyz").await;
        (reply.status, reply.body)
    };
    let (status, why) = asked().await;
    assert_eq!((status, why.as_str()), (503, "the ledger is not open yet\n"));
    health.ready.enter(Phase::Loading);
    let (status, why) = asked().await;
    assert_eq!(
        (status, why.as_str()),
        (503, "the files are being read for the first time\n")
    );
    health.ready.enter(Phase::Serving);
    assert_eq!(asked().await, (200, "ready\n".to_owned()), "with no instances");
    health.board.put("acme", unfit());
    let (status, why) = asked().await;
    assert_eq!(status, 503);
    assert!(why.starts_with("none of 1 instances is fit to run"), "{why}");
    assert!(!why.contains("acme"), "{why}");
    health.board.put("beta", waiting());
    assert_eq!(asked().await, (200, "ready\n".to_owned()));
    health.ready.enter(Phase::Stopping);
    let (status, why) = asked().await;
    assert_eq!((status, why.as_str()), (503, "the program is stopping\n"));
}

#[tokio::test]
async fn status_tells_of_instances_and_deliveries_with_what_deceives_escaped() {
    let served = Served::new(PATIENT, |health| {
        let error = "the canary \"s3cr3t\" \u{202e}\u{1b}[31m was here".to_owned();
        let last = LastRun {
            started: Timestamp::UNIX_EPOCH,
            ended: Timestamp::UNIX_EPOCH,
            outcome: "provider".to_owned(),
            error: Some(error),
            records: 3,
            requests: 4,
            denied: 1,
        };
        let state = InstanceState {
            last: Some(last),
            failures: 2,
            ..waiting()
        };
        health.board.put("acme", state);
    });
    let reply = served.get("/statusz").await;
    assert_eq!(reply.status, 200);
    assert!(reply.head.contains("content-type: application/json"), "{reply:?}");
    assert!(reply.body.contains(r#"\u202e\u001b[31m"#), "{}", reply.body);
    let value: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    let told = &value["instances"]["acme"]["last"]["error"];
    assert_eq!(told, "the canary \"s3cr3t\" \u{202e}\u{1b}[31m was here");
    assert_eq!(value["instances"]["acme"]["activity"]["is"], "waiting");
    assert_eq!(value["phase"], "serving");
    assert_eq!(value["outbox"], serde_json::json!([]));
    assert_eq!(value["outbox_size"]["entries"], 0);
    assert_eq!(value["snapshots"], serde_json::json!([]));
    assert_eq!(value["ledger_error"], serde_json::Value::Null);
}

#[tokio::test]
async fn status_without_a_ledger_says_why() {
    let served = Served::new(PATIENT, |health| health.state_dir = "/nowhere".into());
    let reply = served.get("/statusz").await;
    let value: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    let why = value["ledger_error"].as_str().unwrap();
    assert!(why.contains("there is no ledger here yet"), "{why}");
    let metrics = served.get("/metrics").await;
    assert!(
        metrics.body.contains("\nfinops_ledger_readable 0\n"),
        "{metrics:?}"
    );
}

#[tokio::test]
async fn status_looks_to_everybody_else_like_a_path_that_is_not_there() {
    let served = Served::new(PATIENT, |_| ());
    let nothing = Reply::of(
        &served
            .send("GET /nothing HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            .await,
    );
    assert_eq!((nothing.status, nothing.body.as_str()), (404, ""));
    for request in [
        "GET /statusz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /statusz HTTP/1.1\r\n\r\n",
        "GET /statusz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        "GET http://evil.example/statusz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /statusz HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 10.0.0.7\r\n\r\n",
        "POST /statusz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ] {
        assert_eq!(Reply::of(&served.send(request).await), nothing, "{request}");
    }
    let old = Reply::of(&served.send("GET /statusz HTTP/1.0\r\n\r\n").await);
    assert_eq!((old.status, old.body.as_str()), (404, ""));
}

#[tokio::test]
async fn metrics_are_served_as_prometheus_reads_them() {
    let served = Served::new(PATIENT, |health| {
        health.board.put("acme", waiting());
        health.metrics.run_started("acme", Duration::ZERO);
    });
    let reply = served.get("/metrics?token=whatever").await;
    assert_eq!(reply.status, 200);
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(reply.head.contains(kind), "{}", reply.head);
    for line in [
        "finops_runs_started_total{instance=\"acme\"} 1",
        "finops_ledger_readable 1",
    ] {
        assert!(
            reply.body.lines().any(|told| told == line),
            "{line}: {}",
            reply.body
        );
    }
    let head = Reply::of(
        &served
            .send("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await,
    );
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn only_get_and_head_and_only_known_paths() {
    let served = Served::new(PATIENT, |_| ());
    for path in ["/livez", "/readyz", "/metrics", "/statusz"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let reply = Reply::of(&served.send(&request).await);
            assert_eq!((reply.status, reply.body.as_str()), (405, ""), "{request}");
        }
    }
    for path in [
        "/",
        "/livez/",
        "/LIVEZ",
        "//livez",
        "/metrics/../statusz",
        "/%6cive",
        "/debug/pprof",
    ] {
        assert_eq!(served.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn heads_that_are_too_large_or_no_heads_are_refused() {
    let served = Served::new(PATIENT, |_| ());
    let start = "GET /livez HTTP/1.1\r\nHost: localhost\r\n";
    let long = format!("{start}X-Long: {}", "x".repeat(9_000));
    let many = format!("{start}{}\r\n", "A: b\r\n".repeat(100));
    for (request, statuses) in [
        (long.as_str(), [431, 414]),
        (many.as_str(), [431, 400]),
        ("\u{16}\u{3}\u{1} no HTTP at all\r\n\r\n", [400, 0]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400, 0]),
        ("GET /livez HTTP/1.1\r\nHost: a b\r\n X: folded\r\n\r\n", [400, 0]),
    ] {
        let status = Reply::of(&served.send(request).await).status;
        assert!(statuses.contains(&status), "{status} for {request:.60?}");
    }
    assert_eq!(served.get("/livez").await.status, 200);
}

#[tokio::test]
async fn each_connection_has_one_request() {
    let served = Served::new(PATIENT, |_| ());
    let one = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n";
    let replies = served.send(&one.repeat(3)).await;
    assert_eq!(replies.matches("HTTP/1.1 200").count(), 1, "{replies}");
}

#[tokio::test]
async fn who_sends_no_head_in_time_is_closed() {
    let bounds = Bounds {
        head: Duration::from_millis(20),
        ..PATIENT
    };
    let served = Served::new(bounds, |_| ());
    let mut silent = served.connect().await;
    assert_eq!(rest(&mut silent).await, "");
    let slow = served
        .send("GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        .await;
    assert!(!slow.contains(" 200 "), "{slow}");
}

#[tokio::test]
async fn who_does_not_read_the_reply_in_time_is_closed() {
    let bounds = Bounds {
        whole: Duration::from_millis(20),
        ..PATIENT
    };
    let served = Served::new(bounds, |_| ());
    let mut silent = served.connect().await;
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn many_silent_connections_keep_no_probe_out() {
    let bounds = Bounds {
        connections: 4,
        ..PATIENT
    };
    let served = Served::new(bounds, |_| ());
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(served.connect().await);
    }
    assert_eq!(served.get("/livez").await.status, 200);
    assert_eq!(rest(&mut silent[0]).await, "", "the oldest had to go");
    let request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    silent[1].write_all(request).await.unwrap();
    assert_eq!(Reply::of(&rest(&mut silent[1]).await).status, 200);
}

#[tokio::test]
async fn a_silent_connection_holds_up_no_end() {
    let served = Served::new(PATIENT, |_| ());
    let mut silent = served.connect().await;
    let mut begun = served.connect().await;
    begun.write_all(b"GET /livez HTTP/1.1\r\nHo").await.unwrap();
    assert_eq!(served.get("/livez").await.status, 200, "all were accepted");
    served.stop.send(()).unwrap();
    assert_eq!(rest(&mut silent).await, "");
    drop(begun);
    served.serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(served.addr).await.is_err());
}
