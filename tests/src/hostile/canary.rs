//! A secret of one test, and the search for it in whatever could have leaked it.
//! What must hold: a half of it is found as well as all of it, in each form that a program or provider would write it.

use crate::Error;
use aho_corasick::AhoCorasick;
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use std::path::Path;

/// A random secret and all forms of it.
#[derive(Debug)]
pub struct Canary {
    secret: String,
    forms: Vec<&'static str>,
    search: AhoCorasick,
}

impl Canary {
    /// A new one.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn new() -> Result<Self, Error> {
        let mut random = [0_u8; 16];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| "no randomness")?;
        // Letters that stand for the bytes, so that no encoding but those searched for changes them.
        let core: String = random
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|half| char::from(b'g' + half))
            .collect();
        let (first, last) = core.split_at(core.len() / 2);
        let needles: Vec<_> = [first, last].into_iter().flat_map(forms).collect();
        Ok(Self {
            // What JSON, percent and base64 write in their own ways.
            secret: format!("c4n4ry/{core}+\"\\%="),
            forms: needles.iter().map(|(form, _)| *form).collect(),
            search: AhoCorasick::new(needles.iter().map(|(_, needle)| needle))?,
        })
    }

    /// The secret, for a credential's file or variable.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The form in which the secret, or half of it, stands there.
    pub fn found_in(&self, hay: impl AsRef<[u8]>) -> Option<&'static str> {
        let found = self.search.find(hay.as_ref())?;
        self.forms.get(found.pattern().as_usize()).copied()
    }

    /// The first file below a directory that holds the secret. Files that vanish meanwhile are passed over.
    ///
    /// # Errors
    /// Where the directory cannot be read.
    pub fn found_below(&self, directory: &Path) -> Result<Option<String>, Error> {
        let mut left = vec![directory.to_owned()];
        while let Some(directory) = left.pop() {
            for entry in std::fs::read_dir(directory)? {
                let path = entry?.path();
                if path.is_dir() {
                    left.push(path);
                } else if let Some(form) = std::fs::read(&path).ok().and_then(|bytes| self.found_in(bytes)) {
                    return Ok(Some(format!("{} ({form})", path.display())));
                }
            }
        }
        Ok(None)
    }
}

/// How a text may be written.
fn forms(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let each = |write: &dyn Fn(u8) -> String| text.bytes().map(write).collect::<String>().into_bytes();
    let mut found = vec![
        ("raw", text.as_bytes().to_vec()),
        ("upper case", text.to_ascii_uppercase().into_bytes()),
        ("reversed", text.bytes().rev().collect()),
        ("hex", each(&|byte| format!("{byte:02x}"))),
        ("hex in upper case", each(&|byte| format!("{byte:02X}"))),
        ("percent-encoded", each(&|byte| format!("%{byte:02x}"))),
        (
            "percent-encoded in upper case",
            each(&|byte| format!("%{byte:02X}")),
        ),
        ("JSON-escaped", each(&|byte| format!("\\u{byte:04x}"))),
        ("UTF-16", each(&|byte| format!("{}\0", char::from(byte)))),
        ("a list of bytes", {
            let numbers: Vec<_> = text.bytes().map(|byte| byte.to_string()).collect();
            numbers.join(", ").into_bytes()
        }),
    ];
    for before in 0..3 {
        // Wherever it begins in what was encoded, these characters depend on it alone.
        let mut padded = vec![0; before];
        padded.extend_from_slice(text.as_bytes());
        let own = |encoded: String| -> Vec<u8> {
            let end = padded.len() * 8 / 6;
            let begin = (before * 8).div_ceil(6);
            encoded.into_bytes().into_iter().take(end).skip(begin).collect()
        };
        found.push(("base64", own(BASE64_STANDARD_NO_PAD.encode(&padded))));
        found.push(("base64url", own(BASE64_URL_SAFE_NO_PAD.encode(&padded))));
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_canary_is_found_in_each_form_and_in_halves() {
        let canary = Canary::new().unwrap();
        let secret = canary.secret();
        let json = serde_json::to_string(secret).unwrap();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for text in [
            secret.to_owned(),
            json,
            percent,
            BASE64_STANDARD_NO_PAD.encode(secret),
            BASE64_STANDARD_NO_PAD.encode(format!("user:{secret}")),
            BASE64_URL_SAFE_NO_PAD.encode(format!("a{secret}")),
            secret[..24].to_owned(),
            secret[secret.len() - 22..].to_owned(),
            format!("{:?}", secret.as_bytes()),
        ] {
            assert!(
                canary.found_in(format!("some text {text} more")).is_some(),
                "{text}"
            );
        }
        assert_eq!(canary.found_in(Canary::new().unwrap().secret()), None);
    }
}
