//! The query of Cost Management, computed from the lines of the bill. Strict: what Azure refuses is refused, in its words.

use super::{
    bill::{LAB, Line, SHOP},
    reply::Reply,
};
use finops_decimal::Decimal;
use jiff::{ToSpan, civil::Date};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The billing account that holds everything.
pub const BILLING_ACCOUNT: &str = "providers/Microsoft.Billing/billingAccounts/8f2e:7c1a_2019-05-31";
/// The management group over both subscriptions.
pub const MANAGEMENT_GROUP: &str = "providers/Microsoft.Management/managementGroups/acme";
/// Dimensions that a question may group by and filter.
const DIMENSIONS: [&str; 11] = [
    "ResourceGroupName",
    "ResourceId",
    "ResourceLocation",
    "SubscriptionId",
    "ServiceName",
    "MeterCategory",
    "MeterSubCategory",
    "Meter",
    "ChargeType",
    "PricingModel",
    "PublisherType",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Definition {
    #[serde(rename = "type")]
    kind: String,
    timeframe: String,
    time_period: Period,
    dataset: Dataset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    from: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dataset {
    granularity: String,
    aggregation: BTreeMap<String, Aggregation>,
    #[serde(default)]
    grouping: Vec<Grouping>,
    #[serde(default)]
    filter: Option<Filter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Aggregation {
    name: String,
    function: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grouping {
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Dimensions(Among),
    Tags(Among),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Among {
    name: String,
    operator: String,
    values: Vec<String>,
}

/// How the simulator answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'a> {
    pub(crate) page: usize,
    pub(crate) most_groups: usize,
    pub(crate) cost_column: &'a str,
    /// Days by which the period is shifted without a word.
    pub(crate) shift: i64,
    pub(crate) next_host: &'a str,
    /// Changes with every request: the order of the columns and the name of the sum follow it.
    pub(crate) turn: u64,
}

/// One question as it came.
pub(crate) struct Asked<'a> {
    pub(crate) scope: &'a str,
    pub(crate) skip: usize,
    pub(crate) body: &'a [u8],
}

fn invalid(message: &str) -> Reply {
    let message =
        format!("Invalid query definition: {message} (Request ID: 00000000-0000-4000-8000-000000000000)");
    Reply::error(400, "BadRequest", &message)
}

/// Whether a line lies in a scope; none: there is no such scope.
pub(crate) fn inside(scope: &str, line: &Line) -> Option<bool> {
    let scope = scope.to_ascii_lowercase();
    let known = [SHOP, LAB];
    if scope == BILLING_ACCOUNT.to_ascii_lowercase() {
        return Some(true);
    }
    if scope == MANAGEMENT_GROUP.to_ascii_lowercase() {
        return Some(known.contains(&line.subscription.as_str()));
    }
    let parts: Vec<&str> = scope.split('/').collect();
    match parts.as_slice() {
        ["subscriptions", id] if known.contains(id) => Some(line.subscription == *id),
        ["subscriptions", id, "resourcegroups", group] if known.contains(id) => {
            Some(line.subscription == *id && line.group.eq_ignore_ascii_case(group))
        }
        _ => None,
    }
}

fn value<'l>(line: &'l Line, dimension: &str) -> Option<&'l str> {
    Some(match dimension {
        "ResourceGroupName" => &line.group,
        "ResourceId" => &line.resource,
        "ResourceLocation" => &line.location,
        "SubscriptionId" => &line.subscription,
        "ServiceName" => &line.service,
        "MeterCategory" => &line.category,
        "MeterSubCategory" => &line.subcategory,
        "Meter" => &line.meter,
        "ChargeType" => &line.charge_type,
        "PricingModel" => &line.pricing,
        "PublisherType" => match line.service.as_str() {
            "SaaS" => "Marketplace",
            _ => "Azure",
        },
        _ => return None,
    })
}

impl Filter {
    fn check(&self) -> Result<(), Reply> {
        match self {
            Self::And(parts) | Self::Or(parts) if parts.len() < 2 => {
                Err(invalid("A logical filter needs at least two operands"))
            }
            Self::And(parts) | Self::Or(parts) => parts.iter().try_for_each(Self::check),
            Self::Dimensions(among) if !DIMENSIONS.contains(&among.name.as_str()) => {
                Err(invalid(&format!("Invalid filter dimension: '{}'", among.name)))
            }
            Self::Dimensions(among) | Self::Tags(among)
                if among.operator != "In" || among.values.is_empty() =>
            {
                Err(invalid("A filter needs the operator In and values"))
            }
            Self::Dimensions(_) | Self::Tags(_) => Ok(()),
        }
    }

    fn holds(&self, line: &Line) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(line)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(line)),
            Self::Dimensions(among) => {
                let value = value(line, &among.name).unwrap_or_default();
                // A filter never finds what has no value.
                !value.is_empty() && among.values.iter().any(|one| one.eq_ignore_ascii_case(value))
            }
            Self::Tags(among) => among.name == "team" && among.values.contains(&line.team),
        }
    }
}

