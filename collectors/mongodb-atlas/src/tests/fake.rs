//! A small organization for native tests: invoices and projects as JSON, changed by a closure.

use crate::{Atlas, descriptor::descriptor};
use finops_collector::{
    CostRecord, Failure, HttpRequest, Outcome, Period, Response,
    jiff::civil::date,
    period::{HOUR, start_of},
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};

pub(super) const ORG: &str = "5f0c00000000000000000001";
pub(super) const JULY: &str = "66d700000000000000000007";
pub(super) const AUGUST: &str = "66d700000000000000000008";
const GROUP: &str = "5f1a00000000000000000001";

/// What the organization answers.
#[derive(Clone)]
pub(super) struct Org {
    /// Closed invoices with their lines.
    pub(super) closed: Vec<Value>,
    /// Pending ones.
    pub(super) pending: Vec<Value>,
    pub(super) clusters: Value,
}

/// A JSON number by its digits.
pub(super) fn number(digits: &str) -> Value {
    serde_json::from_str(digits).unwrap()
}

pub(super) fn line(sku: &str, day: u8, cents: i64) -> Value {
    json!({
        "sku": sku, "clusterName": "orders", "groupId": GROUP, "groupName": "prod", "cloudProvider": "AWS",
        "startDate": format!("2026-08-{day:02}T00:00:00Z"), "endDate": format!("2026-08-{:02}T00:00:00Z", day + 1),
        "quantity": number("72.0"), "unit": "server hours", "unitPriceDollars": number("0.18"), "totalPriceCents": cents, "discountCents": 0,
    })
}

pub(super) fn invoice(id: &str, month: u8, status: &str, lines: Vec<Value>) -> Value {
    let sum = |field: &str| -> i64 { lines.iter().filter_map(|line| line[field].as_i64()).sum() };
    json!({
        "amountBilledCents": sum("totalPriceCents") - sum("discountCents"), "creditsCents": 0,
        "endDate": format!("2026-{:02}-01T00:00:00Z", month + 1), "id": id, "lineItems": lines, "orgId": ORG,
        "salesTaxCents": 0, "startDate": format!("2026-{month:02}-01T00:00:00Z"), "startingBalanceCents": 0,
        "statusName": status,
    })
}

impl Default for Org {
    fn default() -> Self {
        let lines = vec![
            line("ATLAS_AWS_INSTANCE_M30", 1, 1_296),
            line("ATLAS_AWS_DATA_TRANSFER", 1, 4),
        ];
        Self {
            closed: Vec::new(),
            pending: vec![invoice(AUGUST, 8, "PENDING", lines)],
            clusters: json!({"results": [], "totalCount": 0}),
        }
    }
}

impl Org {
    fn answer(&self, request: &HttpRequest) -> Response {
        let path = request.url.split(['?']).next().unwrap_or_default();
        let path = path
            .strip_prefix("https://cloud.mongodb.com/api/atlas/v2")
            .unwrap();
        let accept = request.headers.iter().find(|(name, _)| name == "Accept");
        assert!(accept.is_some_and(|(_, kind)| kind.starts_with("application/vnd.atlas.20")));
        let invoices = format!("/orgs/{ORG}/invoices");
        let body = match path {
            _ if path == invoices => {
                let heads = self
                    .closed
                    .iter()
                    .chain(&self.pending)
                    .cloned()
                    .map(|mut invoice| {
                        invoice.as_object_mut().unwrap().remove("lineItems");
                        invoice
                    });
                json!({"results": heads.collect::<Vec<_>>(), "totalCount": 9})
            }
            _ if path == format!("{invoices}/pending") => json!({"results": self.pending, "totalCount": 1}),
            "/groups" => json!({"results": [
                {"id": GROUP, "name": "prod", "orgId": ORG}, {"id": ORG, "name": "foreign", "orgId": GROUP},
            ]}),
            _ if path == format!("/groups/{GROUP}/clusters") => self.clusters.clone(),
            _ => {
                let id = path.strip_prefix(&format!("{invoices}/"));
                let found = self.closed.iter().find(|invoice| invoice["id"].as_str() == id);
                match found {
                    Some(invoice) => invoice.clone(),
                    None => return reply(404, r#"{"error":404,"errorCode":"RESOURCE_NOT_FOUND"}"#),
                }
            }
        };
        reply(200, &body.to_string())
    }

    /// A host with this organization, on 3 August 2026.
    pub(super) fn host(self) -> FakeHost {
        Self::host_with(move |request| Ok(self.answer(request)))
    }

    /// The same, with some answers of one's own.
    pub(super) fn host_but(self, own: impl Fn(&HttpRequest) -> Option<Response> + 'static) -> FakeHost {
        Self::host_with(move |request| Ok(own(request).unwrap_or_else(|| self.answer(request))))
    }

    fn host_with(answer: impl Fn(&HttpRequest) -> Result<Response, Failure> + 'static) -> FakeHost {
        FakeHost::answering(answer)
            .describing(descriptor())
            .at(start_of(date(2026, 8, 3)) + 12 * HOUR)
    }
}

/// A run over July and August.
pub(super) fn run(host: &FakeHost) -> Result<Vec<Outcome>, Failure> {
    let period = Period {
        start: start_of(date(2026, 7, 1)),
        end: start_of(date(2026, 9, 1)),
    };
    host.run::<Atlas>(&json!({"organization": ORG, "clusters": true}), period)
}

/// The records of a good run.
pub(super) fn records(host: &FakeHost) -> Vec<CostRecord> {
    run(host).unwrap();
    host.records("spend")
}

/// Whether the log says it.
pub(super) fn says(host: &FakeHost, words: &str) -> bool {
    host.logs().iter().any(|(_, line)| line.contains(words))
}
