//! The organization's product lines and their versions; what a moment of the clock sees of a window.

use crate::Error;
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A deployment or project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// What one product line is, apart from how much of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Product {
    pub(super) sku: String,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) meter: String,
    pub(super) kind: Option<String>,
    pub(super) unit: String,
    pub(super) rate: Decimal,
}

/// How much of it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Used {
    pub(super) quantity: Decimal,
    pub(super) total_ecu: Decimal,
}

impl Used {
    fn add(&mut self, more: Self) -> Result<(), Error> {
        self.quantity = self.quantity.checked_add(more.quantity)?;
        self.total_ecu = self.total_ecu.checked_add(more.total_ecu)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Line {
    #[serde(flatten)]
    product: Product,
    #[serde(flatten)]
    used: Used,
}

#[derive(Clone, Debug, Deserialize)]
struct Version {
    since: Timestamp,
    until: Option<Timestamp>,
    hidden: bool,
    day: Date,
    instance: Instance,
    line: Line,
}

/// All product lines.
#[derive(Clone, Debug)]
pub struct Lines {
    versions: Vec<Version>,
    copies: u32,
}

/// A window's consumption.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) total: Decimal,
    pub(super) instances: BTreeMap<Instance, BTreeMap<Product, Used>>,
}

impl Lines {
    pub(super) fn load(copies: u32) -> Result<Self, Error> {
        Ok(Self {
            versions: serde_json::from_str(include_str!("../../data/elastic/lines.json"))?,
            copies: copies.max(1),
        })
    }

    /// Takes all lines away.
    pub fn clear(&mut self) {
        self.versions.clear();
    }

    /// The versions that are seen at a moment of the days asked for.
    fn seen(&self, now: Timestamp, (from, to): (Date, Date)) -> impl Iterator<Item = &Version> {
        self.versions.iter().filter(move |version| {
            let seen = version.since <= now && version.until.is_none_or(|until| now < until);
            seen && (from..to).contains(&version.day)
        })
    }

    /// What is seen at a moment of the days asked for, as one lump.
    pub(super) fn window(&self, now: Timestamp, days: (Date, Date)) -> Result<Window, Error> {
        let mut window = Window {
            total: self.total(now, days)?,
            ..Window::default()
        };
        for version in self.seen(now, days).filter(|version| !version.hidden) {
            let lines = window.instances.entry(version.instance.clone()).or_default();
            for copy in 0..self.copies {
                let mut product = version.line.product.clone();
                if copy > 0 {
                    product.sku = format!("copy{copy:06}.{}", product.sku);
                }
                lines.entry(product).or_default().add(version.line.used)?;
            }
        }
        Ok(window)
    }

    fn total(&self, now: Timestamp, days: (Date, Date)) -> Result<Decimal, Error> {
        let once = Decimal::sum(self.seen(now, days).map(|version| version.line.used.total_ecu))?;
        Ok(once.checked_mul(self.copies.into())?)
    }

    /// What the days from one to before another consume, as a moment knows it: ECU.
    ///
    /// # Errors
    /// Where a day is none, or a sum does not fit.
    pub fn consumed(&self, now: Timestamp, (from, to): (&str, &str)) -> Result<Decimal, Error> {
        self.total(now, (from.parse()?, to.parse()?))
    }
}
