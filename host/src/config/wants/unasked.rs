//! What an operator's file grants and no wish of the collector asks for: candidates for removal.

use super::{super::Config, Unasked, calls::Wish, covers};
use crate::{
    component::descriptor::CredentialWish,
    egress::{
        is_usual,
        rule::{PathPrefix, Rule},
    },
};
use std::fmt::Display;

/// All of it, in the order of the file.
pub(super) fn all(wishes: &[Wish<'_>], credentials: &[CredentialWish], config: &Config) -> Vec<Unasked> {
    let mut found = Vec::new();
    for rule in &config.rules {
        let mut add = |what: String| {
            found.push(Unasked {
                line: rule.line,
                what,
            });
        };
        let met: Vec<&Wish<'_>> = wishes.iter().filter(|wish| wish.meets(rule)).collect();
        if met.is_empty() {
            let (methods, paths) = (joined(&rule.methods, "|"), joined(&rule.paths, " "));
            add(format!("{methods} {} {paths}", rule.host));
        } else {
            beyond(rule, &met, &mut add);
        }
        // No wish can ask for these.
        if rule.insecure_http {
            add(format!("plain http to {}", rule.host));
        }
        if !rule.addresses.is_empty() {
            let ranges = joined(&rule.addresses, ", ");
            add(format!("private addresses {ranges} for {}", rule.host));
        }
    }
    for spec in &config.credentials {
        let mut add = |what: String| {
            found.push(Unasked {
                line: spec.line,
                what,
            });
        };
        if !credentials.iter().any(|wish| wish.name == spec.name) {
            add(format!("credential `{}`", spec.name));
        }
        if spec.reveal {
            add(format!(
                "THE SECRET OF `{}`, REVEALED TO THE COLLECTOR",
                spec.name
            ));
        }
    }
    found.sort_by_key(|unasked| unasked.line);
    found
}

/// What a rule grants beyond the wishes for its host.
fn beyond(rule: &Rule, met: &[&Wish<'_>], add: &mut dyn FnMut(String)) {
    let host = &rule.host;
    let wished_hosts = || met.iter().filter_map(|wish| wish.host.as_ref());
    if !wished_hosts().any(|wished| covers(wished, host)) {
        let only = joined(wished_hosts(), ", ");
        add(format!("every host of {host} (asked for: {only})"));
    }
    for method in &rule.methods {
        if !met.iter().any(|wish| wish.methods.contains(method)) {
            add(format!("{method} on {host}"));
        }
    }
    let wished_paths: Vec<&PathPrefix> = met.iter().flat_map(|wish| &wish.paths).collect();
    for path in &rule.paths {
        if wished_paths.iter().any(|wished| wished.matches(path.as_str())) {
            continue;
        }
        let inner = wished_paths.iter().filter(|wished| path.matches(wished.as_str()));
        let inner = joined(inner, ", ");
        add(if inner.is_empty() {
            format!("{path} on {host}")
        } else {
            format!("all of {path} on {host} (asked for: {inner})")
        });
    }
    for matcher in &rule.headers {
        let asked = met
            .iter()
            .flat_map(|wish| &wish.wish.headers)
            .any(|name| name.eq_ignore_ascii_case(&matcher.name));
        if !asked && !is_usual(&matcher.name) {
            add(format!("header `{}` on {host}", matcher.name));
        }
    }
    if let Some(name) = &rule.credential
        && !met.iter().any(|wish| wish.wish.credential.as_ref() == Some(name))
    {
        add(format!("credential `{name}` on {host}"));
    }
}

fn joined<T: Display>(items: impl IntoIterator<Item = T>, between: &str) -> String {
    let texts: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    texts.join(between)
}
