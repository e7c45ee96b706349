//! Rows of the bill as cost records. What is not known passes through, labelled and warned of.
//! What must hold: usage without a price is a record that says so, never a default price; a sum of zero is no record.

use crate::{
    prices::Prices,
    product::{product, tier},
    resource::{Names, resource, run},
};
use finops_collector::{
    CostRecord, Decimal, Failure, Instant, Period, Row, Warnings,
    descriptor::Basis,
    excerpt,
    jiff::civil::Date,
    period::DAY,
    record::{ChargeFrequency, Finality, Pricing, Quantity, Sku, SubAccount},
};
use std::collections::BTreeMap;

/// ServiceProviderName.
const PROVIDER: &str = "Databricks";
/// Units of documented usage.
const UNITS: [&str; 10] = [
    "ANSWER",
    "BYTE",
    "CU",
    "DBU",
    "DSU",
    "GB",
    "GB_HOUR",
    "HOUR",
    "OPERATION",
    "TOKEN",
];
/// Tags that a record takes.
const TAGS: usize = 64;
/// Corrections are not expected so long after the end of a month.
const SETTLED: i64 = 30 * DAY;

/// What stays the same for all rows.
pub(crate) struct Mapping<'a> {
    pub(crate) prices: &'a Prices,
    pub(crate) names: &'a Names,
    pub(crate) warnings: &'a Warnings<'a>,
    pub(crate) now: Instant,
}

/// What a row becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// The record of the counted stream.
    pub(crate) spend: CostRecord,
    /// The same money in the view by job run.
    pub(crate) by_run: CostRecord,
    /// SKU, unit and quantity, where there is no price.
    pub(crate) unpriced: Option<(String, Quantity)>,
}

