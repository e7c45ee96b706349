//! A FOCUS export in S3 through the sandbox into the books: it takes the place of Cost Explorer, is read only when it has
//! changed, and is never mixed of two deliveries.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    aws::{
        Act, Fault, Patch, books, golden,
        stage::{FROM_EXPORT, Stage, config},
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
async fn an_export_takes_the_place_of_cost_explorer_and_says_the_same() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.set_now("2026-08-03T12:00:00Z").unwrap();
    assert_done(&stage.collect().unwrap());
    let invoice = stage.simulator.invoice(JULY..date(2026, 8, 1)).unwrap();
    assert_eq!(counted(&stage), invoice);
    let paid = stage.simulator.paid();

    stage
        .configure(&config(&stage.simulator, FROM_EXPORT, ""))
        .unwrap();
    stage.simulator.deliver(JULY).unwrap();
    assert_done(&stage.collect().unwrap());
    assert_eq!(
        books::exported(&stage.place.state()).unwrap(),
        golden::exported().unwrap()
    );
    assert_eq!((counted(&stage), stage.simulator.paid()), (invoice, paid));
    assert_laws(&stage.place);

    let again = stage.collect().unwrap();
    assert_done(&again);
    assert_eq!(
        again.json().unwrap()["runs"][0]["counts"]["records"],
        0,
        "an unchanged delivery was read again"
    );

    // A late row, a credit after the close: the next delivery has both.
    stage.simulator.apply(Patch::Restate).unwrap();
    stage.simulator.apply(Patch::Credit).unwrap();
    stage.set_now("2026-08-08T12:00:00Z").unwrap();
    stage.simulator.deliver(JULY).unwrap();
    assert_done(&stage.collect().unwrap());
    assert_eq!(
        counted(&stage),
        stage.simulator.invoice(JULY..date(2026, 8, 1)).unwrap()
    );
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_under_way_or_cut_off_commits_nothing() {
    let mut stage = Stage::new(FROM_EXPORT, "").await.unwrap();
    stage.set_now("2026-08-03T12:00:00Z").unwrap();
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(
        ran.stdout
            .contains("there is no manifest under focus/daily/metadata/"),
        "{ran:?}"
    );

    stage.simulator.deliver(JULY).unwrap();
    let data = stage
        .simulator
        .keys()
        .into_iter()
        .find(|key| key.contains("/data/"))
        .unwrap();
    stage
        .simulator
        .change(&data, |object| {
            object.modified = "2026-08-03T12:00:05Z".parse().unwrap()
        })
        .unwrap();
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("delivering the export anew"), "{ran:?}");

    stage.simulator.deliver(JULY).unwrap();
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Truncated).at("s3:GetObject").after(1).times(1));
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    stage.simulator.deny("s3:GetObject");
    let ran = stage.collect().unwrap();
    assert!(
        ran.stdout.contains("lacks the permission s3:GetObject"),
        "{ran:?}"
    );
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert_eq!(books::exported(&stage.place.state()).unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_larger_than_the_guests_memory_is_read_whole() {
    // `cargo xtask soak` asks for a million.
    let lines: u32 = std::env::var("FINOPS_EXPORT_LINES").map_or(150_000, |lines| lines.parse().unwrap());
    let limits = "[limits]\nmemory = \"16MiB\"\nwall = \"30m\"\ncpu = \"5m\"\n";
    let mut stage = Stage::new(FROM_EXPORT, limits).await.unwrap();
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
