//! `Authorization: Digest` (RFC 7616) with MD5 or SHA-256 and `qop=auth`. A challenge is learnt from a 401 and then used for
//! further requests, each with the next count. What must hold: the digest covers the method and target that are sent.

mod challenge;

pub(super) use challenge::{Algorithm, Challenge, heard};

use super::{CredentialError, Secret, encode::hex, written::sensitive};
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use md5::Md5;
use reqwest::header::HeaderValue;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The headers that it sets.
pub(super) const SETS: [&str; 1] = ["authorization"];

/// The challenges in use, one an origin.
#[derive(Debug, Default)]
pub(super) struct Sessions(Vec<Session>);

/// A challenge in use.
#[derive(Debug)]
struct Session {
    origin: String,
    version: u64,
    challenge: Challenge,
    /// The client's nonce. One a session: `-sess` algorithms demand that, and the count tells requests apart.
    client: String,
    count: u32,
}

/// A request as a digest covers it.
#[derive(Clone, Copy)]
pub(super) struct Covered<'a> {
    pub(super) origin: &'a str,
    pub(super) method: &'a str,
    /// Path and query as they are sent.
    pub(super) target: &'a str,
}

impl Sessions {
    /// Begins to use a challenge.
    pub(super) fn begin(
        &mut self,
        origin: &str,
        challenge: Challenge,
        version: u64,
    ) -> Result<(), CredentialError> {
        let mut random = [0; 24];
        rand::fill(&mut random).map_err(|_| CredentialError::Signing)?;
        self.end(origin);
        self.0.push(Session {
            origin: origin.to_owned(),
            version,
            challenge,
            client: STANDARD_NO_PAD.encode(random),
            count: 0,
        });
        Ok(())
    }

    /// Uses a challenge no longer.
    pub(super) fn end(&mut self, origin: &str) {
        self.0.retain(|session| session.origin != origin);
    }

    /// The version of the challenge in use.
    pub(super) fn version(&self, origin: &str) -> Option<u64> {
        let session = self.0.iter().find(|session| session.origin == origin);
        session.map(|session| session.version)
    }

    /// The header for the next request, and the digest in it, if a challenge is known.
    pub(super) fn answer(
        &mut self,
        covered: Covered<'_>,
        user: &str,
        password: &str,
    ) -> Result<Option<(HeaderValue, Secret)>, CredentialError> {
        let Some(session) = self.0.iter_mut().find(|session| session.origin == covered.origin) else {
            return Ok(None);
        };
        session.count = session.count.saturating_add(1);
        let Session {
            challenge,
            client,
            count,
            ..
        } = session;
        let response = response(challenge, client, *count, covered, (user, password));
        let mut text = Zeroizing::new(format!(
            "Digest username=\"{user}\", realm=\"{}\", uri=\"{}\", nonce=\"{}\", nc={count:08x}, cnonce=\"{client}\", \
             qop=auth, response=\"{}\"",
            challenge.realm, covered.target, challenge.nonce, *response
        ));
        if let Some(algorithm) = &challenge.written {
            text.push_str(", algorithm=");
            text.push_str(algorithm);
        }
        if let Some(opaque) = &challenge.opaque {
            text.push_str(", opaque=\"");
            text.push_str(opaque);
            text.push('"');
        }
        let value = sensitive(&[&text]).ok_or(CredentialError::Signing)?;
        Ok(Some((value, Secret::new(response))))
    }
}

/// RFC 7616, 3.4.1 to 3.4.3.
fn response(
    challenge: &Challenge,
    client: &str,
    count: u32,
    covered: Covered<'_>,
    (user, password): (&str, &str),
) -> Zeroizing<String> {
    let hash = |parts: &[&str]| match challenge.algorithm {
        Algorithm::Md5 => hashed::<Md5>(parts),
        Algorithm::Sha256 => hashed::<Sha256>(parts),
    };
    let mut first = hash(&[user, &challenge.realm, password]);
    if challenge.session {
        first = hash(&[&first, &challenge.nonce, client]);
    }
    let second = hash(&[covered.method, covered.target]);
    hash(&[
        &first,
        &challenge.nonce,
        &format!("{count:08x}"),
        client,
        "auth",
        &second,
    ])
}

/// The hash of parts joined by colons, in hex.
fn hashed<D: Digest>(parts: &[&str]) -> Zeroizing<String> {
    let mut hash = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

/// Whether a user name can stand in the header: servers differ in how they read escapes in it.
pub(crate) fn can_be_user(user: &str) -> bool {
    user.bytes()
        .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b':'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

    const CLIENT: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    fn challenge(algorithm: &str) -> Challenge {
        let mut headers = HeaderMap::new();
        let text = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        headers.insert(WWW_AUTHENTICATE, text.parse().unwrap());
        heard(&headers).unwrap()
    }

    const COVERED: Covered<'static> = Covered {
        origin: "https://www.example.org",
        method: "GET",
        target: "/dir/index.html",
    };

    /// RFC 7616, 3.9.1.
    #[test]
    fn the_responses_are_those_of_the_rfc() {
        for (algorithm, expected) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            (
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let made = response(
                &challenge(algorithm),
                CLIENT,
                1,
                COVERED,
                ("Mufasa", "Circle of Life"),
            );
            assert_eq!(made.as_str(), expected, "{algorithm}");
        }
    }

    #[test]
    fn the_header_repeats_the_challenge_and_counts() {
        let mut sessions = Sessions::default();
        assert!(sessions.answer(COVERED, "Mufasa", "x").unwrap().is_none());
        sessions.begin(COVERED.origin, challenge("SHA-256"), 1).unwrap();
        for count in ["00000001", "00000002"] {
            let (header, digest) = sessions.answer(COVERED, "Mufasa", "x").unwrap().unwrap();
            assert!(header.is_sensitive());
            let text = header.to_str().unwrap();
            assert!(text.starts_with(
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
            ));
            assert!(text.contains(&format!(", nc={count}, ")), "{text}");
            assert!(text.contains(&format!(
                "response=\"{}\", algorithm=SHA-256, opaque=\"FQhe/",
                **digest.expose()
            )));
        }
        let elsewhere = Covered {
            origin: "https://other.example.org",
            ..COVERED
        };
        assert!(sessions.answer(elsewhere, "Mufasa", "x").unwrap().is_none());
    }

    #[test]
    fn a_session_algorithm_hashes_the_nonces_into_the_key() {
        let plain = response(
            &challenge("MD5"),
            CLIENT,
            1,
            COVERED,
            ("Mufasa", "Circle of Life"),
        );
        let session = response(
            &challenge("MD5-sess"),
            CLIENT,
            1,
            COVERED,
            ("Mufasa", "Circle of Life"),
        );
        assert_ne!(plain.as_str(), session.as_str());
        // By `printf %s ... | md5sum`, step by step.
        assert_eq!(session.as_str(), "e783283f46242139c486a698fec7211d");
    }

    #[test]
    fn names_that_servers_could_read_in_two_ways_are_refused() {
        for (name, good) in [
            ("a b@c", true),
            ("a\"b", false),
            ("a\\b", false),
            ("a:b", false),
            ("\u{e9}", false),
        ] {
            assert_eq!(can_be_user(name), good, "{name}");
        }
    }
}
