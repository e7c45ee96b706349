//! Step 9's search for secrets in replies. What must hold: no byte of a secret of eight bytes or more reaches the guest,
//! written raw or in base64, and either of them percent-encoded or JSON-escaped, however the reply is cut into pieces.

use super::Secret;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use std::{borrow::Cow, fmt, sync::Arc};
use zeroize::Zeroizing;

/// Shorter secrets are not looked for: they occur by chance.
const SHORTEST: usize = 8;

/// The secrets that are looked for. Made anew when one is added.
#[derive(Clone)]
pub(crate) struct Watch(Option<Arc<Patterns>>);

struct Patterns {
    search: AhoCorasick,
    /// The longest pattern, in bytes.
    longest: usize,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch {
    /// Looks for nothing: where no secret has been read.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Looks for these secrets.
    pub(super) fn over<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        let mut patterns: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        for secret in secrets {
            let bytes = secret.expose().as_bytes();
            if bytes.len() >= SHORTEST {
                patterns.push(Zeroizing::new(bytes.to_vec()));
                patterns.extend((0..3).flat_map(|offset| inside_base64(bytes, offset)));
            }
        }
        let Some(longest) = patterns.iter().map(|pattern| pattern.len()).max() else {
            return Self(None);
        };
        // Secrets are short, so the search can be made; were it not, nothing would pass: the empty pattern is everywhere.
        let search = AhoCorasick::builder()
            // A DFA over a private key and its forms would take minutes to make.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&patterns)
            .or_else(|_| AhoCorasick::new([""]));
        Self(search.ok().map(|search| Arc::new(Patterns { search, longest })))
    }

    /// Whether the text holds a secret.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        Echo::new(self.clone()).finds(text)
    }
}

/// The characters that any base64 text has in its middle where it encodes these bytes from that offset (modulo 3).
fn inside_base64(bytes: &[u8], offset: usize) -> Vec<Zeroizing<Vec<u8>>> {
    let mut padded = Zeroizing::new(vec![0; offset]);
    padded.extend_from_slice(bytes);
    let skipped = [0, 2, 3].get(offset).copied().unwrap_or_default();
    let cut = usize::from(!padded.len().is_multiple_of(3));
    let middle = |text: String| {
        let text = Zeroizing::new(text);
        let middle = text
            .get(skipped..text.len().saturating_sub(cut))
            .unwrap_or_default();
        Zeroizing::new(middle.as_bytes().to_vec())
    };
    vec![
        middle(STANDARD_NO_PAD.encode(padded.as_slice())),
        middle(URL_SAFE_NO_PAD.encode(padded.as_slice())),
    ]
}

/// The search through one reply, piece by piece.
pub(crate) struct Echo {
    watch: Watch,
    views: [View; 3],
}

/// One way of reading the reply's bytes.
struct View {
    escape: Escape,
    /// What has been read of an escape.
    begun: Vec<u8>,
    /// The end of what was read before, as long as a secret could begin in it.
    tail: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Percent,
    Json,
}

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Echo")
    }
}

impl Echo {
    pub(crate) fn new(watch: Watch) -> Self {
        let views = [Escape::None, Escape::Percent, Escape::Json].map(|escape| View {
            escape,
            begun: Vec::new(),
            tail: Zeroizing::default(),
        });
        Self { watch, views }
    }

    /// How many bytes at the end of what was read may be the beginning of a secret: they must be held back until more
    /// is read. An escape writes one byte in six at most.
    pub(crate) fn held_back(&self) -> usize {
        let longest = self.watch.0.as_ref().map_or(0, |patterns| patterns.longest);
        longest * 6
    }

    /// Reads on; whether a secret has been completed.
    pub(crate) fn finds(&mut self, piece: &[u8]) -> bool {
        let Some(patterns) = &self.watch.0 else {
            return false;
        };
        let [raw, others @ ..] = &mut self.views;
        let before = raw.tail.clone();
        if raw.finds(piece, patterns) {
            return true;
        }
        others.iter_mut().any(|view| {
            if view.reads_as_it_is(piece) && view.tail == before {
                // Nothing but what the raw view has searched already.
                view.tail.clone_from(&raw.tail);
                return false;
            }
            view.finds(piece, patterns)
        })
    }
}

impl View {
    fn reads_as_it_is(&self, piece: &[u8]) -> bool {
        let first = match self.escape {
            Escape::None => return true,
            Escape::Percent => b'%',
            Escape::Json => b'\\',
        };
        self.begun.is_empty() && !piece.contains(&first)
    }

