//! The same money in other cuts and from other tables, and what runs beside it.

use super::{EVER, JULY, assert_books};
use finops_decimal::Decimal;
use finops_tests::{
    books::{billed, observations, open},
    gcp::{
        Options,
        golden::State,
        stage::{DETAILED, FOCUS, STANDARD, Stage},
    },
    proof::{assert_done, assert_laws},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_table_gives_the_same_bill() {
    let mut stage = Stage::new(STANDARD).await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, State::Initial);
    stage.configure(&format!("{STANDARD}\nresources = true")).unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert!(ran.stdout.contains("only the detailed table"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_adds_up_to_the_bill_and_follows_it() {
    let mut stage = Stage::new(&format!("{DETAILED}\nlabel = \"team\"\nresources = true"))
        .await
        .unwrap();
    for state in State::ALL {
        stage.go_to(state).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
        let sums = |stream| billed(&stage.place.state(), stream, EVER).unwrap();
        for view in ["by-label", "by-resource"] {
            assert_eq!(sums(view), sums("spend"), "{view} {state:?}");
        }
        assert_books(&stage, state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_focus_table_takes_the_place_of_the_bill_without_counting_twice() {
    let mut stage = Stage::new(DETAILED).await.unwrap();
    stage.go_to(State::Initial).unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    let before = billed(&stage.place.state(), "spend", EVER).unwrap();
    stage.configure(FOCUS).unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    assert_eq!(billed(&stage.place.state(), "spend-focus", EVER).unwrap(), before);
    let costs = stage.place.call(&["costs", "--json"]).unwrap();
    assert_done(&costs);
    let connection = open(&stage.place.state()).unwrap();
    let counting: i64 = connection
        .query_row(
            "SELECT count(*) FROM record JOIN partition ON partition.id = record.partition
             JOIN stream ON stream.id = partition.stream
             WHERE record.until_commit IS NULL AND record.counts AND stream.name = 'spend'
             AND partition.start < unixepoch('2026-08-01')",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(counting, 0);
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_counted_over_all_pages_and_projects_and_what_cannot_be_listed_is_not_none() {
    let mut stage = Stage::new(&format!(
        "{DETAILED}\nbuckets = true\nprojects = [\"acme-payments\", \"acme-data\"]"
    ))
    .await
    .unwrap();
    stage.go_to(State::Initial).unwrap();
    stage.simulator.disable("cloudfunctions:functions");
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(
        ran.stderr.contains("functions of acme-data are not counted"),
        "{}",
        ran.stderr
    );
    let seen = observations(&stage.place.state()).unwrap();
    let sum = |name: &str| {
        let values = seen
            .iter()
            .filter(|one| one.0 == name)
            .map(|one| one.2.parse::<Decimal>().unwrap());
        Decimal::sum(values).unwrap().to_string()
    };
    for (name, expected) in [
        ("instances", "3"),
        ("cluster-nodes", "5"),
        ("node-pool-nodes", "4"),
        ("functions", "0"),
        ("run-services", "4"),
        ("sql-instances", "3"),
        ("sql-storage", "360"),
        ("buckets", "3"),
    ] {
        assert_eq!(sum(name), expected, "{name} {seen:?}");
    }
    assert_books(&stage, State::Initial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_of_many_resources_goes_page_by_page_through_a_small_guest() {
    let resources = 20_000;
    let mut stage = Stage::with(
        Options {
            rows_per_page: 5_000,
            ..Options::default()
        },
        &format!("{DETAILED}\nresources = true\n\n[limits]\nmemory = \"48MiB\"\n"),
    )
    .await
    .unwrap();
    stage.go_to(State::Initial).unwrap();
    stage.simulator.change(|lines| {
        let one = lines
            .iter()
            .find(|line| line.resource.as_deref() == Some("batch-1") && line.day().month() == 8)
            .unwrap()
            .clone();
        lines.extend((0..resources).map(|number| finops_tests::gcp::export::Line {
            resource: Some(format!("batch-{number:06}")),
            cost: "0.0001".to_owned(),
            ..one.clone()
        }));
    });
    assert_done(&stage.collect(&[]).unwrap());
    let state = stage.place.state();
    let by_resource = billed(&state, "by-resource", EVER).unwrap();
    assert_eq!(by_resource, billed(&state, "spend", EVER).unwrap());
    // All of them are there: 20,000 times 0.0001.
    let small = Stage::new(DETAILED).await.unwrap();
    let known = small.simulator.invoice("202607").unwrap()["USD"];
    let now = stage.simulator.invoice("202607").unwrap()["USD"];
    assert_eq!(now.checked_sub(known).unwrap().to_string(), "2");
    let july = billed(&state, "by-resource", JULY).unwrap();
    assert_eq!(july["USD"], now);
    assert_laws(&stage.place);
}
