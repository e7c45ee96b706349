//! HTTP through the host: requests, streamed replies, and what a reply's status means.
//! What must hold: nothing of a provider's text reaches a message unescaped or long.

use crate::{Failure, FailureKind, excerpt};
use serde::Serialize;
use std::io;

/// The part of an error's body that is read for a message.
const ERROR_BODY: usize = 4_096;
/// How many characters of it are shown.
const SHOWN: usize = 300;

/// One request. The host puts the credential and its own User-Agent on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// Upper-case method.
    pub method: String,
    /// Absolute https URL.
    pub url: String,
    /// Request headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// True when sending it twice does no harm: the host may then retry it.
    pub repeatable: bool,
}

impl HttpRequest {
    /// A GET, which the host may retry.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.into(),
            repeatable: true,
            ..Self::default()
        }
    }

    /// A POST without a body.
    #[must_use]
    pub fn post(url: impl Into<String>) -> Self {
        Self {
            method: "POST".to_owned(),
            url: url.into(),
            ..Self::default()
        }
    }

    /// With a JSON body.
    ///
    /// # Errors
    /// `internal`, where the body cannot be written as JSON.
    pub fn json(mut self, body: &impl Serialize) -> Result<Self, Failure> {
        self.body = Some(
            serde_json::to_vec(body)
                .map_err(|error| Failure::internal(format_args!("request body: {error}")))?,
        );
        Ok(self.header("Content-Type", "application/json"))
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sending it twice does no harm.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
}

/// The pieces of a reply's body, in order.
pub trait Body {
    /// The next piece, at most `max` bytes (0: the host's choice); none at the end.
    ///
    /// # Errors
    /// `unreachable`, where the connection breaks; `throttled`, where a limit of the host is reached.
    fn read(&mut self, max: u32) -> Result<Option<Vec<u8>>, Failure>;
}

/// A reply whose body is read in pieces.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Its headers with lower-case names.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Box<dyn Body>,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

impl Response {
    /// The first header of that lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|header| header.0 == name)
            .map(|header| header.1.as_str())
    }

    /// The reply if its status is a success; otherwise what [`Response::into_failure`] makes of it.
    ///
    /// # Errors
    /// `credential` for 401 and 403, `throttled` for 429, else `provider`.
    pub fn success(self) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) {
            Ok(self)
        } else {
            Err(self.into_failure())
        }
    }

    /// The failure that the status stands for, with a short, escaped piece of the body.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let status = self.status;
        let text = self.start_of_body(ERROR_BODY);
        failure_of(status, &text)
    }

    /// The first bytes of the body as text, for a message. A body that breaks off gives what there was.
    #[must_use]
    pub fn start_of_body(self, max: usize) -> String {
        let mut bytes = Vec::new();
        let mut reader = self.reader();
        let mut buffer = [0_u8; 1_024];
        while bytes.len() < max {
            match io::Read::read(&mut reader, &mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(read) => bytes.extend(buffer.iter().take(read)),
            }
        }
        bytes.truncate(max);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The body as a reader that holds one piece at a time.
    #[must_use]
    pub fn reader(self) -> BodyReader {
        BodyReader {
            body: self.body,
            piece: Vec::new(),
            position: 0,
            ended: false,
        }
    }
}

/// What a status that is no success means, with a short, escaped piece of the body.
#[must_use]
pub fn failure_of(status: u16, body: &str) -> Failure {
    let (kind, meaning) = match status {
        401 => (FailureKind::Credential, "the provider refused the credential"),
        403 => (FailureKind::Credential, "the credential may not do this"),
        429 => (FailureKind::Throttled, "the provider asks to slow down"),
        300..=399 => (
            FailureKind::Provider,
            "the provider redirects elsewhere, which is not followed",
        ),
        _ => (FailureKind::Provider, "the provider answered with an error"),
    };
    let shown = excerpt(body, SHOWN);
    let message = match shown.is_empty() {
        true => format!("{meaning} (HTTP {status})"),
        false => format!("{meaning} (HTTP {status}): {shown}"),
    };
    Failure::new(kind, message).with_status(status)
}

/// A body as [`io::Read`]. A failure of the host comes as an [`io::Error`] that holds it: [`failure_within`] gets it back.
pub struct BodyReader {
    body: Box<dyn Body>,
    piece: Vec<u8>,
    position: usize,
    ended: bool,
}

impl io::Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position >= self.piece.len() && !self.ended {
            match self.body.read(0).map_err(io::Error::other)? {
                Some(piece) => (self.piece, self.position) = (piece, 0),
                None => self.ended = true,
            }
        }
        let left = self.piece.get(self.position..).unwrap_or_default();
        let count = left.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(left) {
            *to = *from;
        }
        self.position += count;
        Ok(count)
    }
}

/// The host's failure inside an I/O error, or `unreachable` for any other.
#[must_use]
pub fn failure_within(error: io::Error) -> Failure {
    let text = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<Failure>()) {
        Some(Ok(failure)) => *failure,
        _ => Failure::unreachable(format_args!("the reply broke off: {text}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::reply;
    use std::io::Read as _;

    #[test]
    fn a_status_becomes_a_failure_of_its_kind() {
        for (status, kind) in [
            (401, FailureKind::Credential),
            (403, FailureKind::Credential),
            (429, FailureKind::Throttled),
            (302, FailureKind::Provider),
            (500, FailureKind::Provider),
        ] {
            let failure = reply(status, "no\u{7}").success().unwrap_err();
            assert_eq!((failure.kind, failure.status), (kind, Some(status)));
            assert!(failure.message.ends_with("no\\u{7}"), "{failure}");
        }
        assert!(reply(204, "").success().is_ok());
    }

    #[test]
    fn a_long_error_is_cut() {
        let failure = reply(500, &"x".repeat(100_000)).into_failure();
        assert!(failure.message.len() < 400);
    }

    #[test]
    fn the_reader_gives_the_pieces_in_order() {
        let mut text = String::new();
        reply(200, "0123456789")
            .reader()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "0123456789");
    }
}
