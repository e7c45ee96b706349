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

/// The current records of the export's stream by day, service and charge category, in order.
///
/// # Errors
/// Where the ledger cannot be read, or a sum does not fit.
pub fn exported(state: &Path) -> Result<Vec<Exported>, Error> {
    let mut sums: BTreeMap<[String; 3], [Decimal; 2]> = BTreeMap::new();
    for content in contents(state, "spend-export")? {
        let of = |path| text(&content, path).unwrap_or_default();
        let key = [day(&content), of("ServiceName"), of("ChargeCategory")];
        let [billed, effective] = sums.entry(key).or_default();
        *billed = billed.checked_add(amount(&content, "BilledCost")?)?;
        *effective = effective.checked_add(amount(&content, "EffectiveCost")?)?;
    }
    let row = |([day, service, category], [billed, effective]): ([String; 3], [Decimal; 2])| {
        (day, service, category, billed, effective)
    };
    Ok(sums.into_iter().map(row).collect())
}

fn day(content: &Value) -> String {
    let start = text(content, "ChargePeriod.start").unwrap_or_default();
    start.get(..10).unwrap_or_default().to_owned()
}

fn record(content: &Value) -> Result<Record, Error> {
    let must = |path: &str| text(content, path).ok_or_else(|| format!("{path} is missing in {content}"));
    Ok(Record {
        day: day(content),
        subscription: text(content, "SubAccountId"),
        category: must("ChargeCategory")?,
        charge_type: text(content, "Extra.x_ChargeType"),
        correction: content
            .get("Correction")
            .and_then(Value::as_bool)
            .unwrap_or_default(),
        service: must("ServiceName")?,
        service_category: must("ServiceCategory")?,
        meter: text(content, "SkuMeter"),
        currency: must("BillingCurrency")?,
        billed: amount(content, "BilledCost")?,
        effective: amount(content, "EffectiveCost")?,
        finality: must("Finality")?,
    })
}
