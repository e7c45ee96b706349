//! The journal as a file: every entry ever made for a destination, in the order it was made.
//! What must hold: the columns are always the same; what an entry did not carry at its roll-up is NULL.

use super::{
    ExportError, Format, Kind, Sink,
    file::Finished,
    row::Value,
    sheet::{self, Heading},
};
use crate::ledger::{
    dims::PostingDims,
    record::Period,
    store::{LedgerError, amount},
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;
use std::{collections::BTreeMap, path::PathBuf};

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct EntrySelection {
    /// Of charges that begin within it; `None`: of all.
    pub charges: Option<Period>,
    /// Only of this provider.
    pub provider: Option<String>,
}

/// A file of entries that was written.
#[derive(Clone, Debug, Serialize)]
pub struct WrittenEntries {
    /// Its path; `-` for standard output.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// What the entries add up to, by destination and currency.
    pub sums: BTreeMap<String, BTreeMap<String, Decimal>>,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}

/// An entry, as it is exported.
struct Entry {
    id: String,
    destination: String,
    epoch: u64,
    sequence: u64,
    state: String,
    reason: Option<String>,
    /// Known of the open epoch alone: an earlier one may have summed another.
    measure: Option<String>,
    amount: Decimal,
    total_after: Decimal,
    posted_at: Timestamp,
    posting_key: String,
    dims: PostingDims,
}

type Get = for<'e> fn(&'e Entry) -> Value<'e>;

/// A dimension that the entry may carry.
macro_rules! dimension {
    ($name:literal, $field:ident) => {
        ($name, Kind::Text, |entry| {
            Value::optional(entry.dims.$field.as_deref())
        })
    };
}

const COLUMNS: &[(&str, Kind, Get)] = &[
    dimension!("BillingAccountId", billing_account),
    dimension!("BillingAccountName", billing_account_name),
    ("BillingCurrency", Kind::Text, |entry| {
        Value::text(&entry.dims.currency)
    }),
    ("ChargeCategory", Kind::Text, |entry| {
        Value::text(&entry.dims.charge_category)
    }),
    ("ChargePeriodEnd", Kind::Time, |entry| {
        Value::Time(entry.dims.charge_end)
    }),
    ("ChargePeriodStart", Kind::Time, |entry| {
        Value::Time(entry.dims.charge_start)
    }),
    dimension!("InvoiceId", invoice_id),
    dimension!("RegionId", region),
    dimension!("ResourceId", resource_id),
    dimension!("ResourceName", resource_name),
    dimension!("ResourceType", resource_type),
    dimension!("ServiceCategory", service_category),
    dimension!("ServiceName", service),
    dimension!("ServiceSubcategory", service_subcategory),
    dimension!("SkuId", sku),
    dimension!("SkuPriceId", sku_price),
    dimension!("SubAccountId", sub_account),
    dimension!("SubAccountName", sub_account_name),
    ("Tags", Kind::Map, |entry| map(&entry.dims.tags)),
    ("x_Amount", Kind::Decimal, |entry| Value::Decimal(entry.amount)),
    ("x_Basis", Kind::Text, |entry| Value::text(&entry.dims.basis)),
    ("x_Destination", Kind::Text, |entry| {
        Value::text(&entry.destination)
    }),
    ("x_EntryId", Kind::Text, |entry| Value::text(&entry.id)),
    ("x_Epoch", Kind::Whole, |entry| Value::Whole(entry.epoch)),
    ("x_Extra", Kind::Map, |entry| map(&entry.dims.extra)),
    ("x_Measure", Kind::Text, |entry| {
        Value::optional(entry.measure.as_deref())
    }),
    ("x_Partition", Kind::Time, |entry| {
        Value::Time(entry.dims.partition_start)
    }),
    ("x_PostedAt", Kind::Time, |entry| Value::Time(entry.posted_at)),
    ("x_PostingKey", Kind::Text, |entry| {
        Value::text(&entry.posting_key)
    }),
    ("x_Provider", Kind::Text, |entry| {
        Value::text(&entry.dims.provider)
    }),
    ("x_Reason", Kind::Text, |entry| {
        Value::optional(entry.reason.as_deref())
    }),
    ("x_Sequence", Kind::Whole, |entry| Value::Whole(entry.sequence)),
    ("x_State", Kind::Text, |entry| Value::text(&entry.state)),
    ("x_Stream", Kind::Text, |entry| Value::text(&entry.dims.stream)),
    ("x_TotalAfter", Kind::Decimal, |entry| {
        Value::Decimal(entry.total_after)
    }),
];

