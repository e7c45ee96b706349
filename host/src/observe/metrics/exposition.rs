//! Metrics as plain data, and in Prometheus' text format, version 0.0.4: whole numbers and exact decimals.
//!
//! A writer of our own, because the crates for it hold every value as a float: money would be rounded before it is printed.
//! What must hold: a value is printed to its last digit, and a label cannot break out of its quotes, whoever wrote it.

use super::histogram::Histogram;
use crate::foreign::Foreign;
use finops_decimal::Decimal;
use jiff::Timestamp;
use std::{
    fmt::{self, Write},
    time::Duration,
};

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::observe) enum Kind {
    /// It only rises while the process lives.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Observations in buckets.
    Histogram,
}

/// A family's name, kind and help.
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) struct Family {
    pub(in crate::observe) name: &'static str,
    pub(in crate::observe) kind: Kind,
    pub(in crate::observe) help: &'static str,
}

/// A value that is printed exactly.
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) enum Value {
    /// A whole number.
    Whole(u64),
    /// Money.
    Exact(Decimal),
    /// A duration, in seconds.
    Seconds(Duration),
    /// An instant, in seconds since the epoch.
    At(Timestamp),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Whole(number.into())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Whole(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Whole(yes.into())
    }
}

impl From<Decimal> for Value {
    fn from(amount: Decimal) -> Self {
        Self::Exact(amount)
    }
}

impl From<Duration> for Value {
    fn from(time: Duration) -> Self {
        Self::Seconds(time)
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::At(at)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Exact(amount) => write!(f, "{amount}"),
            Self::Seconds(time) => write!(f, "{}.{:06}", time.as_secs(), time.subsec_micros()),
            Self::At(at) => write!(f, "{}", at.as_second()),
        }
    }
}

/// A family with its samples.
#[derive(Clone, Debug)]
pub(in crate::observe) struct Told {
    pub(in crate::observe) family: Family,
    pub(in crate::observe) samples: Samples,
}

/// The samples of a family.
#[derive(Clone, Debug)]
pub(in crate::observe) enum Samples {
    /// Values by their labels.
    Each(Vec<(Labels, Value)>),
    /// Observations in buckets.
    Buckets(Histogram),
}

/// Names and texts of labels. The text is as its writer has it, until it is shown.
pub(in crate::observe) type Labels = Vec<(&'static str, String)>;

/// Families in the order in which they are told.
#[derive(Debug, Default)]
pub(in crate::observe) struct Exposition(Vec<Told>);

impl Exposition {
    /// Adds a family with its samples; one without samples leaves nothing.
    pub(super) fn family<'l, V: Into<Value>>(
        &mut self,
        family: Family,
        samples: impl IntoIterator<Item = (Vec<(&'static str, &'l str)>, V)>,
    ) {
        let owned = |labels: Vec<(&'static str, &str)>| -> Labels {
            labels
                .into_iter()
                .map(|(label, text)| (label, text.to_owned()))
                .collect()
        };
        let samples: Vec<_> = samples
            .into_iter()
            .map(|(labels, value)| (owned(labels), value.into()))
            .collect();
        if !samples.is_empty() {
            let samples = Samples::Each(samples);
            self.0.push(Told { family, samples });
        }
    }

    /// Adds a family of one sample without labels.
    pub(super) fn single(&mut self, family: Family, value: impl Into<Value>) {
        self.family(family, [(Vec::new(), value)]);
    }

    /// Adds a family of one sample without labels, if its value is known.
    pub(super) fn known(&mut self, family: Family, value: Option<impl Into<Value>>) {
        self.family(family, value.map(|value| (Vec::new(), value)));
    }

    /// Adds a family of observations.
    pub(super) fn observations(&mut self, family: Family, histogram: &Histogram) {
        let samples = Samples::Buckets(histogram.clone());
        self.0.push(Told { family, samples });
    }

    /// All of it.
    #[cfg(feature = "otlp")]
    pub(in crate::observe) fn told(self) -> Vec<Told> {
        self.0
    }

    /// All of it as a text.
    pub(super) fn into_text(self) -> String {
        let mut text = String::new();
        for Told { family, samples } in &self.0 {
            let Family { name, kind, help } = family;
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            match samples {
                Samples::Each(samples) => {
                    for (labels, value) in samples {
                        let labels = labels.iter().map(|(label, text)| (*label, text.as_str()));
                        sample(&mut text, name, "", labels, *value);
                    }
                }
                Samples::Buckets(histogram) => histogram.write(&mut text, name),
            }
        }
        text
    }
}

/// Writes one sample; `suffix` follows the family's name.
pub(super) fn sample<'l>(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: impl IntoIterator<Item = (&'l str, &'l str)>,
    value: Value,
) {
    let _ = write!(text, "{name}{suffix}");
    let mut before = '{';
    for (label, of) in labels {
        let _ = write!(text, "{before}{label}=\"{}\"", Label(of));
        before = ',';
    }
    let after = if before == ',' { "}" } else { "" };
    let _ = writeln!(text, "{after} {value}");
}

/// A label's value within its quotes.
struct Label<'a>(&'a str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in Foreign::from(self.0).to_string().chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FAMILY: Family = Family {
        name: "finops_spend_usd_total",
        kind: Kind::Counter,
        help: "Money.",
    };

    #[test]
    fn money_is_printed_to_the_last_digit() {
        let amount: Decimal = "123456789012345678.000000000000000001".parse().unwrap();
        let mut text = Exposition::default();
        text.family(FAMILY, [(vec![("instance", "acme")], amount)]);
        assert_eq!(
            text.into_text(),
            "# HELP finops_spend_usd_total Money.\n# TYPE finops_spend_usd_total counter\n\
             finops_spend_usd_total{instance=\"acme\"} 123456789012345678.000000000000000001\n"
        );
    }

    #[test]
    fn a_label_cannot_break_out_of_its_quotes_or_its_line() {
        let hostile = "a\"} 1\n# TYPE x counter\\\u{202e}\r\0";
        let mut text = Exposition::default();
        text.family(FAMILY, [(vec![("instance", hostile), ("stream", "b")], 7_u64)]);
        let text = text.into_text();
        let sample = text.lines().nth(2).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert_eq!(
            sample,
            "finops_spend_usd_total{instance=\"a\\\"} 1\\\\n# TYPE x counter\\\\\\\\u{202e}\\\\r\\\\u{0}\",stream=\"b\"} 7"
        );
    }

    #[test]
    fn a_family_without_samples_leaves_nothing() {
        let mut text = Exposition::default();
        text.known(FAMILY, None::<u64>);
        text.family(FAMILY, [] as [(Vec<_>, u64); 0]);
        assert_eq!(text.into_text(), "");
    }

    #[test]
    fn durations_and_instants_are_seconds() {
        assert_eq!(
            Value::from(Duration::from_micros(1_000_250)).to_string(),
            "1.000250"
        );
        let at: Timestamp = "1970-01-01T00:01:40.9Z".parse().unwrap();
        assert_eq!(Value::from(at).to_string(), "100");
    }
}
