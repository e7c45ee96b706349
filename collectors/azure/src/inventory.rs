//! What is running, from Resource Graph: observations, and the machines that estimates are made of.
//! Dimensions name the thing; what changes about it is a number, since the newest number of the same dimensions is what counts.
//! What must hold: what was seen on the pages before a failure is stored all the same.

use crate::{api::Api, refusal::Refusal, scope::Scope, settings::Settings};
use finops_collector::{
    Decimal, Failure, HttpRequest, Instant, Observation, Source, excerpt, jiff::Timestamp,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Version of Resource Graph.
const VERSION: &str = "2021-03-01";
/// Resources on a page; Azure gives no more.
const PAGE: u32 = 1_000;
/// Observations in one call to the host.
const BATCH: usize = 1_000;
/// Tags that an observation takes along, in the order of their names.
const TAGS: usize = 40;
/// What is looked for. `order by` keeps the pages apart.
const QUERY: &str = "Resources | where type in~ ('microsoft.compute/virtualmachines', \
    'microsoft.containerservice/managedclusters', 'microsoft.web/sites', 'microsoft.storage/storageaccounts', \
    'microsoft.sql/servers/databases') | project id, name, type, location, kind, sku, tags, resourceGroup, subscriptionId, \
    vmSize = properties.hardwareProfile.vmSize, powerState = properties.extended.instanceView.powerState.code, \
    clusterState = properties.powerState.code, pools = properties.agentPoolProfiles, state = properties.state, \
    status = properties.status, created = properties.timeCreated, os = properties.storageProfile.osDisk.osType, \
    priority = properties.priority | order by id asc";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    data: Vec<Thing>,
    #[serde(rename = "$skipToken", default)]
    skip_token: Option<String>,
    #[serde(default)]
    total_records: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thing {
    id: String,
    #[serde(rename = "type")]
    kind_of: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    location: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    sku: Option<Value>,
    #[serde(default)]
    tags: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    subscription_id: Option<String>,
    #[serde(default)]
    resource_group: Option<String>,
    #[serde(default)]
    vm_size: Option<String>,
    #[serde(default)]
    power_state: Option<String>,
    #[serde(default)]
    cluster_state: Option<String>,
    #[serde(default)]
    pools: Option<Vec<Pool>>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    priority: Option<String>,
}

/// A virtual machine that runs now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// In lower case.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) subscription: String,
    pub(crate) region: String,
    pub(crate) size: String,
    /// `Windows` or `Linux`; empty where Azure does not say.
    pub(crate) os: String,
    /// `Spot`, `Low` or `Regular`; empty: regular.
    pub(crate) priority: String,
    /// When it was made; the bill of a machine that was stopped meanwhile begins later.
    pub(crate) created: Option<Instant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pool {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    count: Option<Decimal>,
    #[serde(default)]
    vm_size: Option<String>,
}

/// Looks at all pages, stores what is observed where that is wanted, and gives the machines that run.
///
/// # Errors
/// Where the pages are not whole: then nothing can be estimated.
pub(crate) fn look(
    api: &Api<'_>,
    settings: &Settings,
    scope: &Scope,
    now: Instant,
) -> Result<Vec<Machine>, Failure> {
    let mut subscriptions = settings.inventory_subscriptions.clone();
    if subscriptions.is_empty() {
        subscriptions.extend(scope.subscription().map(str::to_owned));
    }
    let mut seen = Seen {
        api,
        source: scope.source(),
        now,
        made: Vec::new(),
        machines: Vec::new(),
    };
    let looked = pages(api, settings, &subscriptions, |thing| {
        let inside = scope.resource_group().is_none_or(|group| {
            let own = thing.resource_group.as_deref();
            own.is_some_and(|own| own.eq_ignore_ascii_case(group))
        });
        if inside {
            seen.thing(&thing);
        }
    });
    let wanted = if settings.inventory {
        seen.made.as_slice()
    } else {
        &[]
    };
    let stored = wanted.chunks(BATCH).try_for_each(|batch| api.host.observe(batch));
    looked
        .map_err(Failure::from)
        .and(stored)
        .map_err(|failure| failure.context("inventory"))?;
    Ok(seen.machines)
}

fn pages(
    api: &Api<'_>,
    settings: &Settings,
    subscriptions: &[String],
    mut each: impl FnMut(Thing),
) -> Result<(), Refusal> {
    let operation = "Resource Graph";
    let url = settings.management_url(&format!(
        "providers/Microsoft.ResourceGraph/resources?api-version={VERSION}"
    ));
    let mut tokens = BTreeSet::new();
    let mut token: Option<String> = None;
    let mut count = 0;
    loop {
        let mut options = json!({"$top": PAGE, "resultFormat": "objectArray"});
        let mut body = json!({"query": QUERY});
        if let (Some(token), Some(options)) = (&token, options.as_object_mut()) {
            options.insert("$skipToken".to_owned(), json!(token));
        }
        if let Some(body) = body.as_object_mut() {
            body.insert("options".to_owned(), options);
            // Without any, all that the identity sees is asked for.
            if !subscriptions.is_empty() {
                body.insert("subscriptions".to_owned(), json!(subscriptions));
            }
        }
        let request = HttpRequest::post(&url).json(&body)?.repeatable();
        let page: Page = api
            .send(&request, operation)?
            .json()
            .map_err(|failure| failure.context(operation))?;
        count += u64::try_from(page.data.len()).unwrap_or(u64::MAX);
        page.data.into_iter().for_each(&mut each);
        let Some(next) = page.skip_token.filter(|token| !token.is_empty()) else {
            return match page.total_records {
                Some(total) if total > count => Err(Failure::incomplete(format_args!(
                    "{operation}: the pages have {count} of {total} resources"
                ))
                .into()),
                _ => Ok(()),
            };
        };
        if !tokens.insert(next.clone()) {
            return Err(Failure::malformed(format_args!("{operation}: the pages lead in a circle")).into());
        }
        token = Some(next);
    }
}

/// What was seen.
struct Seen<'a> {
    api: &'a Api<'a>,
    source: Source,
    now: Instant,
    made: Vec<Observation>,
    machines: Vec<Machine>,
}

