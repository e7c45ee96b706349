//! Snowflake SQL text to tokens. Unquoted identifiers are folded to upper case, as Snowflake does.

use super::SqlError;

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An unquoted identifier or keyword, in upper case.
    Word(String),
    /// A quoted identifier, as written.
    Quoted(String),
    /// A string.
    Text(String),
    /// A number, by its digits.
    Number(String),
    /// An operator or punctuation.
    Symbol(&'static str),
}

/// A token and where it begins (byte offset).
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) at: usize,
}

/// Longer symbols before their beginnings.
const SYMBOLS: [&str; 21] = [
    "::", "<=", ">=", "<>", "!=", "||", "(", ")", ",", ".", ";", "?", "+", "-", "*", "/", "%", "<", ">", "=",
    ":",
];

/// All tokens of `sql`, comments and white space left out.
pub(crate) fn tokens(sql: &str) -> Result<Vec<Placed>, SqlError> {
    let mut found = Vec::new();
    let mut rest = sql;
    loop {
        rest = skip_blank(rest);
        let at = sql.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            return Ok(found);
        };
        let (token, after) = match first {
            '\'' => {
                let (text, after) = quoted(rest, '\'').ok_or_else(|| SqlError::syntax(sql, at, "'"))?;
                (Token::Text(text), after)
            }
            '"' => {
                let (text, after) = quoted(rest, '"').ok_or_else(|| SqlError::syntax(sql, at, "\""))?;
                (Token::Quoted(text), after)
            }
            '0'..='9' => {
                let (text, after) = number(rest);
                (Token::Number(text.to_owned()), after)
            }
            letter if letter.is_alphabetic() || letter == '_' => {
                let end = rest
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                    .unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                (Token::Word(word.to_uppercase()), after)
            }
            other => {
                let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                let symbol = symbol.ok_or_else(|| SqlError::syntax(sql, at, &other.to_string()))?;
                (Token::Symbol(symbol), rest.get(symbol.len()..).unwrap_or(""))
            }
        };
        found.push(Placed { token, at });
        rest = after;
    }
}

fn skip_blank(mut rest: &str) -> &str {
    loop {
        rest = rest.trim_start();
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment
                .find('\n')
                .and_then(|end| comment.get(end..))
                .unwrap_or("")
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return rest;
        };
    }
}

/// The text between quotes, doubled quotes undone, and what follows.
fn quoted(rest: &str, quote: char) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            text.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            text.push(quote);
            chars.next();
        } else {
            return Some((text, rest.get(at + 1..)?));
        }
    }
    None
}

fn number(rest: &str) -> (&str, &str) {
    let mut seen_point = false;
    let end = rest
        .find(|c: char| match c {
            '.' if !seen_point => {
                seen_point = true;
                false
            }
            digit => !digit.is_ascii_digit(),
        })
        .unwrap_or(rest.len());
    rest.split_at(end)
}
