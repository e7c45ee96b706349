//! Product lines as cost records. What is not known passes through, labelled and warned of.
//! What must hold: the records of a day add up to Elastic's own total of it, times the price of an ECU.

use crate::{
    descriptor::CLOSED,
    reply::{Instance, Line},
    settings::{CARD, Settings},
    sku::{cloud, region},
};
use finops_collector::{
    CostRecord, DatedPrice, Decimal, Failure, Instant, Period, Warnings,
    descriptor::Grain,
    excerpt,
    jiff::civil::Date,
    record::{ChargeCategory, ChargeFrequency, Finality, Location, Pricing, Quantity, Resource, Sku},
    unit_price,
};

/// ServiceProviderName.
const PROVIDER: &str = "Elastic";
/// Kinds of instances and ServiceCategory.
const KINDS: [(&str, &str); 4] = [
    ("deployment", "Databases"),
    ("elasticsearch", "Databases"),
    ("observability", "Management and Governance"),
    ("security", "Security"),
];
/// Kinds of product lines that Elastic documents.
const METERS: [&str; 8] = [
    "capacity",
    "data_in",
    "data_internode",
    "data_out",
    "storage_api",
    "storage_bytes",
    "synthetics_browser",
    "synthetics_lightweight",
];

/// A day's mapping.
pub(crate) struct Mapping<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) warnings: &'a Warnings<'a>,
    pub(crate) day: Date,
    pub(crate) price: DatedPrice,
    pub(crate) now: Instant,
}

impl Mapping<'_> {
    /// The record of a product line; none of one without cost and quantity.
    ///
    /// # Errors
    /// `malformed-reply`, where the cost does not fit.
    pub(crate) fn line(&self, instance: &Instance, line: &Line) -> Result<Option<CostRecord>, Failure> {
        let ecu = line.total_ecu.0;
        let used = line
            .quantity()
            .zip(line.unit())
            .filter(|(amount, _)| !amount.is_zero())
            .map(|(amount, unit)| Quantity::new(amount, unit));
        if ecu.is_zero() && used.is_none() {
            return Ok(None);
        }
        let mut record = self.record(Some(instance), ecu)?;
        record.description = line.name().map(str::to_owned);
        record.frequency = Some(ChargeFrequency::UsageBased);
        record.consumed.clone_from(&used);
        let list = record.list_cost;
        if let Some(pricing) = &mut record.pricing {
            let priced = line.rate().zip(list).zip(used.as_ref());
            pricing.list_unit_price =
                priced.and_then(|((rate, cost), used)| unit_price(rate, used.amount, cost));
            pricing.quantity = used;
        }
        if line.sku().is_some() || line.meter().is_some() {
            record.sku = Some(Sku {
                id: line.sku().map(str::to_owned),
                price_id: None,
                meter: line.meter().map(str::to_owned),
            });
        }
        let sku = line.sku().unwrap_or_default();
        record.host_provider = cloud(sku).map(str::to_owned);
        record.region = region(sku).map(|id| Location {
            id: id.to_owned(),
            ..Location::default()
        });
        if let Some(kind) = line.kind() {
            record.extra.push(("x_Kind".to_owned(), kind.to_owned()));
        }
        // Quantities of two units are never added up: where no SKU tells them apart, the unit does.
        if let (None, Some(unit)) = (line.sku(), line.unit()) {
            record.extra.push(("x_Unit".to_owned(), unit.to_owned()));
        }
        if !line.meter().is_some_and(|meter| METERS.contains(&meter)) {
            let shown = excerpt(line.meter().unwrap_or("none"), 60);
            self.warnings.once(format!(
                "the kind of product line `{shown}` is not known: its money counts, under its own name"
            ));
        }
        Ok(Some(record))
    }

    /// The record of what a total has more, or less, than its lines; none where that is what rounding to four digits can make.
    ///
    /// # Errors
    /// `malformed-reply`, where a sum does not fit.
    pub(crate) fn residual(
        &self,
        instance: Option<&Instance>,
        total: Decimal,
        itemised: Decimal,
        lines: u32,
    ) -> Result<Option<CostRecord>, Failure> {
        let left = total.checked_sub(itemised).map_err(Failure::malformed)?;
        // Half of the fourth digit for each line and for the total itself.
        let half = Decimal::from_units(50_000_000_000_000);
        let rounding = half
            .checked_mul(Decimal::from(lines.saturating_add(1)))
            .map_err(Failure::malformed)?;
        if left.abs() <= rounding {
            return Ok(None);
        }
        let of = instance
            .and_then(Instance::id)
            .map_or("the organization".to_owned(), |id| excerpt(id, 60));
        self.warnings.once(format!(
            "{}: Elastic's total of {of} is {total} ECU, its lines add up to {itemised}: the difference is booked as unattributed",
            self.day
        ));
        let mut record = self.record(instance, left)?;
        record.category = ChargeCategory::Adjustment;
        record.description = Some("Total less product lines".to_owned());
        (record.contracted_cost, record.list_cost) = (None, None);
        record
            .extra
            .push(("x_Attribution".to_owned(), "unattributed".to_owned()));
        Ok(Some(record))
    }

    /// What is the same in every record.
    fn record(&self, instance: Option<&Instance>, ecu: Decimal) -> Result<CostRecord, Failure> {
        let kind = instance.and_then(Instance::kind);
        let category = KINDS.iter().find(|known| Some(known.0) == kind);
        if instance.is_some() && category.is_none() {
            let shown = excerpt(kind.unwrap_or("none"), 60);
            self.warnings.once(format!(
                "the kind of instance `{shown}` is not known: its category is Other"
            ));
        }
        let service = kind.map_or("Elastic Cloud".to_owned(), |kind| format!("Elastic Cloud {kind}"));
        let cost = ecu
            .mul_rounded(self.price.price, 18)
            .map_err(Failure::malformed)?;
        let period = Period::of_day(self.day);
        let month = Period::around(period.start, Grain::Month);
        Ok(CostRecord {
            finality: match self.now >= month.end + CLOSED {
                true => Finality::Final,
                false => Finality::Open,
            },
            contracted_cost: Some(cost),
            list_cost: self.settings.in_dollars().then_some(ecu),
            resource: instance.and_then(|instance| {
                Some(Resource {
                    id: instance.id()?.to_owned(),
                    name: instance.name().map(str::to_owned),
                    kind: instance.kind().map(str::to_owned),
                })
            }),
            pricing: Some(Pricing {
                category: Some("Standard".to_owned()),
                currency: Some("ECU".to_owned()),
                card: Some(self.price.card(CARD)),
                ..Pricing::default()
            }),
            ..CostRecord::new(
                period,
                &self.settings.organization,
                PROVIDER,
                (&service, category.map_or("Other", |known| known.1)),
                (cost, &self.settings.currency),
            )
        })
    }
}
