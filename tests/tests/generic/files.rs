use super::{NOON, assert_no_secret, of, partitions, receipts};
use finops_decimal::Decimal;
use finops_tests::{
    books,
    generic::{Generic, stage},
    proof::{assert_done, assert_golden, billed_in},
    provider::{Act, Fault, Reply, Stage, golden::Golden},
};

const LATE: &str = "2026-08-04T12:00:00Z";
const INITIAL: &str = include_str!("../../golden/generic/lines-initial.json");
const LATER: &str = include_str!("../../golden/generic/lines-late.json");

/// Kind, path and fields of each form of the same bill.
fn forms() -> [String; 3] {
    [
        format!("kind = \"csv\"\npath = \"/costs/bill.csv\"\n{}", stage::FIELDS),
        format!(
            "kind = \"csv\"\npath = \"/costs/{{month}}.csv\"\n{}",
            stage::FIELDS
        ),
        format!(
            "kind = \"json\"\npath = \"/costs/bill.json\"\n{}",
            stage::JSON_FIELDS
        ),
    ]
}

async fn files(settings: &str) -> Stage<Generic> {
    of(Generic::load().unwrap(), NOON, |addr| {
        stage::files(addr, settings)
    })
    .await
}

#[track_caller]
fn assert_books(stage: &Stage<Generic>, golden: &str) {
    assert_golden(&stage.place, "lines", &Golden::read(golden).unwrap(), "the bill");
}

#[track_caller]
fn billed(stage: &Stage<Generic>, month: &str) -> Decimal {
    billed_in("EUR", &stage.place, "lines", ("ChargePeriod.start", month))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_bill_gives_the_same_books_and_they_add_up_to_the_invoice() {
    for form in forms() {
        let mut stage = files(&form).await;
        for (now, golden) in [(NOON, INITIAL), (LATE, LATER)] {
            stage.set_now(now).unwrap();
            let ran = stage.collect(&["--log", "trace"]).unwrap();
            assert_done(&ran);
            assert_no_secret(&stage, &ran, "Power, metered");
            assert!(
                ran.stderr.contains("no charge is called `levy`"),
                "{}",
                ran.stderr
            );
            assert_books(&stage, golden);
            for month in ["2026-07", "2026-08"] {
                let invoice = stage
                    .simulator
                    .api()
                    .invoice(month, now.parse().unwrap())
                    .unwrap();
                assert_eq!(billed(&stage, month), invoice, "{form} {month}");
            }
            let again = stage.collect(&[]).unwrap();
            assert_done(&again);
            for change in ["added", "revised", "withdrawn"] {
                assert_eq!(receipts(&again, change), 0, "{form} {change}");
            }
        }
        // The day of the file's newest lines is not over yet.
        assert_eq!(partitions(&stage, "partial"), 1, "{form}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_and_never_half_written() {
    let csv = |text: &'static str| Act::Answer(Reply::new(200, "text/csv", text));
    let comma = "date,amount,product,kind,team,room,kwh,unit\n2026-08-01,\"1,5\",Racks,usage,,,,\n";
    // A file is read twice: some go wrong at once, some at the second reading.
    for (after, act, code, says) in [
        (0, Act::Answer(Reply::html()), 65, "HTML"),
        (0, Act::Answer(Reply::new(403, "text/plain", "no")), 69, "may not"),
        (1, Act::Answer(Reply::new(404, "text/plain", "no")), 69, "404"),
        (0, Act::Truncated, 65, "cut off"),
        (1, Act::Truncated, 65, "cut off"),
        (1, Act::Reset, 65, "the reply's body is cut short"),
        (0, csv("date,amount\n"), 78, "no column"),
        (1, csv(comma), 65, "row 1"),
    ] {
        let stage = files(&forms()[0]).await;
        let fault = Fault::new(act.clone()).at("file").after(after);
        stage.simulator.faults().add(fault);
        let ran = stage.collect(&[]).unwrap();
        assert_eq!(ran.code, Some(code), "{act:?} {ran:?}");
        assert!(ran.stdout.contains(says), "{act:?} {ran:?}");
        let contents = books::contents(&stage.place.state(), "lines").unwrap();
        assert!(contents.is_empty(), "{act:?}");
        stage.simulator.faults().clear();
        assert_done(&stage.collect(&[]).unwrap());
        assert_books(&stage, INITIAL);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_path_than_the_rule_allows_is_denied() {
    let stage = files(&format!(
        "kind = \"csv\"\npath = \"/secret/bill.csv\"\n{}",
        stage::FIELDS
    ))
    .await;
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(stage.simulator.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_currency_that_is_none_is_refused_by_name() {
    let settings = forms()[0].replace(
        "\"tag team = team\"",
        "\"tag team = team\", \"currency = 'Taler'\"",
    );
    let stage = files(&settings).await;
    let ran = stage.collect(&[]).unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("Taler"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tens_of_thousands_of_lines_pass_through_a_small_guest() {
    for form in [&forms()[0], &forms()[2]] {
        let settings = form.replace("\"tag team", "\"resource = copy\", \"tag team");
        let generic = Generic::load().unwrap().copied(3_000);
        let config = |addr| {
            format!(
                "{}\n[limits]\nmemory = \"16MiB\"\n",
                stage::files(addr, &settings)
            )
        };
        let stage = of(generic, NOON, config).await;
        assert_done(&stage.collect(&[]).unwrap());
        for month in ["2026-07", "2026-08"] {
            let invoice = stage
                .simulator
                .api()
                .invoice(month, NOON.parse().unwrap())
                .unwrap();
            assert_eq!(billed(&stage, month), invoice, "{form} {month}");
        }
        let count = books::contents(&stage.place.state(), "lines").unwrap().len();
        assert_eq!(count, Golden::read(INITIAL).unwrap().rows.len() * 3_000);
    }
}
