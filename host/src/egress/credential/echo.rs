//! Step 9's search for secrets in replies. What must hold: no byte of a secret of eight bytes or more reaches the guest,
//! written raw, in base64, percent-encoded or JSON-escaped (or one of the first two inside one of the last two), however
//! the reply is cut into pieces.

use super::{Secret, source::LONGEST};
use aho_corasick::{
    Anchored,
    automaton::{Automaton, StateID},
    nfa::contiguous::NFA,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// Shorter secrets are not looked for: they occur by chance.
const SHORTEST: usize = 8;

/// The secrets that are looked for. Made anew when one is added.
#[derive(Clone)]
pub(crate) struct Watch(Option<Arc<Patterns>>);

struct Patterns {
    automaton: NFA,
    /// The longest secret, in bytes.
    longest: usize,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch {
    /// Looks for these secrets.
    pub(super) fn over<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        let mut patterns: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        let mut longest = 0;
        for secret in secrets {
            let bytes = secret.expose().as_bytes();
            if bytes.len() < SHORTEST {
                continue;
            }
            longest = longest.max(bytes.len());
            patterns.push(Zeroizing::new(bytes.to_vec()));
            for offset in 0..3 {
                patterns.extend(inside_base64(bytes, offset));
            }
        }
        // Secrets are at most 16 KiB, so the automaton can be built; were it not, nothing may be let through.
        match NFA::new(&patterns) {
            _ if patterns.is_empty() => Self(None),
            Ok(automaton) => Self(Some(Arc::new(Patterns { automaton, longest }))),
            Err(_) => Self(NFA::new([""]).ok().map(|automaton| {
                Arc::new(Patterns {
                    automaton,
                    longest: usize::try_from(LONGEST).unwrap_or_default(),
                })
            })),
        }
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
    let cut = usize::from(padded.len() % 3 != 0);
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
    reading: Reading,
    state: Option<StateID>,
}

/// What has been read of an escape.
#[derive(Clone, Copy)]
enum Reading {
    Raw,
    Percent(Option<Escape>),
    Json(Option<Escape>),
}

/// Digits wanted and the value of those read. `Start` is a backslash alone.
#[derive(Clone, Copy)]
enum Escape {
    Start,
    Digits { left: u8, value: u32 },
}

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Echo")
    }
}

impl Echo {
    pub(crate) fn new(watch: Watch) -> Self {
        let view = |reading| View { reading, state: None };
        Self {
            watch,
            views: [
                view(Reading::Raw),
                view(Reading::Percent(None)),
                view(Reading::Json(None)),
            ],
        }
    }

    /// How many bytes at the end of what was read may be the beginning of a secret: they must be held back until more
    /// is read. Base64 lengthens a secret by a third, a JSON escape each byte to six.
    pub(crate) fn held_back(&self) -> usize {
        self.watch
            .0
            .as_ref()
            .map_or(0, |patterns| (patterns.longest * 4 / 3 + 4) * 6)
    }

    /// Reads on; whether a secret has been completed.
    pub(crate) fn finds(&mut self, piece: &[u8]) -> bool {
        let Some(patterns) = &self.watch.0 else {
            return false;
        };
        let automaton = &patterns.automaton;
        self.views
            .iter_mut()
            .any(|view| piece.iter().any(|byte| view.read(*byte, automaton)))
    }
}

impl View {
    /// Reads one byte; whether a secret has been completed.
    fn read(&mut self, byte: u8, automaton: &NFA) -> bool {
        match (self.reading, byte) {
            (Reading::Raw, _) => self.step(&[byte], automaton),
            (Reading::Percent(None), b'%') => self.await_digits(2),
            (Reading::Json(None), b'\\') => {
                self.reading = Reading::Json(Some(Escape::Start));
                false
            }
            (Reading::Percent(None) | Reading::Json(None), _) => self.step(&[byte], automaton),
            (Reading::Json(Some(Escape::Start)), b'u') => self.await_digits(4),
            (Reading::Percent(Some(Escape::Start)) | Reading::Json(Some(Escape::Start)), _) => {
                self.reading = self.reading.over();
                let meant = match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    other => other,
                };
                self.step(&[meant], automaton)
            }
            (
                Reading::Percent(Some(Escape::Digits { left, value }))
                | Reading::Json(Some(Escape::Digits { left, value })),
                _,
            ) => self.digit(byte, left, value, automaton),
        }
    }

    fn digit(&mut self, byte: u8, left: u8, value: u32, automaton: &NFA) -> bool {
        let Some(digit) = char::from(byte).to_digit(16) else {
            // No escape after all: whatever was begun is broken, go on with this byte.
            self.reading = self.reading.over();
            self.state = None;
            return self.read(byte, automaton);
        };
        let value = value * 16 + digit;
        if left > 1 {
            let escape = Some(Escape::Digits {
                left: left - 1,
                value,
            });
            self.reading = match self.reading {
                Reading::Json(_) => Reading::Json(escape),
                Reading::Percent(_) | Reading::Raw => Reading::Percent(escape),
            };
            return false;
        }
        let is_json = matches!(self.reading, Reading::Json(_));
        self.reading = self.reading.over();
        if is_json {
            let meant = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
            self.step(meant.encode_utf8(&mut [0; 4]).as_bytes(), automaton)
        } else {
            self.step(&[u8::try_from(value).unwrap_or_default()], automaton)
        }
    }

    fn await_digits(&mut self, left: u8) -> bool {
        let escape = Some(Escape::Digits { left, value: 0 });
        self.reading = match self.reading {
            Reading::Json(_) => Reading::Json(escape),
            Reading::Percent(_) | Reading::Raw => Reading::Percent(escape),
        };
        false
    }

    fn step(&mut self, bytes: &[u8], automaton: &NFA) -> bool {
        bytes.iter().any(|byte| {
            let Some(state) = self.state.or_else(|| automaton.start_state(Anchored::No).ok()) else {
                return true;
            };
            let next = automaton.next_state(Anchored::No, state, *byte);
            self.state = Some(next);
            automaton.is_match(next)
        })
    }
}

impl Reading {
    fn over(self) -> Self {
        match self {
            Self::Raw => Self::Raw,
            Self::Percent(_) => Self::Percent(None),
            Self::Json(_) => Self::Json(None),
        }
    }
}
