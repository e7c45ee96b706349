//! Text from guests and providers. It is hostile: it may hold control, escape or bidirectional characters.
//! What must hold: such text reaches logs, tables and errors only through this type's `Display`.

use std::{borrow::Cow, fmt};

/// Longest text that `Display` shows, in characters.
const SHOWN: usize = 400;

/// Text that a guest or a provider wrote. Its `Display` escapes what could fool a terminal, a log or a reader, and truncates.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Foreign(String);

impl Foreign {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as it was written: for storing and comparing, never for showing.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl From<String> for Foreign {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Foreign {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = String::new();
        for (count, character) in self.0.chars().enumerate() {
            if count == SHOWN {
                shown.push('…');
                break;
            }
            match character {
                '\n' => shown.push_str("\\n"),
                '\r' => shown.push_str("\\r"),
                '\t' => shown.push_str("\\t"),
                c if is_deceptive(c) => shown.push_str(&c.escape_unicode().to_string()),
                c => shown.push(c),
            }
        }
        f.pad(&shown)
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Text of the host's own making, made fit for standard output: what deceives and is no end of a line comes out as `\uXXXX`,
/// which in JSON and in TOML means the same character. For what is written as data, where names must stay what they are.
#[must_use]
pub(crate) fn for_output(text: &str) -> Cow<'_, str> {
    let deceives = |c: char| c != '\n' && is_deceptive(c);
    if !text.contains(deceives) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if deceives(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Control characters, invisible ones, and those that reorder text (Unicode's bidirectional controls and tags).
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn escapes_what_could_fool_a_reader() {
        let text = Foreign::new("a\u{1b}[31mb\n\u{202e}c\u{7}");
        assert_eq!(text.to_string(), "a\\u{1b}[31mb\\n\\u{202e}c\\u{7}");
        assert_eq!(format!("{text:?}"), "\"a\\u{1b}[31mb\\n\\u{202e}c\\u{7}\"");
    }

    #[test]
    fn data_for_standard_output_keeps_its_meaning_and_its_lines() {
        let names = serde_json::json!({ "a\u{9b}31m\u{202e}": ["\u{e0001}", "é\n\u{1b}\u{7f}"] });
        let text = format!("{names:#}");
        let shown = for_output(&text);
        assert!(shown.chars().all(|c| c == '\n' || !is_deceptive(c)), "{shown}");
        assert!(
            shown.contains("a\\u009b31m\\u202e") && shown.contains('é'),
            "{shown}"
        );
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, names);
        assert!(matches!(for_output("two\nlines"), Cow::Borrowed(_)));
    }

    #[test]
    fn truncates_long_text() {
        assert_eq!(
            Foreign::new("x".repeat(5000)).to_string().chars().count(),
            SHOWN + 1
        );
    }
}
