//! Decimals as text: parsing, printing and serde. Parsing is exact or fails.

use crate::{Decimal, ONE, PLACES};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Longest text that is looked at; a longer one is refused unread.
const MAX_TEXT: usize = 128;

/// Why a text is not an exact decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not a number: only an optional sign, digits, a point, digits and an exponent are taken.
    #[error("not a decimal number")]
    Syntax,
    /// More than about 20 digits before the point.
    #[error("the number is too large to be held exactly")]
    TooLarge,
    /// More than 18 significant digits after the point.
    #[error("the number has more than 18 fractional digits")]
    TooPrecise,
}

impl FromStr for Decimal {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_TEXT {
            return Err(ParseError::TooLarge);
        }
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() || mantissa.ends_with('.') {
            return Err(ParseError::Syntax);
        }
        // Work on the digits without trailing zeros of the fraction, so that "1.50000000000000000000" is exact.
        let mut units: i128 = 0;
        let mut point = exponent;
        let mut pending_zeros: u32 = 0;
        for (digit, after_point) in whole
            .bytes()
            .map(|b| (b, false))
            .chain(fraction.bytes().map(|b| (b, true)))
        {
            if !digit.is_ascii_digit() {
                return Err(ParseError::Syntax);
            }
            if after_point {
                point -= 1;
            }
            if digit == b'0' {
                pending_zeros += 1;
                continue;
            }
            if units != 0 {
                units = scale_up(units, pending_zeros + 1).ok_or(ParseError::TooLarge)?;
            }
            pending_zeros = 0;
            units = units
                .checked_add(i128::from(digit - b'0'))
                .ok_or(ParseError::TooLarge)?;
        }
        if units == 0 {
            return Ok(Self::ZERO);
        }
        // The value is units × 10^(pending_zeros + point).
        let shift = i64::from(pending_zeros) + i64::from(point) + i64::from(PLACES);
        let shift = u32::try_from(shift).map_err(|_| ParseError::TooPrecise)?;
        let units = scale_up(units, shift).ok_or(ParseError::TooLarge)?;
        Ok(Self(if negative { -units } else { units }))
    }
}

fn parse_exponent(text: &str) -> Result<i32, ParseError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseError::Syntax);
    }
    let value: i32 = digits.parse().map_err(|_| ParseError::Syntax)?;
    Ok(if text.starts_with('-') { -value } else { value })
}

fn scale_up(units: i128, places: u32) -> Option<i128> {
    10_i128
        .checked_pow(places)
        .and_then(|factor| units.checked_mul(factor))
}

impl fmt::Display for Decimal {
    /// Plain digits without exponent, plus sign or trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad_integral(self.0 >= 0, "", Digits::of(*self).text())
    }
}

impl Decimal {
    /// Appends to a text what [`fmt::Display`] writes, without a formatter between.
    pub fn append_to(self, text: &mut String) {
        if self.0 < 0 {
            text.push('-');
        }
        text.push_str(Digits::of(self).text());
    }
}

/// Most characters without a sign: 21 digits, a point, 18 digits.
const LONGEST: usize = 40;

/// Digits that are written from the last to the first.
struct Digits {
    bytes: [u8; LONGEST],
    from: usize,
}

impl Default for Digits {
    fn default() -> Self {
        Self {
            bytes: [b'0'; LONGEST],
            from: LONGEST,
        }
    }
}

impl Digits {
    /// Those of a number, without its sign.
    fn of(number: Decimal) -> Self {
        let units = number.0.unsigned_abs();
        let one = ONE.unsigned_abs();
        // Most amounts are below 18: the shorter type divides much faster.
        let (whole, fraction) = match (u64::try_from(units), u64::try_from(one)) {
            (Ok(units), Ok(one)) => (u128::from(units / one), u128::from(units % one)),
            _ => (units / one, units % one),
        };
        let mut digits = Self::default();
        if fraction != 0 {
            digits.push_fraction(fraction);
        }
        digits.push_whole(whole);
        digits
    }

    fn push(&mut self, byte: u8) {
        self.from = self.from.saturating_sub(1);
        if let Some(place) = self.bytes.get_mut(self.from) {
            *place = byte;
        }
    }

    /// The 18 places behind the point without trailing zeros, and the point.
    fn push_fraction(&mut self, fraction: u128) {
        // Less than 10^18: the shorter type divides much faster.
        let mut rest = u64::try_from(fraction).unwrap_or(u64::MAX);
        let mut places = PLACES;
        for (zeros, factor) in [(8, 100_000_000), (8, 100_000_000), (4, 10_000)] {
            if rest.is_multiple_of(factor) {
                rest /= factor;
                places -= zeros;
            }
        }
        while rest != 0 && rest.is_multiple_of(10) {
            rest /= 10;
            places -= 1;
        }
        for _ in 0..places {
            self.push(b'0' + u8::try_from(rest % 10).unwrap_or_default());
            rest /= 10;
        }
        self.push(b'.');
    }

    fn push_whole(&mut self, whole: u128) {
        let mut rest = whole;
        loop {
            match u64::try_from(rest) {
                Ok(short) => {
                    self.push(b'0' + u8::try_from(short % 10).unwrap_or_default());
                    rest = u128::from(short / 10);
                }
                Err(_) => {
                    self.push(b'0' + u8::try_from(rest % 10).unwrap_or_default());
                    rest /= 10;
                }
            }
            if rest == 0 {
                return;
            }
        }
    }

    fn text(&self) -> &str {
        let digits = self.bytes.get(self.from..).unwrap_or_default();
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text,
            serde_json::Value::Number(number) => number.to_string(),
            _ => {
                return Err(de::Error::custom("expected a decimal as a string or a number"));
            }
        };
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_arithmetic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_providers_write() {
        for (text, shown) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("1.250000000", "1.25"),
            ("1.2e3", "1200"),
            ("12E-4", "0.0012"),
            (".5", "0.5"),
            ("000123.4500000000000000000000000", "123.45"),
            (
                "-99999999999999999999.999999999999999999",
                "-99999999999999999999.999999999999999999",
            ),
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_hold() {
        for (text, error) in [
            ("", ParseError::Syntax),
            ("-", ParseError::Syntax),
            ("1.", ParseError::Syntax),
            ("1,5", ParseError::Syntax),
            ("NaN", ParseError::Syntax),
            ("1e", ParseError::Syntax),
            (" 1", ParseError::Syntax),
            ("--1", ParseError::Syntax),
            ("1.2.3", ParseError::Syntax),
            ("1234567890123456789012345678901234567890", ParseError::TooLarge),
            ("1e30", ParseError::TooLarge),
            ("0.1234567890123456789", ParseError::TooPrecise),
            ("1e-19", ParseError::TooPrecise),
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(error), "{text}");
        }
    }

    #[test]
    fn json_numbers_are_read_by_their_digits() {
        let read: Vec<Decimal> =
            serde_json::from_str(r#"[0.1, "0.2", 12345678901234567.123456789, 1e2]"#).unwrap();
        let shown: Vec<String> = read.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["0.1", "0.2", "12345678901234567.123456789", "100"]);
        assert!(serde_json::from_str::<Decimal>("null").is_err());
    }

    proptest! {
        #[test]
        fn text_and_back_is_the_same(units in any::<i128>()) {
            let decimal = Decimal::from_units(units);
            if units != i128::MIN {
                prop_assert_eq!(decimal.to_string().parse::<Decimal>(), Ok(decimal));
            }
        }
    }
}
