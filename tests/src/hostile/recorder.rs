//! A server that records every connection and every byte that reaches it, and answers as the test says: also badly.
//! What must hold: a connection is recorded before anything is read from it, and [`Recorder::connections`] misses none
//! that was made before it was asked.

use super::answer::{Answer, Then};
use crate::{Error, tls::Authority};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// Most bytes of one request that are kept in memory for reading it.
const LARGEST: usize = 64 << 20;

/// First byte of every TLS connection (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// A connection that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Who came.
    pub peer: SocketAddr,
    /// Which address was dialled.
    pub local: SocketAddr,
    /// All that was received, within TLS where there is TLS.
    pub bytes: Vec<u8>,
}

/// A request as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Request line and headers with their line ends, bytes as characters.
    pub head: String,
    /// The body, without the framing of chunks.
    pub body: Vec<u8>,
    /// Whether it came within TLS.
    pub tls: bool,
}

impl Received {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// The target of the request line: path and query as they were sent.
    #[must_use]
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// Names in lower case, and values, of all headers in their order.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        let lines = self.head.split("\r\n").skip(1);
        lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect()
    }

    /// The only header of that lower-case name; none where it is missing or repeated.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let mut named = self.headers().into_iter().filter(|(known, _)| known == name);
        match (named.next(), named.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

type Answers = Arc<dyn Fn(&Received) -> Answer + Send + Sync>;

#[derive(Debug, Default)]
struct Seen {
    connections: Vec<Connection>,
    requests: Vec<Received>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Notify,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server. It ends when it is dropped.
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Recorder {
    /// Plain HTTP on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Where it cannot listen.
    pub async fn plain(answers: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Result<Self, Error> {
        Self::on(TcpListener::bind("127.0.0.1:0").await?, None, answers)
    }

    /// HTTPS on a free port of 127.0.0.1, and plain HTTP where a client speaks that instead.
    ///
    /// # Errors
    /// Where it cannot listen.
    pub async fn tls(
        authority: &Authority,
        answers: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::on(TcpListener::bind("127.0.0.1:0").await?, Some(authority), answers)
    }

    /// On a socket of the test's choice.
    ///
    /// # Errors
    /// Where the socket has no address.
    pub fn on(
        listener: TcpListener,
        authority: Option<&Authority>,
        answers: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let acceptor = authority.map(|authority| TlsAcceptor::from(Arc::clone(&authority.server)));
        let accepting = tokio::spawn(accept(listener, acceptor, Arc::clone(&shared), Arc::new(answers)));
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All connections so far.
    ///
    /// # Errors
    /// Where it no longer accepts.
    pub async fn connections(&self) -> Result<Vec<Connection>, Error> {
        // Connections are accepted in the order in which they were made: one of our own tells that none is missing.
        let mut to = self.address;
        if to.ip().is_unspecified() {
            let loopback = if to.is_ipv4() { "127.0.0.1" } else { "::1" };
            to.set_ip(loopback.parse()?);
        }
        let last = TcpStream::connect(to).await?;
        let own = last.local_addr()?;
        loop {
            let changed = self.shared.changed.notified();
            {
                let connections = &mut self.shared.seen().connections;
                if let Some(index) = connections.iter().position(|known| known.peer == own) {
                    connections.remove(index);
                    return Ok(connections.clone());
                }
            }
            changed.await;
        }
    }

    /// All requests so far whose bodies came to their end.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.seen().requests.clone()
    }

    /// All requests since this was last asked. What was recorded so far is forgotten, so that many can be judged in turn.
    #[must_use]
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.shared.seen()).requests
    }

    /// All bytes received so far, over all connections.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let seen = self.shared.seen();
        let all = seen.connections.iter().map(|connection| &connection.bytes);
        all.flatten().copied().collect()
    }

    /// Asserts that no connection was made.
    ///
    /// # Errors
    /// Where it no longer accepts.
    pub async fn assert_untouched(&self, what: &str) -> Result<(), Error> {
        let connections = self.connections().await?;
        assert!(
            connections.is_empty(),
            "{what}: the server saw a connection: {connections:?}"
        );
        Ok(())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>, answers: Answers) {
    // Connections end with the server.
    let mut serving = tokio::task::JoinSet::new();
    loop {
        let Ok((tcp, peer)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let Ok(local) = tcp.local_addr() else { continue };
        shared.seen().connections.push(Connection {
            peer,
            local,
            bytes: Vec::new(),
        });
        shared.changed.notify_waiters();
        let _ = tcp.set_nodelay(true);
        let (acceptor, shared, answers) = (acceptor.clone(), Arc::clone(&shared), Arc::clone(&answers));
        serving.spawn(async move {
            let wire = |bytes: &[u8]| {
                let mut seen = shared.seen();
                let known = seen.connections.iter_mut().rfind(|known| known.peer == peer);
                if let Some(connection) = known {
                    connection.bytes.extend_from_slice(bytes);
                }
            };
            let tell = |tls: bool| {
                let (shared, answers) = (&shared, &answers);
                move |mut request: Received| {
                    request.tls = tls;
                    let answer = answers(&request);
                    shared.seen().requests.push(request);
                    answer
                }
            };
            let mut first = [0];
            let speaks_tls = tcp.peek(&mut first).await.is_ok() && first == [TLS_HANDSHAKE];
            // How a client goes away is its own business.
            let _ = match acceptor.filter(|_| speaks_tls) {
                Some(acceptor) => match acceptor.accept(tcp).await {
                    Ok(stream) => serve(stream, &wire, &tell(true)).await,
                    Err(error) => Err(error),
                },
                None => serve(tcp, &wire, &tell(false)).await,
            };
        });
        while serving.try_join_next().is_some() {}
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    wire: &(dyn Fn(&[u8]) + Sync),
    tell: &(dyn Fn(Received) -> Answer + Sync),
) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer, wire).await? {
        let answer = tell(request);
        stream.write_all(&answer.start).await?;
        stream.flush().await?;
        match answer.then {
            Then::Next => {}
            Then::Close => return stream.shutdown().await,
            Then::Hang => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await?;
                wire(&rest);
                return Ok(());
            }
            Then::Pieces(pieces) => {
                for piece in pieces {
                    stream.write_all(&piece).await?;
                    stream.flush().await?;
                    // So that the client reads it before the next.
                    tokio::task::yield_now().await;
                }
            }
            Then::Endless(piece) => loop {
                stream.write_all(&piece).await?;
            },
            Then::Drip(piece, pause) => loop {
                stream.write_all(&piece).await?;
                stream.flush().await?;
                tokio::time::sleep(pause).await;
            },
        }
    }
    Ok(())
}

