//! The cost record on its way out.

use crate::{CostRecord, bindings::finops::collector::cost, record};

impl From<&record::Quantity> for cost::Quantity {
    fn from(quantity: &record::Quantity) -> Self {
        Self {
            amount: quantity.amount.to_string(),
            unit: quantity.unit.clone(),
        }
    }
}

impl From<&record::Pricing> for cost::Pricing {
    fn from(pricing: &record::Pricing) -> Self {
        Self {
            category: pricing.category.clone(),
            quantity: pricing.quantity.as_ref().map(Into::into),
            list_unit_price: pricing.list_unit_price.map(|price| price.to_string()),
            contracted_unit_price: pricing.contracted_unit_price.map(|price| price.to_string()),
            currency: pricing.currency.clone(),
            card: pricing.card.clone(),
        }
    }
}

impl From<&record::Commitment> for cost::Commitment {
    fn from(commitment: &record::Commitment) -> Self {
        Self {
            id: commitment.id.clone(),
            name: commitment.name.clone(),
            category: commitment.category.clone(),
            kind: commitment.kind.clone(),
            status: commitment.status.clone(),
            quantity: commitment.quantity.as_ref().map(Into::into),
        }
    }
}

impl From<&CostRecord> for cost::CostRecord {
    fn from(record: &CostRecord) -> Self {
        let sub_account = |it: &record::SubAccount| cost::SubAccount {
            id: it.id.clone(),
            name: it.name.clone(),
            kind: it.kind.clone(),
        };
        let resource = |it: &record::Resource| cost::CostResource {
            id: it.id.clone(),
            name: it.name.clone(),
            kind: it.kind.clone(),
        };
        let region = |it: &record::Location| cost::Location {
            id: it.id.clone(),
            name: it.name.clone(),
            zone: it.zone.clone(),
        };
        let sku = |it: &record::Sku| cost::Sku {
            id: it.id.clone(),
            price_id: it.price_id.clone(),
            meter: it.meter.clone(),
        };
        let reservation = |it: &record::Reservation| cost::Reservation {
            id: it.id.clone(),
            status: it.status.clone(),
        };
        let invoice = |it: &record::Invoice| cost::Invoice {
            id: it.id.clone(),
            detail_id: it.detail_id.clone(),
        };
        Self {
            charge_period: record.charge_period.into(),
            billing_period: record.billing_period.map(Into::into),
            category: record.category.into(),
            correction: record.correction,
            frequency: record.frequency.map(Into::into),
            description: record.description.clone(),
            finality: record.finality.into(),
            basis: record.basis.map(Into::into),
            line_id: record.line_id.clone(),
            billing_account_id: record.billing_account_id.clone(),
            billing_account_name: record.billing_account_name.clone(),
            sub_account: record.sub_account.as_ref().map(sub_account),
            service_provider: record.service_provider.clone(),
            host_provider: record.host_provider.clone(),
            invoice_issuer: record.invoice_issuer.clone(),
            invoice: record.invoice.as_ref().map(invoice),
            service_name: record.service_name.clone(),
            service_category: record.service_category.clone(),
            service_subcategory: record.service_subcategory.clone(),
            region: record.region.as_ref().map(region),
            resource: record.resource.as_ref().map(resource),
            sku: record.sku.as_ref().map(sku),
            currency: record.currency.clone(),
            billed_cost: record.billed_cost.to_string(),
            effective_cost: record.effective_cost.to_string(),
            list_cost: record.list_cost.map(|cost| cost.to_string()),
            contracted_cost: record.contracted_cost.map(|cost| cost.to_string()),
            consumed: record.consumed.as_ref().map(Into::into),
            pricing: record.pricing.as_ref().map(Into::into),
            commitment: record.commitment.as_ref().map(Into::into),
            reservation: record.reservation.as_ref().map(reservation),
            tags: record.tags.clone(),
            extra: record.extra.clone(),
        }
    }
}
