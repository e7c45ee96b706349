//! The cost endpoints: running totals, bills, attribution by tag.

use super::{
    ACCOUNT, Options,
    account::{Account, name},
    error,
};
use crate::provider::{Asked, Reply};
use finops_decimal::Decimal;
use jiff::{ToSpan, civil::Date, tz::Offset};
use serde_json::{Number, Value, json};
use std::collections::BTreeMap;

/// Days by which estimates lag.
const LAG: i32 = 2;

fn today(asked: &Asked) -> Date {
    Offset::UTC.to_datetime(asked.now).date()
}

/// The digits as they are.
fn number(text: &str) -> Value {
    text.parse::<Number>().map_or(Value::Null, Value::Number)
}

/// A row: charges of products, each type and, where there are several or it is committed, a total line.
fn row(org: &str, date: Date, charges: &[(String, String, String)]) -> Option<Value> {
    let mut products: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (product, kind, cost) in charges {
        products.entry(product).or_default().push((kind, cost));
    }
    let (mut shown, mut sum) = (Vec::new(), Decimal::ZERO);
    for (product, parts) in &products {
        let mut total = Decimal::ZERO;
        for (kind, cost) in parts {
            total = total.checked_add(cost.parse().ok()?).ok()?;
            shown.push(json!({"product_name": product, "charge_type": kind, "cost": number(cost)}));
        }
        if parts.iter().any(|(kind, _)| *kind == "committed") {
            shown.push(
                json!({"product_name": product, "charge_type": "total", "cost": number(&total.to_string())}),
            );
        }
        sum = sum.checked_add(total).ok()?;
    }
    Some(
        json!({"type": "cost_by_org", "id": format!("{org}-{date}"), "attributes": {
            "org_name": name(org), "public_id": org, "account_name": "ACME", "account_public_id": ACCOUNT, "region": "eu",
            "date": format!("{date}T00:00:00+00:00"), "total_cost": number(&sum.to_string()), "charges": shown,
        }}),
    )
}

/// Month-to-date totals of each day.
pub(super) fn estimated(account: &Account, options: &Options, asked: &Asked) -> Reply {
    if asked.param("view").as_deref() != Some("sub-org") {
        return error(400, "only view=sub-org is simulated");
    }
    if asked.param("start_month").is_some() {
        return error(400, "Only one of start_month or start_date should be specified");
    }
    let date = |name: &str| asked.param(name).and_then(|text| text.parse::<Date>().ok());
    let (Some(start), Some(end)) = (date("start_date"), date("end_date")) else {
        return error(
            400,
            "start_date [YYYY-MM-DD] and end_date [YYYY-MM-DD] are required",
        );
    };
    let today = today(asked);
    let oldest = today.first_of_month().checked_sub(1.month()).unwrap_or(today);
    if start < oldest || end < start {
        return error(400, "start_date cannot go beyond two months in the past");
    }
    let last = today.checked_sub(LAG.days()).unwrap_or(today).min(end);
    let mut rows = Vec::new();
    // The newest first, as nobody promises an order.
    let mut day = last;
    while day >= start {
        let month = day.strftime("%Y-%m").to_string();
        for (place, org) in account.orgs(&month).into_iter().enumerate() {
            let told = account
                .series
                .iter()
                .filter(|series| series.month == month && series.org == org && series.is_told(asked.now));
            let mut charges: Vec<_> = told
                .filter_map(|series| {
                    let total = series.total(day)?.to_owned();
                    Some((series.product.clone(), series.kind.clone(), total))
                })
                .collect();
            if place == 0 {
                let tiny = Decimal::from_units(100_000_000_000_000);
                let total = tiny.checked_mul(Decimal::from(u32::from(day.day().unsigned_abs())));
                let total = total.map(|total| total.to_string()).unwrap_or_default();
                charges.extend(
                    (0..options.large)
                        .map(|n| (format!("generated_{n:06}"), "on_demand".to_owned(), total.clone())),
                );
            }
            rows.extend(row(org, day, &charges));
        }
        let Ok(before) = day.checked_sub(1.day()) else {
            break;
        };
        day = before;
    }
    Reply::json(200, &json!({"data": rows}))
}

/// The bill of a month, from the 16th of the next one.
pub(super) fn historical(account: &Account, asked: &Asked) -> Reply {
    let Some(month) = asked.param("start_month") else {
        return error(400, "start_month [YYYY-MM] is required");
    };
    let Ok(first) = format!("{month}-01").parse::<Date>() else {
        return error(400, "start_month [YYYY-MM] is wrong");
    };
    let rows: Vec<Value> = match is_out(first, 16, today(asked)) {
        true => account.orgs(&month).into_iter().filter_map(|org| {
            let bills = account
                .billed
                .iter()
                .filter(|bill| bill.month == month && bill.org == org);
            let charges: Vec<_> = bills
                .map(|bill| (bill.product.clone(), bill.kind.clone(), bill.cost.clone()))
                .collect();
            row(org, first, &charges)
        }),
        false => return Reply::json(200, &json!({"data": []})),
    }
    .collect();
    Reply::json(200, &json!({"data": rows}))
}

fn is_out(month: Date, day: i32, today: Date) -> bool {
    let next = month
        .checked_add(1.month())
        .and_then(|next| next.checked_add((day - 1).days()));
    next.is_ok_and(|out| out <= today)
}

/// Shares of a month by a tag, page by page.
pub(super) fn attribution(account: &Account, options: &Options, asked: &Asked) -> Reply {
    let (Some(month), Some(fields)) = (asked.param("start_month"), asked.param("fields")) else {
        return error(400, "start_month and fields are required");
    };
    if fields != "*" {
        return error(400, "only fields=* is simulated");
    }
    let Ok(first) = format!("{month}-01").parse::<Date>() else {
        return error(400, "start_month [YYYY-MM] is wrong");
    };
    let known = asked.param("tag_breakdown_keys").as_deref() == Some("team") && options.tagged;
    let mut rows = Vec::new();
    if is_out(first, 19, today(asked)) {
        for share in account.shares.iter().filter(|share| share.month == month) {
            let tags = known.then(|| json!({"team": share.team.as_ref().map(|team| vec![team])}));
            let field = |end: &str| format!("{}_{end}", share.product);
            let mut values = serde_json::Map::new();
            values.insert(field("on_demand_cost"), number(&share.cost));
            values.insert(field("total_cost"), number(&share.cost));
            values.insert(field("percentage_in_org"), 12.into());
            rows.push(json!({"type": "cost_by_tag", "id": format!("{}-{}", share.org, rows.len()), "attributes": {
                "month": format!("{month}-01T00:00:00Z"), "org_name": name(&share.org), "public_id": share.org,
                "tag_config_source": share.org, "tags": tags, "updated_at": "2026-08-19T03:00:00Z", "values": values,
            }}));
        }
    }
    let from: usize = asked
        .param("next_record_id")
        .and_then(|id| id.strip_prefix("r+")?.parse().ok())
        .unwrap_or(0);
    let next = from + options.page;
    let next = (next < rows.len()).then(|| format!("r+{next}"));
    let page: Vec<Value> = rows.into_iter().skip(from).take(options.page).collect();
    Reply::json(
        200,
        &json!({"data": page, "meta": {"pagination": {"next_record_id": next}, "aggregates": []}}),
    )
}
