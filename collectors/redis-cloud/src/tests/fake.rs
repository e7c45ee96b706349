//! A small account for native tests: a report that is ready at the second question, and an inventory changed by a closure.

use crate::{RedisCloud, descriptor::descriptor};
use finops_collector::{
    Failure, HttpRequest, Outcome, Period, Response,
    jiff::civil::date,
    period::{HOUR, start_of},
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};

pub(super) const HEAD: &str = "BillingAccountId,BilledCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,\
    ChargeDescription,ChargePeriodStart,ChargePeriodEnd,ContractedCost,EffectiveCost,ListCost,PricingQuantity,PricingUnit,\
    ConsumedQuantity,ConsumedUnit,ResourceId,ServiceCategory,ServiceName,Tags";

/// A line of a day of August.
pub(super) fn line(start: &str, end: &str, cost: &str) -> String {
    format!(
        "1001,{cost},USD,2026-08-01T00:00:00Z,2026-09-01T00:00:00Z,Usage,Pro database,{start}T00:00:00.000000000Z,{end}T00:00:00Z,\
         {cost},{cost},0.5,24,Hours,24,Hours,51234567,Databases,Redis Cloud Pro,\"{{\"\"team\"\": \"\"search\"\"}}\""
    )
}

fn report(lines: &[String]) -> String {
    let mut text = HEAD.to_owned() + "\n";
    for line in lines {
        text += line;
        text.push('\n');
    }
    text
}

fn task(status: &str, response: Value) -> Response {
    let body = json!({"taskId": "7ba51acc-cd1d", "commandType": "costReportCreateRequest", "status": status,
        "description": "words", "timestamp": "2026-08-03T05:44:29.811123456Z", "response": response,
        "links": [{"href": "https://evil.example/tasks/7ba51acc-cd1d", "type": "GET", "rel": "task"}]});
    reply(200, &body.to_string())
}

/// An account whose August report has these lines, on 3 August 2026 at noon.
pub(super) fn host(lines: &[String]) -> FakeHost {
    host_but(lines, |_| None)
}

/// The same, with some answers of one's own.
pub(super) fn host_but(
    lines: &[String],
    own: impl Fn(&HttpRequest) -> Option<Response> + 'static,
) -> FakeHost {
    let report = report(lines);
    let polled = std::cell::Cell::new(0);
    FakeHost::answering(move |request| {
        if let Some(response) = own(request) {
            return Ok(response);
        }
        let path = request.url.strip_prefix("https://api.redislabs.com/v1").unwrap();
        Ok(match path {
            "/cost-report" => {
                assert_eq!(request.method, "POST");
                task("received", Value::Null)
            }
            "/tasks/7ba51acc-cd1d" => {
                polled.set(polled.get() + 1);
                match polled.get() {
                    1 => task("processing-in-progress", Value::Null),
                    _ => task(
                        "processing-completed",
                        json!({"resource": {"costReportId": "a075 24cf.csv"}}),
                    ),
                }
            }
            "/cost-report/a075%2024cf.csv" => reply(200, &report),
            "/subscriptions" | "/fixed/subscriptions" => reply(404, ""),
            other => panic!("{other}"),
        })
    })
    .describing(descriptor())
    .at(start_of(date(2026, 8, 3)) + 12 * HOUR)
}

/// A run over August.
pub(super) fn run(host: &FakeHost) -> Result<Vec<Outcome>, Failure> {
    let period = Period {
        start: start_of(date(2026, 8, 1)),
        end: start_of(date(2026, 9, 1)),
    };
    let settings = json!({"account": "1001", "inventory": true, "report-timeout": 60, "pause": 1});
    host.run::<RedisCloud>(&settings, period)
}

/// Whether the log says it.
pub(super) fn says(host: &FakeHost, words: &str) -> bool {
    host.logs().iter().any(|(_, line)| line.contains(words))
}
