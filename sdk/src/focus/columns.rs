//! Where the columns of a FOCUS file stand. Their order is the operator's choice, and versions differ in what they have.

use crate::Failure;

/// Columns without which a line is no cost.
const NEEDED: [&str; 8] = [
    "BilledCost",
    "BillingCurrency",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "EffectiveCost",
    "ServiceName",
];

/// Every column that is read.
macro_rules! columns {
    ($($column:ident),+ $(,)?) => {
        /// A column by its FOCUS name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Column { $($column),+ }

        /// Their names, in the order of the enum.
        const NAMES: &[&str] = &[$(stringify!($column)),+];
    };
}

columns![
    AvailabilityZone,
    BilledCost,
    BillingAccountId,
    BillingAccountName,
    BillingCurrency,
    BillingPeriodEnd,
    BillingPeriodStart,
    CapacityReservationId,
    CapacityReservationStatus,
    ChargeCategory,
    ChargeClass,
    ChargeDescription,
    ChargeFrequency,
    ChargePeriodEnd,
    ChargePeriodStart,
    CommitmentDiscountCategory,
    CommitmentDiscountId,
    CommitmentDiscountName,
    CommitmentDiscountQuantity,
    CommitmentDiscountStatus,
    CommitmentDiscountType,
    CommitmentDiscountUnit,
    ConsumedQuantity,
    ConsumedUnit,
    ContractedCost,
    ContractedUnitPrice,
    EffectiveCost,
    InvoiceId,
    InvoiceIssuerName,
    ListCost,
    ListUnitPrice,
    PricingCategory,
    PricingQuantity,
    PricingUnit,
    ProviderName,
    RegionId,
    RegionName,
    ResourceId,
    ResourceName,
    ResourceType,
    ServiceCategory,
    ServiceName,
    ServiceSubcategory,
    SkuId,
    SkuMeter,
    SkuPriceId,
    SubAccountId,
    SubAccountName,
    SubAccountType,
    Tags,
];

/// Positions of the columns in one file.
pub(super) struct Columns {
    known: Vec<Option<usize>>,
    /// Further columns, by the name that the record gives them.
    extra: Vec<(&'static str, usize)>,
}

/// A name without its punctuation: `x_UsageType` and `XUsageType` are the same.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

impl Columns {
    /// The positions that a file's first line says.
    ///
    /// # Errors
    /// `malformed-reply`, where a needed column is missing.
    pub(super) fn of(headers: &csv::StringRecord, extra: &[&'static str]) -> Result<Self, Failure> {
        let found: Vec<String> = headers.iter().map(plain).collect();
        let position = |name: &str| found.iter().position(|other| *other == plain(name));
        let missing: Vec<&str> = NEEDED
            .into_iter()
            .filter(|name| position(name).is_none())
            .collect();
        if !missing.is_empty() {
            return Err(Failure::malformed(format_args!(
                "the file lacks the columns {}: the export must be of FOCUS data, as CSV",
                missing.join(", ")
            )));
        }
        Ok(Self {
            known: NAMES.iter().map(|name| position(name)).collect(),
            extra: extra
                .iter()
                .filter_map(|name| Some((*name, position(name)?)))
                .collect(),
        })
    }

    /// A field of a row; empty where there is none.
    pub(super) fn get<'r>(&self, row: &'r csv::StringRecord, column: Column) -> &'r str {
        let position = self.known.get(column as usize).copied().flatten();
        position
            .and_then(|position| row.get(position))
            .unwrap_or_default()
    }

    /// The further columns that have a value.
    pub(super) fn extra<'r>(
        &self,
        row: &'r csv::StringRecord,
    ) -> impl Iterator<Item = (&'static str, &'r str)> {
        let fields = self
            .extra
            .iter()
            .map(|(name, position)| (*name, row.get(*position).unwrap_or_default()));
        fields.filter(|(_, value)| !value.is_empty())
    }
}
