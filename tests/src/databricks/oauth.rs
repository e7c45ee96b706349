//! The workspace's token endpoint: client credentials, the secret in the header.

use super::{CLIENT_ID, CLIENT_SECRET, MINTED};
use crate::provider::{Asked, Reply};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

pub(super) fn token(asked: &Asked) -> Reply {
    let refused = |status, error: &str, text: &str| {
        Reply::json(status, &json!({"error": error, "error_description": text}))
    };
    let expected = BASE64_STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    if asked.method != "POST" || asked.header("authorization") != format!("Basic {expected}") {
        return refused(401, "invalid_client", "Client authentication failed");
    }
    let form = String::from_utf8_lossy(&asked.body).into_owned();
    let has = |field: &str| form.split('&').any(|pair| pair == field);
    if !has("grant_type=client_credentials") {
        return refused(
            400,
            "unsupported_grant_type",
            "Only client_credentials is supported",
        );
    }
    if !has("scope=all-apis") {
        return refused(400, "invalid_scope", "The scope is not known");
    }
    let token =
        json!({"access_token": MINTED, "token_type": "Bearer", "expires_in": 3_600, "scope": "all-apis"});
    Reply::json(200, &token)
}
