//! Held, not believed: which changes wait for the operator, as a pure judgement.
//! What must hold: an empty reply, a lost permission or an expired table never silently erases an old partition.

use super::{
    period::{overlap, seconds, window},
    record::Period,
};
use crate::{
    component::descriptor::{LookBack, Stream},
    foreign::Foreign,
};
use finops_decimal::Decimal;
use jiff::Timestamp;

/// What makes the ledger doubt a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldPolicy {
    /// Hold what empties an old partition, withdraws more than so many per cent of its money, or changes what
    /// nobody asked to read.
    Watch {
        /// Per cent.
        withdrawn: u32,
    },
    /// Apply whatever is written: the operator said so.
    Trust,
}

impl Default for HoldPolicy {
    fn default() -> Self {
        Self::Watch { withdrawn: 20 }
    }
}

/// Whether a price list of the settings may change what the past has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repricing {
    /// Such a commit is held.
    #[default]
    Hold,
    /// The operator asked for it.
    Apply,
}

/// What is asked of the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// The look-back that rules: the operator's, else the stream's.
    pub(super) look_back: LookBack,
    /// What the operator asked for by hand.
    pub(super) requested: Option<Period>,
    pub(super) repricing: Repricing,
    pub(super) now: Timestamp,
}

/// What a commit does to one partition that held records before.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) period: Period,
    /// Records afterwards.
    pub(super) after: u64,
    /// Records of a partition that stood as complete, whose price another card of the settings, or another price on the
    /// same one, has changed.
    pub(super) repriced: u64,
    /// Per currency: the money before and afterwards; nothing where nothing falls and nothing is priced anew.
    pub(super) money: Vec<(String, Decimal, Decimal)>,
}

/// Why a change to a partition is held; `None`: it is believed. `effect` tells of a partition that changes.
pub(super) fn doubt(
    policy: HoldPolicy,
    stream: &Stream,
    expected: &Expected,
    effect: &Effect,
) -> Option<String> {
    let HoldPolicy::Watch { withdrawn } = policy else {
        return None;
    };
    let partition = format!(
        "the partition {} of the stream {}",
        effect.period.start(),
        Foreign::new(stream.name.as_str())
    );
    let requested = expected
        .requested
        .is_some_and(|requested| overlap(requested, effect.period));
    let window = window(expected.look_back, expected.now);
    if effect.period.end() <= window.start() && !requested {
        return Some(format!(
            "{partition} is older than the look-back and was not asked for"
        ));
    }
    let past = effect.period.end() <= expected.now;
    if effect.repriced > 0 && past && expected.repricing == Repricing::Hold {
        let sums: Vec<String> = effect
            .money
            .iter()
            .map(|(currency, before, after)| {
                format!("{before} to {after} {}", Foreign::new(currency.as_str()))
            })
            .collect();
        return Some(format!(
            "{partition} would be priced anew ({} records, {}), because the prices in the settings changed; \
             `finops-host run --reprice` does so",
            effect.repriced,
            sums.join(", ")
        ));
    }
    if expected.now.duration_since(effect.period.end()) <= seconds(stream.latency) {
        return None;
    }
    if effect.after == 0 {
        return Some(format!("{partition} would be emptied"));
    }
    effect.money.iter().find_map(|(currency, before, after)| {
        loses_more(*before, *after, withdrawn).then(|| {
            let currency = Foreign::new(currency.as_str());
            format!("{partition} would fall from {before} to {after} {currency}, by more than {withdrawn} %")
        })
    })
}

/// Whether an amount falls by more than so many per cent. What cannot be reckoned exactly counts as too much.
fn loses_more(before: Decimal, after: Decimal, percent: u32) -> bool {
    let lost = before.checked_sub(after);
    let limit = before.checked_mul(Decimal::from(percent));
    match (
        lost.and_then(|lost| lost.checked_mul(Decimal::from(100_u32))),
        limit,
    ) {
        (Ok(lost), Ok(limit)) => before > Decimal::ZERO && lost > limit,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{component::descriptor::Grain, ledger::sample};

    fn judge(day: &str, after: u64, money: (&str, &str), requested: Option<Period>) -> Option<String> {
        let stream = Stream {
            look_back: LookBack::Days(30),
            ..sample::stream("daily", Grain::Day)
        };
        let expected = Expected {
            look_back: stream.look_back,
            requested,
            repricing: Repricing::Hold,
            now: sample::at("2026-08-31T12:00:00Z"),
        };
        let period = super::super::period::partition_from(Grain::Day, sample::at(day)).unwrap();
        let money = vec![(
            "USD".to_owned(),
            money.0.parse().unwrap(),
            money.1.parse().unwrap(),
        )];
        let effect = Effect {
            period,
            after,
            repriced: 0,
            money,
        };
        doubt(HoldPolicy::default(), &stream, &expected, &effect)
    }

    #[test]
    fn what_empties_or_takes_a_fifth_of_an_old_partition_is_held() {
        assert!(
            judge("2026-08-20T00:00:00Z", 0, ("5", "0"), None)
                .unwrap()
                .contains("emptied")
        );
        let fall = judge("2026-08-20T00:00:00Z", 1, ("100", "79.99"), None).unwrap();
        assert!(fall.contains("100 to 79.99 USD"), "{fall}");
        assert_eq!(judge("2026-08-20T00:00:00Z", 1, ("100", "80"), None), None);
        assert_eq!(judge("2026-08-20T00:00:00Z", 1, ("-100", "-200"), None), None);
        assert!(judge("2026-08-20T00:00:00Z", 1, ("0.01", "-3"), None).is_some());
    }

    #[test]
    fn figures_younger_than_the_latency_may_fall() {
        assert_eq!(judge("2026-08-30T00:00:00Z", 0, ("5", "0"), None), None);
        assert_eq!(judge("2026-08-31T00:00:00Z", 0, ("5", "0"), None), None);
    }

    #[test]
    fn what_nobody_asked_to_read_is_held() {
        let old = "2026-07-15T00:00:00Z";
        assert!(judge(old, 1, ("1", "1"), None).unwrap().contains("look-back"));
        let july = Period::covering(
            sample::at("2026-07-01T00:00:00Z"),
            sample::at("2026-08-01T00:00:00Z"),
        );
        assert_eq!(judge(old, 1, ("1", "1"), Some(july)), None);
        assert!(judge(old, 0, ("1", "0"), Some(july)).unwrap().contains("emptied"));
    }
}
