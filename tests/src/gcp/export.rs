//! The billing export: lines that are only ever appended, each visible from the time of its export on.

use crate::Error;
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The billing account.
pub const ACCOUNT: &str = "0123AB-4567CD-89EF01";
/// The project that holds the export.
pub const PROJECT: &str = "fin-billing";
/// Where its dataset lies.
pub const LOCATION: &str = "EU";

/// A credit of a line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    /// `credits.type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `credits.id`.
    pub id: String,
    /// `credits.full_name`.
    pub name: String,
    /// `credits.amount`: negative.
    pub amount: String,
}

/// One line. Amounts are texts, as BigQuery gives them for its floats.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "named as the export names its columns")]
pub struct Line {
    pub billing_account_id: String,
    pub invoice_month: String,
    pub cost_type: String,
    pub usage_start_time: Option<Timestamp>,
    pub export_time: Timestamp,
    pub project_id: Option<String>,
    pub project_name: Option<String>,
    pub service_id: Option<String>,
    pub service: Option<String>,
    pub sku_id: Option<String>,
    pub sku: Option<String>,
    pub region: Option<String>,
    pub zone: Option<String>,
    pub resource: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub cost: String,
    pub list: Option<String>,
    pub currency: String,
    pub amount: String,
    pub unit: Option<String>,
    pub priced: String,
    pub pricing_unit: Option<String>,
    pub credits: Vec<Credit>,
    pub adjustment: Option<String>,
    pub transaction_type: String,
    pub seller: Option<String>,
}

impl Line {
    /// The day of use in UTC, or of the export where there is none.
    #[must_use]
    pub fn day(&self) -> Date {
        day(self.usage_start_time.unwrap_or(self.export_time))
    }

    /// Cost and credits together.
    ///
    /// # Errors
    /// Where an amount is none.
    pub fn net(&self) -> Result<Decimal, Error> {
        let credits = self.credits.iter().map(|credit| exact(&credit.amount));
        let amounts = std::iter::once(exact(&self.cost))
            .chain(credits)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Decimal::sum(amounts)?)
    }
}

/// The day in UTC.
pub(crate) fn day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// Los Angeles, where invoice months begin. (The rule since 2007, so that no database of time zones is needed.)
pub(crate) fn los_angeles() -> Result<TimeZone, Error> {
    Ok(TimeZone::posix("PST8PDT,M3.2.0,M11.1.0")?)
}

/// `ROUND(CAST(CAST(x AS STRING) AS BIGNUMERIC), 18)`: all digits, half away from zero at the 18th place.
pub(crate) fn exact(text: &str) -> Result<Decimal, Error> {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse()?;
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number: i128 = format!("{whole}{fraction}").parse()?;
    // The number is number * 10^(exponent - len(fraction)); units are 10^-18.
    let places = exponent - i32::try_from(fraction.len())? + 18;
    let units = match u32::try_from(places) {
        Ok(up) => number
            .checked_mul(10_i128.checked_pow(up).ok_or("too large")?)
            .ok_or("too large")?,
        Err(_) => match 10_i128.checked_pow(places.unsigned_abs()) {
            Some(step) => number / step + i128::from(2 * (number % step) >= step),
            None => 0,
        },
    };
    Ok(Decimal::from_units(sign * units))
}

/// The export.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) lines: Vec<Line>,
}

impl Export {
    pub(crate) fn load() -> Result<Self, Error> {
        let lines = serde_json::from_str(include_str!("../../data/gcp/lines.json"))?;
        Ok(Self { lines })
    }

    /// What was exported by then.
    pub(crate) fn visible(&self, now: Timestamp) -> Vec<&Line> {
        self.lines.iter().filter(|line| line.export_time <= now).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::exact;

    #[test]
    fn texts_are_rounded_half_away_from_zero_at_the_18th_place() {
        for (text, expected) in [
            ("0.30000000000000004", "0.30000000000000004"),
            ("4e-07", "0.0000004"),
            ("-1.2345678901234567e-08", "-0.000000012345678901"),
            ("5e-19", "0.000000000000000001"),
            ("-5e-19", "-0.000000000000000001"),
            ("4e-19", "0"),
            ("2.7702478e+18", "2770247800000000000"),
            ("1e-60", "0"),
        ] {
            assert_eq!(exact(text).unwrap().to_string(), expected, "{text}");
        }
    }
}
