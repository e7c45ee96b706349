//! One line of a FOCUS file as a cost record: its columns are the record's, so that little is left to decide.
//! What must hold: a word that is not known passes through labelled; a line without a period or a cost is a failure.

use super::{
    Lines,
    columns::{Column, Columns},
};
use crate::{
    CostRecord, Decimal, Failure, Instant, Period, amount, excerpt,
    record::{
        ChargeCategory, ChargeFrequency, Commitment, Invoice, Location, Pricing, Quantity, Reservation,
        Resource, Sku, SubAccount,
    },
};
use csv::StringRecord;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::Value;
use std::collections::BTreeMap;

/// Tags that a record takes.
const TAGS: usize = 64;
/// A field, if it is not empty.
fn text(field: &str) -> Option<String> {
    (!field.is_empty()).then(|| field.to_owned())
}

impl Lines<'_> {
    pub(super) fn record(&self, columns: &Columns, row: &StringRecord) -> Result<CostRecord, Failure> {
        let get = |column| columns.get(row, column);
        let of = |column| text(get(column));
        let number = |column: Column| {
            amount(get(column)).map_err(|failure| failure.context(format_args!("{column:?}")))
        };
        let cost = |column: Column| {
            number(column)?.ok_or_else(|| Failure::malformed(format_args!("{column:?} is empty")))
        };
        let quantity = |amount: Option<Decimal>, unit| {
            amount
                .zip(of(unit))
                .map(|(amount, unit)| Quantity { amount, unit })
        };
        let charge_period = period(get(Column::ChargePeriodStart), get(Column::ChargePeriodEnd))?;
        let billing_period = match self.any_billing_period {
            true => period(get(Column::BillingPeriodStart), get(Column::BillingPeriodEnd))?,
            false if instant(get(Column::BillingPeriodStart))? == self.month.start => self.month,
            false => {
                return Err(Failure::malformed(format_args!(
                    "the line belongs to the billing period from {} on",
                    excerpt(get(Column::BillingPeriodStart), 30)
                )));
            }
        };
        let service = get(Column::ServiceName);
        let category = of(Column::ServiceCategory);
        let mut record = CostRecord::new(
            charge_period,
            of(Column::BillingAccountId).as_deref().unwrap_or(self.account),
            of(Column::ProviderName).as_deref().unwrap_or(self.provider),
            (service, category.as_deref().unwrap_or("Other")),
            (cost(Column::BilledCost)?, get(Column::BillingCurrency)),
        );
        record.effective_cost = cost(Column::EffectiveCost)?;
        record.list_cost = number(Column::ListCost)?;
        record.contracted_cost = number(Column::ContractedCost)?;
        record.billing_period = Some(billing_period);
        record.category = self.category(get(Column::ChargeCategory));
        record.correction = get(Column::ChargeClass) == "Correction";
        record.frequency = frequency(get(Column::ChargeFrequency));
        record.description = of(Column::ChargeDescription);
        record.finality = self.finality;
        record.billing_account_name = of(Column::BillingAccountName);
        record.sub_account = of(Column::SubAccountId).map(|id| SubAccount {
            id,
            name: of(Column::SubAccountName),
            kind: of(Column::SubAccountType),
        });
        record.invoice_issuer = of(Column::InvoiceIssuerName);
        record.invoice = of(Column::InvoiceId).map(|id| Invoice { id, detail_id: None });
        record.service_subcategory = of(Column::ServiceSubcategory);
        record.region = of(Column::RegionId).map(|id| Location {
            id,
            name: of(Column::RegionName),
            zone: of(Column::AvailabilityZone),
        });
        record.resource = of(Column::ResourceId).map(|id| Resource {
            id,
            name: of(Column::ResourceName),
            kind: of(Column::ResourceType),
        });
        record.sku = Some(Sku {
            id: of(Column::SkuId),
            price_id: of(Column::SkuPriceId),
            meter: of(Column::SkuMeter),
        })
        .filter(|sku| *sku != Sku::default());
        record.consumed = quantity(number(Column::ConsumedQuantity)?, Column::ConsumedUnit);
        record.pricing = Some(Pricing {
            category: of(Column::PricingCategory),
            quantity: quantity(number(Column::PricingQuantity)?, Column::PricingUnit),
            list_unit_price: number(Column::ListUnitPrice)?,
            contracted_unit_price: number(Column::ContractedUnitPrice)?,
            ..Pricing::default()
        })
        .filter(|pricing| *pricing != Pricing::default());
        let commitment_quantity = quantity(
            number(Column::CommitmentDiscountQuantity)?,
            Column::CommitmentDiscountUnit,
        );
        record.commitment = of(Column::CommitmentDiscountId).map(|id| Commitment {
            id,
            name: of(Column::CommitmentDiscountName),
            category: of(Column::CommitmentDiscountCategory),
            kind: of(Column::CommitmentDiscountType),
            status: of(Column::CommitmentDiscountStatus),
            quantity: commitment_quantity,
        });
        record.reservation = of(Column::CapacityReservationId).map(|id| Reservation {
            id,
            status: of(Column::CapacityReservationStatus),
        });
        record.tags = self.tags(get(Column::Tags))?;
        let extra = columns.extra(row);
        record.extra = extra
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(record)
    }

    fn category(&self, word: &str) -> ChargeCategory {
        match word {
            "Usage" => ChargeCategory::Usage,
            "Purchase" => ChargeCategory::Purchase,
            "Tax" => ChargeCategory::Tax,
            "Credit" => ChargeCategory::Credit,
            "Adjustment" => ChargeCategory::Adjustment,
            other => {
                let shown = excerpt(other, 60);
                self.warn_once(format!(
                    "the charge category `{shown}` is not known: it counts as Adjustment"
                ));
                ChargeCategory::Adjustment
            }
        }
    }

    /// A JSON object of texts; what else may stand in it is taken as it is written.
    fn tags(&self, field: &str) -> Result<Vec<(String, String)>, Failure> {
        if field.is_empty() {
            return Ok(Vec::new());
        }
        // Some exports leave the braces out.
        let braced = match field.starts_with('{') {
            true => field.to_owned(),
            false => format!("{{{field}}}"),
        };
        let tags: BTreeMap<String, Value> = serde_json::from_str(&braced)
            .map_err(|error| Failure::malformed(format_args!("Tags are no JSON object: {error}")))?;
        if tags.len() > TAGS {
            self.warn_once(format!(
                "a line has more than {TAGS} tags: the first {TAGS} are kept"
            ));
        }
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(tags
            .into_iter()
            .take(TAGS)
            .map(|(name, value)| (name, text(value)))
            .collect())
    }
}

fn frequency(word: &str) -> Option<ChargeFrequency> {
    match word {
        "One-Time" => Some(ChargeFrequency::OneTime),
        "Recurring" => Some(ChargeFrequency::Recurring),
        "Usage-Based" => Some(ChargeFrequency::UsageBased),
        _ => None,
    }
}

fn period(start: &str, end: &str) -> Result<Period, Failure> {
    let period = Period {
        start: instant(start)?,
        end: instant(end)?,
    };
    if period.start >= period.end {
        return Err(Failure::malformed(format_args!(
            "a period ends before it begins: `{}` to `{}`",
            excerpt(start, 30),
            excerpt(end, 30)
        )));
    }
    Ok(period)
}

/// `2026-07-01T00:00:00.000Z`, or without a zone, which is UTC.
fn instant(text: &str) -> Result<Instant, Failure> {
    let with_zone = text.parse::<Timestamp>().ok();
    let read = with_zone.or_else(|| {
        let plain: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(plain).ok()
    });
    read.map(Timestamp::as_second)
        .ok_or_else(|| Failure::malformed(format_args!("`{}` is no time", excerpt(text, 40))))
}
