//! Subscriptions and databases as observations. A database's reply holds its password in clear: it is passed over while it is read,
//! and never becomes a value here.
//! What must hold: a list that cannot be read whole is warned of and not counted; money never depends on it.

use crate::{api::Api, one_or_many::OneOrMany, settings::Settings};
use finops_collector::{Counts, Decimal, Failure, Request, Source, amount, excerpt};
use serde::Deserialize;
use serde_json::Number;
use std::collections::BTreeSet;

/// Databases on a page.
const PAGE: usize = 100;

/// The two kinds of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Pro,
    Essentials,
}

impl Plan {
    fn name(self) -> &'static str {
        match self {
            Self::Pro => "pro",
            Self::Essentials => "essentials",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Pro => "/subscriptions",
            Self::Essentials => "/fixed/subscriptions",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscriptions {
    #[serde(default)]
    account_id: Option<Number>,
    #[serde(default)]
    subscriptions: Vec<Subscription>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    id: u64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    payment_method_type: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    subscription: OneOrMany<Holder>,
}

#[derive(Deserialize)]
struct Holder {
    #[serde(default)]
    databases: Vec<Database>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Database {
    database_id: u64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    provider: Option<String>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    memory_limit_in_gb: Option<Number>,
    #[serde(default)]
    memory_used_in_mb: Option<Number>,
    #[serde(default)]
    clustering: Option<Clustering>,
    #[serde(default)]
    throughput_measurement: Option<Throughput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Clustering {
    #[serde(default)]
    number_of_shards: Option<Number>,
}

#[derive(Deserialize)]
struct Throughput {
    #[serde(default)]
    by: Option<String>,
    #[serde(default)]
    value: Option<Number>,
}

/// Lists everything and stores the counts.
///
/// # Errors
/// The host's, where it refuses an observation. What Redis Cloud refuses is warned of.
pub(crate) fn observe(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    source: &Source,
) -> Result<(), Failure> {
    if !settings.inventory {
        return Ok(());
    }
    let mut counts = Counts::default();
    for plan in [Plan::Pro, Plan::Essentials] {
        let subscriptions = match subscriptions(api, settings, plan) {
            Ok(subscriptions) => subscriptions,
            Err(failure) => {
                api.warn_once(format!(
                    "subscriptions of the plan {} are not counted: {failure}",
                    plan.name()
                ));
                continue;
            }
        };
        for subscription in subscriptions {
            count_subscription(&mut counts, plan, &subscription)?;
            match databases(api, plan, &subscription) {
                Ok(counted) => counts.extend(counted),
                Err(failure) => api.warn_once(format!(
                    "databases of the subscription {} are not counted: {failure}",
                    subscription.id
                )),
            }
        }
    }
    counts.observe(api.host, source, request.now)
}

fn subscriptions(api: &Api<'_>, settings: &Settings, plan: Plan) -> Result<Vec<Subscription>, Failure> {
    let what = "the list of subscriptions";
    let response = match api.get(plan.path(), what) {
        // An account without any may be told so.
        Err(failure) if failure.status == Some(404) => {
            api.host.info(format_args!(
                "there are no subscriptions of the plan {}",
                plan.name()
            ));
            return Ok(Vec::new());
        }
        other => other?,
    };
    let list: Subscriptions = response.json().map_err(|failure| failure.context(what))?;
    let other = list.account_id.map(|id| id.to_string());
    if let Some(other) = other.filter(|id| *id != settings.account) {
        api.warn_once(format!(
            "the keys are of the account {}, [settings] account says another",
            excerpt(&other, 40)
        ));
    }
    for subscription in &list.subscriptions {
        let paid = subscription.payment_method_type.as_deref().unwrap_or_default();
        if paid.contains("marketplace") && settings.invoice_issuer.is_none() {
            api.warn_once(format!(
                "the subscription {} is paid through a marketplace, whose bill has its money, too: where both are read, set count = false \
                 in [collector] of one of them; invoice-issuer names who sends the invoice",
                subscription.id
            ));
        }
    }
    Ok(list.subscriptions)
}

/// Counts a subscription's databases.
fn databases(api: &Api<'_>, plan: Plan, subscription: &Subscription) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    for database in list(api, plan, subscription)? {
        count_database(&mut counts, subscription, &database)?;
    }
    Ok(counts)
}

fn list(api: &Api<'_>, plan: Plan, subscription: &Subscription) -> Result<Vec<Database>, Failure> {
    let what = "the list of databases";
    let mut seen = BTreeSet::new();
    let mut databases: Vec<Database> = Vec::new();
    loop {
        let path = format!(
            "{}/{}/databases?offset={}&limit={PAGE}",
            plan.path(),
            subscription.id,
            databases.len()
        );
        let response = match api.get(&path, what) {
            Err(failure) if failure.status == Some(404) => return Ok(databases),
            other => other?,
        };
        let page: Page = response.json().map_err(|failure| failure.context(what))?;
        let holders = page.subscription.0.into_iter();
        let found: Vec<Database> = holders.flat_map(|holder| holder.databases).collect();
        let count = found.len();
        let before = databases.len();
        databases.extend(
            found
                .into_iter()
                .filter(|database| seen.insert(database.database_id)),
        );
        if count < PAGE {
            return Ok(databases);
        }
        if databases.len() == before {
            return Err(Failure::malformed(format_args!(
                "{what}: the pages repeat themselves"
            )));
        }
    }
}

fn count_subscription(counts: &mut Counts, plan: Plan, subscription: &Subscription) -> Result<(), Failure> {
    let dimensions = [
        ("plan", plan.name()),
        ("status", text(&subscription.status)),
        ("payment", text(&subscription.payment_method_type)),
    ];
    counts.add(("subscriptions", "Subscriptions"), &dimensions, Decimal::ONE)
}

fn count_database(
    counts: &mut Counts,
    subscription: &Subscription,
    database: &Database,
) -> Result<(), Failure> {
    let (of, id) = (subscription.id.to_string(), database.database_id.to_string());
    let owner = [
        ("subscription", of.as_str()),
        ("subscription-name", text(&subscription.name)),
    ];
    let place = [
        ("provider", text(&database.provider)),
        ("region", text(&database.region)),
    ];
    let status = [("status", text(&database.status))];
    counts.add(
        ("databases", "Databases"),
        &[owner.as_slice(), &place, &status].concat(),
        Decimal::ONE,
    )?;
    let this = [("database", id.as_str()), ("name", text(&database.name))];
    let this = [owner.as_slice(), &place, &this].concat();
    let shards = database
        .clustering
        .as_ref()
        .and_then(|of| of.number_of_shards.as_ref());
    for (kind, number) in [
        (
            ("database-memory-limit", "GB"),
            database.memory_limit_in_gb.as_ref(),
        ),
        (
            ("database-memory-used", "MB"),
            database.memory_used_in_mb.as_ref(),
        ),
        (("database-shards", "Shards"), shards),
    ] {
        if let Some(value) = exact(number)? {
            counts.add(kind, &this, value)?;
        }
    }
    if let Some(throughput) = &database.throughput_measurement
        && let Some(value) = exact(throughput.value.as_ref())?
    {
        let by = [("by", text(&throughput.by))];
        let this = [this.as_slice(), &by].concat();
        counts.add(("database-throughput", "Operations"), &this, value)?;
    }
    Ok(())
}

fn text(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

fn exact(number: Option<&Number>) -> Result<Option<Decimal>, Failure> {
    number.map_or(Ok(None), |number| amount(&number.to_string()))
}
