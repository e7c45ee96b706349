//! What a recording server answers: well-formed replies, and those of a hostile provider.

use std::{fmt::Write as _, time::Duration};

/// An answer: bytes, and what comes after them.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) start: Vec<u8>,
    pub(super) then: Then,
}

/// What a server does after the first bytes of its answer.
#[derive(Clone, Debug)]
pub enum Then {
    /// It waits for the next request.
    Next,
    /// It closes the connection.
    Close,
    /// It does nothing more, and keeps the connection.
    Hang,
    /// It sends these one by one, then waits for the next request.
    Pieces(Vec<Vec<u8>>),
    /// It sends these bytes again and again.
    Endless(Vec<u8>),
    /// It sends these bytes again and again, with a pause after each time.
    Drip(Vec<u8>, Duration),
}

impl Answer {
    /// Status 200 with this body.
    #[must_use]
    pub fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::status(200, &[], body)
    }

    /// A status, headers and a body of known length.
    #[must_use]
    pub fn status(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut start = head(status, headers, &format!("content-length: {}", body.len()));
        start.extend_from_slice(body);
        Self::raw(start, Then::Next)
    }

    /// A redirect to this URL.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        Self::status(307, &[("location", to)], "")
    }

    /// Status 200 with these headers, and a body in these chunks, each sent by itself.
    #[must_use]
    pub fn chunked(headers: &[(&str, &str)], pieces: &[&[u8]]) -> Self {
        let mut chunks: Vec<_> = pieces.iter().map(|piece| chunk(piece)).collect();
        chunks.push(chunk(b""));
        Self::raw(
            head(200, headers, "transfer-encoding: chunked"),
            Then::Pieces(chunks),
        )
    }

    /// Status 200 with these headers, and a body that never ends, of this piece.
    #[must_use]
    pub fn endless(headers: &[(&str, &str)], piece: &[u8]) -> Self {
        let start = head(200, headers, "transfer-encoding: chunked");
        Self::raw(start, Then::Endless(chunk(piece)))
    }

    /// No answer at all.
    #[must_use]
    pub fn silence() -> Self {
        Self::raw(Vec::new(), Then::Hang)
    }

    /// Any bytes.
    #[must_use]
    pub fn raw(start: impl Into<Vec<u8>>, then: Then) -> Self {
        Self {
            start: start.into(),
            then,
        }
    }
}

fn head(status: u16, headers: &[(&str, &str)], framing: &str) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Whatever\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = write!(head, "{framing}\r\n\r\n");
    head.into_bytes()
}

fn chunk(piece: &[u8]) -> Vec<u8> {
    let mut framed = format!("{:x}\r\n", piece.len()).into_bytes();
    framed.extend_from_slice(piece);
    framed.extend_from_slice(b"\r\n");
    framed
}
