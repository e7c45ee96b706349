//! From a line of the usage report to a cost record.
//! What must hold: no spelling of GitHub's makes another key; what is unknown passes through labelled, with a warning.

use crate::settings::{AccountKind, Settings};
use finops_collector::{
    CostRecord, Decimal, Double, Failure, Instant, Period, Warnings, excerpt,
    jiff::civil::{Date, date},
    period::day_of,
    record::{ChargeCategory, ChargeFrequency, Finality, Pricing, Quantity, Resource, Sku, SubAccount},
};
use serde::Deserialize;

const PROVIDER: &str = "GitHub";
/// A month is final when this day of the next one has passed [U].
const FINAL_AFTER: i8 = 5;
/// GitHub's floats are off by less than this where gross less discount is net: 10⁻⁶.
const NOISE: Decimal = Decimal::from_units(1_000_000_000_000);

/// A line of the report.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    date: String,
    #[serde(default)]
    product: Option<String>,
    #[serde(default)]
    sku: Option<String>,
    #[serde(default)]
    quantity: Option<Double>,
    #[serde(default)]
    unit_type: Option<String>,
    #[serde(default)]
    price_per_unit: Option<Double>,
    #[serde(default)]
    gross_amount: Option<Double>,
    #[serde(default)]
    discount_amount: Option<Double>,
    net_amount: Double,
    #[serde(default)]
    organization_name: Option<String>,
    #[serde(default)]
    repository_name: Option<String>,
}

/// Names of products by GitHub's word for them.
const PRODUCTS: [(&str, &str); 12] = [
    ("actions", "GitHub Actions"),
    ("advanced_security", "GitHub Advanced Security"),
    ("codespaces", "GitHub Codespaces"),
    ("copilot", "GitHub Copilot"),
    ("ghas", "GitHub Advanced Security"),
    ("ghec", "GitHub Enterprise Cloud"),
    ("git_lfs", "Git LFS"),
    ("github_enterprise", "GitHub Enterprise Cloud"),
    ("models", "GitHub Models"),
    ("packages", "GitHub Packages"),
    ("shared_storage", "GitHub shared storage"),
    ("spark", "GitHub Spark"),
];

/// FOCUS's units by GitHub's, without what lies between words.
const UNITS: [(&str, &str); 8] = [
    ("minutes", "Minutes"),
    ("hours", "Hours"),
    ("gigabytes", "GB"),
    ("gigabytehours", "GB-Hours"),
    ("gigabytemonths", "GB-Months"),
    ("requests", "Requests"),
    ("usermonths", "User-Months"),
    ("units", "Units"),
];

/// The minutes of a line of Actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Minutes {
    pub(crate) sku: String,
    pub(crate) amount: Decimal,
}

/// What makes records of lines.
pub(crate) struct Mapping<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) warnings: &'a Warnings<'a>,
    pub(crate) now: Instant,
}

