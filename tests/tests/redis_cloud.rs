//! A Redis Cloud account through the sandbox into the books: every record against the independent golden script, every month against
//! its invoice, and what goes wrong between asking for a report and fetching it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    books::{self, observations},
    proof::{assert_done, assert_example_grants, assert_golden, assert_laws, assert_no_leak, receipts},
    provider::{Act, Fault, Reply, Stage, Start, golden::Golden},
    redis_cloud::{ACCOUNT, ACCOUNT_KEY, HOST, Options, PASSWORD, RedisCloud, USER_KEY, error},
};
use serde_json::json;
use std::{collections::BTreeMap, net::SocketAddr};

const INITIAL: (&str, &str) = (
    "2026-08-03T12:00:00Z",
    include_str!("../golden/redis-cloud/initial.json"),
);
const RESTATED: (&str, &str) = (
    "2026-08-05T12:00:00Z",
    include_str!("../golden/redis-cloud/restated.json"),
);
const CLOSED: (&str, &str) = (
    "2026-08-07T12:00:00Z",
    include_str!("../golden/redis-cloud/closed.json"),
);

fn config(addr: SocketAddr, more: &str) -> String {
    let mut text = format!(
        "[collector]\nname = \"redis-test\"\n\n[settings]\naccount = \"{ACCOUNT}\"\npause = 0\n{more}\n\n\
         [credentials.redis]\nscheme = \"headers\"\nheaders = {{ \"x-api-key\" = {{ file = \"secrets/api-key.txt\" }}, \
         \"x-api-secret-key\" = {{ file = \"secrets/secret-key.txt\" }} }}\n"
    );
    for (methods, paths) in [
        ("\"GET\", \"POST\"", "\"/v1/cost-report\""),
        (
            "\"GET\"",
            "\"/v1/tasks\", \"/v1/subscriptions\", \"/v1/fixed/subscriptions\"",
        ),
    ] {
        text += &format!(
            "\n[[allow]]\nhost = \"{HOST}\"\nmethods = [{methods}]\npaths = [{paths}]\ncredential = \"redis\"\n\
             connect-to = \"{addr}\"\nca = \"secrets/ca.pem\"\n"
        );
    }
    text
}

/// A stage at a state.
async fn stage(options: Options, (now, _): (&str, &str), more: &str) -> Stage<RedisCloud> {
    let start = Start::at(now).unwrap();
    let account = RedisCloud::new(options).unwrap();
    Stage::new("redis-cloud", account, start, |addr| config(addr, more))
        .await
        .unwrap()
}

/// The books hold exactly the golden records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage<RedisCloud>, (now, golden): (&str, &str)) {
    assert_golden(&stage.place, "spend", &Golden::read(golden).unwrap(), now);
}

