//! What asking for health leaves in the log. In a process of its own, since the log is the whole process's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use finops_host::{
    clock::SystemClock,
    observe::{Board, Health, Heartbeat, Metrics, Readiness, listen},
};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn of_a_request_nothing_but_method_and_path_is_logged() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let health = Health {
        board: Board::default(),
        metrics: Metrics::new(),
        state_dir: "/nowhere".into(),
        clock: Arc::new(SystemClock::default()),
        ready: Readiness::new(),
        heartbeat: Heartbeat::new(),
    };
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move {
        let _ = stopped.await;
    };
    let serving = tokio::spawn(listen(vec![listener], health, stopped));
    let requests = [
        "GET /livez?token=canary HTTP/1.1\r\nHost: canary\r\nAuthorization: Bearer canary\r\nCookie: canary\r\n\
         Content-Length: 6\r\n\r\ncanary",
        "GET /\u{9b}31m HTTP/1.1\r\nX: canary\r\n\r\n",
        "GET /livez HTTP/1.1\r\nX canary: canary\r\n\r\n",
    ];
    for request in requests {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("/livez"), "{logged}");
    assert!(!logged.contains("canary"), "{logged}");
    assert!(!logged.contains('\u{9b}'), "{logged}");
}