/// The next request; none where the client is gone or sends no HTTP.
async fn read_request<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    wire: &(dyn Fn(&[u8]) + Sync),
) -> io::Result<Option<Received>> {
    loop {
        if let Some((request, used)) = parse(buffer) {
            buffer.drain(..used);
            return Ok(Some(request));
        }
        let mut piece = vec![0; 64 << 10];
        let read = stream.read(&mut piece).await?;
        piece.truncate(read);
        wire(&piece);
        buffer.extend_from_slice(&piece);
        if read == 0 || buffer.len() > LARGEST {
            return Ok(None);
        }
    }
}

/// A whole request at the buffer's start, and its length.
fn parse(buffer: &[u8]) -> Option<(Received, usize)> {
    let end = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head: String = buffer.get(..end)?.iter().map(|byte| char::from(*byte)).collect();
    let mut request = Received {
        head,
        body: Vec::new(),
        tls: false,
    };
    let chunked = request
        .headers()
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value.eq_ignore_ascii_case("chunked"));
    if chunked {
        let (body, used) = chunks(buffer.get(end..)?)?;
        request.body = body;
        return Some((request, end + used));
    }
    let length = request
        .header("content-length")
        .and_then(|length| length.parse().ok());
    let length: usize = length.unwrap_or_default();
    request.body = buffer.get(end..end.checked_add(length)?)?.to_vec();
    Some((request, end + length))
}

/// The body of all chunks, and the length with their framing.
fn chunks(framed: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let rest = framed.get(at..)?;
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..line)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        let begin = line + 2;
        body.extend_from_slice(rest.get(begin..begin + size)?);
        at += begin + size + 2;
        if size == 0 {
            return framed.get(..at).map(|_| (body, at));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn converse(recorder: &Recorder, say: &str) -> String {
        let mut client = TcpStream::connect(recorder.address()).await.unwrap();
        client.write_all(say.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        heard
    }

    #[tokio::test]
    async fn requests_are_recorded_as_they_came_and_answered_in_turn() {
        let recorder = Recorder::plain(|request| Answer::ok(request.target()))
            .await
            .unwrap();
        recorder.assert_untouched("before").await.unwrap();
        let say = "GET /one HTTP/1.1\r\nHost: a\r\n\r\nPOST /two HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi\
                   PUT /three HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        let heard = converse(&recorder, say).await;
        assert!(heard.contains("/one") && heard.ends_with("/three"), "{heard}");
        let requests = recorder.requests();
        let bodies: Vec<_> = requests.iter().map(|request| request.body.as_slice()).collect();
        assert_eq!(bodies, [b"".as_slice(), b"hi", b"abc"]);
        assert_eq!(requests.first().unwrap().header("host").as_deref(), Some("a"));
        let connections = recorder.connections().await.unwrap();
        assert_eq!(connections.len(), 1);
        assert_eq!(connections.first().unwrap().bytes, say.as_bytes());
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_seen() {
        let recorder = Recorder::plain(|_| Answer::ok("")).await.unwrap();
        let _silent = TcpStream::connect(recorder.address()).await.unwrap();
        assert_eq!(recorder.connections().await.unwrap().len(), 1);
        assert_eq!(
            recorder.connections().await.unwrap().len(),
            1,
            "its own are not counted"
        );
    }
}
