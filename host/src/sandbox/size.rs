//! How much of the disk a guest's row takes: its texts, and a flat figure for the rest.
//! What must hold: every text counts. A record is taken apart by name, so that a new column cannot be forgotten.

use crate::ledger::{Observation, record::CostRecord};
use std::collections::BTreeMap;

/// For numbers, times, names of columns and what an index needs.
const FIXED: usize = 512;

/// Bytes of a record.
pub(super) fn of_record(record: &CostRecord) -> usize {
    let CostRecord {
        charge_period: _,
        billing_period: _,
        charge_category: _,
        correction: _,
        charge_frequency: _,
        charge_description,
        finality: _,
        basis: _,
        line_id,
        billing_account_id,
        billing_account_name,
        sub_account_id,
        sub_account_name,
        sub_account_type,
        service_provider_name,
        host_provider_name,
        invoice_issuer_name,
        invoice_id,
        invoice_detail_id,
        service_name,
        service_category,
        service_subcategory,
        region_id,
        region_name,
        availability_zone,
        resource_id,
        resource_name,
        resource_type,
        sku_id,
        sku_price_id,
        sku_meter,
        billing_currency,
        billed_cost: _,
        effective_cost: _,
        list_cost: _,
        contracted_cost: _,
        consumed_quantity: _,
        consumed_unit,
        pricing_category,
        pricing_quantity: _,
        pricing_unit,
        list_unit_price: _,
        contracted_unit_price: _,
        pricing_currency,
        price_card,
        commitment_discount_id,
        commitment_discount_name,
        commitment_discount_category,
        commitment_discount_type,
        commitment_discount_status,
        commitment_discount_quantity: _,
        commitment_discount_unit,
        capacity_reservation_id,
        capacity_reservation_status,
        tags,
        extra,
        line_count: _,
    } = record;
    let always = [
        billing_account_id,
        service_provider_name,
        service_name,
        service_category,
        billing_currency,
    ];
    let optional = [
        charge_description,
        line_id,
        billing_account_name,
        sub_account_id,
        sub_account_name,
        sub_account_type,
        host_provider_name,
        invoice_issuer_name,
        invoice_id,
        invoice_detail_id,
        service_subcategory,
        region_id,
        region_name,
        availability_zone,
        resource_id,
        resource_name,
        resource_type,
        sku_id,
        sku_price_id,
        sku_meter,
        consumed_unit,
        pricing_category,
        pricing_unit,
        pricing_currency,
        price_card,
        commitment_discount_id,
        commitment_discount_name,
        commitment_discount_category,
        commitment_discount_type,
        commitment_discount_status,
        commitment_discount_unit,
        capacity_reservation_id,
        capacity_reservation_status,
    ];
    let texts = always
        .into_iter()
        .chain(optional.into_iter().flatten())
        .map(String::len)
        .sum::<usize>();
    FIXED + texts + pairs(tags) + pairs(extra)
}

/// Bytes of an observation, and of the source that it may bring with it.
pub(super) fn of_observation(observation: &Observation) -> usize {
    let Observation {
        name,
        source,
        at: _,
        dims,
        value: _,
        unit,
    } = observation;
    let source = source.provider.len() + source.billing_account.len() + source.scope.len();
    FIXED + name.len() + source + pairs(dims) + unit.len()
}

fn pairs(map: &BTreeMap<String, String>) -> usize {
    map.iter().map(|(name, value)| name.len() + value.len()).sum()
}
