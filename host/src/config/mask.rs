//! A copy of the operator's file that may be shown: the same bytes long, line for line, without what could be a secret.
//!
//! An operator who writes a secret into the file by mistake gets an error with a snippet of it on a screen or in a log. So
//! values are blanked by line, without parsing (the file may not parse): all of them outside the sections known to hold no
//! secrets, and within those where the line's words suggest one.

/// Sections whose values are shown.
const OPEN: [&str; 7] = [
    "collector",
    "settings",
    "allow",
    "limits",
    "openfinops",
    "focus",
    "directory",
];
/// Words of a line whose value is blanked anywhere.
const TELLING: [&str; 8] = [
    "auth",
    "token",
    "secret",
    "password",
    "passphrase",
    "key",
    "cookie",
    "@",
];
/// Keys of a credential whose values are no secrets.
const HARMLESS: [&str; 6] = ["scheme", "account", "user", "reveal", "connect-to", "ca"];

/// The text with all that could be a secret replaced by `*`, byte for byte.
pub(super) fn masked(text: &str) -> String {
    let mut open = false;
    let mut continued = false;
    let mut within = false; // a string of several lines
    text.split_inclusive('\n')
        .map(|line| {
            let content = line.trim();
            let ends = (line.matches("\"\"\"").count() + line.matches("'''").count()) % 2 == 1;
            if within || ends && split(line).is_none() {
                within ^= ends;
                return blank(line);
            }
            within = ends;
            if let Some(section) = header(content) {
                open = OPEN.contains(&section);
                continued = false;
                return line.to_owned();
            }
            let Some((key, value)) = split(line) else {
                // a comment, or the rest of a value that began above: an open section's list shows, the rest of a blanked value does not
                return if open && !continued && !tells(line) {
                    line.to_owned()
                } else {
                    blank(line)
                };
            };
            let harmless = HARMLESS.contains(&key.trim()) && one_string(value);
            let shown = !ends && (harmless || open && !tells(line));
            continued = !shown;
            if shown {
                line.to_owned()
            } else {
                format!("{key}={}", blank(value))
            }
        })
        .collect()
}

/// The first name of a table header.
fn header(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('[')?;
    let inner = inner.strip_prefix('[').unwrap_or(inner);
    let end = inner.find(['.', ']'])?;
    let name = inner.get(..end)?.trim();
    (!name.is_empty() && name.chars().all(is_bare)).then_some(name)
}

/// Key and value of a line that begins with a plain key.
fn split(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let plain = |c: char| is_bare(c) || matches!(c, '.' | '"' | '\'' | ' ' | '\t');
    (!key.trim().is_empty() && key.len() < 100 && key.chars().all(plain)).then_some((key, value))
}

fn tells(line: &str) -> bool {
    let line = line.to_lowercase();
    TELLING.iter().any(|word| line.contains(word))
}

/// Whether a value is one string (or word) on its line and nothing else.
fn one_string(value: &str) -> bool {
    let value = value.trim();
    let inner = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value);
    !inner.contains(['"', '\'', '{', '#'])
}

fn blank(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | ' ' | '\t' => c.to_string(),
            c => "*".repeat(c.len_utf8()),
        })
        .collect()
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_vanish_wherever_they_stand_and_the_rest_shows() {
        let text = concat!(
            "stray = \"HUNTER2\"\n",
            "[settings]\naccount = \"A\"\nsomething-token = \"HUNTER2\"\n",
            "[[allow]]\nhost = \"a.b\"\nheaders = { Authorization = \"HUNTER2\" }\n",
            "[credentials.x]\nscheme = \"bearer\"\ntoken = \"HUNTER2\"\n# old = \"HUNTER2\"\n",
            "key = \"\"\"\n-----BEGIN\nHUNTER2=\n\"\"\"\nuser = { x = \"HUNTER2\" }\nHUNTER2\n",
            "[credential.y]\nscheme = \"a\" # HUNTER2\n",
            "[openfinops]\nendpoint = \"http://u:HUNTER2@h\"\n",
            "text = \"\"\"\nHUNTER2==\n[settings]\nHUNTER2\n\"\"\"\n",
            "[limits]\nmemory = \"1MiB\"\n",
        );
        let masked = masked(text);
        assert!(!masked.contains("HUNTER2"), "{masked}");
        assert_eq!(masked.len(), text.len());
        for shown in [
            "account = \"A\"",
            "host = \"a.b\"",
            "scheme = \"bearer\"",
            "memory = \"1MiB\"",
            "token =",
        ] {
            assert!(masked.contains(shown), "{shown} in {masked}");
        }
    }

    proptest! {
        #[test]
        fn lengths_and_lines_stay(text in "(\\PC|\n|=|\\[|\"){0,200}") {
            let masked = masked(&text);
            prop_assert_eq!(masked.len(), text.len());
            prop_assert_eq!(masked.lines().count(), text.lines().count());
        }
    }
}
