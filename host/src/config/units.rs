//! Durations and sizes as the operator writes them: `"10m"`, `"1h30m"`, `"128MiB"`. Whole numbers with a unit, never a bare number.

use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];
const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads a duration such as `90s` or `1h30m`; `None` where the text is none.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    let mut smallest = u64::MAX;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        let end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        let unit = unit(name, &DURATION_UNITS)?;
        if unit >= smallest {
            return None; // "1m1h", "1h1h": likely a slip
        }
        smallest = unit;
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = after;
    }
    Some(Duration::from_millis(total))
}

/// Reads a size in bytes; `None` where the text is none.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, name) = number(text.trim())?;
    number.checked_mul(unit(name.trim_start(), &SIZE_UNITS)?)
}

/// A duration as [`duration`] reads it.
pub(crate) fn show_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if left == 0 {
        return "0s".to_owned();
    }
    let mut shown = String::new();
    for (name, unit) in DURATION_UNITS {
        if left >= unit {
            shown.push_str(&format!("{}{name}", left / unit));
            left %= unit;
        }
    }
    shown
}

/// A size as [`size`] reads it, in the largest binary unit that divides it.
pub(crate) fn show_size(bytes: u64) -> String {
    SIZE_UNITS
        .iter()
        .filter(|(name, unit)| name.ends_with("iB") && bytes > 0 && bytes.is_multiple_of(*unit))
        .map(|(name, unit)| format!("{}{name}", bytes / unit))
        .next()
        .unwrap_or_else(|| format!("{bytes}B"))
}

fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

fn unit(name: &str, units: &[(&str, u64)]) -> Option<u64> {
    units
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, unit)| *unit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_whole_numbers_with_units_from_large_to_small() {
        for (text, seconds) in [("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("0s", 0)] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("1s500ms"), Some(Duration::from_millis(1500)));
        for wrong in [
            "",
            "10",
            "m",
            "1.5h",
            "-1h",
            "1m1h",
            "1h1h",
            "1w",
            "1 h x",
            "99999999999999999d",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_need_a_unit_and_do_not_overflow() {
        for (text, bytes) in [
            ("128MiB", 128 << 20),
            ("4 GiB", 4 << 30),
            ("64KiB", 65_536),
            ("10MB", 10_000_000),
            ("7B", 7),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for wrong in ["", "128", "1.5MiB", "-1B", "MiB", "1mib", "99999999999GiB"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(millis in 0_u64..1_000_000_000_000, bytes in any::<u64>()) {
            let time = Duration::from_millis(millis);
            prop_assert_eq!(duration(&show_duration(time)), Some(time));
            prop_assert_eq!(size(&show_size(bytes)), Some(bytes));
        }
    }
}
