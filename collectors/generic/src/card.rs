//! The rate card: lines such as `cpu: 0.0310 per core-hour from 2026-08-01 where dc = fra1`.
//! What must hold: what a thing costs on a day never depends on the order of the lines unless two fit it equally well.

use crate::{
    labels::{Labels, matches},
    meter::is_name,
    words::{Word, words},
};
use finops_collector::{Decimal, Failure, excerpt, jiff::civil::Date};

/// How a line of `rates` is written.
const FORM: &str = "write METER: PRICE per UNIT, then, as needed, list PRICE, from DAY, where LABEL = VALUE and LABEL = VALUE, such as \
                    `gpu: 2.35 per GPU-hour from 2026-08-01 where modelName = 'NVIDIA H100*'`";

/// A label and the pattern of its value.
type Condition = (String, String);

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Name of a meter.
    pub(crate) meter: String,
    /// As written.
    pub(crate) unit: String,
    price: Decimal,
    list: Option<Decimal>,
    /// The first day; none: always.
    from: Option<Date>,
    conditions: Vec<Condition>,
}

/// What a line says of a thing on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Price {
    /// What a unit costs.
    pub(crate) unit_price: Decimal,
    /// What it would cost by list.
    pub(crate) list: Option<Decimal>,
    /// The meter and the line's conditions: the same for all days.
    pub(crate) sku: String,
    /// With the line's first day.
    pub(crate) card: String,
}

impl Rate {
    /// The rate that a line says.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn parse(line: &str) -> Result<Self, Failure> {
        let wrong = |what: &str| {
            let shown = excerpt(line, 80);
            Failure::settings(format_args!("[settings] rates: `{shown}`: {what}; {FORM}"))
        };
        let (meter, rest) = line.split_once(':').ok_or_else(|| wrong("there is no `:`"))?;
        let meter = meter.trim();
        if !is_name(meter) {
            return Err(wrong("a meter is named before the `:`"));
        }
        let words = words(rest).ok_or_else(|| wrong("a quote is not closed"))?;
        let mut words = words.into_iter();
        let price = |word: Option<Word>| match word.map(|word| word.text().parse::<Decimal>()) {
            Some(Ok(price)) if !price.is_negative() => Ok(price),
            _ => Err(wrong("a price is a decimal such as 0.0310, zero or more")),
        };
        let mut rate = Self {
            meter: meter.to_owned(),
            price: price(words.next())?,
            unit: match (words.next(), words.next()) {
                (Some(per), Some(unit)) if per.is("per") => unit.text().to_owned(),
                _ => return Err(wrong("the unit is missing")),
            },
            list: None,
            from: None,
            conditions: Vec::new(),
        };
        while let Some(keyword) = words.next() {
            match &keyword {
                word if word.is("list") => rate.list = Some(price(words.next())?),
                word if word.is("from") => {
                    let day = words.next().and_then(|day| day.text().parse().ok());
                    rate.from = Some(day.ok_or_else(|| wrong("a day is written 2026-08-01"))?);
                }
                word if word.is("where") || (word.is("and") && !rate.conditions.is_empty()) => {
                    match (words.next(), words.next(), words.next()) {
                        (Some(label), Some(equals), Some(value)) if equals.is("=") => {
                            rate.conditions
                                .push((label.text().to_owned(), value.text().to_owned()));
                        }
                        _ => return Err(wrong("a condition is LABEL = VALUE")),
                    }
                }
                word => {
                    return Err(wrong(&format!(
                        "`{}` has no meaning here",
                        excerpt(word.text(), 30)
                    )));
                }
            }
        }
        rate.conditions.sort();
        Ok(rate)
    }

    fn fits(&self, meter: &str, labels: &Labels, day: Date) -> bool {
        let met = |(label, pattern): &Condition| {
            let value = labels.get(label).map_or("", String::as_str);
            matches(pattern, value)
        };
        self.meter == meter && self.from.is_none_or(|from| from <= day) && self.conditions.iter().all(met)
    }

    fn price(&self) -> Price {
        let conditions: Vec<String> = self
            .conditions
            .iter()
            .map(|(label, value)| format!("{label}={value}"))
            .collect();
        let sku = match conditions.is_empty() {
            true => self.meter.clone(),
            false => format!("{}[{}]", self.meter, conditions.join(",")),
        };
        let since = self
            .from
            .map_or_else(|| "default".to_owned(), |day| day.to_string());
        Price {
            unit_price: self.price,
            list: self.list,
            card: format!("{sku}@{since}"),
            sku,
        }
    }
}

/// All rates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Card(Vec<Rate>);

