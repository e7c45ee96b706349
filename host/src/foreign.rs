//! Text from guests and providers. It is hostile: it may hold control, escape or bidirectional characters.
//! What must hold: such text reaches logs, tables and errors only through this type's `Display`.

use std::fmt;

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
            escape(character, &mut shown);
        }
        f.pad(&shown)
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The whole text, escaped as [`Foreign`] shows it: for text whose length is bounded elsewhere.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        escape(character, &mut shown);
    }
    shown
}

/// JSON for a terminal: the same data, with every character that could fool a reader in JSON's own escapes.
pub(crate) fn json(value: &serde_json::Value) -> String {
    let mut shown = String::new();
    for character in format!("{value:#}").chars() {
        // Line ends are the layout's: within strings they are escaped already.
        if character != '\n' && is_deceptive(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

fn escape(character: char, shown: &mut String) {
    match character {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        c if is_deceptive(c) => shown.push_str(&c.escape_unicode().to_string()),
        c => shown.push(c),
    }
}

/// Control characters, invisible ones, and those that reorder text (Unicode's bidirectional controls and tags).
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_could_fool_a_reader() {
        let text = Foreign::new("a\u{1b}[31mb\n\u{202e}c\u{7}");
        assert_eq!(text.to_string(), "a\\u{1b}[31mb\\n\\u{202e}c\\u{7}");
        assert_eq!(format!("{text:?}"), "\"a\\u{1b}[31mb\\n\\u{202e}c\\u{7}\"");
    }

    #[test]
    fn json_stays_the_same_data_without_what_could_fool_a_reader() {
        let value = serde_json::json!({"a\u{202e}": ["x\u{1b}[31m\u{9b}\n", "\u{e0041}é"], "b": 1});
        let text = json(&value);
        assert!(text.chars().all(|c| c == '\n' || !is_deceptive(c)), "{text}");
        assert!(text.contains('\n') && text.contains('é'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).ok(), Some(value));
    }

    #[test]
    fn truncates_long_text() {
        assert_eq!(
            Foreign::new("x".repeat(5000)).to_string().chars().count(),
            SHOWN + 1
        );
    }
}
