//! The Cloud Billing Catalog: what an hour of a core, and of a GiB of memory, of a family of machines costs everybody.
//! What must hold: a price is taken only where one SKU is left that fits; none and several are no price.

use crate::{api::Api, inventory::machines::Machine, refusal::Refusal};
use finops_collector::{Decimal, Failure, HttpRequest, escaped, excerpt};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Compute Engine.
pub(crate) const SERVICE: &str = "6F81-5844-456A";
/// Billionths as units of the last place of a decimal.
const NANO: i128 = 1_000_000_000;

/// What the descriptions of cores say.
const CORE: &str = " Core running";
/// What those of memory say.
const MEMORY: &str = " Ram running";

/// Of which part of a machine a price is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Core,
    Memory,
}

/// What a price is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offer {
    /// `N1`.
    family: String,
    region: String,
    spot: bool,
}

/// What an hour costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    pub(crate) hourly: Decimal,
    pub(crate) sku: String,
    /// The SKU's description.
    pub(crate) text: String,
    /// ServiceName, as on the bill.
    pub(crate) service: String,
}

/// The prices of a core and of a GiB of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prices {
    pub(crate) core: Price,
    pub(crate) memory: Price,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    skus: Vec<Sku>,
    #[serde(default)]
    next_page_token: String,
}

