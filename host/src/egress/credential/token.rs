//! Minted tokens, and what token URLs answer (RFC 6749, 5.1). What must hold: nothing of a reply's body is ever shown.

use super::{Secret, source::LONGEST};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use zeroize::Zeroizing;

/// How long a token whose reply does not say so is used.
const UNSAID: SignedDuration = SignedDuration::from_mins(10);
/// The longest that a token is used.
const LONG: SignedDuration = SignedDuration::from_hours(24);
/// How long before its end a token is minted anew.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// A token, or keys, that the host has made or has had made.
#[derive(Debug)]
pub(super) struct Minted<T = Secret> {
    /// The token.
    pub(super) token: T,
    at: Timestamp,
    fresh: SignedDuration,
}

impl<T> Minted<T> {
    /// A token minted now and used for so long.
    pub(super) fn new(token: T, now: Timestamp, fresh: SignedDuration) -> Self {
        Self {
            token,
            at: now,
            fresh,
        }
    }

    /// Whether it can still be used.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.is_younger(self.fresh, now)
    }

    /// Whether it was minted less than that ago.
    pub(super) fn is_younger(&self, age: SignedDuration, now: Timestamp) -> bool {
        let own = now.duration_since(self.at);
        !own.is_negative() && own < age
    }
}

/// A token URL's reply.
#[derive(Deserialize)]
struct Granted {
    access_token: Wiped,
    token_type: Option<String>,
    expires_in: Option<Value>,
}

/// Text of a reply, wiped when dropped.
pub(super) struct Wiped(pub(super) Zeroizing<String>);

impl<'de> Deserialize<'de> for Wiped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// Reads the token out of a reply of status 200; else why there is none.
pub(super) fn granted(body: &[u8], now: Timestamp) -> Result<Minted, &'static str> {
    // An error would show what it met, so it is not passed on.
    let granted: Granted = serde_json::from_slice(body).map_err(|_| "answered with other than a token")?;
    let Wiped(token) = granted.access_token;
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("answered with a token that cannot stand in a header");
    }
    if u64::try_from(token.len()).unwrap_or(u64::MAX) > LONGEST {
        return Err("answered with a token longer than 16 KiB");
    }
    if granted
        .token_type
        .is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer"))
    {
        return Err("answered with a token that is no bearer token");
    }
    let fresh = granted.expires_in.as_ref().map_or(Some(UNSAID), lifetime);
    let fresh = fresh.ok_or("answered with a lifetime that is no number of seconds")?;
    Ok(Minted::new(Secret::new(token), now, fresh))
}

/// How long a token of that lifetime is used: up to a minute less, and never less than half of it.
fn lifetime(expires_in: &Value) -> Option<SignedDuration> {
    let text = match expires_in {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Null => return Some(UNSAID),
        _ => return None,
    };
    let seconds: u32 = text.split('.').next()?.parse().ok()?;
    let whole = SignedDuration::from_secs(seconds.into()).min(LONG);
    Some((whole - MARGIN).max(whole / 2))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn fresh(expires_in: &str) -> i64 {
        let body = format!(r#"{{"access_token":"abc","token_type":"bearer"{expires_in}}}"#);
        granted(body.as_bytes(), NOW).unwrap().fresh.as_secs()
    }

    #[test]
    fn a_token_is_used_for_its_lifetime_less_a_margin() {
        assert_eq!(fresh(r#","expires_in":3600"#), 3540);
        assert_eq!(fresh(r#","expires_in":"3600""#), 3540);
        assert_eq!(fresh(r#","expires_in":3599.9"#), 3539);
        assert_eq!(fresh(r#","expires_in":60"#), 30);
        assert_eq!(fresh(r#","expires_in":0"#), 0);
        assert_eq!(fresh(r#","expires_in":4000000000"#), 86_340);
        assert_eq!(fresh(""), 600);
        assert_eq!(fresh(r#","expires_in":null"#), 600);
    }

    #[test]
    fn a_token_is_fresh_from_its_minting_to_its_end() {
        let token = granted(br#"{"access_token":"abc","expires_in":3600}"#, NOW).unwrap();
        for (seconds, expected) in [(0, true), (3539, true), (3540, false), (-1, false)] {
            assert_eq!(
                token.is_fresh(NOW + SignedDuration::from_secs(seconds)),
                expected,
                "{seconds}"
            );
        }
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_shown() {
        let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(20_000));
        for body in [
            "hunter2",
            "{}",
            r#"{"access_token":5}"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":"hun ter2"}"#,
            r#"{"access_token":"hunter2\r\nx: y"}"#,
            r#"{"access_token":"hunter2","token_type":"mac"}"#,
            r#"{"access_token":"hunter2","expires_in":-5}"#,
            r#"{"access_token":"hunter2","expires_in":"soon"}"#,
            r#"{"access_token":"hunter2","expires_in":[]}"#,
            &long,
        ] {
            let why = granted(body.as_bytes(), NOW).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
