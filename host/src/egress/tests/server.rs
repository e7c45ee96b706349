//! A server that answers one request per connection from a list, and keeps what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// The server. It ends when dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// Gives the answer to the n-th request, counted from 1.
type Answers = Box<dyn Fn(usize, &str) -> Vec<u8> + Send + Sync>;

struct Shared {
    answers: Answers,
    seen: Mutex<Vec<String>>,
    /// Answers wait for it.
    gate: Semaphore,
    load: watch::Sender<Load>,
}

/// How many requests came, wait for an answer, and ever waited at once.
#[derive(Default)]
struct Load {
    arrived: usize,
    waiting: usize,
    most_waiting: usize,
}

impl Server {
    /// Answers the n-th request with the n-th answer; the last one is repeated.
    pub(super) async fn start(answers: Vec<Vec<u8>>) -> Self {
        Self::listen(in_order(answers), None, Semaphore::MAX_PERMITS).await
    }

    /// Answers as the function says.
    pub(super) async fn answering(answers: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let answers: Answers = Box::new(move |_, request| answers(request));
        Self::listen(answers, None, Semaphore::MAX_PERMITS).await
    }

    /// The same over TLS.
    pub(super) async fn start_tls(answers: Vec<Vec<u8>>, tls: TlsAcceptor) -> Self {
        Self::listen(in_order(answers), Some(tls), Semaphore::MAX_PERMITS).await
    }

    /// Answers only as many as [`Self::release`] lets pass.
    pub(super) async fn start_closed(answers: Vec<Vec<u8>>) -> Self {
        Self::listen(in_order(answers), None, 0).await
    }

    async fn listen(answers: Answers, tls: Option<TlsAcceptor>, open: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answers,
            seen: Mutex::default(),
            gate: Semaphore::new(open),
            load: watch::Sender::default(),
        });
        let for_task = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&for_task);
                match tls.clone() {
                    None => tokio::spawn(async move { serve(stream, &shared).await }),
                    Some(tls) => tokio::spawn(async move { serve_tls(tls, stream, &shared).await }),
                };
            }
        });
        Self {
            address,
            shared,
            task,
        }
    }

    /// The requests so far: head and body as they came.
    pub(super) fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The only request.
    pub(super) fn only(&self) -> String {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.into_iter().next().unwrap()
    }

    /// Waits until so many requests have come.
    pub(super) async fn arrived(&self, count: usize) {
        let mut load = self.shared.load.subscribe();
        load.wait_for(|load| load.arrived >= count).await.unwrap();
    }

    /// The most requests that ever waited at once.
    pub(super) fn most_waiting(&self) -> usize {
        self.shared.load.borrow().most_waiting
    }

    /// Lets one more request have its answer.
    pub(super) fn release(&self) {
        self.shared.gate.add_permits(1);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn in_order(answers: Vec<Vec<u8>>) -> Answers {
    Box::new(move |number, _| answers[number.min(answers.len()) - 1].clone())
}

async fn serve_tls(tls: TlsAcceptor, stream: TcpStream, shared: &Shared) {
    if let Ok(stream) = tls.accept(stream).await {
        serve(stream, shared).await;
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) {
    let Some(request) = request(&mut stream).await else {
        return;
    };
    let number = {
        let mut seen = shared.seen.lock().unwrap();
        seen.push(request.clone());
        seen.len()
    };
    shared.load.send_modify(|load| {
        load.arrived += 1;
        load.waiting += 1;
        load.most_waiting = load.most_waiting.max(load.waiting);
    });
    shared.gate.acquire().await.unwrap().forget();
    shared.load.send_modify(|load| load.waiting -= 1);
    let answer = (shared.answers)(number, &request);
    // A client that has seen enough goes away.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(text.into_owned());
            }
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

/// An answer with these header lines.
pub(super) fn answer(status: u16, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!(
        "HTTP/1.1 {status} Any\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// An answer of status 200 whose body comes in these pieces.
pub(super) fn pieces(pieces: &[&[u8]]) -> Vec<u8> {
    let mut text = b"HTTP/1.1 200 Any\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for piece in pieces {
        text.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        text.extend_from_slice(piece);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"0\r\n\r\n");
    text
}

/// The value of a request's header, given in lower case.
pub(super) fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    head.split("\r\n").skip(1).find_map(|line| {
        let (given, value) = line.split_once(": ")?;
        (given == name).then_some(value)
    })
}

/// Method, target and body of a request.
pub(super) fn parts(request: &str) -> (&str, &str, &str) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut line = head.split("\r\n").next().unwrap().split(' ');
    (line.next().unwrap(), line.next().unwrap(), body)
}
