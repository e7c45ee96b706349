//! From a line of an invoice to cost records. A line of several days (support) is spread over its days, to the cent.
//! What must hold: the records of a line add up to it; what is not known passes through labelled and is warned of.

use crate::{
    api::Api,
    invoice::{Invoice, Status, instant},
    line::Line,
    reading::{Discount, Reading},
    sku::{self, Charge},
};
use finops_collector::{
    CostRecord, Decimal, Failure, Period, excerpt,
    period::{DAY, day_of},
    record::{self, ChargeCategory, ChargeFrequency, Pricing, Quantity, Resource, Sku, SubAccount},
};
use serde_json::Value;

const PROVIDER: &str = "MongoDB";
const SERVICE: &str = "MongoDB Atlas";
const CURRENCY: &str = "USD";
/// Tags that a record takes.
const TAGS: usize = 64;
/// Days over which a line is spread at most.
const LONGEST: i64 = 366;

/// What is the same for all lines of an invoice.
#[derive(Clone, Copy)]
pub(crate) struct Booking<'a> {
    pub(crate) api: &'a Api<'a>,
    pub(crate) organization: &'a str,
    pub(crate) invoice: &'a Invoice,
    pub(crate) reading: &'a Reading,
}

impl Booking<'_> {
    /// The records of a line.
    pub(crate) fn line(&self, line: &Line) -> Result<Vec<CostRecord>, Failure> {
        let (total, discount) = (line.total()?, line.discount()?);
        let (list, billed) = match self.reading.discount {
            Discount::Deducted => (total, total.checked_sub(discount)),
            Discount::Included => (
                total.checked_add(discount).map_err(Failure::malformed)?,
                Ok(total),
            ),
        };
        let billed = billed.map_err(Failure::malformed)?;
        let class = sku::class(line.sku());
        if !class.known {
            self.api.warn_once(format!(
                "the SKU `{}` is not known: its category is Other",
                excerpt(line.sku(), 80)
            ));
        }
        let category = match class.charge {
            Charge::Credit => ChargeCategory::Credit,
            Charge::Tax => ChargeCategory::Tax,
            _ if billed.is_negative() => ChargeCategory::Adjustment,
            Charge::Purchase => ChargeCategory::Purchase,
            Charge::Usage => ChargeCategory::Usage,
        };
        let mut record = self.record(self.period(line)?, class.category, billed);
        record.category = category;
        record.frequency = match class.charge {
            Charge::Usage => Some(ChargeFrequency::UsageBased),
            Charge::Purchase => Some(ChargeFrequency::Recurring),
            Charge::Credit | Charge::Tax => Some(ChargeFrequency::OneTime),
        };
        record.description = text(line.note.as_deref()).or_else(|| text(line.sku.as_deref()));
        record.host_provider = self.host_provider(line);
        record.sub_account = text(line.group_id.as_deref()).map(|id| SubAccount {
            id,
            name: text(line.group_name.as_deref()),
            kind: Some("Project".to_owned()),
        });
        record.resource = resource(line);
        record.sku = text(line.sku.as_deref()).map(|id| Sku {
            id: Some(id),
            ..Sku::default()
        });
        if matches!(class.charge, Charge::Usage | Charge::Purchase) {
            record.list_cost = Some(list);
            record.contracted_cost = Some(billed);
            self.quantities(line, &mut record)?;
        }
        record.tags = self.tags(line);
        spread(record)
    }

    /// Tax and credit of the invoice that are no lines.
    pub(crate) fn own(&self) -> Result<Vec<CostRecord>, Failure> {
        let credit = Decimal::ZERO
            .checked_sub(self.reading.credit)
            .map_err(Failure::internal)?;
        let of = |category, text: &str, service, amount| {
            let mut record = self.record(self.invoice.period, service, amount);
            record.category = category;
            record.frequency = Some(ChargeFrequency::OneTime);
            record.description = Some(text.to_owned());
            record
        };
        let records = [
            of(ChargeCategory::Tax, "Sales tax", "Other", self.reading.tax),
            of(ChargeCategory::Credit, "Credits", "Databases", credit),
        ];
        Ok(records
            .into_iter()
            .filter(|record| !record.billed_cost.is_zero())
            .collect())
    }

    fn record(&self, period: Period, category: &str, billed: Decimal) -> CostRecord {
        let mut record = CostRecord::new(
            period,
            self.organization,
            PROVIDER,
            (SERVICE, category),
            (billed, CURRENCY),
        );
        record.billing_period = Some(self.invoice.period);
        record.finality = self.invoice.finality();
        record.invoice = (self.invoice.status != Status::Pending).then(|| record::Invoice {
            id: self.invoice.id.clone(),
            detail_id: None,
        });
        record
    }

    fn period(&self, line: &Line) -> Result<Period, Failure> {
        let Some(start) = line.start_date.as_deref() else {
            self.api.warn_once(format!(
                "lines of invoice {} have no startDate: they stand for its whole period",
                self.invoice.id
            ));
            return Ok(self.invoice.period);
        };
        let start = instant(start)?;
        let end = line.end_date.as_deref().map(instant).transpose()?;
        Ok(Period {
            start,
            end: end.filter(|end| *end > start).unwrap_or(start + DAY),
        })
    }

    fn host_provider(&self, line: &Line) -> Option<String> {
        let name = match text(line.cloud_provider.as_deref())?.as_str() {
            "AWS" => "Amazon Web Services",
            "GCP" => "Google Cloud",
            "AZURE" => "Microsoft Azure",
            "ATLAS" => return None,
            other => {
                let shown = excerpt(other, 40);
                self.api.warn_once(format!(
                    "the cloud provider `{shown}` is not known: it stands as it is"
                ));
                return Some(other.to_owned());
            }
        };
        Some(name.to_owned())
    }

    fn quantities(&self, line: &Line, record: &mut CostRecord) -> Result<(), Failure> {
        let unit = text(line.unit.as_deref());
        if let Some(amount) = line.quantity()? {
            if unit.is_none() {
                self.api.warn_once(format!(
                    "lines of the SKU `{}` have no unit: they are counted in Units",
                    excerpt(line.sku(), 80)
                ));
            }
            let quantity = Quantity::new(amount, unit.as_deref().unwrap_or("Units"));
            record.consumed = Some(quantity.clone());
            record.pricing = Some(Pricing {
                category: Some("Standard".to_owned()),
                quantity: Some(quantity),
                list_unit_price: line.unit_price()?,
                ..Pricing::default()
            });
            // Part of the key: quantities of two units cannot be one record.
            record.extra.extend(unit.map(|unit| ("x_Unit".to_owned(), unit)));
        }
        let tier = line
            .tier()?
            .map(|tier| ("x_TierLowerBound".to_owned(), tier.to_string()));
        record.extra.extend(tier);
        Ok(())
    }

    fn tags(&self, line: &Line) -> Vec<(String, String)> {
        let tags = line.tags.iter().flatten();
        let texts: Vec<_> = tags.map(|(name, value)| (name.clone(), plain(value))).collect();
        if texts.len() > TAGS {
            self.api.warn_once(format!(
                "a line has more than {TAGS} tags: the first {TAGS} are kept"
            ));
        }
        texts.into_iter().take(TAGS).collect()
    }
}