/// A SKU of the catalog, as far as machines have one.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sku {
    sku_id: String,
    description: String,
    category: Category,
    #[serde(default)]
    service_regions: Vec<String>,
    #[serde(default)]
    pricing_info: Vec<Info>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Category {
    #[serde(default)]
    service_display_name: String,
    #[serde(default)]
    resource_family: String,
    #[serde(default)]
    usage_type: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    pricing_expression: Expression,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expression {
    #[serde(default)]
    usage_unit: String,
    #[serde(default)]
    tiered_rates: Vec<Rate>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rate {
    #[serde(default)]
    start_usage_amount: Decimal,
    unit_price: Money,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Money {
    #[serde(default)]
    currency_code: String,
    #[serde(default)]
    units: Option<Decimal>,
    #[serde(default)]
    nanos: i32,
}

/// All SKUs of Compute Engine that cores and memory could have.
pub(crate) fn skus(api: &Api<'_>, currency: &str) -> Result<Vec<Sku>, Refusal> {
    let what = "the price catalog";
    let base = format!(
        "https://cloudbilling.googleapis.com/v1/services/{SERVICE}/skus?currencyCode={}&pageSize=5000",
        escaped(currency)
    );
    let (mut found, mut tokens) = (Vec::new(), BTreeSet::new());
    let mut url = base.clone();
    loop {
        let page: Page = api.json(&HttpRequest::get(&url), what)?;
        found.extend(page.skus.into_iter().filter(|sku| {
            sku.category.resource_family == "Compute"
                && matches!(sku.category.usage_type.as_str(), "OnDemand" | "Preemptible")
                && [CORE, MEMORY].iter().any(|word| sku.description.contains(word))
        }));
        if page.next_page_token.is_empty() {
            return Ok(found);
        }
        url = format!("{base}&pageToken={}", escaped(&page.next_page_token));
        if !tokens.insert(page.next_page_token) {
            return Err(Failure::malformed(format_args!("{what}: the pages lead in a circle")).into());
        }
    }
}

impl Offer {
    /// What a machine is priced by; why not, where its type does not tell.
    pub(crate) fn of(machine: &Machine) -> Result<Self, String> {
        let (family, rest) = machine.kind.split_once('-').unwrap_or_default();
        let region = machine.zone.rsplit_once('-').map(|(region, _)| region);
        let (Some(region), false) = (region, family.is_empty()) else {
            return Err("its type or zone is not written as Google's are".to_owned());
        };
        if family == "custom" || rest.starts_with("custom") {
            return Err("custom types are not estimated".to_owned());
        }
        Ok(Self {
            family: family.to_ascii_uppercase(),
            region: region.to_owned(),
            spot: machine.spot,
        })
    }

    /// What tells it from others.
    pub(crate) fn key(&self, currency: &str) -> String {
        let Self { family, region, spot } = self;
        format!("{currency} {family} {region} {spot}")
    }

    /// The prices of both parts; why there are none, where there is not exactly one of each.
    pub(crate) fn prices(&self, skus: &[Sku], currency: &str) -> Result<Prices, String> {
        Ok(Prices {
            core: self.price(skus, currency, Part::Core)?,
            memory: self.price(skus, currency, Part::Memory)?,
        })
    }

    fn price(&self, skus: &[Sku], currency: &str, part: Part) -> Result<Price, String> {
        let (name, unit) = match part {
            Part::Core => ("cores", "h"),
            Part::Memory => ("memory", "GiBy.h"),
        };
        let mut fitting = skus.iter().filter(|sku| self.fits(sku, part));
        let (Some(sku), None) = (fitting.next(), fitting.next()) else {
            return Err(format!("there is not exactly one public price for its {name}"));
        };
        let shown = excerpt(&sku.description, 80);
        let ([info], currency_of) = (sku.pricing_info.as_slice(), currency) else {
            return Err(format!("the price of {shown} is not one"));
        };
        let expression = &info.pricing_expression;
        let [rate] = expression.tiered_rates.as_slice() else {
            return Err(format!("the price of {shown} has tiers"));
        };
        if expression.usage_unit != unit || !rate.start_usage_amount.is_zero() {
            return Err(format!("the price of {shown} is not by the hour"));
        }
        if rate.unit_price.currency_code != currency_of {
            return Err(format!("the price of {shown} is not in {currency_of}"));
        }
        let hourly = rate
            .unit_price
            .units
            .unwrap_or_default()
            .checked_add(Decimal::from_units(i128::from(rate.unit_price.nanos) * NANO))
            .map_err(|error| format!("the price of {shown}: {error}"))?;
        if hourly.is_zero() {
            return Err(format!("the price of {shown} is zero"));
        }
        Ok(Price {
            hourly,
            sku: sku.sku_id.clone(),
            text: sku.description.clone(),
            service: sku.category.service_display_name.clone(),
        })
    }

    fn fits(&self, sku: &Sku, part: Part) -> bool {
        let (usage, lead) = match self.spot {
            true => ("Preemptible", format!("Spot Preemptible {} ", self.family)),
            false => ("OnDemand", format!("{} ", self.family)),
        };
        let word = match part {
            Part::Core => CORE,
            Part::Memory => MEMORY,
        };
        let has = |word: &str| sku.description.contains(word);
        sku.category.usage_type == usage
            && sku.service_regions.contains(&self.region)
            && sku.description.starts_with(&lead)
            && has(word)
            && !has("Custom")
            && !has("Sole Tenancy")
            && !has("Extended")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use serde_json::json;

    fn sku(text: &str, usage: &str, unit: &str, rates: &serde_json::Value) -> Sku {
        serde_json::from_value(json!({
            "skuId": text, "description": text, "serviceRegions": ["europe-west1"],
            "category": {"serviceDisplayName": "Compute Engine", "resourceFamily": "Compute", "usageType": usage},
            "pricingInfo": [{"pricingExpression": {"usageUnit": unit, "tieredRates": rates}}],
        }))
        .unwrap()
    }

    fn rate(currency: &str, units: &str, nanos: i32) -> serde_json::Value {
        json!([{"startUsageAmount": 0, "unitPrice": {"currencyCode": currency, "units": units, "nanos": nanos}}])
    }

    fn machine(kind: &str, spot: bool) -> Machine {
        Machine {
            project: "p".to_owned(),
            name: "m".to_owned(),
            zone: "europe-west1-b".to_owned(),
            kind: kind.to_owned(),
            spot,
            since: None,
        }
    }

    #[test]
    fn a_price_is_units_and_billionths_of_the_one_sku_that_fits() {
        let skus = [
            sku(
                "N1 Predefined Instance Core running in EMEA",
                "OnDemand",
                "h",
                &rate("USD", "1", 34_773_001),
            ),
            sku(
                "N1 Predefined Instance Ram running in EMEA",
                "OnDemand",
                "GiBy.h",
                &rate("USD", "0", 4_661_000),
            ),
            sku(
                "Spot Preemptible N1 Predefined Instance Core running in EMEA",
                "Preemptible",
                "h",
                &rate("USD", "0", 7),
            ),
            sku(
                "N1 Custom Instance Core running in EMEA",
                "OnDemand",
                "h",
                &rate("USD", "9", 0),
            ),
            sku(
                "N1 Predefined Sole Tenancy Instance Core running in EMEA",
                "OnDemand",
                "h",
                &rate("USD", "9", 0),
            ),
        ];
        let offer = Offer::of(&machine("n1-standard-2", false)).unwrap();
        let prices = offer.prices(&skus, "USD").unwrap();
        assert_eq!(prices.core.hourly.to_string(), "1.034773001");
        assert_eq!(prices.memory.hourly.to_string(), "0.004661");
        // Spot memory has no price, so the machine has none.
        let spot = Offer::of(&machine("n1-standard-2", true)).unwrap();
        assert!(spot.prices(&skus, "USD").unwrap_err().contains("for its memory"));
        assert!(offer.prices(&skus, "EUR").unwrap_err().contains("not in EUR"));
        let twice = [skus.as_slice(), &skus[..1]].concat();
        assert!(
            offer
                .prices(&twice, "USD")
                .unwrap_err()
                .contains("not exactly one")
        );
    }

    #[test]
    fn what_is_no_plain_price_of_an_hour_is_none() {
        let core = |unit: &str, rates: &serde_json::Value| {
            sku(
                "N1 Predefined Instance Core running in EMEA",
                "OnDemand",
                unit,
                rates,
            )
        };
        let offer = Offer::of(&machine("n1-standard-2", false)).unwrap();
        let tiers = json!([rate("USD", "1", 0)[0], rate("USD", "2", 0)[0]]);
        for (sku, why) in [
            (core("h", &tiers), "has tiers"),
            (core("h", &json!([])), "has tiers"),
            (core("mo", &rate("USD", "1", 0)), "not by the hour"),
            (core("h", &rate("USD", "0", 0)), "is zero"),
        ] {
            let said = offer.prices(&[sku], "USD").unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        for kind in ["custom-4-5120", "n1-custom-4-5120", "odd"] {
            assert!(Offer::of(&machine(kind, false)).is_err(), "{kind}");
        }
    }
}
