//! Negotiated prices, prices that are missing, currencies and units.

use super::{RESTATED, assert_books, golden, initial, records, sum};
use finops_tests::{
    books::{self, observations},
    databricks::{Options, stage},
    proof::{assert_done, assert_laws},
};

fn complete(stage: &finops_tests::provider::Stage<finops_tests::databricks::Workspace>, day: &str) -> bool {
    let connection = books::open(&stage.place.state()).unwrap();
    let sql = "SELECT partition.completeness FROM partition JOIN stream ON stream.id = partition.stream
               WHERE stream.name = 'spend' AND partition.start = unixepoch(?)";
    let found: String = connection.query_row(sql, [day], |row| row.get(0)).unwrap();
    found == "complete"
}

#[tokio::test(flavor = "multi_thread")]
async fn negotiated_prices_are_the_cost_where_there_are_any_and_the_basis_says_which() {
    let options = Options {
        negotiated: true,
        ..Options::default()
    };
    let stage = stage::at(RESTATED, options, "").await.unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, "negotiated");
    // List prices alone, on demand: every record is another, since its basis is.
    stage
        .configure(&stage::config(
            stage.simulator.addr(),
            stage::BEARER,
            "prices = \"list\"",
            "",
        ))
        .unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, "restated");
}

#[tokio::test(flavor = "multi_thread")]
async fn negotiated_prices_that_are_asked_for_and_cannot_be_read_are_an_error() {
    let stage = initial(Options::default(), "prices = \"account\"").await;
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stdout.contains("cannot read the table"), "{ran:?}");
    assert_eq!(records(&stage), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_without_a_price_is_never_a_complete_days_zero_and_gets_its_price_later() {
    let stage = initial(Options::default(), "").await;
    let api = stage.simulator.api();
    let like = api.line("ALL_PURPOSE", "2026-07-22").unwrap();
    api.add_usage(
        &like,
        1,
        &[
            ("sku_name", "PREMIUM_SKU_OF_THE_FUTURE"),
            ("usage_quantity", "2.5"),
        ],
    )
    .unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(
        ran.stderr
            .contains("the SKU `PREMIUM_SKU_OF_THE_FUTURE` has no price"),
        "{}",
        ran.stderr
    );
    assert!(!complete(&stage, "2026-07-22") && complete(&stage, "2026-07-21"));
    let contents = books::contents(&stage.place.state(), "spend").unwrap();
    let unpriced: Vec<_> = contents
        .iter()
        .filter(|content| books::text(content, "Extra.x_Unpriced").is_some())
        .collect();
    assert_eq!(unpriced.len(), 1);
    assert_eq!(unpriced[0]["ConsumedQuantity"], "2.5");
    assert_eq!(unpriced[0]["Basis"], "estimated");
    assert!(unpriced[0].get("ListCost").is_none());
    let seen = observations(&stage.place.state()).unwrap();
    assert!(
        seen.iter()
            .any(|one| one.0 == "unpriced-usage" && one.1.contains("OF_THE_FUTURE") && one.2 == "2.5"),
        "{seen:?}"
    );
    assert_laws(&stage.place);
    let before = sum(&stage, "spend", None);
    api.add_price(
        "PREMIUM_ALL_PURPOSE_COMPUTE",
        &[
            ("sku_name", "PREMIUM_SKU_OF_THE_FUTURE"),
            ("pricing.effective_list.default", "0.2"),
        ],
    )
    .unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert!(complete(&stage, "2026-07-22"));
    let more = sum(&stage, "spend", None).checked_sub(before).unwrap();
    assert_eq!(more.to_string(), "0.5");
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_in_two_currencies_ask_for_a_choice_and_prices_that_overlap_commit_nothing() {
    let stage = initial(Options::default(), "").await;
    let api = stage.simulator.api();
    api.add_price("PREMIUM_JOBS_COMPUTE", &[("currency_code", "CHF")])
        .unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stdout.contains("several currencies (CHF, USD)"), "{ran:?}");
    assert_eq!(records(&stage), 0);
    let config = |settings: &str| stage::config(stage.simulator.addr(), stage::BEARER, settings, "");
    stage.configure(&config("currency = \"USD\"")).unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, "initial");
    api.add_price(
        "PREMIUM_JOBS_COMPUTE",
        &[("pricing.effective_list.default", "0.01")],
    )
    .unwrap();
    let ran = stage.collect(&["--since", "2026-07-01"]).unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("overlap in time"), "{ran:?}");
    assert!(golden("initial").held_by(&stage.place.state(), "spend").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn units_products_and_clouds_that_are_not_known_pass_through_labelled() {
    let stage = initial(Options::default(), "").await;
    let api = stage.simulator.api();
    let like = api.line("ALL_PURPOSE", "2026-07-22").unwrap();
    let changes = [
        ("usage_unit", "QUBIT_HOUR"),
        ("cloud", "MOON"),
        ("product_features.is_serverless", "NULL"),
        ("custom_tags", "NULL"),
    ];
    api.add_usage(&like, 1, &changes).unwrap();
    api.add_price(
        "PREMIUM_ALL_PURPOSE_COMPUTE",
        &[("usage_unit", "QUBIT_HOUR"), ("cloud", "MOON")],
    )
    .unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    for word in ["QUANTUM_LAKE", "QUBIT_HOUR", "MOON"] {
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    let contents = books::contents(&stage.place.state(), "spend").unwrap();
    let odd: Vec<_> = contents
        .iter()
        .filter(|content| books::text(content, "Extra.x_Unit").as_deref() == Some("QUBIT_HOUR"))
        .collect();
    assert_eq!(odd.len(), 1);
    assert_eq!(
        (&odd[0]["HostProviderName"], &odd[0]["BilledCost"]),
        (&"MOON".into(), &"1.7875".into())
    );
    assert_laws(&stage.place);
}
