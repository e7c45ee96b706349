//! The bill: its splits, its categories, other accounts, the FOCUS view.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

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
