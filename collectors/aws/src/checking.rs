//! Whether the cuts add up to the overview. AWS rounds each amount that it shows to ten digits, so that the sum of many may be
//! off by a little; more than that means that something is missing, or that AWS changed the bill between two questions.

use crate::overview::{Overview, Sums};
use crate::record_type::Class;
use finops_collector::{Decimal, Failure, jiff::civil::Date};
use std::collections::BTreeMap;

/// 10⁻⁹: more than rounding can do to one amount.
const PER_GROUP: Decimal = Decimal::from_units(1_000_000_000);

/// What the cuts said so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    sums: BTreeMap<(Date, String, Class), (Sums, u32)>,
}

impl Told {
    pub(crate) fn add(
        &mut self,
        (day, account, class): (Date, &str, Class),
        billed: Decimal,
        effective: Decimal,
    ) -> Result<(), Failure> {
        let (sums, groups) = self.sums.entry((day, account.to_owned(), class)).or_default();
        *groups += 1;
        sums.add(billed, effective).map_err(Failure::malformed)
    }

    /// Compares with the overview.
    ///
    /// # Errors
    /// `incomplete`, where more than rounding lies between them.
    pub(crate) fn check(&self, overview: &Overview) -> Result<(), Failure> {
        let nothing = (Sums::default(), 0);
        let keys = self.sums.keys().chain(overview.sums.keys());
        for key in keys {
            let (told, groups) = self.sums.get(key).unwrap_or(&nothing);
            let expected = overview.sums.get(key).copied().unwrap_or_default();
            let off = told.less(&expected).map_err(Failure::malformed)?;
            let allowed = PER_GROUP
                .checked_mul(Decimal::from(groups + 1))
                .map_err(Failure::internal)?;
            if off.billed.abs() > allowed || off.effective.abs() > allowed {
                let (day, account, _) = key;
                return Err(Failure::incomplete(format_args!(
                    "GetCostAndUsage: account {} on {day} adds up to {} by service, but to {} by record type; nothing was \
                     committed (if AWS changed the bill meanwhile, the next run finds it whole)",
                    finops_collector::excerpt(account, 20),
                    told.billed,
                    expected.billed,
                )));
            }
        }
        Ok(())
    }
}
