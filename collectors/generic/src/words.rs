//! The lines of text that rates, meters and fields are written in: words, some of them in single quotes.
//! What must hold: a quoted word is never taken for a keyword.

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// As it stands.
    Plain(String),
    /// Between single quotes.
    Quoted(String),
}

impl Word {
    /// Whether it is this keyword.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Plain(text) if text == keyword)
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Quoted(text) => text,
        }
    }
}

/// The words of a line; `=` is one of its own. None where a quote is not closed.
pub(crate) fn words(line: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut plain = String::new();
    let mut quoted: Option<String> = None;
    let end = |plain: &mut String, words: &mut Vec<Word>| {
        if !plain.is_empty() {
            words.push(Word::Plain(std::mem::take(plain)));
        }
    };
    for character in line.chars() {
        match (&mut quoted, character) {
            (Some(text), '\'') => {
                words.push(Word::Quoted(std::mem::take(text)));
                quoted = None;
            }
            (Some(text), _) => text.push(character),
            (None, '\'') => {
                end(&mut plain, &mut words);
                quoted = Some(String::new());
            }
            (None, '=') => {
                end(&mut plain, &mut words);
                words.push(Word::Plain("=".to_owned()));
            }
            (None, _) if character.is_whitespace() => end(&mut plain, &mut words),
            (None, _) => plain.push(character),
        }
    }
    end(&mut plain, &mut words);
    quoted.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_are_parted_by_blanks_and_equals_signs_and_kept_whole_in_quotes() {
        let plain = |text: &str| Word::Plain(text.to_owned());
        assert_eq!(
            words("where dc=fra1 and  model = 'NVIDIA H100*'").unwrap(),
            [
                plain("where"),
                plain("dc"),
                plain("="),
                plain("fra1"),
                plain("and"),
                plain("model"),
                plain("="),
                Word::Quoted("NVIDIA H100*".to_owned())
            ]
        );
        assert!(!Word::Quoted("and".to_owned()).is("and"));
        assert_eq!(words("a 'b"), None);
        assert_eq!(words("''").unwrap(), [Word::Quoted(String::new())]);
    }
}