/// A text, if it is not empty.
fn text(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A tag's value: a text, or an array of them.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The cluster, or the application; their names are unique within a project only.
fn resource(line: &Line) -> Option<Resource> {
    let cluster = text(line.cluster_name.as_deref()).map(|name| (name, "Cluster"));
    let (name, kind) =
        cluster.or_else(|| text(line.stitch_app_name.as_deref()).map(|name| (name, "Application")))?;
    let id = match text(line.group_id.as_deref()) {
        Some(group) => format!("{group}/{name}"),
        None => name.clone(),
    };
    Some(Resource {
        id,
        name: Some(name),
        kind: Some(kind.to_owned()),
    })
}

/// One record a day, where the charge stands for several whole days.
fn spread(record: CostRecord) -> Result<Vec<CostRecord>, Failure> {
    let Period { start, end } = record.charge_period;
    let days = (end - start) / DAY;
    let whole = start.rem_euclid(DAY) == 0 && end.rem_euclid(DAY) == 0;
    let count = usize::try_from(days).unwrap_or_default();
    if !whole || !(2..=LONGEST).contains(&days) {
        return Ok(vec![record]);
    }
    let weights = vec![Decimal::ONE; count];
    let split = |amount: Decimal, places| amount.split(&weights, places).map_err(Failure::malformed);
    let optional = |amount: Option<Decimal>, places| match amount {
        Some(amount) => Ok(split(amount, places)?.into_iter().map(Some).collect()),
        None => Ok::<_, Failure>(vec![None; count]),
    };
    let billed = split(record.billed_cost, 2)?;
    let list = optional(record.list_cost, 2)?;
    let contracted = optional(record.contracted_cost, 2)?;
    let quantity = optional(record.consumed.as_ref().map(|of| of.amount), 18)?;
    let parts = billed.into_iter().zip(list).zip(contracted).zip(quantity);
    let first = Period::of_day(day_of(start)).start;
    let records = (0_i64..)
        .zip(parts)
        .map(|(day, (((billed, list), contracted), quantity))| {
            let mut part = record.clone();
            part.charge_period = Period {
                start: first + day * DAY,
                end: first + (day + 1) * DAY,
            };
            (part.billed_cost, part.effective_cost) = (billed, billed);
            (part.list_cost, part.contracted_cost) = (list, contracted);
            let priced = part
                .pricing
                .as_mut()
                .and_then(|pricing| pricing.quantity.as_mut());
            for of in part.consumed.as_mut().into_iter().chain(priced) {
                of.amount = quantity.unwrap_or_default();
            }
            part
        });
    Ok(records.collect())
}
