//! How far one wish for calls is granted.

use super::{super::Config, CallState, Granted, covers};
use crate::{
    component::descriptor::HostWish,
    egress::{
        is_usual,
        rule::{HostPattern, Matcher, Method, PathPrefix, Rule},
    },
};

/// A wish as data: what a rule would need.
pub(super) struct Wish<'a> {
    pub(super) wish: &'a HostWish,
    /// As it reads under the file's settings.
    pub(super) shown: String,
    /// `None`: it depends on a setting that is not given.
    pub(super) host: Option<HostPattern>,
    pub(super) methods: Vec<Method>,
    pub(super) paths: Vec<PathPrefix>,
}

impl<'a> Wish<'a> {
    pub(super) fn new(wish: &'a HostWish, settings: &serde_json::Value) -> Self {
        let shown = wish.host_under(settings);
        Self {
            wish,
            host: if shown.contains(['{', '}']) {
                None
            } else {
                shown.parse().ok()
            },
            shown,
            // What cannot be granted was refused with the descriptor.
            methods: wish.methods.iter().filter_map(|text| text.parse().ok()).collect(),
            paths: wish.paths.iter().filter_map(|text| text.parse().ok()).collect(),
        }
    }

    /// Whether a rule is for hosts of this wish.
    pub(super) fn meets(&self, rule: &Rule) -> bool {
        self.host
            .as_ref()
            .is_some_and(|host| covers(&rule.host, host) || covers(host, &rule.host))
    }
}

/// How far a wish is granted.
pub(super) fn state(wish: &Wish<'_>, config: &Config) -> CallState {
    let rules: Vec<&Rule> = config.rules.iter().filter(|rule| wish.meets(rule)).collect();
    let mut lacks = Vec::new();
    let mut used: Vec<&Rule> = Vec::new();
    if wish.host.is_none() {
        lacks.push("the host depends on a setting that is not given".to_owned());
    } else if rules.is_empty() {
        lacks.push("no rule is for this host".to_owned());
    } else {
        for method in &wish.methods {
            for path in &wish.paths {
                let (full, part) = matching(&rules, *method, path);
                let free: Vec<_> = full
                    .iter()
                    .copied()
                    .filter(|rule| narrowed(wish, rule).is_empty())
                    .collect();
                if full.is_empty() && part.is_empty() {
                    lacks.push(format!("{method} {path}"));
                } else if full.is_empty() {
                    let narrower: Vec<_> = part.iter().flat_map(|rule| below(path, rule)).collect();
                    lacks.push(format!("{method} {path} other than {}", narrower.join(", ")));
                }
                let by = [free, full, part].into_iter().find(|rules| !rules.is_empty());
                for rule in by.into_iter().flatten() {
                    if !used.iter().any(|known| std::ptr::eq(*known, rule)) {
                        used.push(rule);
                    }
                }
            }
        }
    }
    used.sort_by_key(|rule| rule.line);
    let granted_at_all = !used.is_empty();
    lacks.extend(used.iter().flat_map(|rule| narrowed(wish, rule)));
    CallState {
        host: wish.shown.clone(),
        methods: wish.wish.methods.clone(),
        paths: wish.wish.paths.clone(),
        headers: wish.wish.headers.clone(),
        credential: wish.wish.credential.clone(),
        granted: match (granted_at_all, lacks.is_empty()) {
            (false, _) => Granted::No,
            (true, true) => Granted::Yes,
            (true, false) => Granted::Partly,
        },
        lines: used.iter().map(|rule| rule.line).collect(),
        lacks,
    }
}

/// The rules that allow a method on the whole of a path, and those that allow it on a part.
fn matching<'a>(rules: &[&'a Rule], method: Method, path: &PathPrefix) -> (Vec<&'a Rule>, Vec<&'a Rule>) {
    let with_method = rules
        .iter()
        .copied()
        .filter(|rule| rule.methods.contains(&method));
    let (full, rest): (Vec<_>, Vec<_>) = with_method.partition(|rule| {
        let covered = |granted: &PathPrefix| granted.matches(path.as_str());
        rule.paths.iter().any(covered)
    });
    let part = rest.into_iter().filter(|rule| below(path, rule).next().is_some());
    (full, part.collect())
}

/// The paths of a rule that lie below another path.
fn below(path: &PathPrefix, rule: &Rule) -> impl Iterator<Item = String> {
    rule.paths
        .iter()
        .filter(|granted| path.matches(granted.as_str()))
        .map(ToString::to_string)
}

/// What a rule asks of a call beyond where it goes.
fn narrowed(wish: &Wish<'_>, rule: &Rule) -> Vec<String> {
    let line = rule.line;
    let mut lacks = Vec::new();
    if !wish.host.as_ref().is_some_and(|host| covers(&rule.host, host)) {
        lacks.push(format!("hosts other than {} (line {line})", rule.host));
    }
    if let Some(port) = rule.port.filter(|port| *port != 443) {
        lacks.push(format!("a port other than {port} (line {line})"));
    }
    for name in wish.wish.headers.iter().map(|name| name.to_ascii_lowercase()) {
        let matcher = rule.headers.iter().find(|matcher| matcher.name == name);
        if matcher.is_none() && !is_usual(&name) {
            lacks.push(format!("header `{name}` (line {line})"));
        }
    }
    for (what, matchers) in [
        ("header", &rule.headers),
        ("query parameter", &rule.query),
        ("form field", &rule.form),
        ("JSON member", &rule.json),
    ] {
        let strict = |matcher: &&Matcher| what != "header" || matcher.values.is_some();
        for matcher in matchers.iter().filter(strict) {
            let values = matcher.values.as_ref().map_or_else(
                || "with any value".to_owned(),
                |values| format!("= {}", values.join(" or ")),
            );
            lacks.push(format!(
                "calls other than with {what} `{}` {values} (line {line})",
                matcher.name
            ));
        }
    }
    match (&wish.wish.credential, &rule.credential) {
        (Some(wanted), None) => lacks.push(format!("credential `{wanted}`: line {line} puts none on")),
        (Some(wanted), Some(given)) if wanted != given => {
            lacks.push(format!("credential `{wanted}`: line {line} puts on `{given}`"));
        }
        _ => {}
    }
    lacks
}
