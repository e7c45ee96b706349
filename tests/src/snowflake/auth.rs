//! Authentication as Snowflake does it: the token type's header, key-pair JWTs with signature and claims, access tokens.

use super::identity::{ACCESS_TOKEN, ACCOUNT_IDENTIFIER, Identity, OAUTH_TOKEN, USER};
use axum::http::{HeaderMap, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

/// Seconds by which a client's clock may be ahead.
const LEEWAY: i64 = 30;
/// Seconds after `iat` for which a token can be good.
const LIFETIME: i64 = 3600;

/// Why a caller is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    /// For the test that reads the log; Snowflake tells the caller less.
    pub(crate) reason: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    iat: i64,
    exp: i64,
}

/// Checks the headers of a request at `now` (seconds since the epoch).
pub(crate) fn authenticate(headers: &HeaderMap, identity: &Identity, now: i64) -> Result<(), Refused> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    };
    if header("user-agent").is_empty() {
        return Err(Refused {
            status: StatusCode::BAD_REQUEST,
            code: "391903",
            reason: "no User-Agent".to_owned(),
        });
    }
    let Some(token) = header("authorization").strip_prefix("Bearer ") else {
        return Err(refused("390101", "no bearer token in Authorization"));
    };
    match header("x-snowflake-authorization-token-type") {
        "KEYPAIR_JWT" => key_pair(token, identity, now).map_err(|reason| refused("390144", &reason)),
        "PROGRAMMATIC_ACCESS_TOKEN" if token == ACCESS_TOKEN => Ok(()),
        "PROGRAMMATIC_ACCESS_TOKEN" => Err(refused("394400", "unknown programmatic access token")),
        "OAUTH" if token == OAUTH_TOKEN => Ok(()),
        "OAUTH" => Err(refused("390303", "unknown OAuth token")),
        other => Err(refused("390144", &format!("token type '{other}'"))),
    }
}

fn refused(code: &'static str, reason: &str) -> Refused {
    Refused {
        status: StatusCode::UNAUTHORIZED,
        code,
        reason: reason.to_owned(),
    }
}

fn key_pair(token: &str, identity: &Identity, now: i64) -> Result<(), String> {
    let key = DecodingKey::from_rsa_pem(identity.public_pem.as_bytes()).map_err(|error| error.to_string())?;
    let mut rules = Validation::new(Algorithm::RS256);
    // Times are checked below against the simulator's clock.
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let claims = decode::<Claims>(token, &key, &rules)
        .map_err(|error| error.to_string())?
        .claims;
    let subject = format!("{ACCOUNT_IDENTIFIER}.{USER}");
    let issuer = format!("{subject}.{}", identity.fingerprint);
    if claims.iss != issuer {
        return Err(format!("iss is '{}', not '{issuer}'", claims.iss));
    }
    if claims.sub != subject {
        return Err(format!("sub is '{}', not '{subject}'", claims.sub));
    }
    if claims.iat > now + LEEWAY {
        return Err(format!("iat lies {} s ahead", claims.iat - now));
    }
    if claims.exp - claims.iat > LIFETIME {
        return Err(format!("the token would live {} s", claims.exp - claims.iat));
    }
    if now >= claims.exp || now >= claims.iat + LIFETIME {
        return Err(format!("expired {} s ago", now - claims.exp));
    }
    Ok(())
}