impl Seen<'_> {
    fn thing(&mut self, thing: &Thing) {
        let one = |on: bool| if on { Decimal::ONE } else { Decimal::ZERO };
        let says = |state: &Option<String>, word: &str| {
            state
                .as_deref()
                .is_some_and(|state| state.to_ascii_lowercase().ends_with(word))
        };
        let size = ("size", thing.vm_size.clone().unwrap_or_default());
        let sku = ("sku", sku(thing.sku.as_ref()));
        let kind = ("kind", thing.kind.clone().unwrap_or_default());
        match thing.kind_of.to_ascii_lowercase().as_str() {
            "microsoft.compute/virtualmachines" => {
                let on = says(&thing.power_state, "/running") || says(&thing.power_state, "/starting");
                self.see(("instance", "Instances"), one(on), thing, &[size]);
                if on {
                    self.machines.push(machine(thing));
                }
            }
            "microsoft.containerservice/managedclusters" => {
                let stopped = says(&thing.cluster_state, "stopped");
                self.see(("cluster", "Clusters"), one(!stopped), thing, &[sku]);
                for pool in thing.pools.iter().flatten() {
                    let name = ("pool", pool.name.clone().unwrap_or_default());
                    let size = ("size", pool.vm_size.clone().unwrap_or_default());
                    let nodes = pool.count.unwrap_or_default();
                    self.see(("nodes", "Nodes"), nodes, thing, &[name, size]);
                }
            }
            "microsoft.web/sites" => {
                let on = says(&thing.state, "running");
                self.see(("site", "Sites"), one(on), thing, &[kind]);
            }
            "microsoft.storage/storageaccounts" => {
                self.see(("storage-account", "Accounts"), Decimal::ONE, thing, &[kind, sku]);
            }
            "microsoft.sql/servers/databases" => {
                let paused = says(&thing.status, "paused");
                self.see(("database", "Databases"), one(!paused), thing, &[sku]);
            }
            other => {
                let shown = excerpt(other, 60);
                self.api.warn_once(format!(
                    "a resource of type `{shown}` was not asked for and is passed over"
                ));
            }
        }
    }

    /// Notes a number. Dimensions without a value are left out.
    fn see(&mut self, (name, unit): (&str, &str), value: Decimal, thing: &Thing, more: &[(&str, String)]) {
        let lower = |text: &Option<String>| text.clone().unwrap_or_default().to_ascii_lowercase();
        let mut all = vec![
            ("resource", thing.id.to_ascii_lowercase()),
            ("name", thing.name.clone().unwrap_or_default()),
            ("region", thing.location.clone().unwrap_or_default()),
            ("subscription", lower(&thing.subscription_id)),
            ("resource-group", lower(&thing.resource_group)),
        ];
        all.extend(more.iter().cloned());
        let named = all.into_iter().filter(|(_, value)| !value.is_empty());
        let mut dimensions: Vec<(String, String)> =
            named.map(|(name, value)| (name.to_owned(), value)).collect();
        let tags = thing.tags.iter().flatten();
        if thing.tags.as_ref().is_some_and(|tags| tags.len() > TAGS) {
            self.api.warn_once(format!(
                "a resource has more than {TAGS} tags: the first {TAGS} are kept"
            ));
        }
        dimensions.extend(tags.take(TAGS).map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (format!("tag:{name}"), value)
        }));
        self.made.push(Observation {
            name: name.to_owned(),
            source: self.source.clone(),
            at: self.now,
            dimensions,
            value,
            unit: unit.to_owned(),
        });
    }
}

fn machine(thing: &Thing) -> Machine {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let created = thing
        .created
        .as_deref()
        .and_then(|text| text.parse::<Timestamp>().ok());
    Machine {
        id: thing.id.to_ascii_lowercase(),
        name: text(&thing.name),
        subscription: text(&thing.subscription_id).to_ascii_lowercase(),
        region: text(&thing.location),
        size: text(&thing.vm_size),
        os: text(&thing.os),
        priority: text(&thing.priority),
        created: created.map(|at| at.as_second()),
    }
}

/// A SKU's name; it is an object for most types.
fn sku(sku: Option<&Value>) -> String {
    let name = sku.and_then(|sku| sku.as_str().or_else(|| sku.get("name")?.as_str()));
    name.unwrap_or_default().to_owned()
}
