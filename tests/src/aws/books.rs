//! The ledger's current records in the shape of the golden ones, read as an auditor reads them.

use super::golden::{Exported, Record};
use crate::{
    Error,
    books::{amount, contents, text},
};
use finops_decimal::Decimal;
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// The current records of the counted stream, in order.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn spend(state: &Path) -> Result<Vec<Record>, Error> {
    let contents = contents(state, "spend")?;
    let mut records = contents.iter().map(record).collect::<Result<Vec<_>, Error>>()?;
    records.sort();
    Ok(records)
}

/// The current records of the export's stream by day, account, service and charge category, in order.
///
/// # Errors
/// Where the ledger cannot be read, or a sum does not fit.
pub fn exported(state: &Path) -> Result<Vec<Exported>, Error> {
    let mut sums: BTreeMap<[String; 4], [Decimal; 2]> = BTreeMap::new();
    for content in contents(state, "spend-export")? {
        let of = |path| text(&content, path).unwrap_or_default();
        let day = of("ChargePeriod.start").get(..10).unwrap_or_default().to_owned();
        let key = [day, of("SubAccountId"), of("ServiceName"), of("ChargeCategory")];
        let [billed, effective] = sums.entry(key).or_default();
        *billed = billed.checked_add(amount(&content, "BilledCost")?)?;
        *effective = effective.checked_add(amount(&content, "EffectiveCost")?)?;
    }
    let row = |([day, account, service, category], [billed, effective]): ([String; 4], [Decimal; 2])| {
        (day, account, service, category, billed, effective)
    };
    Ok(sums.into_iter().map(row).collect())
}

fn record(content: &Value) -> Result<Record, Error> {
    let must = |path: &str| text(content, path).ok_or_else(|| format!("{path} is missing in {content}"));
    let quantity = text(content, "ConsumedQuantity")
        .map(|text| text.parse())
        .transpose()?;
    Ok(Record {
        day: must("ChargePeriod.start")?
            .get(..10)
            .unwrap_or_default()
            .to_owned(),
        account: must("SubAccountId")?,
        account_name: must("SubAccountName")?,
        category: must("ChargeCategory")?,
        record_type: text(content, "Extra.x_RecordType"),
        service: must("ServiceName")?,
        service_category: must("ServiceCategory")?,
        usage_type: text(content, "Extra.x_UsageType"),
        currency: must("BillingCurrency")?,
        billed: amount(content, "BilledCost")?,
        effective: amount(content, "EffectiveCost")?,
        quantity,
        unit: text(content, "ConsumedUnit"),
        finality: must("Finality")?,
    })
}
