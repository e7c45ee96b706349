//! Lines of the costs as cost records. What is not known passes through, labelled and warned of.

use crate::{
    api::Api,
    line::{Line, model_and_metric, unit},
    projects::Projects,
    settings::Settings,
};
use finops_collector::{
    CostRecord, Failure, Instant, Period, excerpt,
    jiff::civil::Date,
    number,
    period::DAY,
    record::{ChargeCategory, ChargeFrequency, Finality, Pricing, Quantity, Sku, SubAccount},
};

/// ServiceProviderName.
const PROVIDER: &str = "OpenAI";
/// ServiceName and ServiceCategory of all lines.
const SERVICE: (&str, &str) = ("OpenAI API", "AI and Machine Learning");
/// A month's figures are taken as final so long after its end.
const SETTLED: i64 = 7 * DAY;

/// What is the same for all lines.
pub(crate) struct Mapping<'a> {
    pub(crate) api: &'a Api<'a>,
    pub(crate) settings: &'a Settings,
    pub(crate) projects: &'a Projects,
    pub(crate) now: Instant,
}

impl Mapping<'_> {
    /// The record of a line.
    ///
    /// # Errors
    /// `malformed-reply` for a line without an amount.
    pub(crate) fn record(&self, day: Date, line: &Line) -> Result<CostRecord, Failure> {
        let item = line.line_item.as_deref().filter(|item| !item.is_empty());
        let cost = number(&line.amount.value)?.ok_or_else(|| {
            let shown = excerpt(item.unwrap_or("a line without a name"), 80);
            Failure::malformed(format_args!("`{shown}` has no amount"))
        })?;
        let currency = self.currency(&line.amount.currency);
        let mut record = CostRecord::new(
            Period::of_day(day),
            &self.settings.organization,
            PROVIDER,
            SERVICE,
            (cost, &currency),
        );
        record.finality = match Period::of_month(day).end + SETTLED <= self.now {
            true => Finality::Final,
            false => Finality::Open,
        };
        record.sub_account = line.project_id.as_deref().map(|id| SubAccount {
            id: id.to_owned(),
            name: self.projects.name(id).map(str::to_owned),
            kind: Some("Project".to_owned()),
        });
        match item {
            Some(item) => self.describe(&mut record, item),
            None => self
                .api
                .warnings
                .once("the costs have lines without a line item: they are booked without SkuId"),
        }
        if cost.is_negative() {
            record.category = ChargeCategory::Credit;
            return Ok(record);
        }
        record.frequency = Some(ChargeFrequency::UsageBased);
        record.consumed = self.quantity(line);
        record.pricing = record.consumed.clone().map(|quantity| Pricing {
            quantity: Some(quantity),
            ..Pricing::default()
        });
        Ok(record)
    }

    fn describe(&self, record: &mut CostRecord, item: &str) {
        record.description = Some(item.to_owned());
        let named = model_and_metric(item);
        record.sku = Some(Sku {
            id: Some(item.to_owned()),
            price_id: None,
            meter: named.map(|(_, metric)| metric.to_owned()),
        });
        if let Some((model, metric)) = named {
            let whole = std::mem::take(record);
            *record = whole
                .resource(model, model, "Model")
                .tag("model", model)
                .tag("metric", metric);
        }
    }

    /// OpenAI writes currencies in lower case.
    fn currency(&self, text: &str) -> String {
        let currency = text.to_ascii_uppercase();
        if currency != "USD" {
            self.api.warnings.once(format_args!(
                "the currency `{}` is new in OpenAI's costs: it is passed on as it is",
                excerpt(&currency, 20)
            ));
        }
        currency
    }

    /// The quantity, which is no money: what cannot be read of it is left out with a warning.
    fn quantity(&self, line: &Line) -> Option<Quantity> {
        let told = line.quantity_unit.as_deref().filter(|unit| !unit.is_empty());
        let amount = match number(&line.quantity) {
            Ok(amount) => amount?,
            Err(failure) => {
                self.api
                    .warnings
                    .once(format_args!("a quantity is left out: {failure}"));
                return None;
            }
        };
        let Some(told) = told else {
            self.api
                .warnings
                .once("quantities without a unit are left out of the records");
            return None;
        };
        let known = unit(told);
        if known.is_none() {
            self.api.warnings.once(format_args!(
                "the unit `{}` is not known: it is passed on as it is",
                excerpt(told, 60)
            ));
        }
        Some(Quantity::new(amount, known.unwrap_or(told)))
    }
}
