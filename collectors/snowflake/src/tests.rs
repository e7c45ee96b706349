//! The mapping and its splits against hand-written replies; every sum is worked out by hand.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::fake::{Fake, Table, UNREADABLE, lines, run};
use finops_collector::{
    Completeness, Decimal, FailureKind, Level,
    jiff::civil::date,
    period::{HOUR, start_of},
    record::{ChargeCategory, Finality},
    testing::FakeHost,
};
use serde_json::json;

/// 2026-08-03T12:00:00Z
fn noon() -> i64 {
    start_of(date(2026, 8, 3)) + 12 * HOUR
}

fn days(fake: &Fake, more: serde_json::Value) -> FakeHost {
    let host = fake.host(noon());
    run(&host, more, date(2026, 7, 30), date(2026, 8, 1)).unwrap();
    host
}

/// Two warehouses on 30 July: 1 used 2 credits of which 0.5 by ANN and 0.9 by BOB, 2 used 1 credit by nobody.
fn used() -> Fake {
    let hour = start_of(date(2026, 7, 30));
    let hours = [
        format!("{hour},2,SMALL,1.0,0.03,0"),
        format!("{},10,BIG,1.5,0.01,1.0", hour + HOUR),
        format!("{},10,BIG,0.5,0.00,0.4", hour + 2 * HOUR),
        format!("{hour},0,CLOUD_SERVICES_ONLY,0,0.02,~"),
    ];
    let hours: Vec<&str> = hours.iter().map(String::as_str).collect();
    Fake::new()
        .rows("hours", &hours)
        .rows(
            "users",
            &["2026-07-30,10,BIG,ANN,5.0E-1", "2026-07-30,10,BIG,BOB,0.9"],
        )
        .rows(
            "databases",
            &["2026-07-30,SALES,3000,1000", "2026-07-30,DROPPED_7,0,500"],
        )
        .rows("stages", &["2026-07-30,500"])
}

fn bill(cost: &str, service: &str, rating: &str) -> String {
    format!(
        "2026-07-30,AB12345,ACCT,AWS_EU_CENTRAL_1,{service},{rating},consumption,capacity,false,USD,3.5,{cost}"
    )
}

