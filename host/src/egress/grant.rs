//! The grant as a whole, and what makes it contradictory. Pure checks that `config` runs when it reads an operator's file.
//! What must hold: no request can match two rules that would treat it differently.

use super::{
    address::{Class, classify, judge_connect_to},
    credential::{CredentialSpec, Place, Scheme, Scope, TokenUrl, of_host},
    headers::{can_carry_credential, is_never},
    matching::{is_loopback, port},
    overlap::{difference, overlap},
    request::Target,
    rule::{HostPattern, PathPrefix, Rule},
};
use ipnet::IpNet;
use std::fmt;

/// All that one operator's file allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The `[[allow]]` rules, in the file's order.
    pub rules: Vec<Rule>,
    /// The `[credentials.NAME]` tables.
    pub credentials: Vec<CredentialSpec>,
}

/// Something about a grant that the operator must change or should know, with the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Line in the operator's file.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Grant {
    /// What makes the grant unusable. [`super::Egress::new`] refuses a grant that has any.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Remark> {
        let mut found = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            self.conflicts_of(rule, &mut |message| {
                found.push(Remark {
                    line: rule.line,
                    message,
                });
            });
            for earlier in self.rules.iter().take(index) {
                if let Some(what) = difference(earlier, rule).filter(|_| overlap(earlier, rule)) {
                    found.push(Remark {
                        line: rule.line,
                        message: format!(
                            "a request can match both this rule and the one on line {}, but they differ in {what}: \
                             make them equal there, or tell them apart by path, method or matcher",
                            earlier.line
                        ),
                    });
                }
            }
        }
        for (index, spec) in self.credentials.iter().enumerate() {
            conflicts_of_credential(spec, &mut |message| {
                found.push(Remark {
                    line: spec.line,
                    message,
                });
            });
            if self
                .credentials
                .iter()
                .take(index)
                .any(|earlier| earlier.name == spec.name)
            {
                found.push(Remark {
                    line: spec.line,
                    message: format!("credential `{}` is defined twice", spec.name),
                });
            }
        }
        found
    }

    /// What is allowed but wider than it needs to be.
    #[must_use]
    pub fn warnings(&self) -> Vec<Remark> {
        let mut found = Vec::new();
        for rule in &self.rules {
            let has_matcher = [&rule.query, &rule.form, &rule.json]
                .iter()
                .any(|matchers| !matchers.is_empty())
                || rule.headers.iter().any(|matcher| matcher.values.is_some());
            if rule.credential.is_some() && rule.paths.contains(&PathPrefix::root()) && !has_matcher {
                found.push(Remark {
                    line: rule.line,
                    message: format!(
                        "the credential may be used for every path of `{}`: narrow `paths`, or add `headers`, `query`, \
                         `form` or `json`",
                        rule.host
                    ),
                });
            }
        }
        for spec in &self.credentials {
            let keys = [
                ("connect-to", spec.connect_to.is_some()),
                ("ca", spec.ca.is_some()),
                ("addresses", !spec.addresses.is_empty()),
            ];
            let idle = keys
                .into_iter()
                .filter(|(_, given)| *given && spec.scheme.token_urls().next().is_none());
            for (key, _) in idle {
                found.push(Remark {
                    line: spec.line,
                    message: format!(
                        "`{key}` of `{}` has no effect: its scheme has no token URL; where the provider is dialled, the rule says",
                        spec.name
                    ),
                });
            }
        }
        for spec in self.credentials.iter().filter(|spec| spec.reveal) {
            found.push(Remark {
                line: spec.line,
                message: format!(
                    "`reveal = true`: the collector can read the secret of `{}`",
                    spec.name
                ),
            });
        }
        found
    }

    /// The credential of a rule.
    pub(super) fn credential_of(&self, rule: &Rule) -> Option<&CredentialSpec> {
        let name = rule.credential.as_ref()?;
        self.credentials.iter().find(|spec| spec.name == *name)
    }

    /// The credential whose token URL that target is. No rule allows it.
    pub(super) fn mints_at(&self, target: &Target) -> Option<&CredentialSpec> {
        self.credentials.iter().find(|spec| {
            let mut places = spec.scheme.places().into_iter();
            places.any(|place| place.is_reached_by(target))
        })
    }

    fn conflicts_of(&self, rule: &Rule, tell: &mut dyn FnMut(String)) {
        let loopback = is_loopback(&rule.host) || rule.connect_to.is_some_and(|to| to.ip().is_loopback());
        if let Some(name) = &rule.credential {
            if self.credential_of(rule).is_none() {
                tell(format!("there is no `[credentials.{name}]`"));
            }
            if let (Some(Scheme::AwsSigV4(aws)), HostPattern::Exact(host)) =
                (self.credential_of(rule).map(|spec| &spec.scheme), &rule.host)
                && aws.scope == Scope::OfHost
                && of_host(host).is_none()
            {
                tell(format!(
                    "the host tells no region and service to sign for: write both in `[credentials.{name}]`"
                ));
            }
            if matches!(rule.host, HostPattern::Below(_)) {
                tell("a credential needs an exact host, not a wildcard".to_owned());
            }
            if rule.insecure_http && !loopback {
                tell("`insecure-http` would send the credential in the clear: remove one of them".to_owned());
            }
        }
        if rule.methods.is_empty() || rule.paths.is_empty() {
            tell("the rule allows nothing: give it methods and paths".to_owned());
        }
        for matcher in &rule.headers {
            if is_never(&matcher.name) {
                tell(format!("header `{}` is set by the host alone", matcher.name));
            }
            let own = self
                .credential_of(rule)
                .is_some_and(|spec| spec.sets(&matcher.name));
            if own {
                tell(format!(
                    "header `{}` is set by the rule's credential",
                    matcher.name
                ));
            }
        }
        for matcher in &rule.query {
            let own = self
                .credential_of(rule)
                .is_some_and(|spec| spec.sets_query(&matcher.name));
            if own {
                tell(format!(
                    "query parameter `{}` is set by the rule's credential",
                    matcher.name
                ));
            }
        }
        for spec in &self.credentials {
            for place in spec.scheme.places() {
                if place.is_allowed_by(rule) {
                    let (what, remedy) = match place {
                        Place::Minting(_) => ("the token URL", "narrow `paths`"),
                        Place::Machine(_) => ("the metadata service", "remove the rule"),
                    };
                    tell(format!(
                        "the rule covers {what} of `{}` (line {}), which the host alone calls: {remedy}",
                        spec.name, spec.line
                    ));
                }
            }
        }
        if let Some(to) = rule.connect_to {
            if let Err(error) = judge_connect_to(to) {
                tell(format!("`connect-to`: {error}"));
            }
            if is_literal(&rule.host) {
                tell("`connect-to` needs a host name: an address is dialled itself".to_owned());
            }
            // The connector takes an explicit port of the URL over the resolved one.
            let explicit = [true, false]
                .into_iter()
                .filter(|https| *https || rule.insecure_http)
                .any(|https| {
                    let port = port(rule, https);
                    port != if https { 443 } else { 80 } && port != to.port()
                });
            if explicit {
                tell(
                    "`port` and the port of `connect-to` differ: make them equal, or remove `port`"
                        .to_owned(),
                );
            }
        }
        private_only(&rule.addresses, tell);
    }
}