impl Mapping<'_> {
    /// The records of a row; none where its lines take each other away.
    pub(crate) fn of(&self, row: &Row<'_>, day: Date) -> Result<Option<Mapped>, Failure> {
        let amount = row.number("quantity")?;
        if amount.is_zero() {
            return Ok(None);
        }
        let (product, category) = product(row, self.warnings)?;
        let (sku, unit) = (row.must("sku")?, row.must("unit")?);
        let currency = self.prices.currency.as_str();
        let mut record = CostRecord {
            frequency: Some(ChargeFrequency::UsageBased),
            description: Some(sku.to_owned()),
            finality: finality(day, self.now),
            sub_account: row.own("workspace")?.map(|id| SubAccount {
                id,
                name: None,
                kind: Some("Workspace".to_owned()),
            }),
            host_provider: self.host_provider(row)?,
            resource: resource(row, product, self.names)?,
            sku: Some(Sku {
                id: Some(sku.to_owned()),
                price_id: None,
                meter: row.own("meter")?,
            }),
            consumed: Some(Quantity::new(amount, unit)),
            tags: self.tags(row)?,
            ..CostRecord::new(
                Period::of_day(day),
                row.must("account")?,
                PROVIDER,
                (product, category),
                (Decimal::ZERO, currency),
            )
        };
        self.label(row, product, unit, &mut record)?;
        let priced = self.price(row, amount, unit, &mut record)?;
        let unpriced = (!priced).then(|| (sku.to_owned(), Quantity::new(amount, unit)));
        let by_run = by_run(row, &record)?;
        Ok(Some(Mapped {
            spend: record,
            by_run,
            unpriced,
        }))
    }

    /// The cost: at the account's price where there is one, else at the list price. Gives whether there was a price.
    fn price(
        &self,
        row: &Row<'_>,
        amount: Decimal,
        unit: &str,
        record: &mut CostRecord,
    ) -> Result<bool, Failure> {
        let list = row.optional_number("list_price")?;
        let own = match self.prices.negotiated {
            true => row.optional_number("own_price")?,
            false => None,
        };
        let times = |price: Option<Decimal>| {
            let cost = price.map(|price| amount.mul_rounded(price, 18));
            cost.transpose().map_err(|error| {
                let what = row.what;
                Failure::malformed(format_args!("{what}: {amount} units times price: {error}"))
            })
        };
        record.list_cost = times(list)?;
        record.contracted_cost = times(own)?;
        let (cost, basis) = match (record.contracted_cost, record.list_cost) {
            (Some(cost), _) => (cost, Basis::Billed),
            (None, Some(cost)) => (cost, Basis::ListPrice),
            (None, None) => (Decimal::ZERO, Basis::Estimated),
        };
        (record.billed_cost, record.effective_cost) = (cost, cost);
        record.basis = Some(basis);
        record.pricing = Some(Pricing {
            category: Some("Standard".to_owned()),
            quantity: Some(Quantity::new(amount, unit)),
            list_unit_price: list,
            contracted_unit_price: own,
            ..Pricing::default()
        });
        let priced = own.or(list).is_some();
        if !priced {
            record.extra.push(("x_Unpriced".to_owned(), "true".to_owned()));
        }
        Ok(priced)
    }

    /// Further dimensions: the tier, who it ran as, who made it.
    fn label(
        &self,
        row: &Row<'_>,
        product: &str,
        unit: &str,
        record: &mut CostRecord,
    ) -> Result<(), Failure> {
        let mut extra = Vec::new();
        let mut push = |name: &str, value: Option<String>| {
            extra.extend(value.map(|value| (name.to_owned(), value)));
        };
        push("x_Tier", tier(row, product, self.warnings)?);
        push("x_Photon", row.flag("photon")?.then(|| "true".to_owned()));
        push("x_RunAs", row.own("run_as")?);
        push("x_Owner", row.own("owner")?);
        push("x_Creator", row.own("creator")?);
        if unit != "DBU" {
            // Two units of one SKU must not be added up.
            push("x_Unit", Some(unit.to_owned()));
        }
        if !UNITS.contains(&unit) {
            let shown = excerpt(unit, 40);
            self.warnings.once(format_args!(
                "the unit `{shown}` is not known: it is passed on as it is"
            ));
        }
        if !record.tags.is_empty() {
            push("x_TagSet", Some(tag_set(&record.tags)));
        }
        record.extra = extra;
        Ok(())
    }

    fn host_provider(&self, row: &Row<'_>) -> Result<Option<String>, Failure> {
        let cloud = row.own("cloud_name")?;
        let name = match cloud.as_deref() {
            Some("AWS") => Some("AWS"),
            Some("AZURE") => Some("Microsoft"),
            Some("GCP") => Some("Google Cloud"),
            Some(other) => {
                let shown = excerpt(other, 40);
                self.warnings.once(format_args!(
                    "the cloud `{shown}` is not known: it is passed on as it is"
                ));
                Some(other)
            }
            None => None,
        };
        Ok(name.map(str::to_owned))
    }

    fn tags(&self, row: &Row<'_>) -> Result<Vec<(String, String)>, Failure> {
        let Some(text) = row.text("tags")? else {
            return Ok(Vec::new());
        };
        let tags: BTreeMap<String, Option<String>> = serde_json::from_str(text).map_err(|error| {
            let error = excerpt(&error.to_string(), 120);
            Failure::malformed(format_args!(
                "{}: the tags are no map of texts: {error}",
                row.what
            ))
        })?;
        if tags.len() > TAGS {
            self.warnings.once(format_args!(
                "a line has more than {TAGS} tags: the first {TAGS} are kept"
            ));
        }
        let tags = tags.into_iter().take(TAGS);
        Ok(tags
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect())
    }
}

/// The same money by job run; what no run is named for says so.
fn by_run(row: &Row<'_>, record: &CostRecord) -> Result<CostRecord, Failure> {
    let mut record = record.clone();
    match run(row)? {
        Some(run) => {
            record.resource = Some(run);
            for (name, column) in [("x_JobId", "job_id"), ("x_ClusterId", "cluster_id")] {
                record
                    .extra
                    .extend(row.own(column)?.map(|id| (name.to_owned(), id)));
            }
        }
        None => record
            .extra
            .push(("x_Attribution".to_owned(), "unattributed".to_owned())),
    }
    Ok(record)
}

/// A short name of a set of tags (FNV-1a, 64 bits): lines with other tags are other records, so that none loses its own.
pub(crate) fn tag_set(tags: &[(String, String)]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for (name, value) in tags {
        for byte in name.bytes().chain([0]).chain(value.bytes()).chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

fn finality(day: Date, now: Instant) -> Finality {
    match Period::of_month(day).end + SETTLED <= now {
        true => Finality::Final,
        false => Finality::Open,
    }
}
