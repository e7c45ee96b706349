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
}

/// A window's consumption.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) total: Decimal,
    pub(super) instances: BTreeMap<Instance, BTreeMap<Product, Used>>,
}

impl Lines {
    pub(super) fn load(copies: usize) -> Result<Self, Error> {
        let versions: Vec<Version> = serde_json::from_str(include_str!("../../data/elastic/lines.json"))?;
        let versions = versions.into_iter().flat_map(|version| {
            (0..copies).map(move |copy| {
                let mut version = version.clone();
                if copy > 0 {
                    version.line.product.sku = format!("copy{copy:06}.{}", version.line.product.sku);
                }
                version
            })
        });
        Ok(Self {
            versions: versions.collect(),
        })
    }

    /// Takes all lines away.
    pub fn clear(&mut self) {
        self.versions.clear();
    }

    /// What is seen at a moment of the days asked for, as one lump.
    pub(super) fn window(&self, now: Timestamp, (from, to): (Date, Date)) -> Result<Window, Error> {
        let mut window = Window::default();
        for version in &self.versions {
            let seen = version.since <= now && version.until.is_none_or(|until| now < until);
            if !seen || !(from..to).contains(&version.day) {
                continue;
            }
            let used = version.line.used;
            window.total = window.total.checked_add(used.total_ecu)?;
            if !version.hidden {
                let lines = window.instances.entry(version.instance.clone()).or_default();
                lines.entry(version.line.product.clone()).or_default().add(used)?;
            }
        }
        Ok(window)
    }

    /// What the days from one to before another consume, as a moment knows it: ECU.
    ///
    /// # Errors
    /// Where a day is none, or a sum does not fit.
    pub fn consumed(&self, now: Timestamp, (from, to): (&str, &str)) -> Result<Decimal, Error> {
        Ok(self.window(now, (from.parse()?, to.parse()?))?.total)
    }
}