/// What makes one credential unusable.
fn conflicts_of_credential(spec: &CredentialSpec, tell: &mut dyn FnMut(String)) {
    let by_scheme: &[_] = match &spec.scheme {
        Scheme::Headers { headers } => headers,
        _ => &[],
    };
    let fixed = spec.headers.iter().map(|(name, _)| name);
    for name in by_scheme.iter().map(|(name, _)| name).chain(fixed.clone()) {
        if !can_carry_credential(name) {
            tell(format!("`{name}` is no header that a credential can set"));
        }
    }
    for name in fixed.filter(|name| spec.scheme.sets(&name.to_ascii_lowercase())) {
        tell(format!("header `{name}` is set by the scheme itself: remove it"));
    }
    private_only(&spec.addresses, tell);
    for url in spec.scheme.token_urls() {
        conflicts_of_token_url(spec, url, tell);
    }
}

/// What makes a server that mints tokens unusable.
fn conflicts_of_token_url(spec: &CredentialSpec, url: &TokenUrl, tell: &mut dyn FnMut(String)) {
    if !url.is_safe(spec.connect_to) {
        tell("`token-url` would send the secret in the clear: write https".to_owned());
    }
    if let Some(to) = spec.connect_to {
        if let Err(error) = judge_connect_to(to) {
            tell(format!("`connect-to`: {error}"));
        }
        if url.is_literal() {
            tell("`connect-to` needs a host name in `token-url`: an address is dialled itself".to_owned());
        }
        if url.explicit_port().is_some_and(|port| port != to.port()) {
            tell(
                "the ports of `token-url` and `connect-to` differ: make them equal, or remove the URL's"
                    .to_owned(),
            );
        }
    }
}

