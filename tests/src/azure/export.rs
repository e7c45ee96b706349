//! FOCUS exports as Azure delivers them: a folder for every run with gzipped CSV parts, then a manifest; and the storage that
//! they lie in.
//! What must hold: a purchase that is spread has no effective cost, and an unused reservation no billed one.

use super::{bill::Line, reply::Reply};
use crate::{Error, aws::sigv4::decoded};
use bytes::Bytes;
use finops_decimal::Decimal;
use flate2::{Compression, write::GzEncoder};
use jiff::{
    Timestamp, ToSpan,
    civil::Date,
    fmt::rfc2822::{DateTimeParser, DateTimePrinter},
};
use serde_json::json;
use std::{collections::BTreeMap, io::Write};

/// The storage account.
pub const ACCOUNT: &str = "acmecosts";
/// The container.
pub const CONTAINER: &str = "billing";
/// The export's directory and name.
pub const FOLDER: &str = "costs/focus-daily";
/// Lines of a part.
const PER_PART: usize = 250_000;

const COLUMNS: &str = "BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,\
    ChargeClass,ChargePeriodStart,ChargePeriodEnd,BilledCost,EffectiveCost,ConsumedQuantity,ConsumedUnit,ServiceName,\
    ServiceCategory,ProviderName,InvoiceIssuerName,SubAccountId,SubAccountType,RegionId,ResourceId,SkuMeter,PricingCategory,Tags,\
    x_ResourceGroupName,x_SkuMeterCategory";

/// A blob.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its Last-Modified.
    pub modified: Timestamp,
}

/// The blobs of one run for a month (any day of it), the manifest last.
pub(crate) fn delivery<'l>(
    lines: impl Iterator<Item = &'l Line>,
    now: Timestamp,
    month: Date,
    run: u32,
) -> Result<Vec<(String, Blob)>, Error> {
    let inside = lines.filter(|line| line.day.first_of_month() == month.first_of_month());
    blobs(inside.map(|line| row(line, month)), now, month, run)
}

/// A run for a month of so many lines, one resource each, a ten-thousandth of a euro each.
pub(crate) fn large(
    now: Timestamp,
    month: Date,
    lines: usize,
    run: u32,
) -> Result<Vec<(String, Blob)>, Error> {
    let (start, end) = bounds(month);
    let rows = (0..lines).map(|number| {
        let day = month.first_of_month().saturating_add((number % 28).min(27).try_into().unwrap_or(0_i64).days());
        let next = day.saturating_add(1.day());
        format!(
            "8f2e,Acme,EUR,{start},{end},Usage,,{day}T00:00:00Z,{next}T00:00:00Z,1.0E-4,1.0E-4,1.0,Hours,Functions,Compute,Microsoft,\
             Microsoft,/subscriptions/{},Subscription,westeurope,/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites/f{number},\
             Executions,Standard,\"{{\"\"team\"\":\"\"core\"\"}}\",rg,Functions",
            super::bill::SHOP
        )
    });
    blobs(rows, now, month, run)
}

fn bounds(month: Date) -> (String, String) {
    let first = month.first_of_month();
    let next = first.saturating_add(1.month());
    (format!("{first}T00:00:00Z"), format!("{next}T00:00:00Z"))
}

fn blobs(
    rows: impl Iterator<Item = String>,
    now: Timestamp,
    month: Date,
    run: u32,
) -> Result<Vec<(String, Blob)>, Error> {
    let (first, last) = (month.first_of_month(), month.last_of_month());
    let folder = format!(
        "{FOLDER}/{}-{}/{run:08x}-0000-4000-8000-000000000000",
        first.strftime("%Y%m%d"),
        last.strftime("%Y%m%d")
    );
    let mut blobs = Vec::new();
    let mut parts = Vec::new();
    let mut rows = rows.peekable();
    while rows.peek().is_some() || blobs.is_empty() {
        let mut file = GzEncoder::new(Vec::new(), Compression::fast());
        writeln!(file, "{COLUMNS}")?;
        let mut count = 0_u64;
        for row in rows.by_ref().take(PER_PART) {
            writeln!(file, "{row}")?;
            count += 1;
        }
        let name = format!("{folder}/part_{}_0001.csv.gz", blobs.len());
        let bytes = Bytes::from(file.finish()?);
        parts.push(json!({"blobName": name, "byteCount": bytes.len(), "dataRowCount": count}));
        blobs.push((name, Blob { bytes, modified: now }));
    }
    let manifest = json!({"manifestVersion": "2024-04-01", "blobCount": parts.len(),
        "exportConfig": {"exportName": "focus-daily", "dataVersion": "1.0", "type": "FocusCost", "granularity": "Daily"},
        "deliveryConfig": {"partitionData": true, "dataOverwriteBehavior": "OverwritePreviousReport", "fileFormat": "Csv",
            "compressionMode": "Gzip", "containerUri": CONTAINER, "rootFolderPath": "costs"},
        "runInfo": {"executionType": "Scheduled", "startDate": first.to_string(), "endDate": last.to_string()}, "blobs": parts});
    let bytes = Bytes::from(manifest.to_string());
    blobs.push((format!("{folder}/manifest.json"), Blob { bytes, modified: now }));
    Ok(blobs)
}