/// What the books bill for the month, by currency.
#[track_caller]
fn billed(stage: &Stage<RedisCloud>, month: &str) -> BTreeMap<String, Decimal> {
    books::billed(&stage.place.state(), "spend", ("ChargePeriod.start", month)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_restated_withdrawn_and_late_lines_and_add_up_to_each_month() {
    let mut stage = stage(Options::default(), INITIAL, "").await;
    for state in [INITIAL, RESTATED, CLOSED] {
        stage.set_now(state.0).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, state);
        let now = state.0.parse().unwrap();
        for month in ["2026-07", "2026-08"] {
            let invoice = stage.simulator.api().invoice(month, now).unwrap();
            assert_eq!(billed(&stage, month), invoice, "{month} at {}", state.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_changes_nothing_and_a_dry_run_stores_nothing() {
    let stage = stage(Options::default(), INITIAL, "inventory = false").await;
    let dry = stage.collect(&["--dry-run"]).unwrap();
    assert_done(&dry);
    assert!(receipts(&dry)["added"].as_u64().unwrap() > 30, "{dry:?}");
    let held = books::contents(&stage.place.state(), "spend").map_or(0, |contents| contents.len());
    assert_eq!(held, 0);
    assert_done(&stage.collect(&[]).unwrap());
    let again = stage.collect(&[]).unwrap();
    assert_done(&again);
    let counts = receipts(&again);
    assert_eq!(
        (&counts["added"], &counts["revised"], &counts["withdrawn"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert!(counts["unchanged"].as_u64().unwrap() > 30, "{counts}");
    assert_books(&stage, INITIAL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_without_its_last_day_gives_the_same_books_of_a_month_that_is_over() {
    let options = Options {
        last_day: false,
        polls: 1,
        ..Options::default()
    };
    let stage = stage(options, CLOSED, "inventory = false").await;
    assert_done(&stage.collect(&[]).unwrap());
    let golden = Golden::read(CLOSED.1).unwrap();
    let july = |rows: Vec<finops_tests::provider::golden::Row>| -> Vec<_> {
        let of = rows
            .into_iter()
            .filter(|row| row[0].as_deref().unwrap().starts_with("2026-07"));
        of.collect()
    };
    let found = golden.found(&stage.place.state(), "spend").unwrap();
    assert_eq!(july(found), july(golden.rows));
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_commits_nothing_partial_and_the_next_run_is_whole() {
    let failed = json!({"taskId": "t", "status": "processing-error", "description": "The range is not valid.",
        "response": {"error": {"type": "COST_REPORT_INVALID_RANGE", "status": "400 BAD_REQUEST"}}});
    let elsewhere = json!({"taskId": "t", "status": "processing-completed",
        "response": {"resource": {"costReportId": "https://redis.evil.example/report.csv"}}});
    let slow = || error(429, "/v1/tasks").with("retry-after", "0");
    let stage = stage(Options::default(), INITIAL, "inventory = false").await;
    for (act, at, code, says) in [
        (
            Act::Answer(error(403, "/v1/cost-report")),
            "createCostReport",
            69,
            "ask Redis support",
        ),
        (
            Act::Answer(error(404, "/v1/cost-report")),
            "createCostReport",
            69,
            "ask Redis support",
        ),
        (Act::Answer(slow()), "getTask", 69, "slow down"),
        (
            Act::Answer(Reply::json(200, &failed)),
            "getTask",
            69,
            "COST_REPORT_INVALID_RANGE",
        ),
        (Act::Answer(Reply::html()), "getTask", 65, "HTML"),
        (Act::Truncated, "getTask", 65, "truncated"),
        // A report that is said to lie elsewhere: its id is one segment of a path here, and a slash in it is not allowed.
        (
            Act::Answer(Reply::json(200, &elsewhere)),
            "getTask",
            78,
            "does not allow an encoded slash in the path",
        ),
        (
            Act::Answer(error(500, "/v1/cost-report")),
            "getCostReport",
            69,
            "an error",
        ),
        (
            Act::Answer(Reply::html()),
            "getCostReport",
            65,
            "lacks the columns",
        ),
        (Act::Truncated, "getCostReport", 65, "cut off"),
    ] {
        stage.simulator.faults().add(Fault::new(act.clone()).at(at));
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {ran:?}");
        assert!(
            ran.stdout.contains(says) || ran.stderr.contains(says),
            "{says}: {ran:?}"
        );
        assert_eq!(
            books::contents(&stage.place.state(), "spend").unwrap().len(),
            0,
            "{act:?}"
        );
        assert!(
            stage
                .simulator
                .asked()
                .iter()
                .all(|(_, asked)| asked.host == HOST)
        );
        stage.simulator.faults().clear();
    }
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, INITIAL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_in_the_middle_of_the_file_commits_nothing_and_short_throttling_is_waited_for() {
    let stage = stage(Options::default(), INITIAL, "inventory = false").await;
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Reset).at("getCostReport"));
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("the reply's body is cut short"), "{ran:?}");
    assert_eq!(books::contents(&stage.place.state(), "spend").unwrap().len(), 0);
    stage.simulator.faults().clear();
    for operation in ["createCostReport", "getTask", "getCostReport"] {
        let slow = error(429, "/v1").with("retry-after", "0");
        stage
            .simulator
            .faults()
            .add(Fault::new(Act::Answer(slow)).at(operation).times(2));
    }
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, INITIAL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_ends_the_run_and_neither_keys_nor_passwords_are_said_or_kept() {
    let stage = stage(Options::default(), INITIAL, "").await;
    let wrong = "S2wrong0key";
    stage.place.file("secrets/secret-key.txt", wrong).unwrap();
    let refused = stage.collect(&["--log", "trace"]).unwrap();
    assert_eq!(refused.code, Some(69), "{refused:?}");
    assert!(refused.stdout.contains("does not accept the keys"), "{refused:?}");
    stage.place.file("secrets/secret-key.txt", USER_KEY).unwrap();
    let ran = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&ran);
    let secrets = [ACCOUNT_KEY, USER_KEY, wrong, PASSWORD];
    for known in ["cache-prod", "db-51234567"] {
        assert_no_leak(&stage.place, &secrets, &[&refused, &ran], known);
    }
    assert_books(&stage, INITIAL);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_labelled_and_databases_are_observed_over_all_pages() {
    let stage = stage(Options::default(), CLOSED, "").await;
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    for words in ["Redis Quantum", "Key-Value", "Qubits", "Gift", "marketplace"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    let seen = observations(&stage.place.state()).unwrap();
    for (name, expected) in [
        ("subscriptions", "2"),
        ("databases", "103"),
        ("database-memory-limit", "206"),
        ("database-memory-used", "52736"),
        ("database-shards", "206"),
        ("database-throughput", "103000"),
    ] {
        let of = seen.iter().filter(|one| one.0 == name);
        let sum = Decimal::sum(of.map(|one| one.2.parse().unwrap())).unwrap();
        assert_eq!(sum.to_string(), expected, "{name}");
    }
    assert_books(&stage, CLOSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_that_is_denied_is_warned_of_and_the_money_stays() {
    let stage = stage(Options::default(), INITIAL, "").await;
    for operation in ["listSubscriptions", "listDatabases"] {
        stage
            .simulator
            .faults()
            .add(Fault::new(Act::Answer(error(403, "/v1"))).at(operation));
    }
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(
        ran.stderr
            .contains("subscriptions of the plan pro are not counted"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("databases of the subscription 3001 are not counted")
    );
    let seen = observations(&stage.place.state()).unwrap();
    assert!(seen.iter().all(|one| one.0 == "subscriptions"), "{seen:?}");
    assert_books(&stage, INITIAL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_many_lines_goes_through_a_small_guest() {
    let options = Options {
        databases: 1_000,
        ..Options::default()
    };
    let stage = stage(
        options,
        CLOSED,
        "inventory = false\n\n[limits]\nmemory = \"32MiB\"",
    )
    .await;
    assert_done(&stage.collect(&[]).unwrap());
    let lines = books::contents(&stage.place.state(), "spend").unwrap().len();
    assert!(lines > 15_000, "{lines}");
    let now = CLOSED.0.parse().unwrap();
    let invoice = stage.simulator.api().invoice("2026-08", now).unwrap();
    assert_eq!(billed(&stage, "2026-08"), invoice);
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let stage = stage(Options::default(), INITIAL, "").await;
    assert_example_grants("redis-cloud", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect(&[]).unwrap()
    });
    assert_books(&stage, INITIAL);
}
