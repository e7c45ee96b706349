//! Amounts in JSON that a provider writes as binary floating-point numbers.
//! What must hold: the digits are read as they stand ([`amount`](crate::amount)); no float is ever made of them.

use crate::{Decimal, amount};
use serde::{Deserialize, Deserializer, de};

/// A field of a reply: a number, or a text that holds one. Unlike [`Decimal`] it takes more than 18 fractional digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Double(pub Decimal);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text,
            serde_json::Value::Number(number) => number.to_string(),
            _ => return Err(de::Error::custom("expected a number")),
        };
        match amount(&text) {
            Ok(Some(amount)) => Ok(Self(amount)),
            Ok(None) => Err(de::Error::custom("expected a number, found an empty text")),
            Err(failure) => Err(de::Error::custom(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn doubles_keep_their_digits_and_only_the_smallest_are_rounded() {
        let read: Vec<Double> =
            serde_json::from_str(r#"[28.799999999999997, 1.2345678901234567E-5, "-0.1", 24]"#).unwrap();
        let shown: Vec<String> = read.iter().map(|double| double.0.to_string()).collect();
        assert_eq!(
            shown,
            ["28.799999999999997", "0.000012345678901235", "-0.1", "24"]
        );
        for odd in ["null", "true", r#""""#, r#""free""#, "[1]"] {
            assert!(serde_json::from_str::<Double>(odd).is_err(), "{odd}");
        }
    }
}
