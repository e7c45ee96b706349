//! The estimate, its views and the observations.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

#[test]
fn an_estimate_is_credits_times_price_and_adds_up_to_what_is_billed() {
    // Warehouses: 3 credits at 2.50 = 7.5, SMALL 2.5, BIG 5 of which ANN 1.25, BOB 2.25, idle 1.5.
    // Cloud services: (3.02 - 3) at 2.50 + (0.5 - 0.5) at the day's rate = 0.05, by 0.02 : 0.03 : 0.01.
    // PIPE: 0.5 at 2.50. Storage: 5000 bytes / 2^40 at 40 / 31 days rounds to nothing.
    let fake = used()
        .rows(
            "metering",
            &[
                "2026-07-30,WAREHOUSE_METERING,3,3.02",
                "2026-07-30,PIPE,0.5,0.5",
                "2026-07-30,DATA_TRANSFER,9,9",
            ],
        )
        .rows("rates", &["2026-07-30,WAREHOUSE_METERING,compute,USD,2.50"]);
    let host = days(&fake, json!({"money": "estimate"}));
    assert_eq!(
        lines(&host, "spend-estimated"),
        [
            "2026-07-30 CLOUD_SERVICES [0] warehouse=CLOUD_SERVICES_ONLY x_Attribution=cloud-services 0.016667 USD",
            "2026-07-30 CLOUD_SERVICES [10] warehouse=BIG x_Attribution=cloud-services 0.008333 USD",
            "2026-07-30 CLOUD_SERVICES [2] warehouse=SMALL x_Attribution=cloud-services 0.025 USD",
            "2026-07-30 PIPE 1.25 USD",
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG user=ANN x_Attribution=query 1.25 USD",
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG user=BOB x_Attribution=query 2.25 USD",
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG x_Attribution=idle 1.5 USD",
            "2026-07-30 WAREHOUSE_METERING [2] warehouse=SMALL x_Attribution=idle 2.5 USD",
        ]
    );
    let pipe = host
        .records("spend-estimated")
        .into_iter()
        .find(|record| record.service_name == "PIPE")
        .unwrap();
    assert_eq!(pipe.consumed.unwrap().amount.to_string(), "0.5");
    assert!(
        host.commits()
            .iter()
            .all(|commit| commit.stream != "spend-billed")
    );
}

#[test]
fn without_a_rate_sheet_the_card_gives_the_price_and_its_id() {
    // 2^40 bytes at 31 a TB and month are 1 a day of July; stages and databases have all of it.
    let fake = Fake::new()
        .without("rates")
        .rows("metering", &["2026-07-30,PIPE,2,2", "2026-07-31,PIPE,2,2"])
        .rows("databases", &["2026-07-30,SALES,824633720832,0"])
        .rows("stages", &["2026-07-30,274877906944"]);
    let more = json!({
        "money": "estimate", "edition": "standard", "storage-price": "31",
        "credit-price": [{"from": "2026-07-31", "price": "1.5"}],
    });
    let host = days(&fake, more);
    assert_eq!(
        lines(&host, "spend-estimated"),
        [
            "2026-07-30 PIPE 4 USD",
            "2026-07-30 STORAGE [SALES] x_StorageKind=database 0.75 USD",
            "2026-07-30 STORAGE x_StorageKind=stage 0.25 USD",
            "2026-07-31 PIPE 3 USD",
        ]
    );
    let mut cards: Vec<_> = host
        .records("spend-estimated")
        .into_iter()
        .map(|record| record.pricing.unwrap().card.unwrap())
        .collect();
    cards.sort();
    assert_eq!(
        cards,
        [
            "credit-price@2026-07-31",
            "credit-price@default",
            "storage-price@default",
            "storage-price@default"
        ]
    );
}

#[test]
fn the_views_show_hours_and_roles_with_what_is_idle() {
    let fake = used()
        .rows("metering", &["2026-07-30,WAREHOUSE_METERING,3,3"])
        .rows(
            "roles",
            &[
                "2026-07-30,10,BIG,ANN,ANALYST,nightly,0.5",
                "2026-07-30,10,BIG,BOB,~,~,0.9",
            ],
        );
    let host = days(&fake, json!({"money": "estimate"}));
    assert_eq!(
        lines(&host, "warehouse-hours"),
        [
            "2026-07-30 CLOUD_SERVICES [0] warehouse=CLOUD_SERVICES_ONLY 0.06 USD",
            "2026-07-30 CLOUD_SERVICES [10] warehouse=BIG 0.03 USD",
            "2026-07-30 CLOUD_SERVICES [2] warehouse=SMALL 0.09 USD",
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG 1.5 USD",
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG 4.5 USD",
            "2026-07-30 WAREHOUSE_METERING [2] warehouse=SMALL 3 USD",
        ]
    );
    assert_eq!(
        lines(&host, "user-roles"),
        [
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG user=ANN role=ANALYST query_tag=nightly x_Attribution=query 1.5 USD",
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG user=BOB x_Attribution=query 2.7 USD",
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG x_Attribution=idle 1.8 USD",
            "2026-07-30 WAREHOUSE_METERING [2] warehouse=SMALL x_Attribution=idle 3 USD",
        ]
    );
}

#[test]
fn usage_is_observed_with_the_estimate() {
    let fake = used()
        .rows("metering", &["2026-07-30,WAREHOUSE_METERING,3,3"])
        .rows("queries", &["2026-07-30,BIG,SUCCESS,12,34567,2500000000,~"])
        .without("transfers");
    let host = days(&fake, json!({}));
    let observed = |name: &str, dimension: &str| {
        let found = host
            .observations()
            .into_iter()
            .find(|made| made.name == name && made.dimensions.iter().any(|(_, value)| value == dimension));
        found.unwrap().value.to_string()
    };
    assert_eq!(observed("active-hours", "BIG"), "2");
    assert_eq!(observed("idle-share", "BIG"), "0.3");
    assert_eq!(observed("credits", "BIG"), "2.01");
    assert_eq!(observed("storage", "SALES"), "0.000003");
    assert_eq!(observed("queries", "SUCCESS"), "12");
    assert_eq!(observed("query-time", "SUCCESS"), "34.567");
    assert_eq!(observed("bytes-scanned", "BIG"), "2.5");
    assert!(
        host.logs()
            .iter()
            .any(|(_, line)| line.contains("transferred bytes are not observed"))
    );
}
