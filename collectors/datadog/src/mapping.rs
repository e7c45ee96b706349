//! From a product's charge to a cost record.

use crate::{api::Api, costs::Org};
use finops_collector::{
    CostRecord, Decimal, Period, excerpt,
    record::{ChargeCategory, ChargeFrequency, Finality, Location, Pricing, Sku, SubAccount},
};

const PROVIDER: &str = "Datadog";
/// Beginnings of products that are not observability.
const SECURITY: [&str; 10] = [
    "appsec",
    "application_security",
    "asm",
    "ciem",
    "cloud_siem",
    "csm",
    "cspm",
    "cws",
    "sensitive_data",
    "siem",
];

/// What a record stands on: an estimate that was cut into days, or what was billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Estimated,
    Historical,
    Attribution,
}

impl Origin {
    fn name(self) -> &'static str {
        match self {
            Self::Estimated => "estimated_cost",
            Self::Historical => "historical_cost",
            Self::Attribution => "monthly_cost_attribution",
        }
    }
}

/// What is the same on every record of an organization's product.
pub(crate) fn base(
    api: &Api<'_>,
    period: Period,
    (id, org): (&str, Option<&Org>),
    product: &str,
    (cost, origin, finality): (Decimal, Origin, Finality),
) -> CostRecord {
    let settings = api.settings;
    let category = match SECURITY.iter().any(|beginning| product.starts_with(beginning)) {
        true => "Security",
        false => "Management and Governance",
    };
    let service = match product {
        "" => "Unknown",
        named => named,
    };
    let mut record = CostRecord::new(
        period,
        &settings.account,
        PROVIDER,
        (service, category),
        (cost, &settings.currency),
    );
    record.finality = finality;
    record.billing_account_name = org.and_then(|org| org.account_name.clone());
    if !id.is_empty() {
        record.sub_account = Some(SubAccount {
            id: id.to_owned(),
            name: org.and_then(|org| org.name.clone()),
            kind: Some("Organization".to_owned()),
        });
    }
    let region = org.and_then(|org| org.region.clone());
    record.region = region.map(|id| Location {
        id,
        ..Location::default()
    });
    record.sku = Some(Sku {
        id: Some(service.to_owned()),
        ..Sku::default()
    });
    record.extra("x_CostSource", origin.name())
}

/// The same as a charge of that type.
pub(crate) fn charged(api: &Api<'_>, mut record: CostRecord, kind: &str) -> CostRecord {
    let category = match kind {
        "committed" => "Committed",
        "on_demand" => "Standard",
        "total" | crate::charges::UNATTRIBUTED => "Other",
        other => {
            api.warnings.once(format_args!(
                "the charge type `{}` is not known: it counts, labelled x_ChargeType",
                excerpt(other, 60)
            ));
            "Other"
        }
    };
    record.frequency = Some(ChargeFrequency::UsageBased);
    record.pricing = Some(Pricing {
        category: Some(category.to_owned()),
        ..Pricing::default()
    });
    record.extra("x_ChargeType", kind)
}

/// The same as what a month was billed beyond its days.
pub(crate) fn adjustment(mut record: CostRecord) -> CostRecord {
    record.category = ChargeCategory::Adjustment;
    record.frequency = Some(ChargeFrequency::OneTime);
    record.description = Some("Billed beyond the estimated days of the month".to_owned());
    record
}
