//! Whether the cuts add up to the overview. Azure adds up binary floating-point numbers, so that two sums of the same lines may
//! be off by a little; more than that means that something is missing, or that Azure changed the bill between two questions.

use crate::measures::Costs;
use finops_collector::{Decimal, Failure, excerpt, jiff::civil::Date};
use std::collections::BTreeMap;

/// 10⁻⁸: Azure keeps costs to 8 digits.
const PER_ROW: Decimal = Decimal::from_units(10_000_000_000);

/// Of what sums are compared: day, subscription, whether it is use, currency.
pub(crate) type Sum = (Date, String, bool, String);

/// What some questions said.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeMap<Sum, (Costs, u32)>);

impl Told {
    pub(crate) fn add(&mut self, of: Sum, costs: &Costs) -> Result<(), Failure> {
        let (sum, rows) = self.0.entry(of).or_default();
        *rows += 1;
        sum.add(costs).map_err(Failure::malformed)
    }

    /// What the overview tells and these do not tell at all.
    pub(crate) fn absent_from<'a>(&self, overview: &'a Self) -> Vec<(&'a Sum, Costs)> {
        let absent = overview.0.iter().filter(|(of, _)| !self.0.contains_key(*of));
        absent.map(|(of, (costs, _))| (of, *costs)).collect()
    }

    /// Compares with the overview.
    ///
    /// # Errors
    /// `incomplete`, where more than rounding lies between them.
    pub(crate) fn check(&self, overview: &Self) -> Result<(), Failure> {
        let nothing = (Costs::default(), 0);
        for of in self.0.keys().chain(overview.0.keys()) {
            let (told, rows) = self.0.get(of).unwrap_or(&nothing);
            let (expected, parts) = overview.0.get(of).unwrap_or(&nothing);
            let off = told.less(expected).map_err(Failure::malformed)?;
            let allowed = PER_ROW
                .checked_mul(Decimal::from(rows + parts))
                .map_err(Failure::internal)?;
            if off.billed.abs() > allowed || off.effective.abs() > allowed {
                let (day, subscription, is_usage, currency) = of;
                let what = if *is_usage { "use" } else { "other charges" };
                return Err(Failure::incomplete(format_args!(
                    "subscription {} on {day}: the parts of its {what} add up to {} {} (amortized {}), but the overview says {} \
                     ({}); nothing was committed (if Azure changed the bill meanwhile, the next run finds it whole)",
                    excerpt(subscription, 40),
                    told.billed,
                    excerpt(currency, 5),
                    told.effective,
                    expected.billed,
                    expected.effective,
                )));
            }
        }
        Ok(())
    }
}
