//! Google's token endpoint: an assertion signed with the service account's key, checked as Google does, for the one access token.

use super::{Provider, TOKEN, reply::Reply};
use crate::{Error, aws::sigv4::decoded, snowflake::identity::identity};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::json;

/// The host that mints tokens.
pub const HOST: &str = "oauth2.googleapis.com";
/// The service account.
pub const ACCOUNT: &str = "finops@fin-billing.iam.gserviceaccount.com";
const KEY: &str = "simulated-key-1";
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// One of them must be asked for: reading tables is not enough to run queries.
const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/bigquery",
    "https://www.googleapis.com/auth/cloud-platform",
];
/// Clocks may differ by so much.
const LEEWAY: i64 = 300;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    scope: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// The key as the console has it downloaded.
pub(crate) fn key_file() -> Result<String, Error> {
    let key = json!({
        "type": "service_account", "project_id": "fin-billing", "private_key_id": KEY,
        "private_key": identity()?.key_pem, "client_email": ACCOUNT, "client_id": "1",
        "token_uri": "https://oauth2.attacker.example/token",
    });
    Ok(format!("{key:#}"))
}

/// `POST /token` with a form.
pub(crate) fn mint(provider: &Provider, form: &[u8]) -> Reply {
    let form = std::str::from_utf8(form).unwrap_or_default();
    let field = |name: &str| {
        let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(found, _)| *found == name)?;
        String::from_utf8(decoded(&value.replace('+', " "))).ok()
    };
    let refused =
        |why: &str| Reply::json(&json!({"error": "invalid_grant", "error_description": why})).status(400);
    if field("grant_type").as_deref() != Some(GRANT) {
        return refused("Unsupported grant type.");
    }
    match checked(
        &field("assertion").unwrap_or_default(),
        provider.now().as_second(),
    ) {
        Ok(()) => Reply::json(&json!({"access_token": TOKEN, "expires_in": 3_599, "token_type": "Bearer"})),
        Err(why) => refused(&why),
    }
}

fn checked(assertion: &str, now: i64) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| format!("Invalid JWT Signature. {error}");
    let head = decode_header(assertion).map_err(|error| said(&error))?;
    if head.kid.as_deref() != Some(KEY) {
        return Err("Invalid key id.".to_owned());
    }
    let pem = &identity().map_err(|error| said(&error))?.public_pem;
    let key = DecodingKey::from_rsa_pem(pem.as_bytes()).map_err(|error| said(&error))?;
    let mut rules = Validation::new(Algorithm::RS256);
    // Times are checked below against the simulator's clock.
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let claims = decode::<Claims>(assertion, &key, &rules)
        .map_err(|error| said(&error))?
        .claims;
    let asked: Vec<&str> = claims.scope.split(' ').collect();
    match () {
        () if claims.iss != ACCOUNT => Err("Invalid issuer.".to_owned()),
        () if claims.aud != AUDIENCE => Err("Invalid JWT: audience.".to_owned()),
        () if claims.exp - claims.iat > 3_600 => Err("Invalid JWT: it lives too long.".to_owned()),
        () if claims.iat > now + LEEWAY || claims.exp < now - LEEWAY => {
            Err("Invalid JWT: its time.".to_owned())
        }
        () if !SCOPES.iter().any(|scope| asked.contains(scope)) => Err("Invalid scope.".to_owned()),
        () => Ok(()),
    }
}