fn billed(rows: &[String]) -> Fake {
    used().rows("billed", &rows.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_bill_of_warehouses_falls_to_users_and_what_is_idle() {
    // 10.00 over 1 (SMALL) and 2 (BIG) credits: 3.333333 and 6.666667.
    // BIG over ANN 0.5, BOB 0.9, idle 0.6 of 2: 1.66666675, 3.00000015, 2.0000001 are cut to 1.666666, 3.000000, 2.000000;
    // the one step left goes to the largest remainder, ANN's 0.75.
    let host = days(
        &billed(&[bill("10.00", "WAREHOUSE_METERING", "compute")]),
        json!({}),
    );
    assert_eq!(
        lines(&host, "spend-billed"),
        [
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG user=ANN x_Attribution=query 1.666667 USD",
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG user=BOB x_Attribution=query 3 USD",
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG x_Attribution=idle 2 USD",
            "2026-07-30 WAREHOUSE_METERING [2] warehouse=SMALL x_Attribution=idle 3.333333 USD",
        ]
    );
    let records = host.records("spend-billed");
    let sum = Decimal::sum(records.iter().map(|record| record.billed_cost)).unwrap();
    assert_eq!(sum, Decimal::from(10_u32));
    assert!(
        records
            .iter()
            .all(|record| record.consumed.is_none() && record.finality == Finality::Open)
    );
    assert_eq!(records[0].sub_account.as_ref().unwrap().id, "AB12345");
}

#[test]
fn without_the_attribution_view_a_warehouse_keeps_its_cost_whole() {
    let fake = billed(&[bill("10.00", "WAREHOUSE_METERING", "compute")])
        .without("users")
        .without("roles")
        .without("tags");
    let host = days(&fake, json!({}));
    assert_eq!(
        lines(&host, "spend-billed"),
        [
            "2026-07-30 WAREHOUSE_METERING [10] warehouse=BIG x_Attribution=unattributed 6.666667 USD",
            "2026-07-30 WAREHOUSE_METERING [2] warehouse=SMALL x_Attribution=unattributed 3.333333 USD",
        ]
    );
    let warned = |text: &str| {
        host.logs()
            .iter()
            .any(|(level, line)| *level == Level::Warn && line.contains(text))
    };
    assert!(warned("costs of warehouses stay without users"));
    assert!(warned("SNOWFLAKE.USAGE_VIEWER TO ROLE FINOPS_READER"));
}

#[test]
fn cloud_services_and_storage_fall_to_their_own_weights() {
    // 0.06 over 0.02 (CLOUD_SERVICES_ONLY), 0.03 (SMALL), 0.01 (BIG). 0.05 over 3000 + 1000 + 0 + 500 + 500 bytes.
    let rows = [
        bill("0.06", "CLOUD_SERVICES", "compute"),
        bill("0.05", "STORAGE", "storage"),
    ];
    let host = days(&billed(&rows), json!({}));
    assert_eq!(
        lines(&host, "spend-billed"),
        [
            "2026-07-30 CLOUD_SERVICES [0] warehouse=CLOUD_SERVICES_ONLY x_Attribution=cloud-services 0.02 USD",
            "2026-07-30 CLOUD_SERVICES [10] warehouse=BIG x_Attribution=cloud-services 0.01 USD",
            "2026-07-30 CLOUD_SERVICES [2] warehouse=SMALL x_Attribution=cloud-services 0.03 USD",
            "2026-07-30 STORAGE [DROPPED_7] x_StorageKind=failsafe 0.005 USD",
            "2026-07-30 STORAGE [SALES] x_StorageKind=database 0.03 USD",
            "2026-07-30 STORAGE [SALES] x_StorageKind=failsafe 0.01 USD",
            "2026-07-30 STORAGE x_StorageKind=stage 0.005 USD",
        ]
    );
}

#[test]
fn a_bill_without_weights_is_unattributed_and_other_rows_stay_whole() {
    let row = |day: &str, service: &str, billing: &str, adjustment: bool, cost: &str| {
        format!("{day},AB12345,ACCT,~,{service},compute,{billing},rebate,{adjustment},EUR,~,{cost}")
    };
    let host = days(
        &billed(&[
            row("2026-07-31", "WAREHOUSE_METERING", "consumption", false, "1.00"),
            row("2026-07-30", "WAREHOUSE_METERING", "rebate", false, "-0.50"),
            row("2026-07-30", "WAREHOUSE_METERING", "consumption", true, "0.07"),
            row("2026-07-30", "SUPPORT", "priority support", false, "9.00"),
            row("2026-07-30", "QUANTUM_LEDGER", "barter", false, "0.01"),
            row("2026-07-31", "CLOUD_SERVICES", "consumption", false, "0.00"),
        ]),
        json!({}),
    );
    assert_eq!(
        lines(&host, "spend-billed"),
        [
            "2026-07-30 QUANTUM_LEDGER 0.01 EUR",
            "2026-07-30 SUPPORT 9 EUR",
            "2026-07-30 WAREHOUSE_METERING -0.5 EUR",
            "2026-07-30 WAREHOUSE_METERING 0.07 EUR",
            "2026-07-31 CLOUD_SERVICES x_Attribution=unattributed 0 EUR",
            "2026-07-31 WAREHOUSE_METERING x_Attribution=unattributed 1 EUR",
        ]
    );
    let category = |cost: &str| {
        let cost: Decimal = cost.parse().unwrap();
        host.records("spend-billed")
            .into_iter()
            .find(|record| record.billed_cost == cost)
            .unwrap()
            .category
    };
    assert_eq!(category("-0.5"), ChargeCategory::Credit);
    assert_eq!(category("0.07"), ChargeCategory::Adjustment);
    assert_eq!(category("9"), ChargeCategory::Purchase);
    assert_eq!(category("0.01"), ChargeCategory::Usage);
    let warned = |text: &str| host.logs().iter().filter(|(_, line)| line.contains(text)).count();
    assert_eq!(
        (
            warned("`QUANTUM_LEDGER` is not known"),
            warned("`barter` is not known")
        ),
        (1, 1)
    );
}

#[test]
fn days_are_complete_once_they_are_old_enough() {
    // Noon of 3 August: 31 July began 84 h ago, 1 August 60 h ago; 2 August has no row yet.
    let row = |day: &str| format!("{day},AB12345,ACCT,~,PIPE,compute,consumption,capacity,false,USD,1,0.10");
    let fake = billed(&[row("2026-07-30"), row("2026-08-01")]);
    let host = fake.host(noon());
    run(&host, json!({}), date(2026, 7, 30), date(2026, 8, 9)).unwrap();
    let mut seen = Vec::new();
    for commit in host
        .commits()
        .iter()
        .filter(|commit| commit.stream == "spend-billed")
    {
        let completeness = commit.seal.as_ref().unwrap().completeness;
        seen.extend(
            commit
                .partitions
                .iter()
                .map(|start| (finops_collector::period::day_of(*start), completeness)),
        );
    }
    seen.sort_by_key(|entry| entry.0);
    assert_eq!(
        seen,
        [
            (date(2026, 7, 30), Completeness::Complete),
            (date(2026, 7, 31), Completeness::Complete),
            (date(2026, 8, 1), Completeness::Partial),
        ]
    );
}

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

#[test]
fn a_bill_out_of_reach_leaves_the_estimate_or_fails_as_set() {
    for fake in [used().without("billed"), used()] {
        let fake = fake.rows("metering", &["2026-07-30,PIPE,1,1"]);
        let host = days(&fake, json!({}));
        assert!(
            host.commits()
                .iter()
                .all(|commit| commit.stream != "spend-billed")
        );
        assert!(lines(&host, "spend-estimated").contains(&"2026-07-30 PIPE 3 USD".to_owned()));
        assert!(
            host.logs()
                .iter()
                .any(|(level, line)| *level == Level::Warn && line.contains("only the estimate"))
        );

        let host = fake.host(noon());
        let failure = run(
            &host,
            json!({"money": "currency-view"}),
            date(2026, 7, 30),
            date(2026, 8, 1),
        )
        .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Provider);
        assert!(host.commits().is_empty());
    }
}

#[test]
fn a_failure_in_any_view_of_the_money_commits_nothing() {
    for view in ["hours", "databases", "stages", "metering"] {
        let fake = billed(&[bill("10.00", "WAREHOUSE_METERING", "compute")]).without(view);
        let host = fake.host(noon());
        let failure = run(&host, json!({}), date(2026, 7, 30), date(2026, 8, 1)).unwrap_err();
        assert!(
            failure.message.contains("SNOWFLAKE.USAGE_VIEWER"),
            "{view}: {failure}"
        );
        assert_eq!((host.commits().len(), host.open_writers()), (0, 0), "{view}");
    }
    let fake = used();
    fake.set("users", Table::Refused(503, ""));
    let host = fake.host(noon());
    assert!(
        run(
            &host,
            json!({"money": "estimate"}),
            date(2026, 7, 30),
            date(2026, 8, 1)
        )
        .is_err()
    );
    assert!(host.commits().is_empty());
}

#[test]
fn money_that_is_no_number_and_days_out_of_range_are_malformed() {
    for (row, says) in [
        (bill("abc", "PIPE", "compute"), "column C, row 1"),
        (bill(&"9".repeat(40), "PIPE", "compute"), "too large"),
        (
            bill("1", "PIPE", "compute").replace("2026-07-30", "sometime"),
            "column D, row 1",
        ),
        (
            bill("1", "PIPE", "compute").replace("2026-07-30", "+020000-01-01"),
            "column D, row 1",
        ),
    ] {
        let host = billed(&[row]).host(noon());
        let failure = run(&host, json!({}), date(2026, 7, 30), date(2026, 8, 1)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply);
        assert!(
            failure.message.contains("USAGE_IN_CURRENCY_DAILY") && failure.message.contains(says),
            "{failure}"
        );
        assert!(host.commits().is_empty());
    }
}

#[test]
fn a_long_backfill_goes_month_by_month_and_a_new_run_starts_anew() {
    let row = |day: &str| format!("{day},AB12345,ACCT,~,PIPE,compute,consumption,capacity,false,USD,1,0.10");
    let fake = Fake::new().rows("billed", &[&row("2026-05-05"), &row("2026-07-05")]);
    let host = fake.host(noon());
    let outcomes = run(&host, json!({}), date(2026, 5, 1), date(2026, 8, 1)).unwrap();
    assert_eq!(outcomes.len(), 3);
    let first: Vec<_> = host
        .commits()
        .iter()
        .map(|commit| (commit.partitions.len(), commit.records.len()))
        .collect();
    // June has no row, but the view has: its days are empty, not unknown.
    assert_eq!(first, [(31, 1), (30, 0), (31, 1)]);
    assert_eq!(
        run(&host, json!({}), date(2026, 5, 1), date(2026, 8, 1))
            .unwrap()
            .len(),
        3
    );
    assert_eq!(host.commits().len(), 6);
}

#[test]
fn a_held_commit_does_not_send_the_run_in_a_circle() {
    let row = |day: &str| format!("{day},AB12345,ACCT,~,PIPE,compute,consumption,capacity,false,USD,1,0.10");
    let fake = Fake::new().rows("billed", &[&row("2026-06-05"), &row("2026-07-05")]);
    let host = fake.host(noon());
    host.hold_commits(true);
    assert_eq!(
        run(&host, json!({}), date(2026, 6, 1), date(2026, 8, 1))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn other_accounts_are_sources_of_their_own_and_are_not_split() {
    let other = bill("4.00", "WAREHOUSE_METERING", "compute").replace("AB12345,ACCT", "ZZ99,SECOND");
    let fake = billed(&[bill("10.00", "PIPE", "compute"), other]);
    let host = days(&fake, json!({"accounts": "all"}));
    let scopes: Vec<_> = host
        .commits()
        .iter()
        .filter(|commit| commit.stream == "spend-billed")
        .map(|commit| (commit.source.scope.clone(), commit.records.len()))
        .collect();
    assert_eq!(scopes, [("SECOND".to_owned(), 1), ("ACCT".to_owned(), 1)]);
    let restricted = |host: &FakeHost| {
        let bodies = host
            .requests()
            .into_iter()
            .filter_map(|request| String::from_utf8(request.body?).ok());
        bodies
            .filter(|body| body.contains("USAGE_IN_CURRENCY_DAILY"))
            .all(|body| body.contains("ACCOUNT_LOCATOR = ?"))
    };
    assert!(!restricted(&host));
    assert!(restricted(&days(&fake, json!({}))));
}

#[test]
fn the_focus_view_is_read_by_name_and_without_an_estimate_beside_it() {
    let columns = "CHARGEPERIODSTART,SERVICENAME,BILLEDCOST,EFFECTIVECOST,BILLINGCURRENCY,SUBACCOUNTID,CHARGECATEGORY,X_ODD,TAGS";
    let row = "1785369600.000000000,Warehouse,1.5,1.25,USD,AB12345,Credit,odd,{\"team\":\"a\"}".to_owned();
    let fake = used();
    fake.set("focus", Table::Rows(columns, vec![row]));
    let host = days(&fake, json!({"money": "focus-view"}));
    let records = host.records("spend-billed");
    assert_eq!(records.len(), 1);
    assert_eq!(
        (
            records[0].billed_cost.to_string(),
            records[0].effective_cost.to_string()
        ),
        ("1.5".into(), "1.25".into())
    );
    assert_eq!(records[0].category, ChargeCategory::Credit);
    assert_eq!(records[0].tags, [("team".to_owned(), "a".to_owned())]);
    assert_eq!(records[0].extra, [("x_ODD".to_owned(), "odd".to_owned())]);
    assert!(host.records("spend-estimated").is_empty());

    fake.set(
        "focus",
        Table::Rows(
            "CHARGEPERIODSTART,SERVICENAME,BILLEDCOST",
            vec!["1785369600,W,1".to_owned()],
        ),
    );
    let host = fake.host(noon());
    let failure = run(
        &host,
        json!({"money": "focus-view"}),
        date(2026, 7, 30),
        date(2026, 8, 1),
    )
    .unwrap_err();
    assert_eq!(failure.kind, FailureKind::MalformedReply);
    assert!(
        failure.message.contains("gives no column BillingCurrency"),
        "{failure}"
    );
    fake.set("focus", UNREADABLE);
    let failure = run(
        &host,
        json!({"money": "focus-view"}),
        date(2026, 7, 30),
        date(2026, 8, 1),
    )
    .unwrap_err();
    assert!(
        failure.message.contains("ORGANIZATION_BILLING_VIEWER"),
        "{failure}"
    );
}

#[test]
fn what_is_not_due_is_not_read() {
    let host = used().host(noon());
    let mut request = host.request(
        &crate::fake::settings(json!({})),
        finops_collector::Period {
            start: noon() - HOUR,
            end: noon(),
        },
    );
    for stream in &mut request.streams {
        stream.due = false;
    }
    let outcome = <crate::Snowflake as finops_collector::Collector>::collect(&host, &request).unwrap();
    assert_eq!(outcome.progress, finops_collector::Progress::Done);
    assert_eq!(host.requests().len(), 1);
}
