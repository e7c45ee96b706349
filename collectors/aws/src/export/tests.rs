//! Months of an export natively: what is read, what is skipped, what is refused.

#![allow(clippy::unwrap_used)]

use crate::{Aws, descriptor::EXPORT};
use finops_collector::{
    Collector, Failure, FailureKind, Period, Response,
    period::start_of,
    testing::{FakeHost, reply},
};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;

const HEAD: &str = "BilledCost,BillingAccountId,BillingCurrency,BillingPeriodStart,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,EffectiveCost,ServiceName,Tags,x_UsageType,ListCost\n";
const LINE: &str = "1.0E-7,123456789012,USD,2026-07-01T00:00:00Z,Usage,2026-07-05 03:00:00,2026-07-05 04:00:00,0.5,AWS Lambda,\"{\"\"team\"\":\"\"core\"\"}\",Request,\n";

fn settings() -> Value {
    json!({"account": "123456789012", "export-bucket": "acme", "export-region": "eu-west-1", "export-prefix": "focus", "export-name": "daily"})
}

fn july() -> Period {
    Period {
        start: start_of("2026-07-01".parse().unwrap()),
        end: start_of("2026-08-01".parse().unwrap()),
    }
}

fn host(data: impl Fn() -> Response + 'static) -> FakeHost {
    FakeHost::answering(move |request| {
        let path = request
            .url
            .strip_prefix("https://acme.s3.eu-west-1.amazonaws.com/focus/daily/")
            .unwrap();
        if path == "metadata/BILLING_PERIOD=2026-07/daily-Manifest.json" {
            let file = "s3://acme/focus/daily/data/BILLING_PERIOD=2026-07/daily-00001.csv.gz";
            let mut manifest = reply(200, &json!({"dataFiles": [file]}).to_string());
            manifest.headers = vec![
                ("etag".to_owned(), "\"one\"".to_owned()),
                (
                    "last-modified".to_owned(),
                    "Mon, 03 Aug 2026 10:00:00 GMT".to_owned(),
                ),
            ];
            return Ok(manifest);
        }
        assert_eq!(
            request.headers,
            [(
                "If-Unmodified-Since".to_owned(),
                "Mon, 03 Aug 2026 10:00:00 GMT".to_owned()
            )]
        );
        Ok(data())
    })
    .describing(Aws::describe())
    .at(start_of("2026-08-03".parse().unwrap()))
}

fn run(data: impl Fn() -> Response + 'static) -> (FakeHost, Result<(), Failure>) {
    let host = host(data);
    let ran = host.run::<Aws>(&settings(), july()).map(drop);
    (host, ran)
}

#[test]
fn lines_become_records_with_all_their_digits() {
    let (host, ran) = run(|| reply(200, &format!("{HEAD}{LINE}")));
    ran.unwrap();
    let records = host.records(EXPORT);
    let record = records.first().unwrap();
    assert_eq!(record.billed_cost, "0.0000001".parse().unwrap());
    assert_eq!((record.list_cost, record.tags.len()), (None, 1));
    assert_eq!(
        record.charge_period.start,
        start_of("2026-07-05".parse().unwrap()) + 3 * 3_600
    );
    assert!(
        host.requests()
            .iter()
            .all(|request| !request.url.contains("ce.us-east-1"))
    );
}

#[test]
fn a_delivery_that_was_read_is_not_read_again() {
    let (host, ran) = run(|| reply(200, &format!("{HEAD}{LINE}")));
    ran.unwrap();
    host.run::<Aws>(&settings(), july()).unwrap();
    assert_eq!((host.requests().len(), host.commits().len()), (3, 1));
}

#[test]
fn what_is_cut_off_or_wrong_commits_nothing() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed
        .write_all(format!("{HEAD}{}", LINE.repeat(500)).as_bytes())
        .unwrap();
    let mut packed = packed.finish().unwrap();
    packed.truncate(packed.len() - 9);
    let cut = move || {
        let mut response = reply(200, "");
        response.body = Box::new(Whole(Some(packed.clone())));
        response
    };
    let wrong = |text: &str| {
        let text = text.to_owned();
        move || reply(200, &text)
    };
    type Data = Box<dyn Fn() -> Response>;
    let cases: [(Data, FailureKind, &str); 6] = [
        (Box::new(cut), FailureKind::MalformedReply, "cut off"),
        (
            Box::new(wrong("<html>")),
            FailureKind::MalformedReply,
            "lacks the columns",
        ),
        (
            Box::new(wrong(&format!(
                "{HEAD}{}",
                LINE.replace("2026-07-01T", "2026-06-01T")
            ))),
            FailureKind::MalformedReply,
            "line 2",
        ),
        (
            Box::new(wrong(&format!("{HEAD}{}", LINE.replace("1.0E-7", "free")))),
            FailureKind::MalformedReply,
            "BilledCost",
        ),
        (
            Box::new(wrong(&format!(
                "{HEAD}{}",
                LINE.replace("123456789012", "999999999999")
            ))),
            FailureKind::Settings,
            "999999999999",
        ),
        (Box::new(|| reply(412, "")), FailureKind::Incomplete, "anew"),
    ];
    for (data, kind, says) in cases {
        let (host, ran) = run(data);
        let failure = ran.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert_eq!((host.commits().len(), host.open_writers()), (0, 0));
    }
}

/// A body in one piece.
struct Whole(Option<Vec<u8>>);

impl finops_collector::Body for Whole {
    fn read(&mut self, _max: u32) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.take())
    }
}
