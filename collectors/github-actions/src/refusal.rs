//! What GitHub's errors mean, said so that an operator knows which token to try. GitHub writes them as
//! `{"message", "documentation_url", "status"}`.
//! What must hold: HTTP 403 means both "slow down" and "no"; headers and message tell which, and neither becomes the other.

use finops_collector::{Failure, FailureKind, Instant, Refusal, Response, excerpt, http::failure_of};
use serde::Deserialize;
use std::time::Duration;

/// The part of an error's body that is read.
const BODY: usize = 4_096;
/// What GitHub asks to wait at least where it names no time; doubled each time.
const UNTOLD: u64 = 60;

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    message: String,
}

/// The kinds of token as a reply tells them: GitHub answers a classic one with its scopes, others with permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Classic,
    FineGrained,
    Untold,
}

/// What a reply that is no success says. `attempt` counts from 1.
pub(crate) fn of(response: Response, now: Instant, attempt: u32) -> Refusal {
    let status = response.status;
    let number = |name: &str| {
        response
            .header(name)
            .and_then(|text| text.trim().parse::<i64>().ok())
    };
    let retry_after = number("retry-after");
    let used_up = number("x-ratelimit-remaining") == Some(0);
    let reset = number("x-ratelimit-reset");
    let classic = response.header("x-oauth-scopes").is_some();
    let fine_grained = response.header("x-accepted-github-permissions").is_some();
    let sign_on = response.header("x-github-sso").is_some();
    let text = response.start_of_body(BODY);
    let message = serde_json::from_str::<Body>(&text).unwrap_or_default().message;
    let lower = message.to_ascii_lowercase();
    let limited =
        used_up || retry_after.is_some() || lower.contains("rate limit") || lower.contains("abuse detection");
    if status == 429 || status == 403 && limited {
        let untold = UNTOLD.saturating_mul(1 << attempt.saturating_sub(1).min(10));
        let seconds = match (retry_after, reset.filter(|_| used_up)) {
            (Some(seconds), _) => u64::try_from(seconds).unwrap_or(0),
            (None, Some(reset)) => u64::try_from(reset.saturating_sub(now)).unwrap_or(0).max(1),
            (None, None) => untold,
        };
        let failure = Failure::throttled(format_args!(
            "GitHub asks to wait {seconds} s (HTTP {status}: {}); what is committed stays, the next run goes on",
            excerpt(&message, 200)
        ));
        return Refusal {
            failure: failure.with_status(status),
            // The host itself has waited for 429.
            wait: (status == 403).then(|| Duration::from_secs(seconds)),
        };
    }
    if message.is_empty() && !matches!(status, 401 | 403 | 404) {
        return Refusal {
            failure: failure_of(status, &text),
            wait: None,
        };
    }
    let token = match (
        classic,
        fine_grained || lower.contains("not accessible by personal access token"),
    ) {
        (true, _) => Token::Classic,
        (false, true) => Token::FineGrained,
        (false, false) => Token::Untold,
    };
    let (kind, means) = match status {
        401 => (
            FailureKind::Credential,
            "GitHub does not know the token: it may have expired or been revoked".to_owned(),
        ),
        403 | 404 if sign_on || lower.contains("saml") => (
            FailureKind::Credential,
            "the organization wants single sign-on: authorize the token for it (Settings > Developer settings > Configure SSO)"
                .to_owned(),
        ),
        403 => (FailureKind::Credential, format!("the token may not read the bill: {}", advice(token))),
        404 => (
            FailureKind::Credential,
            format!(
                "there is no such account, it is not on the enhanced billing platform, or the token may not see it: check \
                 `account` in [settings]; {}",
                advice(token)
            ),
        ),
        410 => (
            FailureKind::Provider,
            "GitHub has taken this report away: look for a newer version of the collector".to_owned(),
        ),
        _ => (FailureKind::Provider, "GitHub answered with an error".to_owned()),
    };
    let failure = Failure::new(
        kind,
        format_args!("{means} (HTTP {status}: {})", excerpt(&message, 200)),
    );
    Refusal {
        failure: failure.with_status(status),
        wait: None,
    }
}

/// Which token to try: GitHub's own pages differ on whether fine-grained ones are taken.
fn advice(token: Token) -> &'static str {
    match token {
        Token::Classic => {
            "this is a classic token: its user must be an owner or billing manager, its scopes include read:org or admin:org; \
             if they do, try a fine-grained token with the organization permission Administration: read"
        }
        Token::FineGrained => {
            "this is a fine-grained token: it needs the organization permission Administration: read, approved by the \
             organization; if it has that, try a classic token of an owner or billing manager"
        }
        Token::Untold => {
            "try a fine-grained token with the organization permission Administration: read, else a classic token of an owner or \
             billing manager"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    const NOW: Instant = 1_785_758_400;

    fn refusal(status: u16, headers: &[(&str, &str)], message: &str) -> Refusal {
        let mut response = reply(
            status,
            &format!(r#"{{"message":"{message}","status":"{status}"}}"#),
        );
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        response.headers = headers.collect();
        of(response, NOW, 1)
    }

    #[test]
    fn a_403_that_means_slow_down_is_throttled_and_waited_for() {
        let reset = (NOW + 17).to_string();
        for (headers, message, seconds) in [
            (vec![("retry-after", "30")], "no", 30),
            (
                vec![
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", reset.as_str()),
                ],
                "no",
                17,
            ),
            (vec![], "You have exceeded a secondary rate limit.", 60),
        ] {
            let refusal = refusal(403, &headers, message);
            assert_eq!(refusal.failure.kind, FailureKind::Throttled, "{refusal:?}");
            assert_eq!(refusal.wait, Some(Duration::from_secs(seconds)));
        }
        let waited = refusal(429, &[("retry-after", "30")], "slow");
        assert_eq!((waited.failure.kind, waited.wait), (FailureKind::Throttled, None));
    }

    #[test]
    fn a_403_that_means_no_says_which_token_to_try() {
        let untold = [("x-ratelimit-remaining", "4999")];
        for (status, headers, message, says) in [
            (403, &untold[..], "Must have admin rights", "else a classic token"),
            (
                403,
                &[("x-oauth-scopes", "repo")][..],
                "Must have admin rights",
                "try a fine-grained token",
            ),
            (
                403,
                &[][..],
                "Resource not accessible by personal access token",
                "try a classic token",
            ),
            (
                404,
                &[(
                    "x-accepted-github-permissions",
                    "organization_administration=read",
                )][..],
                "Not Found",
                "try a classic token",
            ),
            (
                403,
                &[][..],
                "Resource protected by organization SAML enforcement.",
                "single sign-on",
            ),
            (401, &[][..], "Bad credentials", "expired"),
        ] {
            let refusal = refusal(status, headers, message);
            assert_eq!(refusal.failure.kind, FailureKind::Credential, "{refusal:?}");
            assert!(refusal.failure.message.contains(says), "{refusal:?}");
            assert_eq!(refusal.wait, None);
        }
    }

    #[test]
    fn other_errors_keep_githubs_words() {
        let error = refusal(503, &[], "Service Unavailable");
        assert_eq!(error.failure.kind, FailureKind::Provider);
        assert!(error.failure.message.contains("Service Unavailable"), "{error:?}");
        let page = of(reply(502, "<html>bad gateway</html>"), NOW, 1);
        assert!(page.failure.message.contains("bad gateway"), "{page:?}");
        assert_eq!(
            of(reply(403, "<html>"), NOW, 1).failure.kind,
            FailureKind::Credential
        );
    }
}
