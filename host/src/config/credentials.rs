//! `[credentials.NAME]`: each table becomes one [`CredentialSpec`]. It says where a secret is, never what it is.
//!
//! What must hold: no message holds a value that stands where a secret belongs.

mod aws;
mod azure;
mod google;
mod sample;
mod schemes;
mod secrets;

pub(super) use sample::sample;

use super::{
    errors,
    reading::Reading,
    section::{Item, Section},
    suggest,
};
use crate::egress::credential::CredentialSpec;
use ipnet::IpNet;
use secrets::inline;
use toml::de::DeValue;

/// The schemes of this version, as the file names them.
pub(super) const SCHEMES: [&str; 20] = [
    "bearer",
    "headers",
    "snowflake-key-pair",
    "basic",
    "query",
    "digest",
    "oauth2-client-credentials",
    "jwt-bearer",
    "aws-sigv4",
    "aws-profile",
    "aws-web-identity",
    "aws-container",
    "aws-instance",
    "azure-client-secret",
    "azure-client-certificate",
    "azure-workload-identity",
    "azure-managed-identity",
    "google-service-account",
    "google-metadata",
    "google-workload-identity",
];

/// Those of them that prove who this machine or its workload is: whoever may use them acts as the host.
pub(super) const OF_THE_MACHINE: [&str; 7] = [
    "aws-web-identity",
    "aws-container",
    "aws-instance",
    "azure-workload-identity",
    "azure-managed-identity",
    "google-metadata",
    "google-workload-identity",
];

const ADDRESSES: &str = "a list of address ranges such as [\"10.20.0.0/16\"]";

/// Reads all credentials.
pub(super) fn read(item: &Item<'_>, reading: &Reading<'_>) -> Vec<CredentialSpec> {
    let Some(all) = item.section("[credentials.NAME] tables") else {
        return Vec::new();
    };
    all.items()
        .filter_map(|item| {
            let DeValue::Table(_) = item.value else {
                inline(&item, "[credentials.NAME] tables with a scheme");
                return None;
            };
            credential(&item, &item.section("a table")?, reading)
        })
        .collect()
}

fn credential(item: &Item<'_>, section: &Section<'_>, reading: &Reading<'_>) -> Option<CredentialSpec> {
    let known = SCHEMES.join(", ");
    let named = section
        .require("scheme", &format!("say how it is applied: {known}"))?
        .text(&format!("one of {known}"))?;
    if !SCHEMES.contains(&named) {
        let near = suggest::nearest(named, SCHEMES)
            .map(|near| format!("did you mean `{near}`? "))
            .unwrap_or_default();
        section.take("scheme")?.problem(
            format!(
                "`{}` is no scheme of this version",
                crate::foreign::Foreign::new(named)
            ),
            format!("{near}known schemes: {known}"),
        );
        return None; // its other keys cannot be judged
    }
    let connect_to = reading.connect_to(section);
    let scheme = schemes::read(named, section, reading, connect_to);
    // Read the remaining keys in any case, so that they count as known and their errors show too.
    let fixed = match named {
        "headers" => Vec::new(),
        _ => section
            .take("headers")
            .map(|item| secrets::fixed_headers(&item))
            .unwrap_or_default(),
    };
    let reveal = section.take("reveal").and_then(|item| item.boolean());
    let ca = section.take("ca").and_then(|item| reading.ca(&item));
    let addresses = section.take("addresses").map(|item| addresses(&item));
    section.finish();
    let scheme = scheme?;
    for (name, _) in fixed
        .iter()
        .filter(|(name, _)| scheme.sets(&name.to_ascii_lowercase()))
    {
        section.problem(
            format!("the header `{name}` is set by the scheme itself"),
            "remove it from `headers`",
        );
    }
    Some(CredentialSpec {
        name: item.name.to_owned(),
        line: errors::line(reading.text, item.key_span().start),
        scheme,
        headers: fixed,
        reveal: reveal.unwrap_or(false),
        connect_to,
        ca,
        addresses: addresses.unwrap_or_default(),
    })
}

fn addresses(item: &Item<'_>) -> Vec<IpNet> {
    let items = item.list(ADDRESSES).unwrap_or_default();
    items.iter().filter_map(|item| item.parse(ADDRESSES)).collect()
}

#[cfg(test)]
mod tests;