impl Card {
    /// A card of these rates.
    ///
    /// # Errors
    /// `settings`, where two lines say different things of the same.
    pub(crate) fn new(rates: Vec<Rate>) -> Result<Self, Failure> {
        for (index, rate) in rates.iter().enumerate() {
            let same = |other: &&Rate| {
                (&other.meter, other.from, &other.conditions) == (&rate.meter, rate.from, &rate.conditions)
            };
            if rates.iter().skip(index + 1).any(|other| same(&other)) {
                let card = rate.price().card;
                return Err(Failure::settings(format_args!(
                    "[settings] rates: two lines say what {} costs: keep one of them",
                    excerpt(&card, 120)
                )));
            }
        }
        Ok(Self(rates))
    }

    /// What a thing costs on a day: of the lines that fit it the one with the most conditions, of these the newest, of these the
    /// first; none where no line fits.
    pub(crate) fn price(&self, meter: &str, labels: &Labels, day: Date) -> Option<Price> {
        let fitting = self.0.iter().filter(|rate| rate.fits(meter, labels, day));
        let best = fitting.reduce(|best, rate| {
            let rank = |rate: &Rate| (rate.conditions.len(), rate.from);
            if rank(rate) > rank(best) { rate } else { best }
        });
        best.map(Rate::price)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use finops_collector::jiff::civil::date;

    fn card(lines: &[&str]) -> Result<Card, Failure> {
        let rates = lines
            .iter()
            .map(|line| Rate::parse(line))
            .collect::<Result<_, _>>()?;
        Card::new(rates)
    }

    #[test]
    fn the_most_special_rate_that_has_begun_is_taken_whatever_the_order() {
        let lines = [
            "gpu: 2.90 per GPU-hour",
            "gpu: 2.50 per GPU-hour from 2026-08-01 list 3",
            "gpu: 4.00 per GPU-hour where modelName = 'NVIDIA H100*'",
            "gpu: 3.50 per GPU-hour where modelName = 'NVIDIA H100*' and dc = fra1 from 2026-09-01",
        ];
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            let pairs = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            pairs.collect()
        };
        let (a100, h100) = (
            labels(&[("modelName", "A100")]),
            labels(&[("modelName", "NVIDIA H100 80GB"), ("dc", "fra1")]),
        );
        let mut reversed = lines;
        reversed.reverse();
        for lines in [lines, reversed] {
            let card = card(&lines).unwrap();
            let of = |labels: &Labels, day: Date| {
                let price = card.price("gpu", labels, day).unwrap();
                (price.unit_price.to_string(), price.card)
            };
            assert_eq!(of(&a100, date(2026, 7, 31)), ("2.9".into(), "gpu@default".into()));
            assert_eq!(
                of(&a100, date(2026, 8, 1)),
                ("2.5".into(), "gpu@2026-08-01".into())
            );
            assert_eq!(
                of(&h100, date(2026, 8, 31)),
                ("4".into(), "gpu[modelName=NVIDIA H100*]@default".into())
            );
            assert_eq!(of(&h100, date(2026, 9, 1)).0, "3.5");
            assert_eq!(card.price("cpu", &a100, date(2026, 8, 1)), None);
        }
    }

    #[test]
    fn before_its_first_day_and_for_other_labels_a_rate_says_nothing() {
        let card = card(&["cpu: 0.03 per core-hour from 2026-08-01 where dc=fra1"]).unwrap();
        let fra = Labels::from([("dc".to_owned(), "fra1".to_owned())]);
        assert_eq!(card.price("cpu", &fra, date(2026, 7, 31)), None);
        assert_eq!(card.price("cpu", &Labels::new(), date(2026, 8, 1)), None);
        assert!(card.price("cpu", &fra, date(2026, 8, 1)).is_some());
    }

    #[test]
    fn a_line_that_is_no_rate_is_shown_with_the_form() {
        for (line, says) in [
            ("cpu 0.03 per core-hour", "no `:`"),
            ("CPU: 0.03 per core-hour", "a meter is named"),
            ("cpu: 0,03 per core-hour", "a decimal"),
            ("cpu: -1 per core-hour", "zero or more"),
            ("cpu: 0.03", "unit is missing"),
            ("cpu: 0.03 a core-hour", "unit is missing"),
            ("cpu: 0.03 per core-hour from August", "2026-08-01"),
            ("cpu: 0.03 per core-hour where dc", "LABEL = VALUE"),
            ("cpu: 0.03 per core-hour and dc = a", "no meaning"),
            ("cpu: 0.03 per core-hour where a = 'b", "not closed"),
        ] {
            let failure = Rate::parse(line).unwrap_err();
            assert!(
                failure.message.contains(says) && failure.message.contains(FORM),
                "{line}: {failure}"
            );
        }
        let twice = card(&[
            "cpu: 1 per core-hour where a = b",
            "cpu: 2 per core-hour where a = b",
        ]);
        assert!(twice.unwrap_err().message.contains("two lines say"));
    }
}
