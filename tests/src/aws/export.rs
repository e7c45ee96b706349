//! FOCUS exports as AWS delivers them: gzipped CSV files below `data/`, then a manifest below `metadata/`.
//! What must hold: covered usage is billed nothing and has its amortised cost; a savings plan's negation is no line here.

use super::{
    Object,
    bill::{Bill, Line},
};
use crate::Error;
use bytes::Bytes;
use finops_decimal::Decimal;
use flate2::{Compression, write::GzEncoder};
use jiff::{Timestamp, ToSpan, civil::Date};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::Write;

/// The export's prefix.
pub const PREFIX: &str = "focus";
/// The export's name.
pub const NAME: &str = "daily";
/// Lines of a data file.
const PER_FILE: usize = 250_000;

const COLUMNS: &str = "BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,\
    ChargePeriodStart,ChargePeriodEnd,BilledCost,EffectiveCost,ListCost,ContractedCost,ConsumedQuantity,ConsumedUnit,\
    ServiceName,ServiceCategory,ProviderName,InvoiceIssuerName,SubAccountId,SubAccountName,RegionId,ResourceId,SkuMeter,\
    Tags,x_UsageType,x_Discounts";

/// The objects of a month's delivery, the manifest last.
pub(crate) fn delivery(bill: &Bill, now: Timestamp, month: Date) -> Result<Vec<(String, Object)>, Error> {
    let inside = |line: &&Line| line.day.first_of_month() == month.first_of_month();
    let known = bill.known(now).filter(inside);
    let lines = known.filter(|line| line.record_type != "SavingsPlanNegation");
    let rows = lines.map(|line| row(bill, line, month));
    objects(rows, now, month)
}

/// A month of so many lines, one resource each, a ten-thousandth of a dollar each.
pub(crate) fn large(now: Timestamp, month: Date, lines: usize) -> Result<Vec<(String, Object)>, Error> {
    let (start, end) = bounds(month);
    let rows = (0..lines).map(|number| {
        let day = 1 + number % 28;
        let hour = number / 28 % 24;
        let at = format!("{}-{day:02}T{hour:02}", month.strftime("%Y-%m"));
        format!(
            "123456789012,acme-payer,USD,{start},{end},Usage,{at}:00:00.000Z,{at}:59:59.000Z,1.0E-4,1.0E-4,0.0001,0.0001,1.0,Hrs,\
             AWS Lambda,Compute,AWS,AWS,210987654321,prod-payments,eu-west-1,arn:aws:lambda:eu-west-1:210987654321:function:f{number},\
             EUW1-Request,\"{{\"\"team\"\":\"\"core\"\"}}\",EUW1-Request,{{}}"
        )
    });
    objects(rows, now, month)
}

fn bounds(month: Date) -> (String, String) {
    let first = month.first_of_month();
    let next = first.saturating_add(1.month());
    (format!("{first}T00:00:00.000Z"), format!("{next}T00:00:00.000Z"))
}

fn objects(
    rows: impl Iterator<Item = String>,
    now: Timestamp,
    month: Date,
) -> Result<Vec<(String, Object)>, Error> {
    let period = month.strftime("BILLING_PERIOD=%Y-%m").to_string();
    let mut objects = Vec::new();
    let mut rows = rows.peekable();
    while rows.peek().is_some() || objects.is_empty() {
        let mut file = GzEncoder::new(Vec::new(), Compression::fast());
        writeln!(file, "{COLUMNS}")?;
        for row in rows.by_ref().take(PER_FILE) {
            writeln!(file, "{row}")?;
        }
        let key = format!(
            "{PREFIX}/{NAME}/data/{period}/{NAME}-{:05}.csv.gz",
            objects.len() + 1
        );
        objects.push((key, object(file.finish()?, now)));
    }
    let files: Vec<String> = objects
        .iter()
        .map(|(key, _)| format!("s3://{}/{key}", super::s3::BUCKET))
        .collect();
    let manifest = json!({"dataFiles": files, "compression": "GZIP", "contentType": "text/csv",
        "columns": COLUMNS.split(',').map(|name| json!({"name": name})).collect::<Vec<_>>()});
    let key = format!("{PREFIX}/{NAME}/metadata/{period}/{NAME}-Manifest.json");
    objects.push((key, object(manifest.to_string().into_bytes(), now)));
    Ok(objects)
}

fn object(bytes: Vec<u8>, modified: Timestamp) -> Object {
    let hash = Sha256::digest(&bytes);
    Object {
        etag: hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
        bytes: Bytes::from(bytes),
        modified,
    }
}

fn row(bill: &Bill, line: &Line, month: Date) -> String {
    let (start, end) = bounds(month);
    let next = line.day.saturating_add(1.day());
    let category = match line.record_type.as_str() {
        "Usage" | "SavingsPlanCoveredUsage" => "Usage",
        "Fee" | "SavingsPlanRecurringFee" => "Purchase",
        "Tax" => "Tax",
        "Credit" | "Refund" => "Credit",
        _ => "Adjustment",
    };
    let billed = match line.record_type.as_str() {
        "SavingsPlanCoveredUsage" => Decimal::ZERO,
        _ => line.net_unblended,
    };
    let name = bill.accounts.get(&line.account).map_or("", String::as_str);
    let region = if line.usage_type.starts_with("EUW1-") {
        "eu-west-1"
    } else {
        ""
    };
    let tags = match line.team.as_str() {
        "" => "{}".to_owned(),
        team => format!("\"{{\"\"team\"\":\"\"{team}\"\"}}\""),
    };
    let (quantity, unit) = match line.unit.as_str() {
        "N/A" => (String::new(), ""),
        unit => (double(line.quantity), unit),
    };
    [
        super::bill::PAYER,
        "acme-payer",
        "USD",
        &start,
        &end,
        category,
        &format!("{}T00:00:00.000Z", line.day),
        &format!("{next}T00:00:00.000Z"),
        &double(billed),
        &double(line.net_amortized),
        &double(line.unblended),
        "",
        &quantity,
        unit,
        &line.service,
        "",
        "AWS",
        "AWS",
        &line.account,
        name,
        region,
        &line.resource,
        &line.usage_type,
        &tags,
        &line.usage_type,
        "{}",
    ]
    .join(",")
}

/// A number as Java writes a double: small ones with an exponent.
fn double(number: Decimal) -> String {
    let text = number.to_string();
    let Some(fraction) = text.trim_start_matches('-').strip_prefix("0.00") else {
        return if text.contains('.') {
            text
        } else {
            format!("{text}.0")
        };
    };
    let digits = fraction.trim_start_matches('0');
    let exponent = 3 + fraction.len() - digits.len();
    let (first, rest) = digits.split_at(1);
    let sign = if number.is_negative() { "-" } else { "" };
    let rest = if rest.is_empty() { "0" } else { rest };
    format!("{sign}{first}.{rest}E-{exponent}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn small_numbers_are_written_with_an_exponent() {
        for (number, text) in [
            ("0.0000003", "3.0E-7"),
            ("-0.00123", "-1.23E-3"),
            ("0.05", "0.05"),
            ("24", "24.0"),
            ("0", "0.0"),
        ] {
            assert_eq!(double(number.parse().unwrap()), text);
        }
    }
}
