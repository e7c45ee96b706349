//! Resource Graph: a small evaluator of `Resources | where type in~ (...) | project ... | order by id asc` over the tenant's
//! resources.

use super::{
    Options,
    bill::{LAB, SHOP},
    machines,
    reply::Reply,
};
use serde_json::{Map, Value, json};

/// The tenant's resources, as Resource Graph keeps them.
pub(crate) fn resources() -> Vec<Value> {
    let resource = |subscription: &str, group: &str, kind: &str, name: &str, more: Value| {
        let (provider, types) = kind.split_once('/').unwrap_or_default();
        let path = match types.split_once('/') {
            Some((parent, child)) => format!("{parent}/main/{child}/{name}"),
            None => format!("{types}/{name}"),
        };
        let mut row = json!({
            "id": format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/{path}"),
            "name": name, "type": kind.to_ascii_lowercase(), "location": "westeurope", "resourceGroup": group.to_ascii_lowercase(),
            "subscriptionId": subscription, "tags": null, "kind": "", "sku": null, "properties": {},
        });
        if let (Some(row), Value::Object(more)) = (row.as_object_mut(), more) {
            row.extend(more);
        }
        row
    };
    let machine = |size: &str, state: &str| {
        json!({"tags": {"team": "web"}, "properties": {"hardwareProfile": {"vmSize": size},
            "extended": {"instanceView": {"powerState": {"code": format!("PowerState/{state}")}}}}})
    };
    let (vm, pools) = (
        "Microsoft.Compute/virtualMachines",
        json!([{"name": "system", "count": 2, "vmSize": "Standard_D2s_v5"}, {"name": "pool1", "count": 3, "vmSize": "Standard_D4s_v5"}]),
    );
    vec![
        resource(
            SHOP,
            "rg-web",
            vm,
            "web-01",
            machine("Standard_D2s_v5", "running"),
        ),
        resource(
            SHOP,
            "RG-WEB",
            vm,
            "web-02",
            machine("Standard_D2s_v5", "deallocated"),
        ),
        resource(LAB, "rg-lab", vm, "LAB-01", machine("Standard_B2s", "running")),
        resource(
            SHOP,
            "rg-aks",
            "Microsoft.ContainerService/managedClusters",
            "prod",
            json!({"sku": {"name": "Base", "tier": "Standard"},
                "properties": {"powerState": {"code": "Running"}, "agentPoolProfiles": pools}}),
        ),
        resource(
            SHOP,
            "rg-web",
            "Microsoft.Web/sites",
            "fn-orders",
            json!({"kind": "functionapp,linux", "properties": {"state": "Running"}}),
        ),
        resource(
            SHOP,
            "rg-data",
            "Microsoft.Storage/storageAccounts",
            "acmelogs",
            json!({"kind": "StorageV2", "sku": {"name": "Standard_LRS", "tier": "Standard"}}),
        ),
        resource(
            SHOP,
            "rg-data",
            "Microsoft.Sql/servers/databases",
            "orders",
            json!({"sku": {"name": "GP_S_Gen5", "capacity": 2}, "properties": {"status": "Paused"}}),
        ),
        resource(
            SHOP,
            "rg-web",
            "Microsoft.Network/virtualNetworks",
            "vnet",
            json!({}),
        ),
    ]
}

fn refused(message: &str) -> Reply {
    Reply::error(400, "BadRequest", message)
}

/// Answers a query, a page of at most so many rows.
pub(crate) fn answer(body: &[u8], options: &Options) -> Reply {
    let page = options.resources_per_page;
    let Ok(asked) = serde_json::from_slice::<Value>(body) else {
        return refused("The request body is no JSON.");
    };
    let query = asked.get("query").and_then(Value::as_str).unwrap_or_default();
    let Some(rows) = rows(query, options.rents) else {
        return refused("The simulator does not know this query.");
    };
    let subscriptions: Option<Vec<&str>> = asked
        .get("subscriptions")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect());
    let inside = |row: &Value| {
        let own = row
            .get("subscriptionId")
            .and_then(Value::as_str)
            .unwrap_or_default();
        subscriptions.as_ref().is_none_or(|list| list.contains(&own))
    };
    let rows: Vec<Value> = rows.into_iter().filter(inside).collect();
    let options = asked.get("options").cloned().unwrap_or_default();
    let top = options.get("$top").and_then(Value::as_u64).unwrap_or(100);
    let top = usize::try_from(top).unwrap_or(page).min(page).min(1_000);
    let skip = options
        .get("$skipToken")
        .and_then(Value::as_str)
        .map_or(Some(0), |token| token.parse().ok());
    let Some(skip) = skip else {
        return refused("The skip token is invalid.");
    };
    let shown: Vec<&Value> = rows.iter().skip(skip).take(top).collect();
    let mut reply = json!({"totalRecords": rows.len(), "count": shown.len(), "resultTruncated": "false", "facets": [], "data": shown});
    let next = skip + shown.len();
    if next < rows.len()
        && let Some(reply) = reply.as_object_mut()
    {
        reply.insert("$skipToken".to_owned(), json!(next.to_string()));
    }
    Reply::json(&reply)
        .header("x-ms-user-quota-remaining", "14")
        .header("x-ms-user-quota-resets-after", "00:00:05")
}

/// The rows of a query; none where it is not understood.
fn rows(query: &str, rents: bool) -> Option<Vec<Value>> {
    let mut steps = query.split('|').map(str::trim);
    if steps.next()? != "Resources" {
        return None;
    }
    let mut rows = resources();
    if rents {
        rows.extend(machines::resources(SHOP));
    }
    for step in steps {
        let (verb, rest) = step.split_once(' ')?;
        match verb {
            "where" => {
                let list = rest.strip_prefix("type in~ (")?.strip_suffix(')')?;
                let kinds: Vec<String> = list
                    .split(',')
                    .map(|kind| kind.trim().trim_matches('\'').to_ascii_lowercase())
                    .collect();
                rows.retain(|row| {
                    row.get("type")
                        .and_then(Value::as_str)
                        .is_some_and(|kind| kinds.iter().any(|one| one == kind))
                });
            }
            "project" => {
                rows = rows.iter().map(|row| project(row, rest)).collect::<Option<_>>()?;
            }
            "order" => {
                let by = rest.strip_prefix("by ")?.strip_suffix(" asc")?;
                rows.sort_by_key(|row| row.get(by).map(ToString::to_string));
            }
            _ => return None,
        }
    }
    Some(rows)
}

fn project(row: &Value, columns: &str) -> Option<Value> {
    let mut shown = Map::new();
    for column in columns.split(',').map(str::trim) {
        let (name, path) = column.split_once(" = ").unwrap_or((column, column));
        let value = path.split('.').try_fold(row, |at, part| at.get(part));
        shown.insert(name.to_owned(), value.cloned().unwrap_or(Value::Null));
    }
    (!shown.is_empty()).then_some(Value::Object(shown))
}
