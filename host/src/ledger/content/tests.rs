#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    component::descriptor::Basis,
    ledger::{
        record::{ChargeCategory, ChargeFrequency},
        sample,
    },
};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// What serde writes of a record, with chosen fields set: the record is read from that JSON, so no field is forgotten here
/// that the record has.
fn with(fields: &BTreeMap<&'static str, String>) -> CostRecord {
    let plain = sample::record("2026-08-01T00:00:00Z", "Compute", "1.5");
    let Value::Object(mut json) = serde_json::to_value(&plain).unwrap() else {
        unreachable!()
    };
    for (name, value) in fields {
        json.insert((*name).to_owned(), Value::String(value.clone()));
    }
    serde_json::from_value(Value::Object(json)).unwrap()
}

const TEXTS: [&str; 34] = [
    "ChargeDescription",
    "LineId",
    "BillingAccountId",
    "BillingAccountName",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "ServiceProviderName",
    "HostProviderName",
    "InvoiceIssuerName",
    "InvoiceId",
    "InvoiceDetailId",
    "ServiceName",
    "ServiceCategory",
    "ServiceSubcategory",
    "RegionId",
    "RegionName",
    "AvailabilityZone",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "SkuId",
    "SkuPriceId",
    "SkuMeter",
    "BillingCurrency",
    "ConsumedUnit",
    "PricingCategory",
    "PricingUnit",
    "PricingCurrency",
    "PriceCard",
    "CommitmentDiscountId",
    "CommitmentDiscountUnit",
    "CapacityReservationId",
    "CapacityReservationStatus",
];
const MORE_TEXTS: [&str; 4] = [
    "CommitmentDiscountName",
    "CommitmentDiscountCategory",
    "CommitmentDiscountType",
    "CommitmentDiscountStatus",
];
const AMOUNTS: [&str; 9] = [
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "ConsumedQuantity",
    "PricingQuantity",
    "ListUnitPrice",
    "ContractedUnitPrice",
    "CommitmentDiscountQuantity",
];

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9 .:/-]{0,40}",
        any::<String>(),
        "[\"\\\\\u{0}-\u{1f}\u{7f}/é]{0,9}"
    ]
}

fn any_amount() -> impl Strategy<Value = String> {
    any::<i128>().prop_flat_map(|units| {
        (0_u32..38).prop_map(move |less| Decimal::from_units(units / 10_i128.pow(less)).to_string())
    })
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (
        -62_000_000_000_i64..250_000_000_000,
        prop_oneof![Just(0), 0..999_999_999],
    )
        .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap())
}

prop_compose! {
    fn any_record()(
        texts in prop::collection::btree_map(prop::sample::select([TEXTS.as_slice(), &MORE_TEXTS].concat()), any_text(), 0..39),
        amounts in prop::collection::btree_map(prop::sample::select(AMOUNTS.as_slice()), any_amount(), 0..10),
        times in prop::array::uniform4(any_time()),
        category in prop::sample::select(ChargeCategory::ALL.as_slice()),
        frequency in prop::sample::select(vec![
            None, Some(ChargeFrequency::OneTime), Some(ChargeFrequency::Recurring), Some(ChargeFrequency::UsageBased)
        ]),
        basis in prop::sample::select(vec![Basis::Billed, Basis::ListPrice, Basis::Estimated]),
        (correction, open) in any::<(bool, bool)>(),
        tags in prop::collection::btree_map(any_text(), any_text(), 0..4),
        extra in prop::collection::btree_map(any_text(), any_text(), 0..4),
        line_count in prop_oneof![Just(1), any::<u64>()],
    ) -> CostRecord {
        let [start, end, from, to] = times;
        CostRecord {
            charge_period: Period::covering(start, end),
            billing_period: Period::covering(from, to),
            charge_category: category,
            charge_frequency: frequency,
            basis,
            correction,
            finality: if open { Finality::Open } else { Finality::Final },
            tags,
            extra,
            line_count,
            ..with(&texts.into_iter().chain(amounts).collect())
        }
    }
}

proptest! {
    #[test]
    fn content_is_byte_for_byte_what_serde_writes_and_columns_are_the_fields(
        records in prop::collection::vec(any_record(), 1..4),
    ) {
        let mut text = String::new();
        let places: Vec<Places> = records.iter().map(|record| write(&mut text, record).unwrap()).collect();
        for (record, places) in records.iter().zip(places) {
            prop_assert_eq!(places.content.of(&text), serde_json::to_string(record).unwrap());
            prop_assert_eq!(places.service.of(&text), &record.service_name);
            prop_assert_eq!(places.currency.of(&text), &record.billing_currency);
            prop_assert_eq!(places.billed.of(&text), record.billed_cost.to_string());
            prop_assert_eq!(places.effective.of(&text), record.effective_cost.to_string());
            let column = |place: Option<Span>| place.map(|place| place.of(&text).to_owned());
            prop_assert_eq!(column(places.list), record.list_cost.map(|cost| cost.to_string()));
            prop_assert_eq!(column(places.contracted), record.contracted_cost.map(|cost| cost.to_string()));
        }
    }
}

#[test]
fn the_test_above_sets_every_field_that_a_record_can_have() {
    let texts = [TEXTS.as_slice(), &MORE_TEXTS].concat();
    let chosen = texts.into_iter().map(|name| (name, "x".to_owned()));
    let amounts = AMOUNTS.map(|name| (name, "1".to_owned()));
    let record = CostRecord {
        correction: true,
        charge_frequency: Some(ChargeFrequency::Recurring),
        tags: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        extra: BTreeMap::from([("x_a".to_owned(), "b".to_owned())]),
        line_count: 2,
        ..with(&chosen.chain(amounts).collect())
    };
    let written: Map<String, Value> = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    let fields = format!("{record:?}");
    assert!(!fields.contains("None"), "{fields}");
    assert_eq!(written.len(), 57);
}
