//! Which hours of a day lack something, and why. Pure.
//! What must hold: an hour counts as whole only if every meter spoke in it, no series paused, and no sample was unusable.

use crate::{
    meter::Meter,
    prometheus::Answer,
    series::{HOURS, Sample},
};
use finops_collector::Decimal;

/// A meter and what its query gave.
pub(crate) struct Metered<'m> {
    /// The meter.
    pub(crate) meter: &'m Meter,
    /// The answer.
    pub(crate) answer: Answer,
}

/// For each hour of the day what it lacks first, if it lacks anything.
pub(crate) fn lacking(metered: &[Metered<'_>], health: Option<&Answer>) -> Vec<Option<String>> {
    (0..HOURS).map(|hour| lack(metered, health, hour)).collect()
}

fn lack(metered: &[Metered<'_>], health: Option<&Answer>, hour: usize) -> Option<String> {
    if let Some(health) = health {
        if let Some(warning) = &health.warning {
            return Some(format!("the server warns of `health`: {warning}"));
        }
        let good = |sample: &Sample| matches!(sample, Sample::Is(value) if *value > Decimal::ZERO);
        let said: Vec<&Sample> = health.series.iter().map(|series| series.at(hour)).collect();
        if said.is_empty() || !said.into_iter().all(good) {
            return Some("`health` is not positive: targets were not scraped all through".to_owned());
        }
    }
    metered.iter().find_map(|Metered { meter, answer }| {
        let name = &meter.name;
        if let Some(warning) = &answer.warning {
            return Some(format!("the server warns of `{name}`: {warning}"));
        }
        let mut spoke = false;
        for series in &answer.series {
            match series.at(hour) {
                Sample::Unusable => return Some(format!("`{name}` has a sample that is no number")),
                Sample::Is(_) => spoke = true,
                Sample::Absent if !meter.sparse && series.pauses(hour) => {
                    return Some(format!("a series of `{name}` pauses"));
                }
                Sample::Absent => {}
            }
        }
        let silent = !spoke && !meter.sparse;
        silent.then(|| format!("`{name}` has no sample"))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{labels::Labels, series::Series};

    /// A series that has a sample in the hours written as digits, none at `.`, and NaN at `x`.
    fn series(name: &str, samples: &str) -> Series {
        let sample = |written: char| match written {
            '.' => Sample::Absent,
            'x' => Sample::Unusable,
            digit => Sample::Is(Decimal::from(digit.to_digit(10).unwrap())),
        };
        Series {
            labels: Labels::from([("instance".to_owned(), name.to_owned())]),
            before: false,
            after: false,
            samples: samples.chars().map(sample).collect(),
        }
    }

    fn answer(samples: &[&str]) -> Answer {
        Answer {
            series: samples.iter().map(|samples| series(samples, samples)).collect(),
            warning: None,
        }
    }

    /// The hours of the first six that lack something.
    fn lacking_of(sparse: bool, answer: Answer, health: Option<&Answer>) -> Vec<usize> {
        let meter = Meter {
            sparse,
            ..Meter::built_in("cpu").unwrap()
        };
        let lacking = lacking(
            &[Metered {
                meter: &meter,
                answer,
            }],
            health,
        );
        (0..6)
            .filter(|hour| lacking.get(*hour).unwrap().is_some())
            .collect()
    }

    #[test]
    fn silence_pauses_and_what_is_no_number_make_an_hour_lack_something() {
        for (samples, lacks) in [
            (&["111111"][..], &[][..]),
            (&["000000"], &[]),
            (&["11.111"], &[2]),
            (&["11.111", "111111"], &[2]),
            (&["1x1111"], &[1]),
            (&["111111", "..11.."], &[]),
            (&["1111.."], &[4, 5]),
            (&[], &[0, 1, 2, 3, 4, 5]),
        ] {
            assert_eq!(lacking_of(false, answer(samples), None), lacks, "{samples:?}");
        }
    }

    #[test]
    fn series_of_a_sparse_meter_come_and_go_but_what_is_no_number_is_still_none() {
        assert_eq!(lacking_of(true, answer(&["1.x..1"]), None), [2]);
        assert!(lacking_of(true, answer(&[]), None).is_empty());
    }

    #[test]
    fn a_warning_touches_all_hours_and_health_those_in_which_it_is_not_positive() {
        let warned = Answer {
            warning: Some("partial response".to_owned()),
            ..answer(&["111111"])
        };
        assert_eq!(lacking_of(false, warned.clone(), None).len(), 6);
        let good = || answer(&["111111"]);
        assert_eq!(lacking_of(false, good(), Some(&answer(&["10x.11"]))), [1, 2, 3]);
        assert_eq!(lacking_of(false, good(), Some(&answer(&[]))).len(), 6);
        assert_eq!(lacking_of(false, good(), Some(&warned)).len(), 6);
    }
}
