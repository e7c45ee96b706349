//! What the columns of a file are: lines such as `cost = amount`, `currency = 'EUR'`, `tag team = cost_centre`.

use crate::words::{Word, words};
use finops_collector::{Failure, excerpt};
use std::collections::BTreeMap;

/// How a line of `fields` is written.
const FORM: &str = "write FIELD = COLUMN, FIELD = 'the same text for all', FIELD = column 'Name With Blanks' or tag NAME = COLUMN";

/// A field of a record that a column can fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    /// The day of the charge.
    Day,
    /// BilledCost and EffectiveCost.
    Cost,
    /// ServiceName.
    Service,
    /// BillingCurrency.
    Currency,
    /// ServiceCategory.
    Category,
    /// ChargeCategory.
    Charge,
    /// ChargeDescription.
    Description,
    /// ResourceId.
    Resource,
    /// ResourceName.
    ResourceName,
    /// SubAccountId.
    SubAccount,
    /// SubAccountName.
    SubAccountName,
    /// RegionId.
    Region,
    /// SkuId.
    Sku,
    /// ConsumedQuantity.
    Quantity,
    /// ConsumedUnit.
    Unit,
    /// The line's own id, which is unique on its day and stays.
    Id,
}

const ALL: [(&str, Field); 16] = [
    ("day", Field::Day),
    ("cost", Field::Cost),
    ("service", Field::Service),
    ("currency", Field::Currency),
    ("category", Field::Category),
    ("charge", Field::Charge),
    ("description", Field::Description),
    ("resource", Field::Resource),
    ("resource-name", Field::ResourceName),
    ("sub-account", Field::SubAccount),
    ("sub-account-name", Field::SubAccountName),
    ("region", Field::Region),
    ("sku", Field::Sku),
    ("quantity", Field::Quantity),
    ("unit", Field::Unit),
    ("id", Field::Id),
];

/// Where a field's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// A column; in JSON a member, or a path of members joined by points.
    Column(String),
    /// The same for all lines.
    Text(String),
}

/// What the columns of a file are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    fields: BTreeMap<Field, From>,
    /// Tags by name.
    pub(crate) tags: BTreeMap<String, From>,
}

impl Fields {
    /// What the lines of `fields` say.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn parse(lines: &[String]) -> Result<Self, Failure> {
        let mut parsed = Self::default();
        for line in lines {
            let wrong = |what: &str| {
                let shown = excerpt(line, 80);
                Failure::settings(format_args!("[settings] fields: `{shown}`: {what}; {FORM}"))
            };
            let words = words(line).ok_or_else(|| wrong("a quote is not closed"))?;
            let at = words
                .iter()
                .position(|word| word.is("="))
                .ok_or_else(|| wrong("there is no `=`"))?;
            let from = match words.get(at + 1..).unwrap_or_default() {
                [Word::Plain(column)] => From::Column(column.clone()),
                [Word::Quoted(text)] => From::Text(text.clone()),
                [keyword, Word::Quoted(column)] if keyword.is("column") => From::Column(column.clone()),
                _ => return Err(wrong("one column or one quoted text stands after the `=`")),
            };
            let again = match words.get(..at).unwrap_or_default() {
                [tag, name] if tag.is("tag") => parsed.tags.insert(name.text().to_owned(), from),
                [name] => {
                    let known = ALL.iter().find(|(known, _)| name.is(known));
                    let names = || ALL.map(|(name, _)| name).join(", ");
                    let (_, field) = known
                        .ok_or_else(|| wrong(&format!("there is no such field; there are {}", names())))?;
                    parsed.fields.insert(*field, from)
                }
                _ => return Err(wrong("one field stands before the `=`")),
            };
            if again.is_some() {
                return Err(wrong("this field is given twice"));
            }
        }
        for (name, field) in ALL.iter().take(3) {
            if !parsed.fields.contains_key(field) {
                return Err(Failure::settings(format_args!(
                    "[settings] fields: `{name}` is missing; {FORM}"
                )));
            }
        }
        Ok(parsed)
    }

    /// Where a field comes from; none where the file has nothing for it.
    pub(crate) fn of(&self, field: Field) -> Option<&From> {
        self.fields.get(&field)
    }

    /// All columns that are read.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.fields
            .values()
            .chain(self.tags.values())
            .filter_map(|from| match from {
                From::Column(column) => Some(column.as_str()),
                From::Text(_) => None,
            })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(lines: &[&str]) -> Result<Fields, Failure> {
        Fields::parse(&lines.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn columns_texts_and_tags_are_told_apart() {
        let fields = parse(&[
            "day = date",
            "cost = column 'Amount EUR'",
            "service = 'Colocation'",
            "tag team = owner.team",
        ])
        .unwrap();
        assert_eq!(
            fields.of(Field::Cost),
            Some(&From::Column("Amount EUR".to_owned()))
        );
        assert_eq!(
            fields.of(Field::Service),
            Some(&From::Text("Colocation".to_owned()))
        );
        assert_eq!(fields.of(Field::Sku), None);
        assert_eq!(
            fields.columns().collect::<Vec<_>>(),
            ["date", "Amount EUR", "owner.team"]
        );
    }

    #[test]
    fn a_line_that_is_no_field_is_shown_with_the_form() {
        let good = ["day = d", "cost = c", "service = s"];
        for (line, says) in [
            ("price = p", "no such field"),
            ("day = e", "given twice"),
            ("region: r", "no `=`"),
            ("region = r s", "one column"),
            ("a region = r", "one field"),
            ("region = 'r", "not closed"),
        ] {
            let failure = parse(&[&good[..], &[line]].concat()).unwrap_err();
            assert!(
                failure.message.contains(says) && failure.message.contains(FORM),
                "{failure}"
            );
        }
        assert!(
            parse(&["day = d", "cost = c"])
                .unwrap_err()
                .message
                .contains("`service` is missing")
        );
    }
}
