//! The minutes of Actions as observations: of each day, by the runner's SKU and operating system.

use crate::{descriptor::MINUTES, mapping::Minutes};
use finops_collector::{
    Decimal, Failure, Host, Instant, Observation, Source, Warnings, excerpt,
    jiff::civil::Date,
    period::{DAY, start_of},
};
use std::collections::BTreeMap;

/// Operating systems by a part of the SKU.
const SYSTEMS: [&str; 3] = ["linux", "windows", "macos"];

/// Minutes of one day by SKU.
#[derive(Debug, Default)]
pub(crate) struct OfDay(BTreeMap<String, Decimal>);

impl OfDay {
    pub(crate) fn add(&mut self, minutes: Minutes) -> Result<(), Failure> {
        let sum = self.0.entry(minutes.sku).or_default();
        *sum = sum.checked_add(minutes.amount).map_err(Failure::malformed)?;
        Ok(())
    }

    /// Stores them.
    pub(crate) fn observe(
        self,
        host: &dyn Host,
        warnings: &Warnings<'_>,
        source: &Source,
        day: Date,
        now: Instant,
    ) -> Result<(), Failure> {
        let observe = |(sku, value): (String, Decimal)| Observation {
            name: MINUTES.to_owned(),
            source: source.clone(),
            at: now.min(start_of(day) + DAY),
            dimensions: vec![
                ("day".to_owned(), day.to_string()),
                ("os".to_owned(), system(warnings, &sku).to_owned()),
                ("sku".to_owned(), sku),
            ],
            value,
            unit: "Minutes".to_owned(),
        };
        let observations: Vec<_> = self.0.into_iter().map(observe).collect();
        match observations.is_empty() {
            true => Ok(()),
            false => host.observe(&observations),
        }
    }
}

fn system(warnings: &Warnings<'_>, sku: &str) -> &'static str {
    let found = SYSTEMS.iter().find(|system| sku.contains(**system));
    found.copied().unwrap_or_else(|| {
        warnings.once(format_args!(
            "the runner `{}` is of no known system: its minutes are observed as other",
            excerpt(sku, 80)
        ));
        "other"
    })
}
