//! Amounts as providers write binary floating-point numbers: `12.5`, `1.0E-7`, or nothing for null.
//! What must hold: the digits are read as they stand; only what lies below 10⁻¹⁸ is rounded, half to even, once.

use crate::{Decimal, Failure, ParseError, excerpt};

/// The amount; none where the text is empty.
///
/// # Errors
/// `malformed-reply`, where it is no number or has more than about 20 digits before the point.
pub fn amount(text: &str) -> Result<Option<Decimal>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<Decimal>() {
        Ok(amount) => Ok(Some(amount)),
        Err(ParseError::TooPrecise) => rounded(text)
            .map(Some)
            .ok_or_else(|| Failure::malformed(format_args!("`{}` is no amount", excerpt(text, 60)))),
        Err(error) => Err(Failure::malformed(format_args!(
            "`{}`: {error}",
            excerpt(text, 60)
        ))),
    }
}

/// A number with more than 18 fractional digits, rounded to 18.
fn rounded(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Decimal = format!("{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()? - exponent.parse::<i32>().ok()?;
    let mut left = u32::try_from(places).ok()?;
    if left > 60 {
        return Some(Decimal::ZERO);
    }
    let mut number = digits;
    // The digits are a whole number, so dividing by 10¹⁸ is exact; what is left is one rounding.
    for most in [18, 20, 20] {
        let step = left.min(most);
        let divisor = Decimal::from_units(10_i128.checked_pow(18 + step)?);
        number = number.div_rounded(divisor, 18).ok()?;
        left -= step;
        if left == 0 {
            break;
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn digits_are_kept_and_only_what_is_below_the_eighteenth_is_rounded() {
        for (text, read) in [
            ("12.5", "12.5"),
            ("1.0E-7", "0.0000001"),
            ("-3.0e-7", "-0.0000003"),
            ("0.0", "0"),
            ("1.2345678901234567E-5", "0.000012345678901235"),
            ("-1.2345678901234565E-2", "-0.012345678901234565"),
            ("2.5E-18", "0.000000000000000002"),
            ("3.5E-18", "0.000000000000000004"),
            ("4.9E-324", "0"),
            ("1.5E3", "1500"),
        ] {
            assert_eq!(amount(text).unwrap().unwrap(), read.parse().unwrap(), "{text}");
        }
        assert_eq!(amount("").unwrap(), None);
        assert!(amount("NaN").is_err() && amount("1,5").is_err() && amount("1e").is_err());
    }
}