fn row(line: &Line, month: Date) -> String {
    let (start, end) = bounds(month);
    let next = line.day.saturating_add(1.day());
    let (category, class) = match line.charge_type.as_str() {
        "Usage" | "UnusedReservation" => ("Usage", ""),
        "Purchase" => ("Purchase", ""),
        "Refund" => ("Credit", "Correction"),
        _ => ("Adjustment", ""),
    };
    let service = if line.service.is_empty() {
        "Unassigned"
    } else {
        &line.service
    };
    let tags = match line.team.as_str() {
        "" => String::new(),
        team => format!("\"{{\"\"team\"\":\"\"{team}\"\"}}\""),
    };
    let quantity = match line.unit.is_empty() {
        true => String::new(),
        false => line.quantity.to_string(),
    };
    let cost = |cost: Option<Decimal>| scientific(cost.unwrap_or_default());
    [
        "8f2e",
        "Acme",
        &line.currency,
        &start,
        &end,
        category,
        class,
        &format!("{}T00:00:00Z", line.day),
        &format!("{next}T00:00:00Z"),
        &cost(line.actual),
        &cost(line.amortized),
        &quantity,
        &line.unit,
        service,
        "",
        "Microsoft",
        "Microsoft",
        &format!("/subscriptions/{}", line.subscription),
        "Subscription",
        &line.location,
        &line.resource,
        &line.meter,
        if line.pricing == "Reservation" {
            "Committed"
        } else {
            "Standard"
        },
        &tags,
        &line.group,
        &line.category,
    ]
    .join(",")
}

/// A number as some writers of CSV put it: with an exponent.
fn scientific(number: Decimal) -> String {
    let text = number.to_string();
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{whole}{fraction}E-{}", fraction.len()),
        None => text,
    }
}

/// The answers of storage: a listing or a blob.
pub(crate) fn storage(
    blobs: &BTreeMap<String, Blob>,
    path: &str,
    query: &str,
    since: Option<&str>,
    page: usize,
) -> Reply {
    let path = String::from_utf8(decoded(path)).unwrap_or_default();
    let path = path.trim_start_matches('/');
    let (container, name) = path.split_once('/').unwrap_or((path, ""));
    if container != CONTAINER {
        return Reply::storage_error(
            404,
            "ContainerNotFound",
            "The specified container does not exist.",
        );
    }
    let dated = |at: &Timestamp| {
        DateTimePrinter::new()
            .timestamp_to_rfc9110_string(at)
            .unwrap_or_default()
    };
    if name.is_empty() {
        return listing(blobs, query, page, dated);
    }
    let since = since.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    match blobs.get(name) {
        Some(blob) if since.is_some_and(|since| blob.modified.as_second() > since.as_second()) => {
            Reply::storage_error(
                412,
                "ConditionNotMet",
                "The condition specified using HTTP conditional header(s) is not met.",
            )
        }
        Some(blob) => Reply::bytes(blob.bytes.clone()).header("last-modified", &dated(&blob.modified)),
        None => Reply::storage_error(404, "BlobNotFound", "The specified blob does not exist."),
    }
}

fn listing(
    blobs: &BTreeMap<String, Blob>,
    query: &str,
    page: usize,
    dated: impl Fn(&Timestamp) -> String,
) -> Reply {
    let field = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(found, _)| *found == name)?;
        String::from_utf8(decoded(value)).ok()
    };
    if field("restype").as_deref() != Some("container") || field("comp").as_deref() != Some("list") {
        return Reply::storage_error(
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters is invalid.",
        );
    }
    let prefix = field("prefix").unwrap_or_default();
    let from = field("marker").unwrap_or_default();
    let mut below = blobs
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix) && **name >= from);
    let entries: String = below
        .by_ref()
        .take(page)
        .map(|(name, blob)| {
            let at = dated(&blob.modified);
            let mark = format!("0x{:x}{:x}", blob.modified.as_second(), blob.bytes.len());
            format!("<Blob><Name>{name}</Name><Properties><Last-Modified>{at}</Last-Modified><Etag>{mark}</Etag></Properties></Blob>")
        })
        .collect();
    let marker = below.next().map_or("<NextMarker />".to_owned(), |(name, _)| {
        format!("<NextMarker>{name}</NextMarker>")
    });
    Reply::xml(format!(
        "<EnumerationResults ContainerName=\"{CONTAINER}\"><Prefix>{prefix}</Prefix><Blobs>{entries}</Blobs>{marker}</EnumerationResults>"
    ))
}
