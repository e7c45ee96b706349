//! Months of an export natively: what is read, what is skipped, what is refused.

#![allow(clippy::unwrap_used)]

use crate::{Azure, descriptor::EXPORT};
use finops_collector::{
    Body, Collector, Failure, FailureKind, Period, Response,
    period::start_of,
    testing::{FakeHost, reply},
};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;

const HEAD: &str = "BilledCost,BillingAccountId,BillingCurrency,BillingPeriodStart,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,\
    EffectiveCost,ServiceName,SubAccountId,ResourceId,Tags,x_ResourceGroupName\n";
const LINE: &str = "1.2E-7,BA,EUR,2026-07-01T00:00:00Z,Usage,2026-07-05T00:00:00Z,2026-07-06T00:00:00Z,0.5,Storage,\
    /subscriptions/S-1,/Subscriptions/s-1/resourceGroups/RG/providers/Microsoft.Storage/storageAccounts/Logs,\
    \"\"\"team\"\":\"\"core\"\"\",RG\n";
const RUN: &str = "costs/daily/20260701-20260731/0f-1";

fn settings() -> Value {
    json!({"scope": "subscriptions/s-1", "export-account": "acme", "export-container": "billing", "export-path": "costs",
        "export-name": "daily"})
}

fn july() -> Period {
    Period {
        start: start_of("2026-07-01".parse().unwrap()),
        end: start_of("2026-08-01".parse().unwrap()),
    }
}

fn host(rows: u64, data: impl Fn() -> Response + 'static) -> FakeHost {
    FakeHost::answering(move |request| {
        assert!(request.headers.contains(&("x-ms-version".to_owned(), "2021-08-06".to_owned())));
        let path = request.url.strip_prefix("https://acme.blob.core.windows.net/billing").unwrap();
        if path.starts_with("?restype=container&comp=list&prefix=costs/daily/20260701-20260731/") {
            let blob = |name: &str, at: &str| {
                format!("<Blob><Name>{RUN}/{name}</Name><Properties><Last-Modified>Mon, 03 Aug 2026 {at} GMT</Last-Modified>\
                    <Etag>0x1</Etag></Properties></Blob>")
            };
            let blobs = [blob("part_0_0001.csv", "09:59:59"), blob("manifest.json", "10:00:00")].concat();
            return Ok(reply(200, &format!("<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>")));
        }
        if path == format!("/{RUN}/manifest.json") {
            let part = json!({"blobName": format!("{RUN}/part_0_0001.csv"), "dataRowCount": rows});
            return Ok(reply(200, &json!({"blobs": [part]}).to_string()));
        }
        assert_eq!(path, format!("/{RUN}/part_0_0001.csv"));
        let since = ("If-Unmodified-Since".to_owned(), "Mon, 03 Aug 2026 10:00:00 GMT".to_owned());
        assert!(request.headers.contains(&since));
        Ok(data())
    })
    .describing(Azure::describe())
    .at(start_of("2026-08-03".parse().unwrap()))
}

fn run(rows: u64, data: impl Fn() -> Response + 'static) -> (FakeHost, Result<(), Failure>) {
    let host = host(rows, data);
    let ran = host.run::<Azure>(&settings(), july()).map(drop);
    (host, ran)
}

#[test]
fn lines_become_records_with_all_their_digits_and_plain_ids() {
    let (host, ran) = run(1, || reply(200, &format!("{HEAD}{LINE}")));
    ran.unwrap();
    let records = host.records(EXPORT);
    let record = records.first().unwrap();
    assert_eq!(record.billed_cost, "0.00000012".parse().unwrap());
    assert_eq!(record.sub_account.as_ref().unwrap().id, "s-1");
    let resource = record.resource.as_ref().unwrap();
    assert!(resource.id.ends_with("/storageaccounts/logs"), "{resource:?}");
    assert_eq!(
        resource.kind.as_deref(),
        Some("microsoft.storage/storageaccounts")
    );
    assert_eq!(record.tags, [("team".to_owned(), "core".to_owned())]);
    assert_eq!(
        record.extra,
        [("x_ResourceGroupName".to_owned(), "RG".to_owned())]
    );
}

#[test]
fn a_delivery_that_was_read_is_not_read_again() {
    let (host, ran) = run(1, || reply(200, &format!("{HEAD}{LINE}")));
    ran.unwrap();
    host.run::<Azure>(&settings(), july()).unwrap();
    // The listing, the manifest, the file; then the listing.
    assert_eq!((host.requests().len(), host.commits().len()), (4, 1));
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
    let wrong = |text: String| move || reply(200, &text);
    let line = |from: &str, to: &str| format!("{HEAD}{}", LINE.replacen(from, to, 1));
    type Data = Box<dyn Fn() -> Response>;
    let cases: [(u64, Data, FailureKind, &str); 7] = [
        (500, Box::new(cut), FailureKind::MalformedReply, "cut off"),
        (
            1,
            Box::new(wrong("<html>".to_owned())),
            FailureKind::MalformedReply,
            "lacks the columns",
        ),
        (
            1,
            Box::new(wrong(line("2026-07-01T", "2026-06-01T"))),
            FailureKind::MalformedReply,
            "line 2",
        ),
        (
            1,
            Box::new(wrong(line("1.2E-7", "free"))),
            FailureKind::MalformedReply,
            "BilledCost",
        ),
        (
            1,
            Box::new(wrong(line("/subscriptions/S-1", "/subscriptions/s-9"))),
            FailureKind::Settings,
            "s-9",
        ),
        (
            2,
            Box::new(wrong(format!("{HEAD}{LINE}"))),
            FailureKind::Incomplete,
            "1 lines where its manifest says 2",
        ),
        (1, Box::new(|| reply(412, "")), FailureKind::Incomplete, "anew"),
    ];
    for (rows, data, kind, says) in cases {
        let (host, ran) = run(rows, data);
        let failure = ran.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert_eq!((host.commits().len(), host.open_writers()), (0, 0));
    }
}

/// A body in one piece.
struct Whole(Option<Vec<u8>>);

impl Body for Whole {
    fn read(&mut self, _max: u32) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.take())
    }
}
