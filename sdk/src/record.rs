//! The cost record: FOCUS 1.4's Cost and Usage columns. Amounts are exact [`Decimal`]s and become text at the border only.
//! [`CostRecord::new`] takes what every line has; the rest are fields, with short setters for the common ones.

use crate::{
    Decimal,
    descriptor::Basis,
    period::{Instant, Period},
};

/// FOCUS ChargeCategory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChargeCategory {
    /// Use of a service.
    #[default]
    Usage,
    /// Something bought.
    Purchase,
    /// A tax.
    Tax,
    /// Money back.
    Credit,
    /// A correction that belongs to no single line.
    Adjustment,
}

/// FOCUS ChargeFrequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChargeFrequency {
    /// Once.
    OneTime,
    /// Every period.
    Recurring,
    /// By use.
    UsageBased,
}

/// Whether a figure may still change at the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Finality {
    /// It may.
    #[default]
    Open,
    /// It will not.
    Final,
}

/// FOCUS SubAccount columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubAccount {
    /// SubAccountId.
    pub id: String,
    /// SubAccountName: no part of a record's key.
    pub name: Option<String>,
    /// SubAccountType.
    pub kind: Option<String>,
}

/// FOCUS Resource columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// ResourceId.
    pub id: String,
    /// ResourceName: no part of a record's key.
    pub name: Option<String>,
    /// ResourceType.
    pub kind: Option<String>,
}

/// FOCUS region columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// RegionId.
    pub id: String,
    /// RegionName: no part of a record's key.
    pub name: Option<String>,
    /// AvailabilityZone.
    pub zone: Option<String>,
}

/// FOCUS Sku columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sku {
    /// SkuId.
    pub id: Option<String>,
    /// SkuPriceId.
    pub price_id: Option<String>,
    /// SkuMeter.
    pub meter: Option<String>,
}

/// An amount of something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantity {
    /// How much.
    pub amount: Decimal,
    /// FOCUS unit: `Credits`, `GB-Hours`, `1000 Tokens`.
    pub unit: String,
}

impl Quantity {
    /// So much of a unit.
    #[must_use]
    pub fn new(amount: Decimal, unit: &str) -> Self {
        Self {
            amount,
            unit: unit.to_owned(),
        }
    }
}

/// How the charge was priced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pricing {
    /// PricingCategory: Standard, Dynamic, Committed, Other.
    pub category: Option<String>,
    /// PricingQuantity and PricingUnit.
    pub quantity: Option<Quantity>,
    /// ListUnitPrice.
    pub list_unit_price: Option<Decimal>,
    /// ContractedUnitPrice.
    pub contracted_unit_price: Option<Decimal>,
    /// PricingCurrency, for virtual currencies such as credits.
    pub currency: Option<String>,
    /// Id of the dated price card in the settings that gave the price.
    pub card: Option<String>,
}

/// FOCUS CommitmentDiscount columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commitment {
    /// CommitmentDiscountId.
    pub id: String,
    /// CommitmentDiscountName: no part of a record's key.
    pub name: Option<String>,
    /// CommitmentDiscountCategory.
    pub category: Option<String>,
    /// CommitmentDiscountType.
    pub kind: Option<String>,
    /// CommitmentDiscountStatus.
    pub status: Option<String>,
    /// CommitmentDiscountQuantity and Unit.
    pub quantity: Option<Quantity>,
}

/// FOCUS CapacityReservation columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// CapacityReservationId.
    pub id: String,
    /// CapacityReservationStatus.
    pub status: Option<String>,
}

/// FOCUS Invoice columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invoice {
    /// InvoiceId.
    pub id: String,
    /// InvoiceDetailId.
    pub detail_id: Option<String>,
}

