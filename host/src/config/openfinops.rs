//! `[openfinops]`: the destination that takes entries.

use super::{
    reading::Reading,
    section::{Item, Section},
};
use crate::ledger::{
    destination::{
        Measure, OtherCurrencies, StartMode,
        rates::{Rate, Rates},
    },
    quota,
};
use finops_decimal::Decimal;
use jiff::civil::Date;
use std::path::PathBuf;
use url::Url;

/// The OpenFinOps destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFinOps {
    /// Base address of the server, without a slash at its end.
    pub endpoint: Url,
    /// The only certificates that it is trusted by; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// What a new epoch begins with.
    pub start: StartMode,
    /// Which cost is sent.
    pub measure: Measure,
    /// Dimensions to coarsen entries to; empty: all.
    pub group_by: Vec<String>,
    /// The currency that the destination counts in.
    pub currency: String,
    /// What becomes of entries in others.
    pub other_currencies: OtherCurrencies,
    /// What others are converted at; empty unless they are.
    pub rates: Rates,
    /// Bytes that may wait in the outbox.
    pub outbox_quota: u64,
}

/// Reads the section.
pub(super) fn read(section: &Section<'_>, reading: &Reading<'_>) -> Option<OpenFinOps> {
    let endpoint = section
        .require(
            "endpoint",
            "write the server's address, such as endpoint = \"http://localhost:8080\"",
        )
        .and_then(|item| endpoint(&item));
    let ca = section.take("ca");
    if let (Some(ca), Some("http")) = (&ca, endpoint.as_ref().map(Url::scheme)) {
        let remedy = "write an https endpoint, or remove it";
        ca.at_key("it has no effect: over http no certificate is shown", remedy);
    }
    let ca = ca.and_then(|ca| reading.ca(&ca));
    let start = section
        .take("start")
        .and_then(|item| choice(&item, &StartMode::ALL, StartMode::name))
        .unwrap_or(StartMode::Baseline);
    let measure = section
        .take("measure")
        .and_then(|item| choice(&item, &Measure::ALL, Measure::name))
        .unwrap_or(Measure::Effective);
    let group_by = section
        .take("group-by")
        .map(|item| group_by(&item))
        .unwrap_or_default();
    let currency = section
        .take("currency")
        .and_then(|item| currency(&item))
        .unwrap_or_else(|| "USD".to_owned());
    let other_currencies = section
        .take("other-currencies")
        .and_then(|item| choice(&item, &OtherCurrencies::ALL, OtherCurrencies::name))
        .unwrap_or(OtherCurrencies::Hold);
    let table = section.take("rates");
    let rates = table
        .as_ref()
        .map(|item| rates(item, &currency))
        .unwrap_or_default();
    match (other_currencies, table) {
        (OtherCurrencies::Convert, None) => {
            section.problem("there is no rate to convert at", format!("add {A_RATE}"));
        }
        (OtherCurrencies::Hold | OtherCurrencies::Send, Some(table)) => {
            let remedy = "write other-currencies = \"convert\", or remove the rates";
            table.at_key("nothing is converted", remedy);
        }
        _ => {}
    }
    let outbox_quota = section
        .take("outbox-quota")
        .and_then(|item| item.size(1 << 10, 1 << 40))
        .unwrap_or(quota::DEFAULT);
    section.finish();
    Some(OpenFinOps {
        endpoint: endpoint?,
        ca,
        start,
        measure,
        group_by,
        currency,
        other_currencies,
        rates,
        outbox_quota,
    })
}

/// How a rate is written.
const A_RATE: &str = "[[openfinops.rates]] with a currency, from = \"2026-01-01\" and rate = \"1.0834\", the price of one unit of it";

/// The dated rates.
fn rates(item: &Item<'_>, takes: &str) -> Rates {
    let mut rates = Rates::default();
    for item in item.list(A_RATE).unwrap_or_default() {
        let Some(section) = item.section(A_RATE) else {
            continue;
        };
        let of = section
            .require("currency", &format!("write {A_RATE}"))
            .and_then(|item| currency(&item));
        let from = section
            .require("from", &format!("write {A_RATE}"))
            .and_then(|item| item.parse::<Date>("its first day, such as \"2026-01-01\""));
        let rate = section.require("rate", &format!("write {A_RATE}"));
        let value = rate
            .as_ref()
            .and_then(|item| item.parse::<Decimal>("the rate as text, such as \"1.0834\""));
        section.finish();
        let (Some(of), Some(from), Some(rate), Some(value)) = (of, from, rate, value) else {
            continue;
        };
        if of == takes {
            section.problem(
                "this is the currency that the destination counts in",
                "remove the rate",
            );
        } else if let Err(error) = rates.add(&of, &Rate { from, rate: value }) {
            rate.problem(error.to_string(), format!("write {A_RATE}"));
        }
    }
    rates
}

/// The address of a server.
pub(super) fn endpoint(item: &Item<'_>) -> Option<Url> {
    let expected = "the server's address, such as \"http://localhost:8080\"";
    let remedy = format!("write {expected}");
    let text = item.text(expected)?;
    // The text may hold a password: it is never shown.
    let wrong = |what: &str| {
        item.problem(what, remedy.clone());
        None
    };
    let Ok(mut url) = Url::parse(text) else {
        return wrong("this is no URL");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("this is no http or https URL");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("the URL holds a user or password, which the server does not ask for");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("the URL has a query or fragment");
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url)
}

/// One of several names.
pub(super) fn choice<T: Copy>(item: &Item<'_>, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
    let names: Vec<_> = all.iter().map(|value| name(*value)).collect();
    let expected = format!("one of {}", names.join(", "));
    let text = item.text(&expected)?;
    let found = all.iter().find(|value| name(**value) == text);
    if found.is_none() {
        item.problem("this is not known", super::suggest::remedy(text, &names));
    }
    found.copied()
}

fn group_by(item: &Item<'_>) -> Vec<String> {
    let expected = "a list of dimensions such as [\"service\", \"tag:team\"]";
    let simple = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let good = |name: &str| {
        let free = name.strip_prefix("tag:").or_else(|| name.strip_prefix("x_"));
        free.map_or_else(|| simple(name), |rest| !rest.is_empty())
    };
    item.list(expected)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| {
            let name = item.text(expected)?;
            if !good(name) {
                item.problem("this is no dimension", format!("write {expected}"));
                return None;
            }
            Some(name.to_owned())
        })
        .collect()
}

fn currency(item: &Item<'_>) -> Option<String> {
    let expected = "an ISO 4217 code in upper case, such as \"USD\"";
    let text = item.text(expected)?;
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Some(text.to_owned());
    }
    item.problem("this is no currency", format!("write {expected}"));
    None
}
