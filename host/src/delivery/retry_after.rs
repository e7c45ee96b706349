//! `Retry-After`: seconds or an HTTP date (RFC 9110, section 10.2.3), at most 15 minutes, or nothing.

use jiff::{Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};
use std::time::Duration;

/// Longest wait that a destination may ask for.
pub const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The wait that a header asks for; `None` where it makes no sense.
#[must_use]
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that do not fit ask for more than the longest wait.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let wait = http_date(text)?.duration_since(now);
    // A date in the past asks for no wait.
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO).min(LONGEST))
}

/// An HTTP date in one of its three forms (RFC 9110, section 5.6.7).
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    if let Ok(date) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(date);
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| DateTime::strptime(form, text).ok())
        .and_then(|date| TimeZone::UTC.to_timestamp(date).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "1994-11-06T08:49:00Z".parse().unwrap()
    }

    #[test]
    fn seconds_and_dates_are_honoured_up_to_a_quarter_of_an_hour() {
        for (text, seconds) in [
            ("0", 0),
            (" 7 ", 7),
            ("900", 900),
            ("1000000000", 900),
            ("99999999999999999999999999", 900),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 37),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 37),
            ("Sun Nov  6 08:49:37 1994", 37),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
            ("Tue, 08 Nov 1994 08:49:37 GMT", 900),
        ] {
            assert_eq!(
                retry_after(text, now()),
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_leap_second_is_a_second() {
        let now = "2016-12-31T23:59:30Z".parse().unwrap();
        for text in [
            "Sat, 31 Dec 2016 23:59:60 GMT",
            "Saturday, 31-Dec-16 23:59:60 GMT",
            "Sat Dec 31 23:59:60 2016",
        ] {
            let wait = retry_after(text, now).unwrap();
            assert!((29..=30).contains(&wait.as_secs()), "{text}: {wait:?}");
        }
    }

    #[test]
    fn nonsense_is_no_wish() {
        for text in [
            "",
            "soon",
            "-5",
            "1.5",
            "1e3",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "2026-01-01T00:00:00Z",
        ] {
            assert_eq!(retry_after(text, now()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_wait_longer(text in ".{0,40}") {
            prop_assert!(retry_after(&text, now()).is_none_or(|wait| wait <= LONGEST));
        }
    }
}
