//! `GET .../costs/instances`: the window, checked, and its one total.

use super::{Elastic, lines::Window, refused};
use crate::provider::{Asked, Reply};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};

pub(super) fn by_instance(elastic: &Elastic, asked: &Asked) -> Reply {
    let Some(window) = window(asked) else {
        return refused(400, "costs.invalid_date_range", "The date range is invalid");
    };
    let names = asked.param("include_names").is_some_and(|value| value == "true");
    match elastic.lines().window(asked.now, window) {
        Ok(window) => Reply::json(200, &body(&window, names)),
        Err(error) => refused(500, "root.internal_server_error", &error.to_string()),
    }
}

/// Whole days; none where it is no window, or one that ends in the future.
fn window(asked: &Asked) -> Option<(Date, Date)> {
    let at = |name: &str| asked.param(name)?.parse::<Timestamp>().ok();
    let (from, to) = (at("from")?, at("to")?);
    let midnight = |at: Timestamp| at.as_second() % 86_400 == 0;
    let day = |at: Timestamp| at.strftime("%F").to_string().parse().ok();
    let fits = from < to && to <= asked.now && midnight(from) && midnight(to);
    day(from).zip(day(to)).filter(|_| fits)
}

fn number(value: Decimal) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}

fn amount(value: Decimal, shown: &str) -> Value {
    json!({"value": number(value), "formatted_value": format!("{value} {shown}")})
}

fn body(window: &Window, names: bool) -> Value {
    let instances = window.instances.iter().map(|(instance, lines)| {
        let total = Decimal::sum(lines.values().map(|used| used.total_ecu)).unwrap_or_default();
        let lines: Vec<Value> = lines
            .iter()
            .map(|(product, used)| {
                json!({"name": product.name, "type": product.meter, "kind": product.kind, "sku": product.sku, "unit": product.unit,
                    "quantity": amount(used.quantity, &product.unit), "display_quantity": amount(used.quantity, &product.unit),
                    "rate": amount(product.rate, &format!("per {}", product.unit)), "total_ecu": number(used.total_ecu), "quantities": []})
            })
            .collect();
        let name = if names { instance.name.as_str() } else { "" };
        json!({"id": instance.id, "name": name, "type": instance.kind, "total_ecu": number(total), "product_line_items": lines})
    });
    let instances: Vec<Value> = instances.collect();
    let instances = match instances.is_empty() {
        true => Value::Null,
        false => instances.into(),
    };
    json!({"total_ecu": number(window.total), "instances": instances})
}
