//! The ledger's current records in the shape of the golden ones, read as an auditor reads them.

use super::golden::Record;
use crate::{
    Error,
    books::{amount, contents, text},
};
use finops_decimal::Decimal;
use std::{collections::BTreeMap, path::Path};

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

/// What a stream's records of a billing period add up to, by currency; every period where none is named.
///
/// # Errors
/// Where the ledger cannot be read, or a sum does not fit.
pub fn billed(state: &Path, stream: &str, period: Option<&str>) -> Result<BTreeMap<String, Decimal>, Error> {
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for content in contents(state, stream)? {
        let start = text(&content, "BillingPeriod.start").unwrap_or_default();
        if period.is_none_or(|period| start.starts_with(period)) {
            let sum = sums
                .entry(text(&content, "BillingCurrency").unwrap_or_default())
                .or_default();
            *sum = sum.checked_add(amount(&content, "BilledCost")?)?;
        }
    }
    Ok(sums)
}

/// The newest of every observation: name, dimensions as JSON, value.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn observations(state: &Path) -> Result<Vec<(String, String, String)>, Error> {
    let connection = crate::books::open(state)?;
    let mut statement = connection.prepare("SELECT name, dims, value FROM observation ORDER BY 1, 2")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
