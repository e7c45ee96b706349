//! `[openfinops]`: the destination that takes entries.

use super::section::{Item, Section};
use crate::ledger::{
    destination::{Measure, OtherCurrencies, StartMode},
    quota,
};
use url::Url;

/// The OpenFinOps destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFinOps {
    /// Base address of the server, without a slash at its end.
    pub endpoint: Url,
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
    /// Bytes that may wait in the outbox.
    pub outbox_quota: u64,
}

/// Reads the section.
pub(super) fn read(section: Section<'_>) -> Option<OpenFinOps> {
    let endpoint = section
        .require(
            "endpoint",
            "write the server's address, such as endpoint = \"http://localhost:8080\"",
        )
        .and_then(|item| endpoint(&item));
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
    let outbox_quota = section
        .take("outbox-quota")
        .and_then(|item| item.size(1 << 10, 1 << 40))
        .unwrap_or(quota::DEFAULT);
    section.finish();
    Some(OpenFinOps {
        endpoint: endpoint?,
        start,
        measure,
        group_by,
        currency,
        other_currencies,
        outbox_quota,
    })
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

fn choice<T: Copy>(item: &Item<'_>, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
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
