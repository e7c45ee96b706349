//! A FOCUS export in blob storage through the sandbox into the books: it takes the place of the queries, is read only when it
//! has changed, and is never mixed of two deliveries.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    azure::{
        Act, Fault, Options, Patch,
        bill::SHOP,
        books, golden,
        stage::{Stage, from_export, subscription},
    },
    proof::{assert_done, assert_laws},
};
use jiff::civil::{Date, date};

const JULY: Date = Date::constant(2026, 7, 1);

/// What counts of July, billed.
fn counted(stage: &Stage) -> Decimal {
    let connection = finops_tests::books::open(&stage.place.state()).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT json_extract(content, '$.BilledCost') FROM record
             WHERE until_commit IS NULL AND counts AND json_extract(content, '$.ChargePeriod.start') LIKE '2026-07%'",
        )
        .unwrap();
    let costs = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    Decimal::sum(costs.map(|cost| cost.unwrap().parse().unwrap())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_takes_the_place_of_the_queries_and_says_the_same() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.set_now("2026-08-03T12:00:00Z").unwrap();
    assert_done(&stage.collect().unwrap());
    let july = JULY..date(2026, 8, 1);
    let invoice = stage.simulator.invoice(&subscription(), july.clone()).unwrap();
    assert_eq!(counted(&stage), invoice);
    let asked = stage.simulator.requests()["query"];

    stage.configure(&from_export()).unwrap();
    stage.simulator.deliver(SHOP, JULY).unwrap();
    assert_done(&stage.collect().unwrap());
    assert_eq!(
        books::exported(&stage.place.state()).unwrap(),
        golden::exported().unwrap()
    );
    assert_eq!(
        (counted(&stage), stage.simulator.requests()["query"]),
        (invoice, asked)
    );
    assert_laws(&stage.place);

    stage.set_now("2026-08-04T13:00:00Z").unwrap();
    let looked = stage.simulator.requests()["blob"];
    let again = stage.collect().unwrap();
    assert_done(&again);
    // The listings of July and August.
    assert_eq!(stage.simulator.requests()["blob"], looked + 2);
    assert_eq!(
        again.json().unwrap()["runs"][0]["counts"]["records"],
        0,
        "an unchanged delivery was read again"
    );

    // A late row, a refund after the close: the next delivery has both.
    stage.simulator.apply(Patch::Restate).unwrap();
    stage.simulator.apply(Patch::Credit).unwrap();
    stage.set_now("2026-08-08T12:00:00Z").unwrap();
    stage.simulator.deliver(SHOP, JULY).unwrap();
    assert_done(&stage.collect().unwrap());
    assert_eq!(
        counted(&stage),
        stage.simulator.invoice(&subscription(), july).unwrap()
    );
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_under_way_or_cut_off_commits_nothing() {
    let options = Options {
        blobs_per_page: 1,
        ..Options::default()
    };
    let mut stage = Stage::with(options, &subscription(), &from_export(), "")
        .await
        .unwrap();
    stage.set_now("2026-08-03T12:00:00Z").unwrap();
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(
        ran.stdout
            .contains("there is no manifest under costs/focus-daily/"),
        "{ran:?}"
    );

    stage.simulator.deliver(SHOP, JULY).unwrap();
    stage.simulator.change_blobs(|blobs| {
        let (_, part) = blobs
            .iter_mut()
            .find(|(name, _)| name.ends_with(".csv.gz"))
            .unwrap();
        part.modified = "2026-08-03T12:00:05Z".parse().unwrap();
    });
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("delivering the export anew"), "{ran:?}");
    stage
        .simulator
        .change_blobs(|blobs| blobs.retain(|name, _| name.ends_with("manifest.json")));
    let ran = stage.collect().unwrap();
    assert!(ran.stdout.contains("delivering the export anew"), "{ran:?}");

    stage.simulator.deliver(SHOP, JULY).unwrap();
    // Two pages of the listing, the manifest; then the part.
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Truncated).at("blob").after(3).times(1));
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("cut off"), "{ran:?}");
    let denied = Act::Error {
        status: 403,
        code: "AuthorizationPermissionMismatch".to_owned(),
        message: "This request is not authorized to perform this operation.".to_owned(),
    };
    stage.simulator.faults().add(Fault::new(denied).at("blob"));
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stdout.contains("Storage Blob Data Reader"), "{ran:?}");
    assert_eq!(books::exported(&stage.place.state()).unwrap(), []);
    stage.simulator.faults().clear();
    assert_done(&stage.collect().unwrap());
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_larger_than_the_guests_memory_is_read_whole() {
    let lines: u32 = 150_000;
    let limits = "[limits]\nmemory = \"16MiB\"\nwall = \"9m\"\ncpu = \"5m\"\n";
    let mut stage = Stage::new(&from_export(), limits).await.unwrap();
    stage.set_now("2026-08-03T12:00:00Z").unwrap();
    stage
        .simulator
        .deliver_large(JULY, usize::try_from(lines).unwrap())
        .unwrap();
    let ran = stage.collect().unwrap();
    assert_done(&ran);
    assert_eq!(ran.json().unwrap()["runs"][0]["counts"]["records"], lines);
    let cost = Decimal::from(lines)
        .checked_mul("0.0001".parse().unwrap())
        .unwrap();
    assert_eq!(counted(&stage), cost);
}
