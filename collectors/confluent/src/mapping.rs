//! Rows as cost records. What is not known passes through, labelled and warned of.

use crate::{
    api::Window,
    descriptor::CLOSED,
    product::{category, is_support, resource_type},
    row::Row,
    settings::Settings,
};
use finops_collector::{
    CostRecord, Decimal, Failure, Instant, Period, Warnings, excerpt,
    jiff::ToSpan,
    period::start_of,
    record::{ChargeCategory, ChargeFrequency, Finality, Pricing, Quantity, Resource, Sku, SubAccount},
    unit_price,
};

/// ServiceProviderName.
const PROVIDER: &str = "Confluent";
/// The line types that Confluent documents.
const LINE_TYPES: [&str; 20] = [
    "AUDIT_LOG_READ",
    "CLUSTER_LINKING_PER_LINK",
    "CLUSTER_LINKING_READ",
    "CLUSTER_LINKING_WRITE",
    "CONNECT_CAPACITY",
    "CONNECT_NUM_RECORDS",
    "CONNECT_NUM_TASKS",
    "CONNECT_THROUGHPUT",
    "GOVERNANCE_BASE",
    "KAFKA_BASE",
    "KAFKA_NETWORK_READ",
    "KAFKA_NETWORK_WRITE",
    "KAFKA_NUM_CKUS",
    "KAFKA_PARTITION",
    "KAFKA_REST_PRODUCE",
    "KAFKA_STORAGE",
    "KSQL_NUM_CSUS",
    "PROMO_CREDIT",
    "SCHEMA_REGISTRY",
    "SUPPORT",
];

/// What stays the same in a run.
pub(crate) struct Mapping<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) warnings: &'a Warnings<'a>,
    pub(crate) now: Instant,
}

