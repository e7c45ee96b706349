//! What makes a record the same record: its key and its revision. Pure functions.
//! What must hold: names, descriptions, measures, finality and price cards are never in a key; the key of a record
//! with a line id is that line id; the revision covers all of the content.

use super::{
    error::damaged,
    record::{CostRecord, basis_name},
    store::{Hash, LedgerError, digest_parts},
};
use jiff::Timestamp;

/// The canonical JSON of a record: what is stored and what the revision covers.
///
/// # Errors
/// [`LedgerError::Damaged`] where it cannot be written, which no record does.
#[cfg(test)]
pub(super) fn content(record: &CostRecord) -> Result<String, LedgerError> {
    let mut text = String::with_capacity(1024);
    let places = super::content::write(&mut text, record)?;
    Ok(places.content.of(&text).to_owned())
}

/// A record from its canonical JSON.
///
/// # Errors
/// [`LedgerError::Damaged`] where it is none.
pub(super) fn record(content: &str) -> Result<CostRecord, LedgerError> {
    serde_json::from_str(content).map_err(|error| damaged("record", error))
}

/// The revision of a record: the hash of its content.
pub(super) fn revision(content: &str) -> Hash {
    digest_parts([content.as_bytes()])
}

/// The key of a record within its partition. Of its tags, only `key_tags` belong to it.
pub(super) fn record_key(record: &CostRecord, key_tags: &[String]) -> Hash {
    record_key_by(&mut Parts::default(), record, key_tags)
}

/// [`record_key`], on paper that was used before.
pub(super) fn record_key_by(parts: &mut Parts, record: &CostRecord, key_tags: &[String]) -> Hash {
    if let Some(line) = &record.line_id {
        return digest_parts([b"line".as_slice(), line.as_bytes()]);
    }
    parts.0.clear();
    parts.time(record.charge_period.start());
    parts.time(record.charge_period.end());
    parts.time(record.billing_period.start());
    parts.time(record.billing_period.end());
    parts.text(record.charge_category.name());
    parts.text(if record.correction { "correction" } else { "" });
    parts.text(record.charge_frequency.map_or("", |frequency| frequency.name()));
    parts.text(basis_name(record.basis));
    parts.text(&record.billing_account_id);
    parts.optional(record.sub_account_id.as_deref());
    parts.optional(record.sub_account_type.as_deref());
    parts.text(&record.service_provider_name);
    parts.optional(record.host_provider_name.as_deref());
    parts.optional(record.invoice_issuer_name.as_deref());
    parts.optional(record.invoice_id.as_deref());
    parts.optional(record.invoice_detail_id.as_deref());
    parts.text(&record.service_name);
    parts.text(&record.service_category);
    parts.optional(record.service_subcategory.as_deref());
    parts.optional(record.region_id.as_deref());
    parts.optional(record.availability_zone.as_deref());
    parts.optional(record.resource_id.as_deref());
    parts.optional(record.resource_type.as_deref());
    parts.optional(record.sku_id.as_deref());
    parts.optional(record.sku_price_id.as_deref());
    parts.optional(record.sku_meter.as_deref());
    parts.text(&record.billing_currency);
    parts.optional(record.pricing_category.as_deref());
    parts.optional(record.pricing_currency.as_deref());
    parts.optional(record.commitment_discount_id.as_deref());
    parts.optional(record.commitment_discount_category.as_deref());
    parts.optional(record.commitment_discount_type.as_deref());
    parts.optional(record.commitment_discount_status.as_deref());
    parts.optional(record.capacity_reservation_id.as_deref());
    parts.optional(record.capacity_reservation_status.as_deref());
    for tag in key_tags {
        parts.optional(record.tags.get(tag).map(String::as_str));
    }
    for (name, value) in &record.extra {
        parts.text(name);
        parts.text(value);
    }
    digest_parts([b"dimensions".as_slice(), &parts.0])
}

/// Texts one after another, each with its length, so that no two lists of texts agree.
pub(super) struct Parts(Vec<u8>);

impl Default for Parts {
    /// With room for most records.
    fn default() -> Self {
        Self(Vec::with_capacity(1024))
    }
}

impl Parts {
    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(&(text.len() as u64).to_be_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    fn time(&mut self, at: Timestamp) {
        self.0.extend_from_slice(&at.as_second().to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        component::descriptor::Basis,
        ledger::{record::Finality, sample},
    };

    #[test]
    fn names_descriptions_measures_and_price_cards_leave_the_key_alone() {
        let one = sample::record("2026-08-01T00:00:00Z", "Compute", "1.5");
        let mut other = one.clone();
        other.charge_description = Some("words".to_owned());
        other.billing_account_name = Some("ACME".to_owned());
        other.sub_account_name = Some("prod".to_owned());
        other.region_name = Some("Ireland".to_owned());
        other.resource_name = Some("box".to_owned());
        other.commitment_discount_name = Some("plan".to_owned());
        other.price_card = Some("card".to_owned());
        other.finality = Finality::Final;
        other.billed_cost = "9".parse().unwrap();
        other.list_cost = Some("9".parse().unwrap());
        other.consumed_quantity = Some("9".parse().unwrap());
        other.list_unit_price = Some("9".parse().unwrap());
        other.tags.insert("team".to_owned(), "red".to_owned());
        assert_eq!(record_key(&one, &[]), record_key(&other, &[]));
        assert_ne!(
            revision(&content(&one).unwrap()),
            revision(&content(&other).unwrap())
        );
    }

    #[test]
    fn every_dimension_and_the_key_tags_make_another_key() {
        let one = sample::record("2026-08-01T00:00:00Z", "Compute", "1.5");
        let tags = ["team".to_owned()];
        let changes: [fn(&mut CostRecord); 9] = [
            |record| record.sub_account_id = Some("a".to_owned()),
            |record| record.region_id = Some("a".to_owned()),
            |record| record.availability_zone = Some("a".to_owned()),
            |record| record.sku_id = Some("a".to_owned()),
            |record| record.basis = Basis::Estimated,
            |record| record.correction = true,
            |record| {
                record.tags.insert("team".to_owned(), String::new());
            },
            |record| {
                record.extra.insert("x_a".to_owned(), "1".to_owned());
            },
            |record| record.billing_currency = "EUR".to_owned(),
        ];
        let mut keys = std::collections::BTreeSet::from([record_key(&one, &tags)]);
        for change in changes {
            let mut other = one.clone();
            change(&mut other);
            assert!(keys.insert(record_key(&other, &tags)));
        }
    }

    #[test]
    fn a_line_id_is_the_key() {
        let mut one = sample::record("2026-08-01T00:00:00Z", "Compute", "1.5");
        one.line_id = Some("7".to_owned());
        let mut other = sample::record("2026-08-01T00:00:00Z", "Storage", "2");
        other.line_id = Some("7".to_owned());
        assert_eq!(record_key(&one, &[]), record_key(&other, &[]));
    }

    #[test]
    fn content_reads_back_as_it_was_written() {
        let mut one = sample::record("2026-08-01T00:00:00Z", "Compute", "1.5");
        one.tags.insert("a".to_owned(), "b".to_owned());
        one.line_count = 3;
        assert_eq!(record(&content(&one).unwrap()).unwrap(), one);
    }
}
