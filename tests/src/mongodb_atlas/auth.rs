//! Who may ask: HTTP digest (RFC 7616 with MD5 and `qop=auth`) and access tokens of a service account.
//! What must hold: a digest covers the method and the target as sent, a count is used once for a nonce, a token ends after an hour.

use super::error;
use crate::provider::{Asked, Reply};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use md5::{Digest, Md5};
use serde_json::json;
use std::collections::BTreeMap;

/// Public key of the API key pair: the digest's user.
pub const PUBLIC_KEY: &str = "hqvwxyza";
/// Its private key: the digest's password.
pub const PRIVATE_KEY: &str = "0f4e2d1c-simu-lated-priv-atekey000001";
/// Id of the service account.
pub const CLIENT_ID: &str = "mdb_sa_id_66d7254246a21a41036ff000";
/// Its secret.
pub const CLIENT_SECRET: &str = "mdb_sa_sk_simulated-secret_0123456789abcdef";

const REALM: &str = "MMS Public API";

/// Nonces and tokens in use.
#[derive(Default)]
pub(super) struct Auth {
    /// The last count of each nonce.
    nonces: BTreeMap<String, u32>,
    given_nonces: u32,
    /// When each token ends.
    tokens: BTreeMap<String, Timestamp>,
    given_tokens: u32,
}

impl Auth {
    pub(super) fn end_tokens(&mut self) {
        self.tokens.clear();
    }

    pub(super) fn given(&self) -> (u32, u32) {
        (self.given_nonces, self.given_tokens)
    }

    /// `POST /api/oauth/token`.
    pub(super) fn mint(&mut self, asked: &Asked) -> Reply {
        let known = format!(
            "Basic {}",
            STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"))
        );
        let form = asked
            .header("content-type")
            .starts_with("application/x-www-form-urlencoded");
        let body = String::from_utf8_lossy(&asked.body);
        if asked.method != "POST"
            || !form
            || !body
                .split('&')
                .any(|pair| pair == "grant_type=client_credentials")
        {
            let refused = json!({"error": "unsupported_grant_type", "error_description": "The grant type is not supported."});
            return Reply::json(400, &refused);
        }
        if asked.header("authorization") != known {
            let refused =
                json!({"error": "invalid_client", "error_description": "Client authentication failed."});
            return Reply::json(401, &refused);
        }
        self.given_tokens += 1;
        let token = format!(
            "eyJhbGciOiJFUzUxMiJ9.simulated-atlas-token-{:04}",
            self.given_tokens
        );
        self.tokens
            .insert(token.clone(), asked.now + SignedDuration::from_hours(1));
        Reply::json(
            200,
            &json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}),
        )
    }

    /// Lets a call pass, or says what to send.
    pub(super) fn admits(&mut self, asked: &Asked, uses: u32) -> Result<(), Reply> {
        let header = asked.header("authorization");
        if let Some(token) = header.strip_prefix("Bearer ") {
            return match self.tokens.get(token) {
                Some(end) if *end > asked.now => Ok(()),
                _ => Err(error(
                    401,
                    "INVALID_SERVICE_ACCOUNT_TOKEN",
                    "The access token is not valid.",
                )),
            };
        }
        let Some(parameters) = header.strip_prefix("Digest ").map(parameters) else {
            return Err(self.challenge(false));
        };
        let of = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
        let target = match asked.query.is_empty() {
            true => asked.path.clone(),
            false => format!("{}?{}", asked.path, asked.query),
        };
        let first = hash(&format!("{PUBLIC_KEY}:{REALM}:{PRIVATE_KEY}"));
        let second = hash(&format!("{}:{target}", asked.method));
        let expected = hash(&format!(
            "{first}:{}:{}:{}:auth:{second}",
            of("nonce"),
            of("nc"),
            of("cnonce")
        ));
        let fits = of("username") == PUBLIC_KEY
            && of("realm") == REALM
            && of("uri") == target
            && of("qop") == "auth"
            && !of("cnonce").is_empty()
            && of("nc").len() == 8
            && of("response") == expected;
        if !fits {
            return Err(self.challenge(false));
        }
        let count = u32::from_str_radix(of("nc"), 16).unwrap_or_default();
        match self.nonces.get_mut(of("nonce")) {
            Some(last) if count > *last && count <= uses => {
                *last = count;
                Ok(())
            }
            // A nonce that is used up, a count that was used, a nonce of somebody else.
            _ => Err(self.challenge(true)),
        }
    }

    fn challenge(&mut self, stale: bool) -> Reply {
        self.given_nonces += 1;
        let nonce = hash(&format!("nonce {}", self.given_nonces));
        self.nonces.insert(nonce.clone(), 0);
        let offer = format!(
            "Digest realm=\"{REALM}\", domain=\"\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\", stale={stale}"
        );
        error(401, "INVALID_AUTH", "You are not authorized for this resource.")
            .with("www-authenticate", &offer)
    }
}

fn hash(text: &str) -> String {
    Md5::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `name="value", name=value`: a comma between quotes ends nothing.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut quoted = false;
    let pairs = text.split(|letter: char| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    });
    let pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_matches('"').to_owned()))
        .collect()
}
