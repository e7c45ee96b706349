//! The ledger's current records in the shape of the golden ones, read as an auditor reads them.

use super::golden::Record;
use crate::{
    Error,
    books::{contents, text},
};
use std::path::Path;

/// The current records of the counted stream, in order.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn spend(state: &Path) -> Result<Vec<Record>, Error> {
    let mut records: Vec<Record> = contents(state, "spend")?
        .iter()
        .map(|content| {
            let of = |path: &str| text(content, path);
            let day = of("ChargePeriod.start").map(|at| at.get(..10).unwrap_or_default().to_owned());
            let corrected = content.get("Correction") == Some(&true.into());
            vec![
                day,
                of("BillingPeriod.start"),
                of("ChargeCategory"),
                corrected.then(|| "yes".to_owned()),
                of("Extra.x_CostType"),
                of("ServiceProviderName"),
                of("SubAccountId"),
                of("SubAccountName"),
                of("ServiceName"),
                of("ServiceCategory"),
                of("SkuId"),
                of("ChargeDescription"),
                of("RegionId"),
                of("Extra.x_CreditType"),
                of("Extra.x_CreditId"),
                of("BillingCurrency"),
                of("BilledCost"),
                of("ListCost"),
                of("ContractedCost"),
                of("ConsumedQuantity"),
                of("ConsumedUnit"),
                of("PricingQuantity"),
                of("PricingUnit"),
                of("PricingCategory"),
                of("Finality"),
            ]
        })
        .collect();
    records.sort();
    Ok(records)
}
