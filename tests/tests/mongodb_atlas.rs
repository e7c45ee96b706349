//! A MongoDB Atlas organization through the sandbox into the books: every record against the independent golden script, every month
//! against its invoice, both ways to log in, and what goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    books::{self, observations},
    mongodb_atlas::{
        AUGUST, Atlas, CLIENT_SECRET, HOST, JULY, ORGANIZATION, Options, PRIVATE_KEY, error, throttled,
    },
    program::Ran,
    proof::{
        assert_done, assert_example_grants, assert_golden, assert_laws, assert_no_leak, billed_in, receipts,
    },
    provider::{Act, Fault, Reply, Stage, Start, golden::Golden},
};
use serde_json::json;
use std::net::SocketAddr;

const INITIAL: (&str, &str) = (
    "2026-08-01T12:00:00Z",
    include_str!("../golden/mongodb-atlas/initial.json"),
);
const RESTATED: (&str, &str) = (
    "2026-08-03T12:00:00Z",
    include_str!("../golden/mongodb-atlas/restated.json"),
);
const INVOICED: (&str, &str) = (
    "2026-08-05T12:00:00Z",
    include_str!("../golden/mongodb-atlas/invoiced.json"),
);
const CORRECTED: (&str, &str) = (
    "2026-08-08T12:00:00Z",
    include_str!("../golden/mongodb-atlas/corrected.json"),
);

const DIGEST: &str = "scheme = \"digest\"\nusername = { file = \"secrets/public-key.txt\" }\npassword = { file = \"secrets/private-key.txt\" }";

fn service_account(addr: SocketAddr) -> String {
    format!(
        "scheme = \"oauth2-client-credentials\"\ntoken-url = \"https://{HOST}/api/oauth/token\"\n\
         client-id = {{ file = \"secrets/client-id.txt\" }}\nclient-secret = {{ file = \"secrets/client-secret.txt\" }}\n\
         connect-to = \"{addr}\"\nca = \"secrets/ca.pem\""
    )
}

fn config(addr: SocketAddr, credential: &str, more: &str) -> String {
    format!(
        "[collector]\nname = \"atlas-test\"\n\n[settings]\norganization = \"{ORGANIZATION}\"\n{more}\n\n\
         [[allow]]\nhost = \"{HOST}\"\npaths = [\"/api/atlas/v2/orgs/{ORGANIZATION}/invoices\", \"/api/atlas/v2/groups\"]\n\
         credential = \"atlas\"\nconnect-to = \"{addr}\"\nca = \"secrets/ca.pem\"\n\n[credentials.atlas]\n{credential}\n"
    )
}

/// A stage at a state, with the key pair.
async fn stage(options: Options, (now, _): (&str, &str), more: &str) -> Stage<Atlas> {
    let start = Start::at(now).unwrap();
    let atlas = Atlas::new(options).unwrap();
    Stage::new("mongodb-atlas", atlas, start, |addr| config(addr, DIGEST, more))
        .await
        .unwrap()
}

#[track_caller]
fn assert_says(ran: &Ran, code: i32, words: &str) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    assert!(
        ran.stdout.contains(words) || ran.stderr.contains(words),
        "{words}: {ran:?}"
    );
}

/// The books hold exactly the golden records, and every law holds.
#[track_caller]
fn assert_books(stage: &Stage<Atlas>, (now, golden): (&str, &str)) {
    assert_golden(&stage.place, "spend", &Golden::read(golden).unwrap(), now);
}