fn day(text: &str) -> Result<Date, Reply> {
    let date = text.get(..10).and_then(|date| date.parse().ok());
    date.ok_or_else(|| invalid("Invalid time period"))
}

/// Answers a question.
pub(crate) fn answer<'l>(
    asked: &Asked<'_>,
    lines: impl Iterator<Item = &'l Line>,
    manner: Manner<'_>,
) -> Reply {
    match table(asked, lines, manner) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn table<'l>(
    asked: &Asked<'_>,
    lines: impl Iterator<Item = &'l Line>,
    manner: Manner<'_>,
) -> Result<Reply, Reply> {
    let definition: Definition =
        serde_json::from_slice(asked.body).map_err(|_| invalid("Dataset is invalid or not supplied"))?;
    let Dataset {
        granularity,
        aggregation,
        grouping,
        filter,
    } = &definition.dataset;
    let actual = match definition.kind.as_str() {
        "ActualCost" => true,
        "AmortizedCost" => false,
        _ => return Err(invalid("Invalid type")),
    };
    if definition.timeframe != "Custom" || granularity != "Daily" {
        return Err(invalid("the simulator knows Custom and Daily alone"));
    }
    let (Some((label, sum)), 1) = (aggregation.first_key_value(), aggregation.len()) else {
        return Err(invalid("the simulator sums one column"));
    };
    if sum.function != "Sum" || sum.name != manner.cost_column {
        return Err(invalid(&format!(
            "Invalid dataset aggregation column: '{}'; valid values: '{}','UsageQuantity'",
            sum.name, manner.cost_column
        )));
    }
    if grouping.len() > manner.most_groups {
        return Err(invalid("Too many groupings"));
    }
    if let Some(filter) = filter {
        filter.check()?;
    }
    let wide = !asked.scope.to_ascii_lowercase().starts_with("subscriptions/");
    for group in grouping {
        let fits = match group.kind.as_str() {
            "Dimension" => DIMENSIONS.contains(&group.name.as_str()) && !(wide && group.name == "ResourceId"),
            "TagKey" => true,
            _ => false,
        };
        if !fits {
            let valid = DIMENSIONS.join("','");
            return Err(invalid(&format!(
                "Invalid dataset grouping: '{}'; valid values: '{valid}'",
                group.name
            )));
        }
    }
    let (from, to) = (
        day(&definition.time_period.from)?,
        day(&definition.time_period.to)?,
    );
    if to < from || from.saturating_add(31.days()) <= to {
        return Err(invalid(
            "The time period for pulling the data cannot exceed 31 days",
        ));
    }
    let shifted = |date: Date| date.saturating_sub(manner.shift.days());
    let (from, to) = (shifted(from), shifted(to));
    let mut sums: BTreeMap<(Date, Vec<&str>, &str), Decimal> = BTreeMap::new();
    for line in lines {
        let Some(inside) = inside(asked.scope, line) else {
            return Err(Reply::error(
                404,
                "SubscriptionNotFound",
                "The scope could not be found.",
            ));
        };
        let cost = if actual { line.actual } else { line.amortized };
        let holds =
            inside && (from..=to).contains(&line.day) && filter.as_ref().is_none_or(|one| one.holds(line));
        let Some(cost) = cost.filter(|_| holds) else {
            continue;
        };
        let keys = grouping.iter().map(|group| match group.kind.as_str() {
            "TagKey" if group.name == "team" => line.team.as_str(),
            "TagKey" => "",
            _ => value(line, &group.name).unwrap_or_default(),
        });
        let sum = sums
            .entry((line.day, keys.collect(), &line.currency))
            .or_default();
        *sum = sum.checked_add(cost).map_err(|_| invalid("Overflow"))?;
    }
    if sums.is_empty() {
        return Ok(Reply::no_content());
    }
    Ok(page(asked, &sums, grouping, (label, &sum.name), manner))
}

