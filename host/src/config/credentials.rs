//! `[credentials.NAME]`: each table becomes one [`CredentialSpec`]. It says where a secret is, never what it is.
//!
//! What must hold: no message holds a value that stands where a secret belongs.

use super::{
    errors,
    reading::{Reading, name_of_header},
    section::{Item, Section},
    suggest,
};
use crate::egress::credential::{CredentialSpec, Scheme, SecretRef};
use toml::de::DeValue;

/// The schemes of this version, as the file names them.
pub(super) const SCHEMES: [&str; 3] = ["bearer", "headers", "snowflake-key-pair"];

const SECRET: &str = "{ file = \"secrets/name\" } or { env = \"NAME\" }";
const FIXED: &str = "a table of header names and fixed, not secret values";
const PLAIN: &str = "text, or { env = \"NAME\" }";

/// Fixed headers that could only be a secret's hiding place.
const SECRET_HEADERS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
];

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
    let mut fixed = Vec::new();
    let scheme = match named {
        "bearer" => secret(section, "token", reading).map(|token| Scheme::Bearer { token }),
        "headers" => secret_headers(section, reading),
        "snowflake-key-pair" => snowflake(section, reading),
        other => {
            let near = suggest::nearest(other, SCHEMES)
                .map(|near| format!("did you mean `{near}`? "))
                .unwrap_or_default();
            section.take("scheme")?.problem(
                format!(
                    "`{}` is no scheme of this version",
                    crate::foreign::Foreign::new(other)
                ),
                format!("{near}known schemes: {known}"),
            );
            return None; // its other keys cannot be judged
        }
    };
    if named != "headers" {
        fixed = section
            .take("headers")
            .map(|item| fixed_headers(&item))
            .unwrap_or_default();
    }
    let spec = |scheme| CredentialSpec {
        name: item.name.to_owned(),
        line: errors::line(reading.text, item.key_span().start),
        scheme,
        headers: fixed,
        reveal: section
            .take("reveal")
            .and_then(|item| item.boolean())
            .unwrap_or(false),
        connect_to: reading.connect_to(section),
        ca: reading.ca(section),
    };
    // Read the remaining keys in any case, so that they count as known and their errors show too.
    let spec = spec(
        scheme
            .clone()
            .unwrap_or_else(|| Scheme::Headers { headers: Vec::new() }),
    );
    section.finish();
    scheme.map(|_| spec)
}

fn snowflake(section: &Section<'_>, reading: &Reading<'_>) -> Option<Scheme> {
    let plain = |key: &'static str, remedy: &str| {
        section
            .require(key, remedy)
            .and_then(|item| reading.text_or_env(&item, PLAIN))
    };
    let account = plain(
        "account",
        "write the account identifier, such as account = \"MYORG-ACCT\"",
    );
    let user = plain(
        "user",
        "write the user that holds the public key, such as user = \"TELEMETRY\"",
    );
    let private_key = secret(section, "private-key", reading);
    let passphrase = section.take("passphrase").map(|item| secret_ref(&item, reading));
    Some(Scheme::SnowflakeKeyPair {
        account: account?,
        user: user?,
        private_key: private_key?,
        passphrase: match passphrase {
            Some(passphrase) => Some(passphrase?),
            None => None,
        },
    })
}

fn secret_headers(section: &Section<'_>, reading: &Reading<'_>) -> Option<Scheme> {
    let remedy = "name them and where their values are, such as headers = { \"DD-API-KEY\" = { file = \"secrets/dd\" } }";
    let table = section
        .require("headers", remedy)?
        .section("a table of headers")?;
    let headers: Vec<_> = table
        .items()
        .filter_map(|item| Some((header_name(&item)?, secret_ref(&item, reading)?)))
        .collect();
    if table.items().next().is_none() {
        table.problem("no header is named", remedy);
    }
    Some(Scheme::Headers { headers })
}

fn fixed_headers(item: &Item<'_>) -> Vec<(String, String)> {
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

fn header_name(item: &Item<'_>) -> Option<String> {
    let name = name_of_header(item.name);
    if name.is_none() {
        item.at_key("this is no header name", "write a name such as \"DD-API-KEY\"");
    }
    name.map(str::to_owned)
}

fn secret(section: &Section<'_>, key: &'static str, reading: &Reading<'_>) -> Option<SecretRef> {
    let remedy = format!("say where the secret is: {key} = {SECRET}");
    section
        .require(key, &remedy)
        .and_then(|item| secret_ref(&item, reading))
}

/// Where a secret is.
fn secret_ref(item: &Item<'_>, reading: &Reading<'_>) -> Option<SecretRef> {
    let DeValue::Table(_) = item.value else {
        inline(item, "");
        return None;
    };
    let section = item.section(SECRET)?;
    let (file, env) = (section.take("file"), section.take("env"));
    let found = match (&file, &env) {
        (Some(file), None) => reading.secret_file(file),
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
fn inline(item: &Item<'_>, instead: &str) {
    let remedy = if instead.is_empty() {
        format!("never the value itself: use {SECRET}; if this was a real secret, change it at the provider")
    } else {
        format!("never the value itself: use {instead} {SECRET}")
    };
    item.problem("a secret stands in the file", remedy);
}