fn map(map: &BTreeMap<String, String>) -> Value<'_> {
    if map.is_empty() {
        Value::Null
    } else {
        Value::Map(map)
    }
}

/// Writes entries. The file is whole, and still to be put in its place.
///
/// # Errors
/// [`ExportError`]; then nothing is left of it.
pub fn entries(
    connection: &Connection,
    selection: &EntrySelection,
    format: Format,
    sink: Sink,
) -> Result<(WrittenEntries, Finished), ExportError> {
    let path = sink.path().to_owned();
    let headings = COLUMNS.iter().map(|(name, kind, _)| Heading {
        name: (*name).to_owned(),
        kind: *kind,
    });
    let mut sheet = sheet::open(format, headings.collect(), &[("dataset", "entries")], sink)?;
    let mut rows = 0;
    let mut sums: BTreeMap<String, BTreeMap<String, Decimal>> = BTreeMap::new();
    each(connection, &mut |entry| {
        let within = selection
            .charges
            .is_none_or(|period| period.contains(entry.dims.charge_start));
        let of = selection
            .provider
            .as_ref()
            .is_none_or(|provider| *provider == entry.dims.provider);
        if !within || !of {
            return Ok(());
        }
        rows += 1;
        let sum = sums
            .entry(entry.destination.clone())
            .or_default()
            .entry(entry.dims.currency.clone())
            .or_default();
        *sum = sum.checked_add(entry.amount).map_err(|_| ExportError::Overflow)?;
        let values: Vec<_> = COLUMNS.iter().map(|(.., get)| get(entry)).collect();
        sheet.row(&values)
    })?;
    let finished = sheet.finish()?.finish()?;
    let written = WrittenEntries {
        path,
        rows,
        sums,
        bytes: finished.bytes,
        sha256: finished.sha256.clone(),
    };
    Ok((written, finished))
}

fn each(
    connection: &Connection,
    take: &mut dyn FnMut(&Entry) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut statement = connection.prepare(
        "SELECT entry_id, destination.name, number, entry.sequence, entry.state, entry.reason,
                iif(ended IS NULL, measure, NULL), amount, total_after, at, posting.key, dims
         FROM entry JOIN posting ON posting.id = entry.posting JOIN epoch ON epoch.id = posting.epoch
         JOIN destination ON destination.id = entry.destination JOIN commits ON commits.id = entry.commit_id
         ORDER BY entry.id",
    )?;
    let mut rows = statement.query(params![])?;
    while let Some(row) = rows.next()? {
        let count = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        let dims = row.get_ref(11)?.as_str().map_err(rusqlite::Error::from)?;
        take(&Entry {
            id: row.get(0)?,
            destination: row.get(1)?,
            epoch: count(2)?,
            sequence: count(3)?,
            state: row.get(4)?,
            reason: row.get(5)?,
            measure: row.get(6)?,
            amount: amount(&row.get::<_, String>(7)?)?,
            total_after: amount(&row.get::<_, String>(8)?)?,
            posted_at: super::select::instant(row.get(9)?)?,
            posting_key: row.get(10)?,
            dims: serde_json::from_str(dims)
                .map_err(|error| LedgerError::Damaged(format!("posting dimensions: {error}")))?,
        })?;
    }
    Ok(())
}
