//! What all of Snowflake's records have in common, and which words of Snowflake's are known.
//! What must hold: an unknown word passes through as it is, with one warning; nothing is dropped.

use crate::views::Identity;
use finops_collector::{
    CostRecord, Decimal, Host, Period,
    record::{ChargeCategory, ChargeFrequency, Location, SubAccount},
};
use std::{cell::RefCell, collections::BTreeSet};

/// Service types that Snowflake documents.
const SERVICES: [&str; 27] = [
    "AI_SERVICES",
    "AUTOMATIC_CLUSTERING",
    "AUTO_CLUSTERING",
    "CLOUD_SERVICES",
    "COPY_FILES",
    "DATA_QUALITY_MONITORING",
    "DATA_TRANSFER",
    "EXTERNAL_ACCESS",
    "HYBRID_TABLE_REQUESTS",
    "LOGGING",
    "MATERIALIZED_VIEW",
    "OUTBOUND_PRIVATELINK_ENDPOINT",
    "PIPE",
    "QUERY_ACCELERATION",
    "REPLICATION",
    "SEARCH_OPTIMIZATION",
    "SENSITIVE_DATA_CLASSIFICATION",
    "SERVERLESS_ALERTS",
    "SERVERLESS_TASK",
    "SNOWPARK_CONTAINER_SERVICES",
    "SNOWPIPE",
    "SNOWPIPE_STREAMING",
    "STORAGE",
    "TELEMETRY_DATA_INGEST",
    "TRUST_CENTER",
    "WAREHOUSE_METERING",
    "WAREHOUSE_METERING_READER",
];

/// Warnings, each given once.
pub(crate) struct Warnings<'h> {
    host: &'h dyn Host,
    given: RefCell<BTreeSet<String>>,
}

impl<'h> Warnings<'h> {
    pub(crate) fn new(host: &'h dyn Host) -> Self {
        Self {
            host,
            given: RefCell::default(),
        }
    }

    /// Warns, unless the same was said before.
    pub(crate) fn once(&self, warning: String) {
        if !self.given.borrow().contains(&warning) {
            self.host.warn(&warning);
            self.given.borrow_mut().insert(warning);
        }
    }

    /// Warns of a service type or a currency that is not known.
    pub(crate) fn check(&self, service: &str, currency: &str) {
        if !SERVICES.contains(&service) {
            let service = finops_collector::excerpt(service, 60);
            self.once(format!(
                "the service type `{service}` is not known: it is passed on as it is"
            ));
        }
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let currency = finops_collector::excerpt(currency, 20);
            self.once(format!(
                "the currency `{currency}` is no ISO 4217 code: it is passed on as it is"
            ));
        }
    }
}

/// FOCUS ServiceCategory of a service type.
pub(crate) fn category_of(service: &str) -> &'static str {
    match service {
        "STORAGE" => "Storage",
        "DATA_TRANSFER" => "Networking",
        _ => "Databases",
    }
}

/// FOCUS ChargeCategory of a row of the currency view.
pub(crate) fn charge_category(
    adjustment: bool,
    billing: Option<&str>,
    warnings: &Warnings<'_>,
) -> ChargeCategory {
    if adjustment {
        return ChargeCategory::Adjustment;
    }
    let Some(billing) = billing else {
        return ChargeCategory::Usage;
    };
    match billing.to_ascii_lowercase().replace('_', " ").as_str() {
        "consumption" => ChargeCategory::Usage,
        "rebate" | "support credit" => ChargeCategory::Credit,
        "priority support" | "vps deployment fee" => ChargeCategory::Purchase,
        _ => {
            let billing = finops_collector::excerpt(billing, 60);
            warnings.once(format!(
                "the billing type `{billing}` is not known: its rows are taken as usage"
            ));
            ChargeCategory::Usage
        }
    }
}

impl Identity {
    /// A usage record of this account.
    pub(crate) fn record(&self, period: Period, service: &str, cost: Decimal, currency: &str) -> CostRecord {
        CostRecord {
            frequency: Some(ChargeFrequency::UsageBased),
            sub_account: Some(SubAccount {
                id: self.locator.clone(),
                name: Some(self.account.clone()),
                kind: None,
            }),
            region: Some(Location {
                id: self.region.clone(),
                name: None,
                zone: None,
            }),
            ..CostRecord::new(
                period,
                &self.organization,
                "Snowflake",
                (service, category_of(service)),
                (cost, currency),
            )
        }
    }
}
