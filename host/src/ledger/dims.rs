//! The posting key: all that a destination receives of a record, at its roll-up. Pure.
//! What must hold: two records that a destination could tell apart have different keys; finality, description,
//! measures and price cards are never in it. Names are: a renamed line is posted off the old name and onto the new.

use super::{
    error::damaged,
    record::{CostRecord, basis_name},
    store::{Hash, LedgerError, digest_parts},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The dimensions that `group-by` may name, beside `tag:NAME` and `x_NAME`.
pub const GROUPABLE: [&str; 16] = [
    "billing_account",
    "billing_account_name",
    "sub_account",
    "sub_account_name",
    "service",
    "service_category",
    "service_subcategory",
    "region",
    "resource_id",
    "resource_name",
    "resource_type",
    "sku",
    "sku_price",
    "invoice_id",
    "tags",
    "extra",
];

/// The dimensions of a posting as the destination receives them: `posting.dims`, in this order. Stream, partition,
/// basis, charge category, charge period, provider and currency are always there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PostingDims {
    pub stream: String,
    pub partition_start: Timestamp,
    pub basis: String,
    pub charge_category: String,
    pub charge_start: Timestamp,
    pub charge_end: Timestamp,
    /// The source's provider, lower-case.
    pub provider: String,
    pub currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_account_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_account_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_subcategory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku_price: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

/// Where a record stands, for its posting.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) stream: String,
    pub(super) provider: String,
    pub(super) partition_start: Timestamp,
}

/// What a destination receives of the dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RollUp {
    /// Every dimension.
    Every,
    /// These, and those that are always there.
    Only(BTreeSet<String>),
}

impl RollUp {
    /// From the JSON array of `destination.group_by`.
    pub(super) fn read(group_by: Option<&str>) -> Result<Self, LedgerError> {
        let Some(json) = group_by else {
            return Ok(Self::Every);
        };
        serde_json::from_str(json)
            .map(Self::Only)
            .map_err(|error| damaged("group-by", error))
    }

    fn takes(&self, dimension: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Only(dimensions) => dimensions.contains(dimension),
        }
    }

    fn keep(&self, dimension: &str, value: Option<String>) -> Option<String> {
        value.filter(|_| self.takes(dimension))
    }
}

/// Why `name` cannot stand in `group-by`; `None`: it can.
pub(super) fn not_groupable(name: &str) -> Option<String> {
    let known = GROUPABLE.contains(&name);
    let further = ["tag:", "x_"]
        .iter()
        .any(|prefix| name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()));
    (!known && !further).then(|| {
        format!(
            "group-by does not know {name:?}; it takes tag:NAME, x_NAME and {}",
            GROUPABLE.join(", ")
        )
    })
}

/// The posting dimensions of a record at a roll-up.
pub(super) fn dims(place: &Place, record: CostRecord, roll_up: &RollUp) -> PostingDims {
    let mut tags = record.tags;
    if !roll_up.takes("tags") {
        tags.retain(|name, _| roll_up.takes(&format!("tag:{name}")));
    }
    let mut extra = record.extra;
    if !roll_up.takes("extra") {
        extra.retain(|name, _| roll_up.takes(name));
    }
    PostingDims {
        stream: place.stream.clone(),
        partition_start: place.partition_start,
        basis: basis_name(record.basis).to_owned(),
        charge_category: record.charge_category.name().to_owned(),
        charge_start: record.charge_period.start(),
        charge_end: record.charge_period.end(),
        provider: place.provider.clone(),
        currency: record.billing_currency,
        billing_account: roll_up.keep("billing_account", Some(record.billing_account_id)),
        billing_account_name: roll_up.keep("billing_account_name", record.billing_account_name),
        sub_account: roll_up.keep("sub_account", record.sub_account_id),
        sub_account_name: roll_up.keep("sub_account_name", record.sub_account_name),
        service: roll_up.keep("service", Some(record.service_name)),
        service_category: roll_up.keep("service_category", Some(record.service_category)),
        service_subcategory: roll_up.keep("service_subcategory", record.service_subcategory),
        region: roll_up.keep("region", record.region_id),
        resource_id: roll_up.keep("resource_id", record.resource_id),
        resource_name: roll_up.keep("resource_name", record.resource_name),
        resource_type: roll_up.keep("resource_type", record.resource_type),
        sku: roll_up.keep("sku", record.sku_id),
        sku_price: roll_up.keep("sku_price", record.sku_price_id),
        invoice_id: roll_up.keep("invoice_id", record.invoice_id),
        tags,
        extra,
    }
}

/// The dimensions as they are stored, and the posting key: their hash.
pub(super) fn posting_key(dims: &PostingDims) -> Result<(String, Hash), LedgerError> {
    let json = serde_json::to_string(dims).map_err(|error| damaged("posting", error))?;
    let key = digest_parts([json.as_bytes()]);
    Ok((json, key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::{record::Finality, sample};

    const HOUR: &str = "2026-08-01T00:00:00Z";

    fn place() -> Place {
        Place {
            stream: "daily".to_owned(),
            provider: "acme".to_owned(),
            partition_start: sample::at(HOUR),
        }
    }

    fn key(record: &CostRecord, roll_up: &RollUp) -> Hash {
        posting_key(&dims(&place(), record.clone(), roll_up)).unwrap().1
    }

    #[test]
    fn a_renamed_or_retagged_line_is_another_posting_and_a_settled_one_is_not() {
        let one = sample::record(HOUR, "Compute", "1");
        let mut settled = one.clone();
        settled.finality = Finality::Final;
        settled.charge_description = Some("words".to_owned());
        settled.price_card = Some("card".to_owned());
        settled.effective_cost = "2".parse().unwrap();
        assert_eq!(key(&one, &RollUp::Every), key(&settled, &RollUp::Every));
        let mut renamed = one.clone();
        renamed.resource_name = Some("box".to_owned());
        let mut tagged = one.clone();
        tagged.tags.insert("team".to_owned(), "red".to_owned());
        assert_ne!(key(&one, &RollUp::Every), key(&renamed, &RollUp::Every));
        assert_ne!(key(&one, &RollUp::Every), key(&tagged, &RollUp::Every));
    }

    #[test]
    fn a_roll_up_keeps_what_it_names_and_what_is_always_there() {
        let mut one = sample::record(HOUR, "Compute", "1");
        one.tags.insert("team".to_owned(), "red".to_owned());
        one.tags.insert("host".to_owned(), "a".to_owned());
        one.resource_id = Some("i-1".to_owned());
        let names = ["service", "tag:team"].map(str::to_owned);
        let rolled = dims(&place(), one, &RollUp::Only(names.into()));
        assert_eq!(rolled.service.as_deref(), Some("Compute"));
        assert_eq!(rolled.tags.len(), 1);
        assert_eq!(rolled.resource_id, None);
        assert_eq!(rolled.currency, "USD");
        assert_eq!(rolled.charge_start, sample::at(HOUR));
    }

    #[test]
    fn group_by_takes_known_dimensions_only() {
        for name in ["service", "tag:team", "x_warehouse", "tags"] {
            assert_eq!(not_groupable(name), None, "{name}");
        }
        for name in ["colour", "tag:", "currency", ""] {
            assert!(not_groupable(name).unwrap().contains("resource_id"), "{name}");
        }
    }
}