fn private_only(ranges: &[IpNet], tell: &mut dyn FnMut(String)) {
    for range in ranges {
        let ends = [range.network(), range.broadcast()];
        if ends.into_iter().any(|end| classify(end) != Class::Private) {
            tell(format!("`addresses`: {range} does not lie in a private range"));
        }
    }
}

fn is_literal(host: &HostPattern) -> bool {
    match host {
        HostPattern::Exact(name) => !matches!(url::Host::parse(name), Ok(url::Host::Domain(_))),
        HostPattern::Below(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::{
        super::{
            credential::{Scheme, SecretRef},
            rule::{Matcher, Method},
            tests::rule,
        },
        *,
    };

    /// Makes a good rule a bad one.
    type Change = fn(&mut Rule);

    fn spec(name: &str) -> CredentialSpec {
        CredentialSpec {
            name: name.to_owned(),
            line: 90,
            scheme: Scheme::Bearer {
                token: SecretRef::Env("TOKEN".to_owned()),
            },
            headers: Vec::new(),
            reveal: false,
            connect_to: None,
            ca: None,
            addresses: Vec::new(),
        }
    }

    fn grant(rules: Vec<Rule>) -> Grant {
        Grant {
            rules,
            credentials: vec![spec("a"), spec("b")],
        }
    }

    fn with(change: impl FnOnce(&mut Rule)) -> Rule {
        let mut rule = rule("api.example.com", &["/v1"]);
        rule.credential = Some("a".to_owned());
        change(&mut rule);
        rule
    }

    fn values(name: &str, values: &[&str]) -> Matcher {
        Matcher {
            name: name.to_owned(),
            values: Some(values.iter().map(|v| (*v).to_owned()).collect()),
        }
    }

    #[test]
    fn a_good_grant_has_no_conflicts() {
        let rules = vec![
            with(|_| ()),
            with(|rule| rule.paths = vec!["/v1/more".parse().unwrap()]),
            with(|rule| {
                rule.paths = vec!["/v2".parse().unwrap()];
                rule.credential = Some("b".to_owned());
            }),
        ];
        assert_eq!(grant(rules).conflicts(), []);
    }

    #[test]
    fn rules_that_can_match_one_request_must_treat_it_alike() {
        let changes: [Change; 5] = [
            |rule| rule.credential = Some("b".to_owned()),
            |rule| rule.credential = None,
            |rule| rule.price = Some("0.01".parse().unwrap()),
            |rule| rule.addresses = vec!["10.0.0.0/8".parse().unwrap()],
            |rule| rule.ca = Some("ca.pem".into()),
        ];
        for change in changes {
            let other = with(|rule| {
                change(rule);
                rule.line = 7;
                rule.paths = vec!["/v1/deeper".parse().unwrap()];
            });
            let found = grant(vec![with(|_| ()), other]).conflicts();
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found.first().unwrap().line, 7);
        }
    }

    #[test]
    fn rules_that_no_request_can_match_both_may_differ() {
        let changes: [Change; 6] = [
            |rule| rule.host = "other.example.com".parse().unwrap(),
            |rule| rule.port = Some(8443),
            |rule| rule.paths = vec!["/v10".parse().unwrap()],
            |rule| rule.methods = vec![Method::Post],
            |rule| rule.query = vec![values("Action", &["Other"])],
            |rule| rule.headers = vec![values("x-amz-target", &["Other"])],
        ];
        for change in changes {
            let first = with(|rule| rule.query = vec![values("Action", &["List"])]);
            let other = with(|rule| {
                change(rule);
                rule.credential = Some("b".to_owned());
            });
            assert_eq!(grant(vec![first, other]).conflicts(), []);
        }
    }

    #[test]
    fn each_unsafe_rule_is_told() {
        let changes: [(Change, &str); 10] = [
            (
                |rule| rule.credential = Some("none".to_owned()),
                "no `[credentials.none]`",
            ),
            (|rule| rule.host = "*.example.com".parse().unwrap(), "wildcard"),
            (|rule| rule.insecure_http = true, "in the clear"),
            (|rule| rule.methods = Vec::new(), "allows nothing"),
            (
                |rule| rule.headers = vec![values("authorization", &["x"])],
                "rule's credential",
            ),
            (|rule| rule.headers = vec![values("host", &["x"])], "host alone"),
            (
                |rule| rule.connect_to = Some("169.254.169.254:80".parse().unwrap()),
                "metadata",
            ),
            (
                |rule| {
                    rule.port = Some(8443);
                    rule.connect_to = Some("127.0.0.1:9000".parse().unwrap());
                },
                "differ",
            ),
            (
                |rule| {
                    rule.host = "8.8.8.8".parse().unwrap();
                    rule.connect_to = Some("127.0.0.1:443".parse().unwrap());
                },
                "host name",
            ),
            (
                |rule| rule.addresses = vec!["169.254.0.0/16".parse().unwrap()],
                "private range",
            ),
        ];
        for (change, expected) in changes {
            let found = grant(vec![with(change)]).conflicts();
            assert_eq!(found.len(), 1, "{expected}: {found:?}");
            assert!(found.first().unwrap().message.contains(expected), "{found:?}");
        }
    }

    #[test]
    fn a_credential_sets_no_header_of_the_connection() {
        for name in ["Host", "content-length", "transfer-encoding", "a b", ""] {
            let mut grant = grant(vec![with(|_| ())]);
            grant.credentials[0].headers = vec![(name.to_owned(), "x".to_owned())];
            assert_eq!(grant.conflicts().len(), 1, "{name}");
        }
    }

    #[test]
    fn a_parameter_that_the_credential_sets_is_no_matcher() {
        let mut grant = grant(vec![with(|rule| rule.query = vec![values("KEY", &["x"])])]);
        grant.credentials[0].scheme = Scheme::Query {
            parameters: vec![("key".to_owned(), SecretRef::Env("KEY".to_owned()))],
        };
        let found = grant.conflicts();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].message.contains("set by the rule's credential"),
            "{found:?}"
        );
    }

    #[test]
    fn keys_for_token_calls_are_warned_about_where_there_are_none() {
        let mut grant = grant(Vec::new());
        grant.credentials[0].connect_to = Some("127.0.0.1:9".parse().unwrap());
        grant.credentials[0].ca = Some("ca.pem".into());
        let found = grant.warnings();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].message.contains("`connect-to` of `a` has no effect"),
            "{found:?}"
        );
    }

    #[test]
    fn a_credential_over_http_is_fine_on_loopback() {
        let changes: [Change; 3] = [
            |rule| rule.host = "localhost".parse().unwrap(),
            |rule| rule.host = "[::1]".parse().unwrap(),
            |rule| rule.connect_to = Some("127.0.0.1:9000".parse().unwrap()),
        ];
        for change in changes {
            let rule = with(|rule| {
                change(rule);
                rule.insecure_http = true;
            });
            assert_eq!(grant(vec![rule]).conflicts(), []);
        }
    }

    #[test]
    fn a_credential_on_every_path_is_warned_about() {
        let wide = |rule: &mut Rule| rule.paths = vec![PathPrefix::root()];
        assert_eq!(grant(vec![with(wide)]).warnings().len(), 1);
        let narrow = with(|rule| {
            wide(rule);
            rule.json = vec![values("op", &["list"])];
        });
        assert_eq!(grant(vec![narrow, with(|_| ())]).warnings(), []);
    }
}