/// One line of cost as the provider reports it now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostRecord {
    /// ChargePeriodStart, ChargePeriodEnd.
    pub charge_period: Period,
    /// BillingPeriodStart, BillingPeriodEnd; absent: the calendar month of the charge's start.
    pub billing_period: Option<Period>,
    /// ChargeCategory.
    pub category: ChargeCategory,
    /// ChargeClass is `Correction`.
    pub correction: bool,
    /// ChargeFrequency.
    pub frequency: Option<ChargeFrequency>,
    /// ChargeDescription: no part of a record's key.
    pub description: Option<String>,
    /// Whether the amount may still change.
    pub finality: Finality,
    /// Overrides the stream's basis.
    pub basis: Option<Basis>,
    /// The provider's own id of the line, where it has one that is unique and stays.
    pub line_id: Option<String>,
    /// BillingAccountId.
    pub billing_account_id: String,
    /// BillingAccountName: no part of a record's key.
    pub billing_account_name: Option<String>,
    /// SubAccount columns.
    pub sub_account: Option<SubAccount>,
    /// ServiceProviderName: who sells the service.
    pub service_provider: String,
    /// HostProviderName; absent: the service provider.
    pub host_provider: Option<String>,
    /// InvoiceIssuerName; absent: the service provider.
    pub invoice_issuer: Option<String>,
    /// Invoice columns.
    pub invoice: Option<Invoice>,
    /// ServiceName.
    pub service_name: String,
    /// ServiceCategory, one of FOCUS's 19.
    pub service_category: String,
    /// ServiceSubcategory.
    pub service_subcategory: Option<String>,
    /// Region columns.
    pub region: Option<Location>,
    /// Resource columns.
    pub resource: Option<Resource>,
    /// Sku columns.
    pub sku: Option<Sku>,
    /// BillingCurrency, ISO 4217.
    pub currency: String,
    /// BilledCost.
    pub billed_cost: Decimal,
    /// EffectiveCost.
    pub effective_cost: Decimal,
    /// ListCost; absent where the provider does not tell.
    pub list_cost: Option<Decimal>,
    /// ContractedCost; absent where the provider does not tell.
    pub contracted_cost: Option<Decimal>,
    /// ConsumedQuantity and ConsumedUnit.
    pub consumed: Option<Quantity>,
    /// Pricing columns.
    pub pricing: Option<Pricing>,
    /// Commitment columns.
    pub commitment: Option<Commitment>,
    /// Reservation columns.
    pub reservation: Option<Reservation>,
    /// Tags. In a record's key only as the stream's `key_tags` say.
    pub tags: Vec<(String, String)>,
    /// Further dimensions, each name beginning with `x_`.
    pub extra: Vec<(String, String)>,
}

impl CostRecord {
    /// A usage line whose billed and effective cost are the same.
    #[must_use]
    pub fn new(
        charge_period: Period,
        billing_account_id: &str,
        service_provider: &str,
        (service_name, service_category): (&str, &str),
        (cost, currency): (Decimal, &str),
    ) -> Self {
        Self {
            charge_period,
            billing_account_id: billing_account_id.to_owned(),
            service_provider: service_provider.to_owned(),
            service_name: service_name.to_owned(),
            service_category: service_category.to_owned(),
            currency: currency.to_owned(),
            billed_cost: cost,
            effective_cost: cost,
            ..Self::default()
        }
    }

    /// Other billed and effective cost, the same for both.
    #[must_use]
    pub fn cost(mut self, cost: Decimal) -> Self {
        (self.billed_cost, self.effective_cost) = (cost, cost);
        self
    }

    /// One more tag.
    #[must_use]
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        self.tags.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One more dimension; its name begins with `x_`.
    #[must_use]
    pub fn extra(mut self, name: &str, value: &str) -> Self {
        self.extra.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What was used: its id, name and kind.
    #[must_use]
    pub fn resource(mut self, id: &str, name: &str, kind: &str) -> Self {
        let (name, kind) = (Some(name.to_owned()), Some(kind.to_owned()));
        self.resource = Some(Resource {
            id: id.to_owned(),
            name,
            kind,
        });
        self
    }

    /// How much was used.
    #[must_use]
    pub fn consumed(mut self, amount: Decimal, unit: &str) -> Self {
        self.consumed = Some(Quantity::new(amount, unit));
        self
    }
}

/// A keyed number that is not money: the newest of a key is what counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Name of an observation kind of the descriptor.
    pub name: String,
    /// What it is about.
    pub source: crate::Source,
    /// When it was true.
    pub at: Instant,
    /// Its key, next to name and source.
    pub dimensions: Vec<(String, String)>,
    /// The number.
    pub value: Decimal,
    /// Its unit.
    pub unit: String,
}
