//! Machines that are rented beside the bill's, and the Retail Prices API over their prices: tests/data/azure/machines.json.
//! What must hold: filters are case-sensitive, an unknown field is refused, and no token is wanted.

use super::reply::Reply;
use crate::aws::sigv4::decoded;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::OnceLock};

/// Items on a page of prices.
const PAGE: usize = 2;

fn data() -> &'static Value {
    static DATA: OnceLock<Value> = OnceLock::new();
    DATA.get_or_init(|| {
        serde_json::from_str(include_str!("../../data/azure/machines.json")).unwrap_or_default()
    })
}

fn list(of: &str) -> impl Iterator<Item = &'static Value> {
    data().get(of).and_then(Value::as_array).into_iter().flatten()
}

/// The machines as Resource Graph keeps them, in a resource group of the subscription.
pub(crate) fn resources(subscription: &str) -> Vec<Value> {
    list("machines")
        .map(|machine| {
            let of = |name: &str| machine.get(name).cloned().unwrap_or_default();
            let name = of("name");
            let state = of("state");
            let path = format!("/subscriptions/{subscription}/resourceGroups/rg-rent/providers/Microsoft.Compute/virtualMachines");
            json!({
                "id": format!("{path}/{}", name.as_str().unwrap_or_default()), "name": name,
                "type": "microsoft.compute/virtualmachines", "location": of("location"), "resourceGroup": "rg-rent",
                "subscriptionId": subscription, "tags": null, "kind": "", "sku": null,
                "properties": {
                    "hardwareProfile": {"vmSize": of("size")}, "timeCreated": of("created"), "priority": of("priority"),
                    "storageProfile": {"osDisk": {"osType": of("os")}},
                    "extended": {"instanceView": {"powerState": {"code": format!("PowerState/{}", state.as_str().unwrap_or_default())}}}
                }
            })
        })
        .collect()
}

/// `GET /api/retail/prices`.
pub(crate) fn prices(query: &str, authorized: bool) -> Reply {
    let refused = |text: &str| Reply::error(400, "BadRequest", text);
    if authorized {
        return refused("This API takes no identity.");
    }
    let fields: BTreeMap<String, String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| {
            (
                name.to_owned(),
                String::from_utf8(decoded(value)).unwrap_or_default(),
            )
        })
        .collect();
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    if field("api-version") != "2023-01-01-preview" {
        return refused("The api-version is not supported.");
    }
    let currency = field("currencyCode").trim_matches('\'');
    let mut found: Vec<Value> = list("prices").filter_map(|price| item(price, currency)).collect();
    for part in field("$filter").split(" and ") {
        let Some((name, value)) = part.split_once(" eq ") else {
            return refused("The filter is invalid.");
        };
        let value = value.trim_matches('\'');
        let column = match name {
            "priceType" => "type",
            "serviceName" | "armRegionName" | "armSkuName" => name,
            _ => return refused("The filter has an unknown field."),
        };
        found.retain(|item| item.get(column).and_then(Value::as_str) == Some(value));
    }
    let skip: usize = field("$skip").parse().unwrap_or_default();
    let shown: Vec<&Value> = found.iter().skip(skip).take(PAGE).collect();
    let next = (skip + shown.len() < found.len()).then(|| {
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.starts_with("$skip="))
            .collect();
        format!(
            "https://prices.azure.com:443/api/retail/prices?{}&$skip={}",
            kept.join("&"),
            skip + PAGE
        )
    });
    Reply::json(
        &json!({"BillingCurrency": currency, "CustomerEntityId": "Default", "CustomerEntityType": "Retail",
        "Items": shown, "NextPageLink": next, "Count": shown.len()}),
    )
}

/// A price as the API writes it; none in a currency that it has no price in.
fn item(price: &'static Value, currency: &str) -> Option<Value> {
    let of = |name: &str| price.get(name).cloned().unwrap_or_default();
    let amount = price.get("price")?.get(currency)?;
    Some(json!({
        "currencyCode": currency, "tierMinimumUnits": 0.0, "retailPrice": amount, "unitPrice": amount,
        "armRegionName": of("region"), "location": "EU", "effectiveStartDate": "2026-05-01T00:00:00Z",
        "meterId": "m", "meterName": of("meter"), "productId": "p", "skuId": of("id"), "productName": of("product"),
        "skuName": of("sku"), "serviceName": "Virtual Machines", "serviceId": "DZH313Z7MMC8", "serviceFamily": "Compute",
        "unitOfMeasure": of("unit"), "type": of("type"), "isPrimaryMeterRegion": true, "armSkuName": of("size"),
    }))
}