    fn finds(&mut self, piece: &[u8], patterns: &Patterns) -> bool {
        let piece = if self.reads_as_it_is(piece) {
            Cow::Borrowed(piece)
        } else {
            Cow::Owned(self.decoded(piece))
        };
        self.tail.extend_from_slice(&piece);
        let found = patterns.search.is_match(self.tail.as_slice());
        let done = self.tail.len().saturating_sub(patterns.longest.saturating_sub(1));
        self.tail.drain(..done);
        found
    }

    /// Decodes on. What begins like an escape and is none stays as it is.
    fn decoded(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() + self.begun.len());
        for byte in piece {
            let is_digit = byte.is_ascii_hexdigit();
            match (self.escape, self.begun.len()) {
                (Escape::Percent, 1 | 2) | (Escape::Json, 2..=5) if is_digit => self.begun.push(*byte),
                (Escape::Json, 1) if *byte == b'u' => self.begun.push(*byte),
                (Escape::Json, 1) => {
                    self.begun.clear();
                    out.push(simple_escape(*byte));
                }
                _ => {
                    out.append(&mut self.begun);
                    match (self.escape, byte) {
                        (Escape::Percent, b'%') | (Escape::Json, b'\\') => self.begun.push(*byte),
                        _ => out.push(*byte),
                    }
                }
            }
            match (self.escape, self.begun.as_slice()) {
                (Escape::Percent, [_, digits @ ..]) if digits.len() == 2 => {
                    out.push(u8::try_from(value(digits)).unwrap_or_default());
                    self.begun.clear();
                }
                (Escape::Json, [_, _, digits @ ..]) if digits.len() == 4 => {
                    let meant = char::from_u32(value(digits)).unwrap_or(char::REPLACEMENT_CHARACTER);
                    out.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
                    self.begun.clear();
                }
                _ => {}
            }
        }
        out
    }
}

/// The byte that a JSON escape of two characters stands for.
fn simple_escape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        other => other,
    }
}

fn value(digits: &[u8]) -> u32 {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default();
    digits.iter().fold(0, |sum, byte| sum * 16 + digit(byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::source::LONGEST, *};
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn watch(secrets: &[&str]) -> Watch {
        let secrets: Vec<Secret> = secrets
            .iter()
            .map(|text| Secret::new(Zeroizing::new((*text).to_owned())))
            .collect();
        Watch::over(secrets.iter())
    }

    #[test]
    fn short_secrets_are_not_looked_for() {
        assert!(!watch(&["1234567"]).is_in(b"1234567"));
        assert!(watch(&["1234567", "12345678"]).is_in(b"x12345678"));
    }

    #[test]
    fn the_longest_allowed_secret_can_be_looked_for() {
        let long = "abc\u{7f}/".repeat(usize::try_from(LONGEST).unwrap() / 5);
        assert!(watch(&[&long]).is_in(STANDARD.encode(format!("x{long}")).as_bytes()));
    }

    proptest! {
        #[test]
        fn a_secret_is_found_wherever_it_stands_and_however_each_byte_is_written(
            secret in "[!-~]{8,20}",
            before in "[ -~]{0,20}[ -~&&[^%\\\\]]",
            ways in prop::collection::vec(0..3_u8, 20),
            view in 0..3_u8,
            base64 in any::<bool>(),
            cut in 1..9_usize,
        ) {
            let shown = if base64 { STANDARD.encode(format!("{before}{secret}.")) } else { secret.clone() };
            let mut text = before.clone();
            for (byte, way) in shown.bytes().zip(ways.iter().cycle()) {
                text.push_str(&match (view, way) {
                    (1, 1) => format!("%{byte:02x}"),
                    (1, 2) => format!("%{byte:02X}"),
                    (1, _) if byte == b'%' => "%25".to_owned(),
                    (2, 1) => format!("\\u{byte:04x}"),
                    (2, 2) if byte.is_ascii_punctuation() => format!("\\{}", char::from(byte)),
                    (2, _) if byte == b'\\' => "\\\\".to_owned(),
                    _ => char::from(byte).to_string(),
                });
            }
            let mut echo = Echo::new(watch(&["another-secret", &secret]));
            prop_assert!(text.as_bytes().chunks(cut).any(|piece| echo.finds(piece)), "{}", text);
            prop_assert!(text.len() - before.len() <= echo.held_back().max(shown.len() * 6));
        }
    }
}
