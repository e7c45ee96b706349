//! A body as JSON: text where it is UTF-8, else base64; in pieces where it is long, so that nobody need hold it whole.

use super::spool::Spool;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    io::{self, Write},
    path::Path,
};

/// Bytes of a piece.
const PIECE: usize = 64 << 10;

/// A body that is being written.
#[derive(Debug)]
pub(super) struct Pieces {
    /// What is not yet a piece.
    held: Vec<u8>,
    /// Pieces with commas between them.
    written: Spool,
    count: usize,
}

impl Pieces {
    /// An empty body.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            held: Vec::new(),
            written: Spool::new(directory),
            count: 0,
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(PIECE) {
            self.held.extend_from_slice(part);
            if self.held.len() >= PIECE {
                self.piece(false)?;
            }
        }
        Ok(())
    }

    /// The whole body as one JSON value.
    pub(super) fn pour(mut self, into: &mut impl Write) -> io::Result<()> {
        while !self.held.is_empty() {
            self.piece(true)?;
        }
        match self.count {
            0 => into.write_all(b"\"\""),
            1 => self.written.pour(into),
            _ => {
                into.write_all(b"[")?;
                self.written.pour(into)?;
                into.write_all(b"]")
            }
        }
    }

    /// Writes what is held as a piece; a character that is not yet whole waits for its end.
    fn piece(&mut self, last: bool) -> io::Result<()> {
        if self.count > 0 {
            self.written.write_all(b",")?;
        }
        self.count += 1;
        let (text, rest) = match std::str::from_utf8(&self.held) {
            Ok(text) => (Some(text), Vec::new()),
            Err(error) if error.error_len().is_none() && !last => {
                let (whole, rest) = self
                    .held
                    .split_at_checked(error.valid_up_to())
                    .unwrap_or_default();
                (std::str::from_utf8(whole).ok(), rest.to_vec())
            }
            Err(_) => (None, Vec::new()),
        };
        match text {
            Some(text) => serde_json::to_writer(&mut self.written, text)?,
            None => {
                let encoded = serde_json::json!({"base64": STANDARD.encode(&self.held)});
                serde_json::to_writer(&mut self.written, &encoded)?;
            }
        }
        self.held = rest;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::Value;

    fn written(parts: &[&[u8]]) -> Value {
        let home = tempfile::tempdir().unwrap();
        let mut pieces = Pieces::new(home.path());
        for part in parts {
            pieces.push(part).unwrap();
        }
        let mut out = Vec::new();
        pieces.pour(&mut out).unwrap();
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
        serde_json::from_slice(&out).unwrap()
    }

    fn decoded(value: &Value) -> Vec<u8> {
        match value {
            Value::String(text) => text.clone().into_bytes(),
            Value::Array(pieces) => pieces.iter().flat_map(decoded).collect(),
            other => STANDARD
                .decode(other.get("base64").unwrap().as_str().unwrap())
                .unwrap(),
        }
    }

    #[test]
    fn a_body_comes_back_to_the_byte_however_long_it_is_and_however_it_is_cut() {
        let long = "a\u{1f600}\"\\\n".repeat(90_000);
        let mut mixed = long.clone().into_bytes();
        mixed.extend([0xff, 0xfe, 0]);
        for body in [
            &b""[..],
            b"{\"a\": 1}",
            "\u{e9}".as_bytes(),
            &[0xe9],
            long.as_bytes(),
            &mixed,
        ] {
            for cut in [1_000_000, 4_099, 65_536] {
                let parts: Vec<&[u8]> = body.chunks(cut).collect();
                assert_eq!(decoded(&written(&parts)), body);
            }
        }
        assert_eq!(written(&[b"a", b"b"]), Value::from("ab"));
        let text = written(&[long.as_bytes()]);
        assert!(text.as_array().unwrap().iter().all(Value::is_string));
    }
}
