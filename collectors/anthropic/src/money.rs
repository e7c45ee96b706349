//! Amounts in a currency's lowest unit: `"123.45"` in USD is 123.45 cents.
//! What must hold: the point moves in the text, so that no digit is lost or rounded twice.

use finops_collector::{Decimal, Failure, amount, excerpt};

/// Currencies without a smaller unit (ISO 4217).
const WHOLE: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
];
/// Currencies whose lowest unit is a thousandth.
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Decimal places of the lowest unit.
pub(crate) fn places(currency: &str) -> i32 {
    match currency {
        _ if WHOLE.contains(&currency) => 0,
        _ if THOUSANDTHS.contains(&currency) => 3,
        _ => 2,
    }
}

/// The amount in the currency itself; none where the text is empty.
///
/// # Errors
/// `malformed-reply`, where it is no number.
pub(crate) fn whole_units(text: &str, places: i32) -> Result<Option<Decimal>, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let malformed = || Failure::malformed(format_args!("`{}` is no amount", excerpt(text, 60)));
    let (digits, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let power: i32 = power.parse().map_err(|_| malformed())?;
    let power = power.checked_sub(places).ok_or_else(malformed)?;
    amount(&format!("{digits}e{power}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn cents_become_dollars_to_the_last_digit() {
        for (cents, dollars) in [
            ("123.45", "1.2345"),
            ("123.78912", "1.2378912"),
            ("10.00", "0.1"),
            ("1", "0.01"),
            ("-250", "-2.5"),
            ("0", "0"),
            ("0.000001", "0.00000001"),
            ("1.5E-3", "0.000015"),
            ("123456789012345.67", "1234567890123.4567"),
            ("0.1234567890123456", "0.001234567890123456"),
            // Eighteen places are kept; the rest is rounded once, half to even.
            ("0.12345678901234565", "0.001234567890123456"),
            ("0.123456789012345651", "0.001234567890123457"),
        ] {
            assert_eq!(
                whole_units(cents, 2).unwrap().unwrap(),
                dollars.parse().unwrap(),
                "{cents}"
            );
        }
        assert_eq!(whole_units("", 2).unwrap(), None);
        for wrong in ["12,5", "NaN", "1e", "e5", "$1", "1e99999999999"] {
            assert!(whole_units(wrong, 2).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_currencies_have_other_lowest_units() {
        let of = |currency| {
            whole_units("1234", places(currency))
                .unwrap()
                .unwrap()
                .to_string()
        };
        assert_eq!(
            (of("JPY"), of("EUR"), of("KWD")),
            ("1234".into(), "12.34".into(), "1.234".into())
        );
    }
}
