//! Challenges in `WWW-Authenticate` (RFC 9110, 11.6.1; RFC 7616, 3.3). Read leniently, since servers write them in many ways;
//! what is repeated in a request is bounded and cannot end its quotes.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// Longest value that is repeated.
const LONGEST: usize = 4096;

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Challenge {
    pub(super) algorithm: Algorithm,
    /// Whether the hashed key holds the nonces (`-sess`).
    pub(super) session: bool,
    /// The algorithm as the server writes it.
    pub(super) written: Option<String>,
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) opaque: Option<String>,
    /// Whether only the nonce was too old.
    pub(in super::super) stale: bool,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Algorithm {
    Md5,
    Sha256,
}

/// A scheme and its parameters: names in lower case.
type Offer = (String, Vec<(String, String)>);

/// The first challenge that can be answered: servers name the one that they like best first.
pub(in super::super) fn heard(headers: &HeaderMap) -> Option<Challenge> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(offers)
        .filter(|(scheme, _)| scheme == "digest")
        .find_map(|(_, parameters)| Challenge::of(&parameters))
}

impl Challenge {
    fn of(parameters: &[(String, String)]) -> Option<Self> {
        let named = |wanted: &str| {
            let found = parameters.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let bounded = |value: &str| (value.len() <= LONGEST).then(|| value.to_owned());
        // MongoDB's manual prints it as `op`.
        let qop = named("qop").or_else(|| named("op"))?;
        if !qop.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")) {
            return None;
        }
        let written = named("algorithm");
        let (algorithm, session) = match written.unwrap_or("md5").to_ascii_lowercase().as_str() {
            "md5" => (Algorithm::Md5, false),
            "md5-sess" => (Algorithm::Md5, true),
            "sha-256" => (Algorithm::Sha256, false),
            "sha-256-sess" => (Algorithm::Sha256, true),
            _ => return None,
        };
        Some(Self {
            algorithm,
            session,
            written: written.map(str::to_owned),
            realm: bounded(named("realm")?)?,
            nonce: bounded(named("nonce")?)?,
            opaque: match named("opaque") {
                Some(opaque) => Some(bounded(opaque)?),
                None => None,
            },
            stale: named("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }
}

/// All schemes of a header's value. What cannot be read is passed over.
fn offers(text: &str) -> Vec<Offer> {
    let mut found: Vec<Offer> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let mut after = rest.chars();
        if after.next().is_none() {
            return found;
        }
        let end = rest.find(|c| !is_token(c)).unwrap_or(rest.len());
        let Some((word, behind)) = rest.split_at_checked(end).filter(|(word, _)| !word.is_empty()) else {
            rest = after.as_str();
            continue;
        };
        let word = word.to_ascii_lowercase();
        match behind.trim_start().strip_prefix('=') {
            None => {
                found.push((word, Vec::new()));
                rest = behind;
            }
            Some(value) => {
                let (value, behind) = value_of(value.trim_start());
                if let (Some((_, parameters)), Some(value)) = (found.last_mut(), value) {
                    parameters.push((word, value));
                }
                rest = behind;
            }
        }
    }
}

/// A parameter's value, and what follows it. Between quotes it stays as it is written: so it is hashed and sent back.
fn value_of(text: &str) -> (Option<String>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        let (value, behind) = text.split_at_checked(end).unwrap_or((text, ""));
        let plain = !value.contains(['"', '\\']);
        return (plain.then(|| value.to_owned()), behind);
    };
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            '"' if !escaped => {
                let value = quoted.get(..at).map(str::to_owned);
                return (value, quoted.get(at + 1..).unwrap_or_default());
            }
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    (None, "")
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn hear(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().ok()?);
        }
        heard(&headers)
    }

    #[test]
    fn a_challenge_is_read_however_it_is_written() {
        for text in [
            r#"Digest realm="MMS Public API", domain="", nonce="n/1=", algorithm=MD5, qop="auth", stale=false"#,
            r#"Digest realm="MMS Public API", domain="", nonce="n/1=", algorithm=MD5, op="auth", stale=false"#,
            r#"digest  Realm = "MMS Public API" , nonce="n/1=",QOP=auth,algorithm="md5",STALE="FALSE""#,
            r#"Negotiate YII+/a==, Basic realm="a, Digest b", Digest realm="MMS Public API",nonce="n/1=",qop="auth-int, auth""#,
            r#"Bearer, , Digest realm="MMS Public API", nonce="n/1=", qop=auth, ???, x="#,
        ] {
            let challenge = hear(&[text]).unwrap();
            assert_eq!(
                (challenge.realm.as_str(), challenge.nonce.as_str()),
                ("MMS Public API", "n/1="),
                "{text}"
            );
            assert_eq!(
                (challenge.algorithm, challenge.stale),
                (Algorithm::Md5, false),
                "{text}"
            );
        }
        assert!(
            hear(&[r#"Digest realm="a", nonce="b", qop="auth", stale=TRUE"#])
                .unwrap()
                .stale
        );
    }

    #[test]
    fn of_several_the_first_that_can_be_answered_is_taken() {
        let unknown = r#"Digest realm="a", nonce="1", qop="auth", algorithm=SHA-512-256"#;
        let sha = r#"Digest realm="a", nonce="2", qop="auth", algorithm=SHA-256"#;
        let md5 = r#"Digest realm="a", nonce="3", qop="auth", algorithm=MD5"#;
        assert_eq!(hear(&[unknown, sha, md5]).unwrap().nonce, "2");
        assert_eq!(hear(&[&format!("{unknown}, {md5}, {sha}")]).unwrap().nonce, "3");
    }

    #[test]
    fn what_cannot_be_answered_is_no_challenge() {
        let long = format!(
            r#"Digest realm="a", nonce="{}", qop="auth""#,
            "n".repeat(LONGEST + 1)
        );
        for text in [
            "",
            "Basic realm=\"a\"",
            r#"Digest realm="a", nonce="b""#,
            r#"Digest realm="a", nonce="b", qop="auth-int""#,
            r#"Digest realm="a", nonce="b", qop="auth", algorithm=SHA-1"#,
            r#"Digest nonce="b", qop="auth""#,
            r#"Digest realm="a", qop="auth", nonce="b"#,
            r#"Digest realm="a", qop="auth", nonce=b"c"#,
            &long,
        ] {
            assert_eq!(hear(&[text]), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end_and_what_is_repeated_cannot_end_its_quotes(
            text in "(Digest |realm=|nonce=|qop=auth|,|\"|\\\\|=|[ -~]){0,30}",
        ) {
            if let Some(challenge) = hear(&[&text]) {
                for value in [&challenge.realm, &challenge.nonce] {
                    let repeated = format!("\"{value}\"#");
                    let (read, behind) = value_of(&repeated);
                    prop_assert_eq!((read.as_ref(), behind), (Some(value), "#"));
                }
            }
        }
    }
}
