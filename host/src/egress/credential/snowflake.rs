//! Snowflake's key-pair JWT (SQL API, "authenticating to the server"): RS256 over claims that name account, user and the
//! fingerprint of the public key. Valid an hour at most, so it is minted for 59 minutes and anew after 50.

use super::{CredentialError, Secret, rsa::Key, token::Minted};
use jiff::{SignedDuration, Timestamp};

/// The headers that it sets.
pub(super) const SETS: [&str; 2] = ["authorization", TOKEN_TYPE];
/// The header that tells Snowflake the kind of token.
pub(super) const TOKEN_TYPE: &str = "x-snowflake-authorization-token-type";
/// Its value.
pub(super) const KEYPAIR_JWT: &str = "KEYPAIR_JWT";

const LIFETIME: SignedDuration = SignedDuration::from_mins(59);
const FRESH: SignedDuration = SignedDuration::from_mins(50);

/// Mints a token.
pub(super) fn mint(key: &Key, account: &str, user: &str, now: Timestamp) -> Result<Minted, CredentialError> {
    let issued = now.as_second();
    let subject = format!("{}.{}", account_for_jwt(account), user.to_uppercase());
    let claims = serde_json::json!({
        "iss": format!("{subject}.SHA256:{}", key.fingerprint()?),
        "sub": subject,
        "iat": issued,
        "exp": issued.saturating_add(LIFETIME.as_secs()),
    });
    let token: Secret = key.jwt(None, &claims)?;
    Ok(Minted::new(token, now, FRESH))
}

/// The account as a token names it: upper case; of `LOCATOR.region.cloud` the locator alone, of `NAME-ID.global` the name
/// alone; in `ORG.ACCOUNT` the point becomes a hyphen. A region is known by its hyphen, which no account name has.
fn account_for_jwt(account: &str) -> String {
    let account = account.to_uppercase();
    match account.split_once('.') {
        None => account,
        Some((name, "GLOBAL")) => name.split('-').next().unwrap_or(name).to_owned(),
        Some((name, rest)) if rest == "PRIVATELINK" || rest.contains(['-', '.']) => name.to_owned(),
        Some((organization, name)) => format!("{organization}-{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_as_tokens_want_it() {
        for (given, expected) in [
            ("myorg-acct", "MYORG-ACCT"),
            ("MyOrg.acct_1", "MYORG-ACCT_1"),
            ("xy12345", "XY12345"),
            ("xy12345.eu-central-1", "XY12345"),
            ("xy12345.us-east-2.aws", "XY12345"),
            ("xy12345.west-europe.azure", "XY12345"),
            ("xy12345.us-east-1.privatelink", "XY12345"),
            ("myorg-acct.privatelink", "MYORG-ACCT"),
            ("acct-123456789.global", "ACCT"),
        ] {
            assert_eq!(account_for_jwt(given), expected, "{given}");
        }
    }
}
