//! Scripted replies whose bodies come in small pieces.

use crate::{Body, Failure, Response};

/// Pieces in which a fake reply's body is read: small, so that every reader meets seams.
const PIECE: usize = 7;

/// A reply with a status and a text as body.
#[must_use]
pub fn reply(status: u16, body: &str) -> Response {
    let body = Pieces {
        bytes: body.as_bytes().to_vec(),
        position: 0,
        breaks: None,
    };
    Response {
        status,
        headers: Vec::new(),
        body: Box::new(body),
    }
}

/// A successful reply whose body breaks off with the failure after the text.
#[must_use]
pub fn broken_reply(body: &str, failure: Failure) -> Response {
    let body = Pieces {
        bytes: body.as_bytes().to_vec(),
        position: 0,
        breaks: Some(failure),
    };
    Response {
        status: 200,
        headers: Vec::new(),
        body: Box::new(body),
    }
}

struct Pieces {
    bytes: Vec<u8>,
    position: usize,
    breaks: Option<Failure>,
}

impl Body for Pieces {
    fn read(&mut self, max: u32) -> Result<Option<Vec<u8>>, Failure> {
        let max = usize::try_from(max).unwrap_or(PIECE);
        let length = if max == 0 { PIECE } else { max.min(PIECE) };
        let end = (self.position + length).min(self.bytes.len());
        let piece = self.bytes.get(self.position..end).unwrap_or_default().to_vec();
        self.position = end;
        match (piece.is_empty(), self.breaks.take()) {
            (true, Some(failure)) => Err(failure),
            (true, None) => Ok(None),
            (false, breaks) => {
                self.breaks = breaks;
                Ok(Some(piece))
            }
        }
    }
}