/// What the books bill for the month.
#[track_caller]
fn billed(stage: &Stage<Atlas>, month: &str) -> Decimal {
    billed_in("USD", &stage.place, "spend", ("BillingPeriod.start", month))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_follow_the_invoices_from_pending_to_paid_and_add_up_to_each() {
    let mut stage = stage(Options::default(), INITIAL, "").await;
    for state in [INITIAL, RESTATED, INVOICED, CORRECTED] {
        stage.set_now(state.0).unwrap();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, state);
        let now = state.0.parse().unwrap();
        let invoice = |id| stage.simulator.api().billed(id, now).unwrap();
        assert_eq!(billed(&stage, "2026-07"), invoice(JULY), "{}", state.0);
        if state != INITIAL {
            assert_eq!(billed(&stage, "2026-08"), invoice(AUGUST), "{}", state.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_changes_nothing_and_a_dry_run_stores_nothing() {
    let stage = stage(Options::default(), RESTATED, "").await;
    let dry = stage.collect(&["--dry-run"]).unwrap();
    assert_done(&dry);
    assert!(receipts(&dry)["added"].as_u64().unwrap() > 100, "{dry:?}");
    let held = |stage: &Stage<Atlas>| match books::contents(&stage.place.state(), "spend") {
        Ok(contents) => contents.len(),
        Err(_) => 0,
    };
    assert_eq!(held(&stage), 0);
    assert_done(&stage.collect(&[]).unwrap());
    let again = stage.collect(&[]).unwrap();
    assert_done(&again);
    let counts = receipts(&again);
    assert_eq!(
        (&counts["added"], &counts["revised"], &counts["withdrawn"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert!(counts["unchanged"].as_u64().unwrap() > 100, "{counts}");
    assert_books(&stage, RESTATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_gives_the_same_books_and_a_token_that_ends_is_replaced() {
    let stage = stage(Options::default(), RESTATED, "").await;
    let addr = stage.simulator.addr();
    stage
        .configure(&config(addr, &service_account(addr), ""))
        .unwrap();
    // In the middle of the run the token is no longer taken.
    let ended = error(
        401,
        "INVALID_SERVICE_ACCOUNT_TOKEN",
        "The access token is not valid.",
    );
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Answer(ended)).at("getInvoice").after(1).times(1));
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, RESTATED);
    assert_eq!(stage.simulator.api().given(), (0, 2));
    stage.place.file("secrets/client-secret.txt", "another").unwrap();
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert_books(&stage, RESTATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_nonce_is_used_on_with_rising_counts_and_replaced_when_stale() {
    let plain = stage(Options::default(), RESTATED, "").await;
    assert_done(&plain.collect(&[]).unwrap());
    assert_eq!(plain.simulator.api().given(), (1, 0));
    let calls: u64 = plain.simulator.requests().values().sum();
    let short = stage(
        Options {
            nonce_uses: 2,
            ..Options::default()
        },
        RESTATED,
        "",
    )
    .await;
    assert_done(&short.collect(&[]).unwrap());
    assert_books(&short, RESTATED);
    // Every second answer needs a new one; the first call is the challenge itself.
    assert_eq!(u64::from(short.simulator.api().given().0), (calls - 1) / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_ends_the_run_and_no_secret_is_said_or_kept() {
    let stage = stage(Options::default(), RESTATED, "").await;
    let wrong = "wr0ng-priv-atekey";
    stage.place.file("secrets/private-key.txt", wrong).unwrap();
    let refused = stage.collect(&["--log", "trace"]).unwrap();
    assert_says(&refused, 69, "does not accept the credential");
    stage.place.file("secrets/private-key.txt", PRIVATE_KEY).unwrap();
    let digest = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&digest);
    let addr = stage.simulator.addr();
    stage
        .configure(&config(addr, &service_account(addr), ""))
        .unwrap();
    let oauth = stage.collect(&["--log", "trace"]).unwrap();
    assert_done(&oauth);
    let secrets = [PRIVATE_KEY, CLIENT_SECRET, wrong, "simulated-atlas-token"];
    let said = [&refused, &digest, &oauth];
    assert_no_leak(&stage.place, &secrets, &said, "ATLAS_AWS_INSTANCE_M30");
    // What was asked for is said, so that not finding a secret there means something.
    for ran in [&refused, &digest] {
        assert!(ran.stderr.contains(ORGANIZATION), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_listed_is_told_what_to_do() {
    let options = Options {
        access_list: true,
        ..Options::default()
    };
    let stage = stage(options, RESTATED, "").await;
    let ran = stage.collect(&[]).unwrap();
    assert_says(&ran, 69, "add this machine's to the access list");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_commits_nothing_partial_and_the_next_run_is_whole() {
    let denied = || error(403, "USER_CANNOT_ACCESS_ORG", "no");
    let other = json!({"links": [], "results": [], "totalCount": 0});
    let stage = stage(Options::default(), RESTATED, "").await;
    let golden = Golden::read(RESTATED.1).unwrap();
    let whole = |month: &str| {
        let of = golden
            .rows
            .iter()
            .filter(|row| row[2].as_deref().unwrap().starts_with(month));
        of.count()
    };
    for (act, at, after, code, says) in [
        (Act::Answer(throttled(0)), "getInvoice", 1, 69, "slow down"),
        (
            Act::Answer(denied()),
            "listInvoices",
            0,
            69,
            "Organization Billing Viewer",
        ),
        (
            Act::Answer(error(500, "UNEXPECTED_ERROR", "oops")),
            "listInvoicePending",
            0,
            69,
            "UNEXPECTED_ERROR",
        ),
        (
            Act::Answer(error(404, "INVOICE_NOT_FOUND", "gone")),
            "getInvoice",
            0,
            78,
            "may not see it",
        ),
        (Act::Answer(Reply::html()), "getInvoice", 1, 65, "HTML"),
        (Act::Truncated, "listInvoicePending", 0, 65, "truncated"),
        (Act::Truncated, "getInvoice", 1, 65, "truncated"),
        (Act::Reset, "getInvoice", 0, 65, "the reply's body is cut short"),
        // Empty the second time; before the first it was the challenge.
        (
            Act::Answer(Reply::json(200, &other)),
            "listInvoicePending",
            2,
            65,
            "changed while it was read",
        ),
    ] {
        stage
            .simulator
            .faults()
            .add(Fault::new(act.clone()).at(at).after(after));
        let ran = stage.collect(&[]).unwrap();
        assert_says(&ran, code, says);
        let contents = books::contents(&stage.place.state(), "spend").unwrap();
        // July stands before August: it is whole, or nothing is there.
        assert!(
            [0, whole("2026-07")].contains(&contents.len()),
            "{act:?} {}",
            contents.len()
        );
        stage.simulator.faults().clear();
    }
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, RESTATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn short_throttling_is_waited_for() {
    let stage = stage(Options::default(), RESTATED, "").await;
    for operation in ["listInvoices", "getInvoice", "listClusters"] {
        stage
            .simulator
            .faults()
            .add(Fault::new(Act::Answer(throttled(0))).at(operation).times(2));
    }
    assert_done(&stage.collect(&[]).unwrap());
    assert_books(&stage, RESTATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_after_their_discounts_give_the_same_bill() {
    let options = Options {
        after_discount: true,
        ..Options::default()
    };
    let stage = stage(options, CORRECTED, "").await;
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(ran.stderr.contains("after their discounts"), "{}", ran.stderr);
    assert_books(&stage, CORRECTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_labelled_and_an_invoice_that_does_not_add_up_is_said_so() {
    let options = Options {
        surplus: 7,
        ..Options::default()
    };
    let stage = stage(options, CORRECTED, "").await;
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    for words in [
        "QUANTUM_LEDGER_UNITS",
        "MOON",
        "the month is committed as incomplete",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert_books(&stage, CORRECTED);
    let connection = books::open(&stage.place.state()).unwrap();
    let mut statement = connection
        .prepare("SELECT completeness FROM partition ORDER BY start")
        .unwrap();
    let kinds = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let kinds: Vec<String> = kinds.map(Result::unwrap).collect();
    assert_eq!(kinds, ["partial", "complete"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_are_observed_by_place_and_a_project_that_is_closed_is_not_none() {
    let stage = stage(Options::default(), RESTATED, "").await;
    let denied = error(403, "USER_UNAUTHORIZED", "no");
    // Projects come in order: dev is the second.
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Answer(denied)).at("listClusters").after(1));
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert!(
        ran.stderr.contains("clusters of the project dev are not counted"),
        "{}",
        ran.stderr
    );
    let sums = |stage: &Stage<Atlas>, name: &str| {
        let seen = observations(&stage.place.state()).unwrap();
        let of = seen.iter().filter(|one| one.0 == name);
        Decimal::sum(of.map(|one| one.2.parse().unwrap()))
            .unwrap()
            .to_string()
    };
    assert_eq!(sums(&stage, "clusters"), "2");
    stage.simulator.faults().clear();
    assert_done(&stage.collect(&[]).unwrap());
    for (name, expected) in [
        ("clusters", "3"),
        ("cluster-shards", "4"),
        ("cluster-nodes", "13"),
        ("cluster-storage", "520"),
    ] {
        assert_eq!(sums(&stage, name), expected, "{name}");
    }
    assert_books(&stage, RESTATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_of_many_lines_goes_through_a_small_guest() {
    let options = Options {
        clusters: 1_000,
        ..Options::default()
    };
    let stage = stage(
        options,
        INVOICED,
        "clusters = false\n\n[limits]\nmemory = \"32MiB\"",
    )
    .await;
    assert_done(&stage.collect(&[]).unwrap());
    let lines = books::contents(&stage.place.state(), "spend").unwrap().len();
    assert!(lines > 15_000, "{lines}");
    let now = INVOICED.0.parse().unwrap();
    assert_eq!(
        billed(&stage, "2026-08"),
        stage.simulator.api().billed(AUGUST, now).unwrap()
    );
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_grants_all_that_its_run_needs() {
    let stage = stage(Options::default(), RESTATED, "").await;
    assert_example_grants("mongodb-atlas", stage.simulator.addr(), |text| {
        stage.configure(text).unwrap();
        stage.collect(&[]).unwrap()
    });
    assert_books(&stage, RESTATED);
}
