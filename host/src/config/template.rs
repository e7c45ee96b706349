//! The file that `init` prints: what a descriptor asks for, for the operator to review.
//!
//! What must hold: the descriptor is a guest's word. Its text stands in comments only, escaped, and marked so that it is no
//! TOML even if somebody uncomments it; its values are quoted by toml_edit. Nothing risky comes out granted: wildcards and this machine stand in comments; private
//! addresses, plain http and revealed secrets no descriptor can ask for.

mod optional;
mod plain;
#[cfg(test)]
mod tests;

use super::{
    credentials::{SCHEMES, sample},
    units,
};
use crate::{
    component::descriptor::{CredentialWish, Descriptor, HostWish, Setting, SettingKind},
    egress::{is_loopback, rule::HostPattern},
    foreign::Foreign,
    sandbox::limits::Limits,
};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

const WIDTH: usize = 100;

/// A configuration file for a collector, with comments.
#[must_use]
pub fn template(descriptor: &Descriptor) -> String {
    let mut page = Page::default();
    let (name, version) = (
        Foreign::new(descriptor.name.as_str()),
        Foreign::new(descriptor.version.as_str()),
    );
    page.line(&format!(
        "# finops-host: configuration for the collector {name} {version}"
    ));
    page.quote(&descriptor.text);
    page.comment(
        "Review every line: this file is all that the collector may do. What it does not list is denied.",
    );
    page.blank();
    collector(&mut page, descriptor);
    settings(&mut page, &descriptor.settings);
    for wish in &descriptor.hosts {
        host(&mut page, wish, &descriptor.settings);
    }
    for wish in &descriptor.credentials {
        credential(&mut page, wish, descriptor);
    }
    limits(&mut page);
    page.comment("Where entries go besides the ledger. Without it, `finops-host costs` shows the ledger.");
    page.commented(section(
        "openfinops",
        [("endpoint", value("http://localhost:8080"))],
    ));
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// A comment of our own, wrapped.
    fn comment(&mut self, text: &str) {
        self.wrapped("#", text);
    }

    /// A comment with a guest's words, wrapped and escaped. Uncommented, its lines are no TOML.
    fn quote(&mut self, text: &str) {
        self.wrapped("# >", text);
    }

    fn wrapped(&mut self, mark: &str, text: &str) {
        let mut line = mark.to_owned();
        for word in text.split_whitespace() {
            let word = Foreign::new(word).to_string();
            if line.len() + 1 + word.len() > WIDTH && line.len() > mark.len() {
                self.line(&line);
                line = mark.to_owned();
            }
            line.push(' ');
            line.push_str(&word);
        }
        if line.len() > mark.len() {
            self.line(&line);
        }
    }

    /// Live TOML.
    fn toml(&mut self, mut document: DocumentMut) {
        plain::plain(&mut document);
        self.text.push_str(document.to_string().trim_start());
    }

    /// TOML within comments: ready to be uncommented.
    fn commented(&mut self, mut document: DocumentMut) {
        plain::plain(&mut document);
        for line in document.to_string().trim().lines() {
            self.line(format!("# {line}").trim_end());
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }
}

fn collector(page: &mut Page, descriptor: &Descriptor) {
    page.line("[collector]");
    page.comment("the instance; default: this file's name without its ending");
    page.commented(pair("name", value(descriptor.name.as_str())));
    page.comment("run again and again; absent: once");
    page.commented(pair("interval", value("1h")));
    page.comment("pin the component: `finops-host inspect` shows its digest");
    page.commented(pair("sha256", value("")));
    page.blank();
}

fn settings(page: &mut Page, settings: &[Setting]) {
    if settings.is_empty() {
        return;
    }
    page.line("[settings]");
    page.comment("any of them may also be { env = \"NAME\" }");
    for setting in settings {
        page.quote(&setting.text);
        let mut facts = vec![kind(setting).to_owned()];
        if !setting.allowed.is_empty() {
            facts.push(format!("one of {}", setting.allowed.join(", ")));
        }
        facts.push(if setting.required { "required" } else { "optional" }.to_owned());
        page.quote(&format!("({})", facts.join("; ")));
        let shown = setting
            .default
            .as_ref()
            .and_then(from_json)
            .unwrap_or_else(|| example(setting));
        let document = pair(&setting.key, Item::Value(shown));
        if setting.required && setting.default.is_none() {
            page.toml(document);
        } else {
            page.commented(document);
        }
    }
    page.blank();
}

fn kind(setting: &Setting) -> &'static str {
    match (setting.kind, setting.list_of) {
        (SettingKind::Text, false) => "text",
        (SettingKind::Text, true) => "list of text",
        (SettingKind::Integer, false) => "whole number",
        (SettingKind::Integer, true) => "list of whole numbers",
        (SettingKind::Decimal, false) => "decimal, written as text",
        (SettingKind::Decimal, true) => "list of decimals, written as text",
        (SettingKind::Boolean, false) => "true or false",
        (SettingKind::Boolean, true) => "list of true or false",
        (SettingKind::Date, false) => "day",
        (SettingKind::Date, true) => "list of days",
        (SettingKind::DatedDecimal, false) => "price as text, or a list of { from, price }",
        (SettingKind::DatedDecimal, true) => "list of such prices",
    }
}