fn page(
    asked: &Asked<'_>,
    sums: &BTreeMap<(Date, Vec<&str>, &str), Decimal>,
    grouping: &[Grouping],
    (label, column): (&str, &str),
    manner: Manner<'_>,
) -> Reply {
    // Newer versions of the API name the sum after its key, older ones after its column.
    let total = if manner.turn.is_multiple_of(2) {
        label
    } else {
        column
    };
    let mut names = vec![(total, "Number"), ("UsageDate", "Number")];
    for group in grouping {
        match group.kind.as_str() {
            "TagKey" => names.extend([("TagKey", "String"), ("TagValue", "String")]),
            _ => names.push((&group.name, "String")),
        }
    }
    names.push(("Currency", "String"));
    let turn = usize::try_from(manner.turn).unwrap_or_default() % names.len();
    let row = |((day, keys, currency), sum): (&(Date, Vec<&str>, &str), &Decimal)| {
        let date: u32 = day.strftime("%Y%m%d").to_string().parse().unwrap_or_default();
        let mut cells = vec![number(*sum), json!(date)];
        for (group, key) in grouping.iter().zip(keys) {
            if group.kind == "TagKey" {
                cells.push(json!(group.name));
            }
            cells.push(json!(key));
        }
        cells.push(json!(currency));
        cells.rotate_left(turn);
        Value::Array(cells)
    };
    let rows: Vec<Value> = sums.iter().skip(asked.skip).take(manner.page).map(row).collect();
    let next = asked.skip + rows.len();
    let link = (next < sums.len()).then(|| {
        format!(
            "https://{}/{}/providers/Microsoft.CostManagement/query?api-version=2023-03-01&$skiptoken={next}",
            manner.next_host, asked.scope
        )
    });
    let mut columns: Vec<Value> = names
        .iter()
        .map(|(name, kind)| json!({"name": name, "type": kind}))
        .collect();
    columns.rotate_left(turn);
    let path = format!("{}/providers/Microsoft.CostManagement/query/7c1e", asked.scope);
    Reply::json(&json!({"id": path, "name": "7c1e", "type": "Microsoft.CostManagement/query", "location": null, "sku": null,
        "eTag": null, "properties": {"nextLink": link, "columns": columns, "rows": rows}}))
    .header("x-ms-ratelimit-microsoft.costmanagement-qpu-consumed", "1")
    .header(
        "x-ms-ratelimit-microsoft.costmanagement-qpu-remaining",
        "QueryPerHour:599;QueryPerMinute:59;QueryPer10Sec:11",
    )
}

/// A cost as .NET writes a double: small ones with an exponent.
fn number(cost: Decimal) -> Value {
    let text = cost.to_string();
    let small = text
        .trim_start_matches('-')
        .strip_prefix("0.0000")
        .map(str::to_owned);
    let written = match small {
        Some(fraction) => {
            let digits = fraction.trim_start_matches('0');
            let exponent = 5 + fraction.len() - digits.len();
            let (first, rest) = digits.split_at(1);
            let sign = if cost.is_negative() { "-" } else { "" };
            let rest = if rest.is_empty() { "0" } else { rest };
            format!("{sign}{first}.{rest}E-{exponent:02}")
        }
        None if text.contains('.') => text,
        None => format!("{text}.0"),
    };
    serde_json::from_str(&written).unwrap_or(Value::Null)
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
