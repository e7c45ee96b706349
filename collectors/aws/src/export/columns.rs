//! Where the columns of a FOCUS export stand. Their order is the operator's choice, and versions differ in what they have.

use finops_collector::Failure;

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
    XOperation,
    XServiceCode,
    XUsageType,
];

/// Positions of the columns in one file.
pub(super) struct Columns(Vec<Option<usize>>);

impl Columns {
    /// The positions that a file's first line says.
    ///
    /// # Errors
    /// `malformed-reply`, where a needed column is missing.
    pub(super) fn of(headers: &csv::StringRecord) -> Result<Self, Failure> {
        let plain = |name: &str| {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters
                .map(|letter| letter.to_ascii_lowercase())
                .collect::<String>()
        };
        let found: Vec<String> = headers.iter().map(plain).collect();
        let missing: Vec<&str> = NEEDED
            .into_iter()
            .filter(|name| !found.contains(&plain(name)))
            .collect();
        if !missing.is_empty() {
            return Err(Failure::malformed(format_args!(
                "the file lacks the columns {}: the export must be \"FOCUS with AWS columns\", as text/csv",
                missing.join(", ")
            )));
        }
        let position = |name: &&str| found.iter().position(|other| *other == plain(name));
        Ok(Self(NAMES.iter().map(position).collect()))
    }

    /// A field of a row; empty where there is none.
    pub(super) fn get<'r>(&self, row: &'r csv::StringRecord, column: Column) -> &'r str {
        let position = self.0.get(column as usize).copied().flatten();
        position
            .and_then(|position| row.get(position))
            .unwrap_or_default()
    }
}