/// What stands for a setting without default.
fn example(setting: &Setting) -> Value {
    let one = match setting.kind {
        SettingKind::Text => setting.allowed.first().map_or("", String::as_str).into(),
        SettingKind::Integer => 0.into(),
        SettingKind::Decimal | SettingKind::DatedDecimal => "0".into(),
        SettingKind::Boolean => false.into(),
        SettingKind::Date => "2026-01-01".into(),
    };
    if setting.list_of {
        Value::Array(Array::from_iter([one]))
    } else {
        one
    }
}

fn from_json(json: &serde_json::Value) -> Option<Value> {
    Some(match json {
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(flag) => (*flag).into(),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map_or_else(|| number.to_string().into(), Value::from),
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(list) => Value::Array(list.iter().filter_map(from_json).collect()),
        serde_json::Value::Object(table) => {
            let entries = table
                .iter()
                .filter_map(|(key, value)| Some((key.as_str(), from_json(value)?)));
            Value::InlineTable(entries.collect::<InlineTable>())
        }
    })
}

fn host(page: &mut Page, wish: &HostWish, settings: &[Setting]) {
    page.quote(&wish.text);
    let name = optional::host_by_default(wish, settings);
    let mut rule = Table::new();
    rule.insert("host", value(name.as_str()));
    rule.insert("methods", value(wish.methods.iter().collect::<Array>()));
    rule.insert("paths", value(wish.paths.iter().collect::<Array>()));
    if !wish.headers.is_empty() {
        let any = wish.headers.iter().map(|name| (name.as_str(), Value::from("*")));
        rule.insert("headers", value(any.collect::<InlineTable>()));
    }
    if let Some(credential) = &wish.credential {
        rule.insert("credential", value(credential.as_str()));
    }
    let mut document = DocumentMut::new();
    let mut rules = ArrayOfTables::new();
    rules.push(rule);
    document.insert("allow", Item::ArrayOfTables(rules));
    if name.contains('{') {
        page.comment(
            "Replace the placeholder in braces by what stands for that setting in the provider's host name.",
        );
    }
    let waits = optional::waits_for(wish, settings);
    only_where(page, waits);
    if let Some(risk) = risk(&name) {
        page.comment(&format!("Risky: {risk} Think before you uncomment it."));
        page.commented(document);
    } else if waits.is_some() {
        page.commented(document);
    } else {
        page.toml(document);
    }
    page.blank();
}

/// Says that what follows is for those alone who set this.
fn only_where(page: &mut Page, setting: Option<&str>) {
    if let Some(key) = setting {
        page.comment("Only where this setting is given:");
        page.quote(key);
    }
}

/// What would be risky about granting a host as it is asked for.
fn risk(host: &str) -> Option<&'static str> {
    if host.contains('*') {
        return Some("this would allow every host below the name. Narrow it.");
    }
    let pattern = host.parse::<HostPattern>().ok()?;
    if is_loopback(&pattern) {
        return Some("this is the machine that finops-host runs on.");
    }
    match url::Host::parse(host) {
        Ok(url::Host::Domain(_)) | Err(_) => None,
        Ok(_) => Some("this is an address, which no certificate ties to a provider's name."),
    }
}

fn credential(page: &mut Page, wish: &CredentialWish, descriptor: &Descriptor) {
    page.quote(&wish.text);
    if !wish.schemes.is_empty() {
        page.quote(&format!(
            "Schemes that the provider takes: {}",
            wish.schemes.join(", ")
        ));
    }
    page.comment("Secrets are named, never written here: { file = \"path\" } or { env = \"NAME\" }.");
    let known = wish
        .schemes
        .iter()
        .find(|scheme| SCHEMES.contains(&scheme.as_str()));
    let table = sample(known.map_or("bearer", String::as_str), &wish.name);
    let mut all = Table::new();
    all.set_implicit(true);
    all.insert(&wish.name, Item::Table(table));
    let mut document = DocumentMut::new();
    document.insert("credentials", Item::Table(all));
    let waits = optional::credential_waits_for(wish, descriptor);
    only_where(page, waits);
    if known.is_none() {
        page.comment("None of these schemes is in this version.");
    }
    if known.is_some() && waits.is_none() {
        page.toml(document);
    } else {
        page.commented(document);
    }
    page.blank();
}

fn limits(page: &mut Page) {
    let limits = Limits::default();
    page.comment("What one run may use; these are the defaults.");
    page.commented(section(
        "limits",
        [
            ("memory", value(units::show_size(limits.memory))),
            ("cpu", value(units::show_duration(limits.cpu))),
            ("wall", value(units::show_duration(limits.wall))),
            (
                "requests",
                value(i64::try_from(limits.requests).unwrap_or(i64::MAX)),
            ),
            ("received", value(units::show_size(limits.received))),
        ],
    ));
    page.blank();
}

fn pair(key: &str, item: Item) -> DocumentMut {
    let mut document = DocumentMut::new();
    document.insert(key, item);
    document
}

fn section<const N: usize>(name: &str, pairs: [(&str, Item); N]) -> DocumentMut {
    pair(name, Item::Table(Table::from_iter(pairs)))
}
