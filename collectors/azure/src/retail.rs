//! The Retail Prices API: what an hour of a virtual machine costs everybody. No identity is needed.
//! What must hold: a price is taken only where one meter is left that fits; none and several are no price.

use crate::{api::Api, inventory::Machine, refusal::Refusal, settings::encoded};
use finops_collector::{Decimal, Failure, HttpRequest, onward};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Version of the API; from this one on values of filters are case-sensitive.
const VERSION: &str = "2023-01-01-preview";
/// ServiceName of machines, on the bill too.
pub(crate) const SERVICE: &str = "Virtual Machines";

/// What a price is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offer {
    pub(crate) region: String,
    pub(crate) size: String,
    pub(crate) windows: bool,
    pub(crate) spot: bool,
}

/// What an hour costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    pub(crate) hourly: Decimal,
    pub(crate) meter: String,
    pub(crate) sku: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    items: Vec<Item>,
    #[serde(default)]
    next_page_link: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    currency_code: String,
    #[serde(default)]
    tier_minimum_units: Decimal,
    retail_price: Decimal,
    #[serde(default)]
    arm_region_name: String,
    #[serde(default)]
    arm_sku_name: String,
    #[serde(default)]
    meter_name: String,
    #[serde(default)]
    product_name: String,
    #[serde(default)]
    sku_id: String,
    #[serde(default)]
    sku_name: String,
    #[serde(default)]
    service_name: String,
    #[serde(default)]
    unit_of_measure: String,
    #[serde(rename = "type", default)]
    kind: String,
}

impl Offer {
    /// What a machine is priced by; why not, where its facts do not tell.
    pub(crate) fn of(machine: &Machine) -> Result<Self, String> {
        let windows = match machine.os.to_ascii_lowercase().as_str() {
            "windows" => true,
            "linux" => false,
            _ => return Err("Azure does not say its system".to_owned()),
        };
        let spot = match machine.priority.to_ascii_lowercase().as_str() {
            "" | "regular" => false,
            "spot" => true,
            other => return Err(format!("its priority `{other}` has no public price")),
        };
        if machine.region.is_empty() || machine.size.is_empty() {
            return Err("Azure does not say its region or size".to_owned());
        }
        Ok(Self {
            region: machine.region.clone(),
            size: machine.size.clone(),
            windows,
            spot,
        })
    }

    /// What tells it from others.
    pub(crate) fn key(&self, currency: &str) -> String {
        let Self {
            region,
            size,
            windows,
            spot,
        } = self;
        format!("{currency} {region} {size} {windows} {spot}")
    }

    /// The hour's price; why there is none, where there is not exactly one.
    pub(crate) fn price(&self, api: &Api<'_>, currency: &str) -> Result<Result<Price, String>, Refusal> {
        let fitting: Vec<Item> = self
            .items(api, currency)?
            .into_iter()
            .filter(|item| self.fits(item))
            .collect();
        if let Some(item) = fitting.iter().find(|item| item.currency_code != currency) {
            let shown = finops_collector::excerpt(&item.currency_code, 10);
            return Ok(Err(format!("its price comes in {shown} and not in {currency}")));
        }
        let prices: BTreeSet<Decimal> = fitting.iter().map(|item| item.retail_price).collect();
        Ok(match (fitting.first(), prices.len()) {
            (Some(item), 1) if !item.retail_price.is_zero() => Ok(Price {
                hourly: item.retail_price,
                meter: item.meter_name.clone(),
                sku: item.sku_id.clone(),
            }),
            (Some(_), 1) => Err("its public price is zero".to_owned()),
            (Some(_), count) => Err(format!("there are {count} public prices for it")),
            (None, _) => Err("there is no public price for it".to_owned()),
        })
    }

    fn fits(&self, item: &Item) -> bool {
        let named = |text: &str, word: &str| text.contains(word);
        item.service_name == SERVICE
            && item.kind == "Consumption"
            && item.unit_of_measure == "1 Hour"
            && item.tier_minimum_units.is_zero()
            && item.arm_region_name == self.region
            && item.arm_sku_name == self.size
            && named(&item.product_name, "Windows") == self.windows
            && named(&item.sku_name, "Spot") == self.spot
            && !named(&item.sku_name, "Low Priority")
            // Another product over the same machines.
            && !named(&item.product_name, "Cloud Services")
            && !named(&item.product_name, "CloudServices")
    }

    fn items(&self, api: &Api<'_>, currency: &str) -> Result<Vec<Item>, Refusal> {
        let operation = "public prices";
        // A quote in a value would end it.
        if self.region.contains('\'') || self.size.contains('\'') {
            return Ok(Vec::new());
        }
        let filter = format!(
            "serviceName eq '{SERVICE}' and armRegionName eq '{}' and armSkuName eq '{}' and priceType eq 'Consumption'",
            self.region, self.size
        );
        let first = format!(
            "https://prices.azure.com/api/retail/prices?api-version={VERSION}&currencyCode={}&$filter={}",
            encoded(&format!("'{currency}'")),
            encoded(&filter)
        );
        let (mut items, mut seen) = (Vec::new(), BTreeSet::from([first.clone()]));
        let mut url = first.clone();
        loop {
            let page: Page = api
                .send(&HttpRequest::get(&url), operation)?
                .json()
                .map_err(|failure| failure.context(operation))?;
            items.extend(page.items);
            let Some(link) = page.next_page_link.filter(|link| !link.is_empty()) else {
                return Ok(items);
            };
            url = onward(&first, &link).map_err(|failure| failure.context(operation))?;
            if !seen.insert(url.clone()) {
                return Err(
                    Failure::malformed(format_args!("{operation}: the pages lead in a circle")).into(),
                );
            }
        }
    }
}
