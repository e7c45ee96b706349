//! Numbers of replies that come as JSON numbers here and as text there.
//! What must hold: the digits are read as they stand, as [`amount`](crate::amount()) does.

use crate::{Decimal, Failure, amount, excerpt};
use serde_json::Value;

/// The number; none for null and for empty text.
///
/// # Errors
/// `malformed-reply`, where it is neither a number nor text that is one.
pub fn number(value: &Value) -> Result<Option<Decimal>, Failure> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => amount(&number.to_string()),
        Value::String(text) => amount(text),
        other => Err(Failure::malformed(format_args!(
            "`{}` is no number",
            excerpt(&other.to_string(), 60)
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_and_text_are_read_alike_and_nothing_is_no_number() {
        for (json, read) in [
            ("0.1", Some("0.1")),
            ("\"0.1\"", Some("0.1")),
            ("1.5e-7", Some("0.00000015")),
            ("12345678901234567.123456789", Some("12345678901234567.123456789")),
            ("0.12345678901234567895", Some("0.123456789012345679")),
            ("null", None),
            ("\"\"", None),
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(
                number(&value).unwrap(),
                read.map(|text| text.parse().unwrap()),
                "{json}"
            );
        }
        for json in ["true", "[1]", "\"soon\""] {
            assert!(number(&serde_json::from_str(json).unwrap()).is_err(), "{json}");
        }
    }
}