impl Mapping<'_> {
    /// The record of a line of that day's report, and its minutes if it is one of Actions.
    ///
    /// # Errors
    /// `malformed-reply` for a line of another day: then GitHub has not answered what was asked.
    pub(crate) fn record(&self, day: Date, line: &Line) -> Result<(CostRecord, Option<Minutes>), Failure> {
        // `2026-08-03`, or `2026-08-03T00:00:00Z`.
        let dated = line.date.get(..10).and_then(|text| text.parse::<Date>().ok());
        if dated != Some(day) {
            return Err(Failure::malformed(format_args!(
                "the usage report of {day} has a line dated `{}`; nothing of that day was committed",
                excerpt(&line.date, 40)
            )));
        }
        let net = line.net_amount.0;
        self.reckon(line, net)?;
        let product = word(line.product.as_deref());
        let (service, category) = self.service(&product, line.product.as_deref());
        let sku = word(line.sku.as_deref());
        let quantity = line
            .quantity
            .map(|quantity| Quantity::new(quantity.0, &self.unit(line)));
        let licence = quantity
            .as_ref()
            .is_some_and(|quantity| quantity.unit == "User-Months");
        let gross = line.gross_amount.map(|gross| gross.0);
        let repository = line.repository_name.as_deref().filter(|name| !name.is_empty());
        let organization = self.organization(line);
        let mut record = CostRecord::new(
            Period::of_day(day),
            &self.settings.account,
            PROVIDER,
            (&service, category),
            (net, "USD"),
        );
        record.finality = self.finality(day);
        record.list_cost = gross;
        record.contracted_cost = gross;
        record.description = line.sku.as_deref().map(|sku| excerpt(sku, 200));
        record.sku = (!sku.is_empty()).then(|| Sku {
            id: Some(sku.clone()),
            ..Sku::default()
        });
        record.pricing = Some(Pricing {
            category: Some("Standard".to_owned()),
            quantity: quantity.clone(),
            list_unit_price: line
                .price_per_unit
                .map(|price| price.0)
                .filter(|price| !price.is_negative()),
            ..Pricing::default()
        });
        if licence {
            (record.category, record.frequency) =
                (ChargeCategory::Purchase, Some(ChargeFrequency::Recurring));
        } else {
            record.frequency = Some(ChargeFrequency::UsageBased);
            record.consumed = quantity.clone();
        }
        if let Some(name) = repository {
            let id = match (name.contains('/'), &organization) {
                (false, Some(owner)) => format!("{owner}/{name}"),
                _ => name.to_owned(),
            };
            record = record.tag("repository", &id);
            record.resource = Some(Resource {
                name: Some(id.clone()),
                id,
                kind: Some("Repository".to_owned()),
            });
        }
        if let Some(id) = organization {
            record = record.tag("org", &id);
            record.sub_account = Some(SubAccount {
                name: Some(id.clone()),
                id,
                kind: Some("Organization".to_owned()),
            });
        }
        let minutes = quantity.filter(|quantity| product == "actions" && quantity.unit == "Minutes");
        Ok((
            record,
            minutes.map(|quantity| Minutes {
                sku,
                amount: quantity.amount,
            }),
        ))
    }

    /// Warns where gross less discount is not net: then GitHub means something else by one of them.
    fn reckon(&self, line: &Line, net: Decimal) -> Result<(), Failure> {
        let (Some(gross), Some(discount)) = (line.gross_amount, line.discount_amount) else {
            return Ok(());
        };
        let left = gross
            .0
            .checked_sub(discount.0)
            .and_then(|left| left.checked_sub(net));
        if left.map_err(Failure::malformed)?.abs() > NOISE {
            self.warnings.once(
                "gross less discount is not net on some lines: what is net counts as billed, what is gross as list cost",
            );
        }
        Ok(())
    }

    fn service(&self, product: &str, written: Option<&str>) -> (String, &'static str) {
        if let Some((_, name)) = PRODUCTS.iter().find(|(word, _)| *word == product) {
            return ((*name).to_owned(), "Developer Tools");
        }
        let name = match written
            .map(|text| excerpt(text, 100))
            .filter(|text| !text.is_empty())
        {
            Some(name) => name,
            None => "Unknown".to_owned(),
        };
        self.warnings.once(format_args!(
            "the product `{name}` is not known: its category is Other"
        ));
        (name, "Other")
    }

    fn unit(&self, line: &Line) -> String {
        let written = line.unit_type.as_deref().unwrap_or_default();
        let plain: String = word(Some(written)).replace('_', "");
        if let Some((_, unit)) = UNITS.iter().find(|(word, _)| *word == plain) {
            return (*unit).to_owned();
        }
        let shown = match excerpt(written, 60) {
            shown if shown.is_empty() => "Units".to_owned(),
            shown => shown,
        };
        self.warnings.once(format_args!(
            "the unit `{shown}` is not known: it is passed on as it is"
        ));
        shown
    }

    /// The organization of a line; the account itself, where a report of one organization does not tell.
    fn organization(&self, line: &Line) -> Option<String> {
        let told = line.organization_name.as_deref().filter(|name| !name.is_empty());
        let own = (self.settings.account_kind == AccountKind::Organization)
            .then_some(self.settings.account.as_str());
        told.or(own).map(str::to_ascii_lowercase)
    }

    /// Final once the fifth of the next month has passed.
    fn finality(&self, day: Date) -> Finality {
        let today = day_of(self.now);
        let months = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
        let closed = match months(today) - months(day) {
            ..=0 => false,
            1 => today > date(today.year(), today.month(), FINAL_AFTER),
            _ => true,
        };
        match closed {
            true => Finality::Final,
            false => Finality::Open,
        }
    }
}

/// A word of GitHub's in one spelling: `Actions Linux` and `actions_linux` are the same.
fn word(text: Option<&str>) -> String {
    let mut word = String::new();
    for character in text.unwrap_or_default().trim().chars() {
        match character {
            ' ' | '-' | '_' => word.push('_'),
            _ if character.is_control() => word.extend(character.escape_default()),
            _ => word.extend(character.to_lowercase()),
        }
    }
    word
}