impl Mapping<'_> {
    /// The record of a row; none of one without any amount.
    ///
    /// # Errors
    /// `malformed-reply` for a row without money or dates, or one that starts outside the window: it could be counted twice.
    pub(crate) fn record(&self, row: &Row, window: Window) -> Result<Option<CostRecord>, Failure> {
        let charge_period = self.charge_period(row, window)?;
        let cost = self.cost(row)?;
        let product = row.product().unwrap_or("Unknown");
        let service_category = category(product).unwrap_or_else(|| {
            let product = excerpt(product, 60);
            self.warnings.once(format!(
                "the product `{product}` is not known: its category is Other"
            ));
            "Other"
        });
        let mut record = CostRecord {
            finality: self.finality(charge_period),
            contracted_cost: Some(cost),
            list_cost: row.original(),
            ..CostRecord::new(
                charge_period,
                &self.settings.organization,
                PROVIDER,
                (product, service_category),
                (cost, "USD"),
            )
        };
        self.kind(row, &mut record);
        self.dimensions(row, &mut record);
        let used = quantity(row);
        if record.category == ChargeCategory::Usage {
            record.consumed.clone_from(&used);
        }
        if record.category != ChargeCategory::Credit
            && let Some(used) = used
        {
            let priced = row.price().zip(row.original());
            record.pricing = Some(Pricing {
                category: Some("Standard".to_owned()),
                list_unit_price: priced.and_then(|(price, cost)| unit_price(price, used.amount, cost)),
                quantity: Some(used),
                ..Pricing::default()
            });
        }
        let empty =
            cost.is_zero() && record.list_cost.is_none_or(|cost| cost.is_zero()) && record.consumed.is_none();
        Ok((!empty).then_some(record))
    }

    fn charge_period(&self, row: &Row, window: Window) -> Result<Period, Failure> {
        let (start, mut end) = (row.start()?, row.end()?);
        if !(window.first..window.end).contains(&start) {
            return Err(Failure::malformed(format_args!(
                "a row that starts on {start} came where {} to before {} was asked for: nothing was committed; with windows = \
                 \"month\" whole months are asked for",
                window.first, window.end
            )));
        }
        if end <= start {
            self.warnings.once(format!(
                "rows end on the day on which they start ({start}): they are taken for that day"
            ));
            end = start.saturating_add(1.day());
        }
        if start.saturating_add(1.day()) < end && !is_bought(row) {
            self.warnings.once(
                "Confluent gave totals over several days: they are booked on their first; windows = \"day\" asks for each day",
            );
        }
        Ok(Period {
            start: start_of(start),
            end: start_of(end),
        })
    }

    /// What is charged; where Confluent leaves it out, the list cost less the discount, which is what it stands for.
    fn cost(&self, row: &Row) -> Result<Decimal, Failure> {
        let off = row.discount().unwrap_or(Decimal::ZERO);
        let reckoned = row.original().map(|original| original.checked_sub(off));
        let reckoned = reckoned.transpose().map_err(Failure::malformed)?;
        let Some(amount) = row.amount() else {
            return reckoned.ok_or_else(|| {
                Failure::malformed(format_args!(
                    "a row of {} has neither amount nor original_amount",
                    excerpt(row.line_type().unwrap_or("no line type"), 60)
                ))
            });
        };
        let differs = reckoned.is_some_and(|reckoned| {
            let millionth = Decimal::from_units(1_000_000_000_000);
            reckoned
                .checked_sub(amount)
                .is_ok_and(|difference| difference.abs() > millionth)
        });
        if differs {
            self.warnings.once(format!(
                "amounts of {} differ from original_amount less discount_amount: the amount is booked",
                excerpt(row.line_type().unwrap_or("no line type"), 60)
            ));
        }
        Ok(amount)
    }

    /// Category and frequency, as product and line type tell them.
    fn kind(&self, row: &Row, record: &mut CostRecord) {
        let line_type = row.line_type().unwrap_or_default();
        (record.category, record.frequency) = match line_type {
            "PROMO_CREDIT" => (ChargeCategory::Credit, None),
            _ if is_bought(row) => (ChargeCategory::Purchase, Some(ChargeFrequency::Recurring)),
            _ => (ChargeCategory::Usage, Some(ChargeFrequency::UsageBased)),
        };
        if !LINE_TYPES.contains(&line_type) {
            let shown = excerpt(line_type, 60);
            self.warnings.once(format!(
                "the line type `{shown}` is not known: its money counts as Usage, under its own name"
            ));
        }
        // A credit has no list cost: what it takes off is no discount.
        if record.category == ChargeCategory::Credit {
            (record.list_cost, record.contracted_cost) = (None, None);
        }
    }

    fn dimensions(&self, row: &Row, record: &mut CostRecord) {
        record.description = row.line_type().map(str::to_owned);
        record.sku = row.line_type().map(|line_type| Sku {
            id: Some(line_type.to_owned()),
            price_id: None,
            // In the key, so that quantities of two units are never added up.
            meter: row.unit().map(str::to_owned),
        });
        record.sub_account = row.environment().map(|id| SubAccount {
            id: id.to_owned(),
            name: None,
            kind: Some("Environment".to_owned()),
        });
        record.resource = row.resource_id().map(|id| Resource {
            id: id.to_owned(),
            name: row.resource_name().map(str::to_owned),
            kind: resource_type(id).map(str::to_owned),
        });
        if let Some(access) = row.network_access() {
            record
                .extra
                .push(("x_NetworkAccessType".to_owned(), access.to_owned()));
        }
        if record.category == ChargeCategory::Usage && record.resource.is_none() {
            record
                .extra
                .push(("x_Attribution".to_owned(), "unattributed".to_owned()));
        }
    }

    fn finality(&self, charge_period: Period) -> Finality {
        let month = Period::around(charge_period.start, finops_collector::descriptor::Grain::Month);
        match self.now >= month.end + CLOSED {
            true => Finality::Final,
            false => Finality::Open,
        }
    }
}

/// Whether it is a support plan, which is bought by the month.
fn is_bought(row: &Row) -> bool {
    [row.line_type(), row.product()]
        .into_iter()
        .flatten()
        .any(is_support)
}

/// How much was used; none where Confluent does not tell, or nothing was.
fn quantity(row: &Row) -> Option<Quantity> {
    let (amount, unit) = row.quantity().zip(row.unit())?;
    (!amount.is_zero()).then(|| Quantity::new(amount, unit))
}
