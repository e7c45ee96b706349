//! Where secrets are, the names beside them, and the fixed values that are none.

use crate::{
    config::{
        reading::{Reading, name_of_header},
        section::{Item, Section},
    },
    egress::credential::{SecretRef, Value},
};
use toml::de::DeValue;

pub(super) const SECRET: &str = "{ file = \"secrets/name\" } or { env = \"NAME\" }";
const FIXED: &str = "a table of header names and fixed, not secret values";
const PARAMETERS: &str = "a table of form parameters and fixed, not secret values";

/// Fixed headers that could only be a secret's hiding place.
const SECRET_HEADERS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
];
/// Form parameters that could only be a secret's hiding place.
const SECRET_PARAMETERS: [&str; 6] = [
    "client_secret",
    "password",
    "client_assertion",
    "refresh_token",
    "code",
    "subject_token",
];
/// Form parameters that the schemes write themselves.
const OWN_PARAMETERS: [&str; 3] = ["grant_type", "client_id", "assertion"];

pub(super) fn secret(section: &Section<'_>, key: &'static str, reading: &Reading<'_>) -> Option<SecretRef> {
    let remedy = format!("say where the secret is: {key} = {SECRET}");
    section
        .require(key, &remedy)
        .and_then(|item| secret_ref(&item, reading))
}

/// A secret that may be left out: absent, or there and readable, or there and wrong.
pub(super) fn optional(
    section: &Section<'_>,
    key: &'static str,
    reading: &Reading<'_>,
) -> Option<Option<SecretRef>> {
    match section.take(key) {
        None => Some(None),
        Some(item) => secret_ref(&item, reading).map(Some),
    }
}

/// A name beside a secret: as text, or kept like a secret.
pub(super) fn name(section: &Section<'_>, key: &'static str, reading: &Reading<'_>) -> Option<Value> {
    let item = section.require(key, &format!("write {key} = \"NAME\", or {key} = {SECRET}"))?;
    match item.value {
        DeValue::String(text) if text.is_empty() => {
            item.problem("it is empty", format!("write {key} = \"NAME\""));
            None
        }
        DeValue::String(text) => Some(Value::Plain(text.to_string())),
        DeValue::Table(_) => secret_ref(&item, reading).map(Value::Secret),
        _ => item.wrong_type("text, or where it is kept"),
    }
}

/// Where a secret is.
pub(super) fn secret_ref(item: &Item<'_>, reading: &Reading<'_>) -> Option<SecretRef> {
    let DeValue::Table(_) = item.value else {
        inline(item, "");
        return None;
    };
    let section = item.section(SECRET)?;
    let (file, env) = (section.take("file"), section.take("env"));
    let found = match (&file, &env) {
        (Some(file), None) => reading
            .file(file, "the file of a secret", true)
            .map(SecretRef::File),
        (None, Some(env)) => reading
            .variable(env)
            .map(|(name, _)| SecretRef::Env(name.to_owned())),
        _ => {
            item.problem(
                "a secret is in one file or in one variable",
                format!("write {SECRET}"),
            );
            None
        }
    };
    section.finish();
    found
}

/// A value stands where only its place may.
pub(super) fn inline(item: &Item<'_>, instead: &str) {
    let remedy = if instead.is_empty() {
        format!("never the value itself: use {SECRET}; if this was a real secret, change it at the provider")
    } else {
        format!("never the value itself: use {instead} {SECRET}")
    };
    item.problem("a secret stands in the file", remedy);
}

pub(super) fn fixed_headers(item: &Item<'_>) -> Vec<(String, String)> {
    let Some(table) = item.section(FIXED) else {
        return Vec::new();
    };
    table
        .items()
        .filter_map(|item| {
            let name = header_name(&item)?;
            if SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                inline(&item, "scheme = \"headers\", whose values are");
                return None;
            }
            let value = item.text("fixed text that is no secret")?;
            if !value.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
                item.problem(
                    "a header's value is printable ASCII",
                    "remove the other characters",
                );
                return None;
            }
            Some((name, value.to_owned()))
        })
        .collect()
}

/// Fixed form parameters of a token call. `keys` are those that have keys of their own.
pub(super) fn parameters(section: &Section<'_>, keys: &[&str]) -> Vec<(String, String)> {
    let Some(table) = section
        .take("parameters")
        .and_then(|item| item.section(PARAMETERS))
    else {
        return Vec::new();
    };
    table
        .items()
        .filter_map(|item| {
            if SECRET_PARAMETERS.contains(&item.name) {
                inline(&item, "the scheme's own keys, whose values are");
                return None;
            }
            if OWN_PARAMETERS.contains(&item.name) || keys.contains(&item.name) {
                item.at_key(
                    "the scheme sets this parameter",
                    "remove it, or use the scheme's own key",
                );
                return None;
            }
            Some((
                item.name.to_owned(),
                item.text("fixed text that is no secret")?.to_owned(),
            ))
        })
        .collect()
}

pub(super) fn header_name(item: &Item<'_>) -> Option<String> {
    let name = name_of_header(item.name);
    if name.is_none() {
        item.at_key("this is no header name", "write a name such as \"DD-API-KEY\"");
    }
    name.map(str::to_owned)
}
