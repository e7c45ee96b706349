//! Step 8: whether and when to try again. Pure; the waiting itself is done on the injected clock.

use super::rule::Method;
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::header::HeaderMap;
use std::time::Duration;

/// Most attempts of one call.
const ATTEMPTS: u32 = 4;
/// First pause, doubled each time.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest pause that a provider can ask for.
const LONGEST: Duration = Duration::from_secs(120);

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// No connection came about.
    Unconnected,
    /// A reply with this status, and how long it asks to wait.
    Status(u16, Option<Duration>),
}

/// How long to wait before the next attempt; `None`: the outcome stands.
/// `attempt` counts from 1, `left` is what the run's time allows, `jitter` any number.
pub(super) fn pause(
    outcome: Outcome,
    method: Method,
    repeatable: bool,
    attempt: u32,
    left: Duration,
    jitter: u16,
) -> Option<Duration> {
    let harmless = repeatable || matches!(method, Method::Get | Method::Head);
    let again = match outcome {
        Outcome::Unconnected | Outcome::Status(429, _) => true,
        Outcome::Status(502..=504, _) => harmless,
        Outcome::Status(..) => false,
    };
    if !again || attempt >= ATTEMPTS {
        return None;
    }
    let asked = match outcome {
        Outcome::Status(_, asked) => asked,
        Outcome::Unconnected => None,
    };
    let pause = asked.unwrap_or_else(|| {
        let full = PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(10));
        // Between half and all of it, so that many clients do not come back together.
        full / 2 + full / 2 * u32::from(jitter) / u32::from(u16::MAX)
    });
    (pause <= LONGEST && pause < left).then_some(pause)
}

/// How long a reply's headers ask to wait: the longest of Retry-After and of the counters that some providers have beside it
/// or instead of it, such as Azure's `x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after`. Who comes back before the longest
/// of them is kept out longer.
pub(super) fn asked(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let named = headers.iter().filter(|(name, _)| {
        let name = name.as_str();
        name == "retry-after" || name.ends_with("-retry-after")
    });
    named
        .filter_map(|(_, value)| retry_after(value.to_str().ok()?.trim(), now))
        .max()
}

/// Reads Retry-After: seconds or a date (RFC 9110, 10.2.3).
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn again(outcome: Outcome, method: Method, repeatable: bool) -> bool {
        pause(outcome, method, repeatable, 1, HOUR, 0).is_some()
    }

    #[test]
    fn only_what_does_no_harm_is_tried_again_after_a_failure() {
        for status in [502, 503, 504] {
            let outcome = Outcome::Status(status, None);
            assert!(again(outcome, Method::Get, false));
            assert!(again(outcome, Method::Head, false));
            assert!(!again(outcome, Method::Post, false));
            assert!(!again(outcome, Method::Delete, false));
            assert!(again(outcome, Method::Post, true));
        }
        for status in [200, 202, 301, 400, 401, 403, 404, 408, 500, 501, 505] {
            assert!(
                !again(Outcome::Status(status, None), Method::Get, true),
                "{status}"
            );
        }
    }

    #[test]
    fn what_never_took_effect_is_tried_again_whatever_it_is() {
        assert!(again(Outcome::Unconnected, Method::Post, false));
        assert!(again(Outcome::Status(429, None), Method::Post, false));
    }

    #[test]
    fn pauses_double_with_jitter_and_end() {
        let at = |attempt, jitter| pause(Outcome::Unconnected, Method::Get, false, attempt, HOUR, jitter);
        assert_eq!(at(1, 0), Some(Duration::from_millis(250)));
        assert_eq!(at(1, u16::MAX), Some(Duration::from_millis(500)));
        assert_eq!(at(3, u16::MAX), Some(Duration::from_secs(2)));
        assert_eq!(at(4, 0), None);
    }

    #[test]
    fn a_provider_is_waited_for_inside_the_runs_time_only() {
        let asked = |seconds, left| {
            let outcome = Outcome::Status(429, Some(Duration::from_secs(seconds)));
            pause(outcome, Method::Post, false, 1, Duration::from_secs(left), 7)
        };
        assert_eq!(asked(90, 600), Some(Duration::from_secs(90)));
        assert_eq!(asked(90, 90), None);
        assert_eq!(asked(121, 600), None);
        assert_eq!(asked(0, 600), Some(Duration::ZERO));
    }

    #[test]
    fn of_several_counters_the_longest_wait_is_kept() {
        let now: Timestamp = "2026-08-01T00:00:00Z".parse().unwrap();
        let wait = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            asked(&headers, now).map(|wait| wait.as_secs())
        };
        let counter = "x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after";
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[(counter, " 9 "), ("retry-after", "4")]), Some(9));
        assert_eq!(wait(&[(counter, "soon"), ("retry-after", "4")]), Some(4));
        assert_eq!(wait(&[(counter, "3"), (counter, "8")]), Some(8));
        // What only sounds like it asks for nothing.
        for other in [
            "x-ms-ratelimit-microsoft.costmanagement-qpu-remaining",
            "retry-after-ms",
            "xretry-after",
        ] {
            assert_eq!(wait(&[(other, "7")]), None, "{other}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-08-01T00:00:00Z".parse().unwrap();
        assert_eq!(retry_after("17", now), Some(Duration::from_secs(17)));
        assert_eq!(retry_after("99999999999999999999", now), Some(Duration::MAX));
        assert_eq!(
            retry_after("Sat, 01 Aug 2026 00:00:30 GMT", now),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            retry_after("Fri, 31 Jul 2026 00:00:30 GMT", now),
            Some(Duration::ZERO)
        );
        for wrong in ["", "soon", "-1", "1.5"] {
            assert_eq!(retry_after(wrong, now), None, "{wrong}");
        }
    }
}
