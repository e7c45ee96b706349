//! Samples of a day as Prometheus gave them: by series and hour, decimal text read by its digits.
//! What must hold: NaN, an infinity and silence are three things that are no number, and none of them is a zero.

use crate::labels::Labels;
use finops_collector::{
    Decimal, Failure, Instant, ParseError, amount, excerpt,
    period::{DAY, HOUR},
};
use serde::Deserialize;
use serde_json::Number;

/// Hours of a day.
pub(crate) const HOURS: usize = 24;

/// What a series says of an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sample {
    /// Nothing.
    #[default]
    Absent,
    /// NaN, an infinity, or a number beyond all money.
    Unusable,
    /// So much.
    Is(Decimal),
}

/// A series over the hours of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    /// What tells it from others of its meter.
    pub(crate) labels: Labels,
    /// Whether it was there on the day before.
    pub(crate) before: bool,
    /// Whether it was there on the day after.
    pub(crate) after: bool,
    /// By hour.
    pub(crate) samples: Vec<Sample>,
}

impl Series {
    /// What it says of an hour, counted from 0.
    pub(crate) fn at(&self, hour: usize) -> &Sample {
        self.samples.get(hour).unwrap_or(&Sample::Absent)
    }

    /// Whether it is silent in an hour but was there before and was there again after it.
    pub(crate) fn pauses(&self, hour: usize) -> bool {
        let there = |samples: Option<&[Sample]>| {
            samples.is_some_and(|samples| samples.iter().any(|sample| *sample != Sample::Absent))
        };
        *self.at(hour) == Sample::Absent
            && (self.before || there(self.samples.get(..hour)))
            && (self.after || there(self.samples.get(hour + 1..)))
    }
}

/// A series of a reply.
#[derive(Deserialize)]
pub(crate) struct Written {
    #[serde(default)]
    metric: Labels,
    #[serde(default)]
    values: Vec<(Number, String)>,
}

impl Written {
    /// The series over the day that begins at `day`.
    ///
    /// # Errors
    /// `malformed-reply`, where a sample stands at no full hour or is no number at all.
    pub(crate) fn over(self, day: Instant) -> Result<Series, Failure> {
        let mut series = Series {
            labels: self.metric,
            before: false,
            after: false,
            samples: vec![Sample::Absent; HOURS],
        };
        for (at, text) in self.values {
            let start = full_hour(&at)? - HOUR;
            let sample = sample(&text)?;
            if start < day {
                series.before = true;
            } else if start >= day + DAY {
                series.after = true;
            } else {
                let hour = usize::try_from((start - day) / HOUR).map_err(Failure::internal)?;
                if let Some(slot) = series.samples.get_mut(hour) {
                    *slot = sample;
                }
            }
        }
        Ok(series)
    }
}

/// A sample's time: Prometheus writes seconds as a JSON number, maybe with a fraction.
fn full_hour(at: &Number) -> Result<Instant, Failure> {
    let text = at.to_string();
    let whole = text.parse::<Decimal>().ok().map(|at| at.to_string());
    let seconds = whole.and_then(|whole| whole.parse::<Instant>().ok());
    seconds.filter(|at| at.rem_euclid(HOUR) == 0).ok_or_else(|| {
        Failure::malformed(format_args!(
            "a sample stands at {}, which is no full hour: is what answers no Prometheus, or a proxy that changes times?",
            excerpt(&text, 40)
        ))
    })
}

fn sample(text: &str) -> Result<Sample, Failure> {
    if matches!(text, "NaN" | "Inf" | "+Inf" | "-Inf") || text.parse::<Decimal>() == Err(ParseError::TooLarge)
    {
        return Ok(Sample::Unusable);
    }
    match amount(text)? {
        Some(number) => Ok(Sample::Is(number)),
        None => Err(Failure::malformed("a sample is empty")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DAY_START: Instant = 1_785_715_200; // 2026-08-03

    fn series(values: &str) -> Result<Series, Failure> {
        let written: Written =
            serde_json::from_str(&format!(r#"{{"metric":{{}},"values":[{values}]}}"#)).unwrap();
        written.over(DAY_START)
    }

    #[test]
    fn a_sample_tells_of_the_hour_before_it_by_its_digits() {
        let hour = |hours: i64| DAY_START + hours * HOUR;
        let read = series(&format!(
            r#"[{},"0.30000000000000004"],[{}.000,"1e-07"],[{},"NaN"],[{},"+Inf"],[{},"1e30"]"#,
            hour(1),
            hour(2),
            hour(3),
            hour(4),
            hour(24)
        ))
        .unwrap();
        let is = |text: &str| Sample::Is(text.parse().unwrap());
        assert_eq!(*read.at(0), is("0.30000000000000004"));
        assert_eq!(*read.at(1), is("0.0000001"));
        assert_eq!(
            (read.at(2), read.at(3), read.at(4), read.at(23)),
            (
                &Sample::Unusable,
                &Sample::Unusable,
                &Sample::Absent,
                &Sample::Unusable
            )
        );
        assert!(!read.before && !read.after);
        let around = series(&format!(r#"[{},"1"],[{},"1"]"#, hour(0), hour(25))).unwrap();
        assert!(around.before && around.after && around.pauses(0));
    }

    #[test]
    fn only_silence_between_two_samples_is_a_pause() {
        let read = series(&format!(
            r#"[{},"1"],[{},"1"]"#,
            DAY_START + 2 * HOUR,
            DAY_START + 5 * HOUR
        ))
        .unwrap();
        let pauses: Vec<usize> = (0..HOURS).filter(|hour| read.pauses(*hour)).collect();
        assert_eq!(pauses, [2, 3]);
    }

    #[test]
    fn what_is_no_sample_at_a_full_hour_is_refused() {
        for (values, says) in [
            (format!(r#"[{},"1"]"#, DAY_START + 60), "no full hour"),
            (format!(r#"[{}.5,"1"]"#, DAY_START), "no full hour"),
            (format!(r#"[{},"many"]"#, DAY_START), "not a decimal"),
            (format!(r#"[{},""]"#, DAY_START), "empty"),
        ] {
            let failure = series(&values).unwrap_err();
            assert!(failure.message.contains(says), "{values}: {failure}");
        }
    }
}
