//! The collector natively, against a scripted Prometheus and scripted files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod lines;
mod usage;

use finops_collector::{Decimal, HttpRequest, Instant, Level, Period, period::DAY, testing::FakeHost};

/// 2026-08-03T00:00:00Z.
const DAY_START: Instant = 1_785_715_200;
const HOUR: i64 = 3_600;

/// Warnings of a run.
fn warnings(host: &FakeHost) -> String {
    let logs = host.logs().into_iter().filter(|(level, _)| *level == Level::Warn);
    logs.map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

/// A field of a request's form, decoded.
fn field(request: &HttpRequest, name: &str) -> String {
    let body = String::from_utf8(request.body.clone().unwrap_or_default()).unwrap();
    let pair = body
        .split('&')
        .find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    let mut bytes = Vec::new();
    let mut rest = pair.unwrap_or_default().bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn day() -> Period {
    Period {
        start: DAY_START,
        end: DAY_START + DAY,
    }
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}
