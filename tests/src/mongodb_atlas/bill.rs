//! The organization's invoices as they are at a time: what is posted, what was taken back, which phase an invoice is in.

use super::{ORGANIZATION, Options};
use crate::{Error, provider::Asked};
use finops_decimal::Decimal;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Id of July's invoice.
pub const JULY: &str = "66d7254246a21a4103600007";
/// Id of August's.
pub const AUGUST: &str = "66d7254246a21a4103600008";

#[derive(Deserialize)]
struct Phase {
    from: Timestamp,
    status: String,
    tax: i64,
    credits: i64,
}

#[derive(Deserialize)]
struct Invoice {
    id: String,
    start: Timestamp,
    end: Timestamp,
    phases: Vec<Phase>,
}

#[derive(Clone, Deserialize)]
struct Line {
    invoice: String,
    from: Timestamp,
    gone: Option<Timestamp>,
    line: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    invoices: Vec<Invoice>,
    lines: Vec<Line>,
}

/// All that is ever billed.
pub(super) struct Bill {
    file: File,
    options: Options,
}

impl Bill {
    pub(super) fn load(options: Options) -> Result<Self, Error> {
        let mut file: File = serde_json::from_str(include_str!("../../data/mongodb-atlas/invoices.json"))?;
        if options.after_discount {
            for of in &mut file.lines {
                let net = cents(&of.line, "totalPriceCents") - cents(&of.line, "discountCents");
                of.line.insert("totalPriceCents".to_owned(), net.into());
            }
        }
        let many = |line: &&Line| line.invoice == AUGUST && line.line.contains_key("clusterName");
        let copied: Vec<Line> = file.lines.iter().filter(many).cloned().collect();
        for number in 1..options.clusters {
            for mut line in copied.iter().cloned() {
                let name = format!("cluster-{number:06}");
                line.line.insert("clusterName".to_owned(), name.into());
                file.lines.push(line);
            }
        }
        Ok(Self { file, options })
    }

    /// `fromDate` is the least start, `toDate` the greatest end.
    pub(super) fn list(&self, asked: &Asked) -> Vec<Value> {
        let date = |name: &str| {
            asked
                .param(name)
                .and_then(|text| format!("{text}T00:00:00Z").parse::<Timestamp>().ok())
        };
        let (from, to) = (date("fromDate"), date("toDate"));
        let mut within: Vec<&Invoice> = self
            .file
            .invoices
            .iter()
            .filter(|invoice| {
                from.is_none_or(|from| invoice.start >= from) && to.is_none_or(|to| invoice.end <= to)
            })
            .collect();
        within.sort_by_key(|invoice| std::cmp::Reverse(invoice.end));
        let heads = within
            .into_iter()
            .filter_map(|invoice| self.head(invoice, asked.now));
        heads.map(Value::Object).collect()
    }

    pub(super) fn pending(&self, now: Timestamp) -> Vec<Value> {
        let whole = self
            .file
            .invoices
            .iter()
            .filter_map(|invoice| self.whole(invoice, now));
        whole
            .filter(|invoice| invoice.get("statusName") == Some(&"PENDING".into()))
            .collect()
    }

    pub(super) fn one(&self, id: &str, now: Timestamp) -> Option<Value> {
        let invoice = self.file.invoices.iter().find(|invoice| invoice.id == id)?;
        self.whole(invoice, now)
    }

    /// What an invoice bills, in dollars.
    pub(super) fn billed(&self, id: &str, now: Timestamp) -> Result<Decimal, Error> {
        let invoice = self.one(id, now).ok_or("there is no such invoice yet")?;
        let billed = invoice
            .as_object()
            .map(|fields| cents(fields, "amountBilledCents"));
        Ok(Decimal::from(billed.unwrap_or_default()).div_rounded(Decimal::from(100_u32), 2)?)
    }

    fn lines(&self, invoice: &Invoice, now: Timestamp) -> impl Iterator<Item = &Map<String, Value>> {
        let shown = move |line: &&Line| {
            line.from <= now && line.gone.is_none_or(|gone| gone > now) && line.invoice == invoice.id
        };
        self.file.lines.iter().filter(shown).map(|line| &line.line)
    }

    fn whole(&self, invoice: &Invoice, now: Timestamp) -> Option<Value> {
        let mut whole = self.head(invoice, now)?;
        let lines: Vec<Value> = self.lines(invoice, now).cloned().map(Value::Object).collect();
        whole.insert("lineItems".to_owned(), lines.into());
        whole.insert("payments".to_owned(), json!([]));
        whole.insert("refunds".to_owned(), json!([]));
        Some(Value::Object(whole))
    }

    /// An invoice without its lines; none before it has begun.
    fn head(&self, invoice: &Invoice, now: Timestamp) -> Option<Map<String, Value>> {
        let phase = invoice.phases.iter().rfind(|phase| phase.from <= now)?;
        let after_discount = self.options.after_discount;
        let net = |line: &Map<String, Value>| {
            let discount = if after_discount {
                0
            } else {
                cents(line, "discountCents")
            };
            cents(line, "totalPriceCents") - discount
        };
        let sums: Vec<i64> = self.lines(invoice, now).map(net).collect();
        let subtotal: i64 = sums.iter().filter(|sum| **sum > 0).sum();
        let billed = sums.iter().sum::<i64>() + phase.tax - phase.credits + self.options.surplus;
        let head = json!({
            "id": invoice.id, "orgId": ORGANIZATION, "statusName": phase.status, "startDate": invoice.start.to_string(),
            "endDate": invoice.end.to_string(), "created": invoice.start.to_string(), "updated": phase.from.to_string(),
            "subtotalCents": subtotal, "amountBilledCents": billed, "amountPaidCents": 0, "creditsCents": phase.credits,
            "salesTaxCents": phase.tax, "startingBalanceCents": 0, "links": [], "linkedInvoices": [],
        });
        head.as_object().cloned()
    }
}

fn cents(fields: &Map<String, Value>, name: &str) -> i64 {
    fields.get(name).and_then(Value::as_i64).unwrap_or_default()
}
