//! What makes a grant unusable. What must hold of one that is used: no request can match two rules that would treat it
//! differently, no secret goes in the clear, and nobody but the host reaches a place that mints tokens.

use super::{Grant, Remark};
use crate::egress::{
    address::{Class, classify, judge_connect_to},
    credential::{CredentialSpec, Place, Scheme, Scope, TokenUrl, of_host},
    headers::{can_carry_credential, is_never},
    matching::{is_loopback, port},
    overlap::{difference, overlap},
    rule::{HostPattern, Rule},
};
use ipnet::IpNet;

type Tell<'a> = &'a mut dyn FnMut(String);

impl Grant {
    /// What makes the grant unusable. [`crate::egress::Egress::new`] refuses a grant that has any.
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

    fn conflicts_of(&self, rule: &Rule, tell: Tell<'_>) {
        self.conflicts_of_use(rule, tell);
        if rule.methods.is_empty() || rule.paths.is_empty() {
            tell("the rule allows nothing: give it methods and paths".to_owned());
        }
        self.conflicts_of_matchers(rule, tell);
        self.conflicts_with_tokens(rule, tell);
        conflicts_of_dialling(rule, tell);
        private_only(&rule.addresses, tell);
    }

    /// Of a rule with the credential that it uses.
    fn conflicts_of_use(&self, rule: &Rule, tell: Tell<'_>) {
        let Some(name) = &rule.credential else {
            return;
        };
        let spec = self.credential_of(rule);
        if spec.is_none() {
            tell(format!("there is no `[credentials.{name}]`"));
        }
        if let (Some(Scheme::AwsSigV4(aws)), HostPattern::Exact(host)) =
            (spec.map(|spec| &spec.scheme), &rule.host)
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
        let loopback = is_loopback(&rule.host) || rule.connect_to.is_some_and(|to| to.ip().is_loopback());
        if rule.insecure_http && !loopback {
            tell("`insecure-http` would send the credential in the clear: remove one of them".to_owned());
        }
    }

    /// Of what a rule lets the guest set with what the host sets.
    fn conflicts_of_matchers(&self, rule: &Rule, tell: Tell<'_>) {
        let spec = self.credential_of(rule);
        for matcher in &rule.headers {
            if is_never(&matcher.name) {
                tell(format!("header `{}` is set by the host alone", matcher.name));
            }
            if spec.is_some_and(|spec| spec.sets(&matcher.name)) {
                tell(format!(
                    "header `{}` is set by the rule's credential",
                    matcher.name
                ));
            }
        }
        for matcher in &rule.query {
            if spec.is_some_and(|spec| spec.sets_query(&matcher.name)) {
                tell(format!(
                    "query parameter `{}` is set by the rule's credential",
                    matcher.name
                ));
            }
        }
    }

    /// Of a rule with the places where credentials are minted.
    fn conflicts_with_tokens(&self, rule: &Rule, tell: Tell<'_>) {
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
    }
}

/// What makes it unclear where a rule's requests go.
fn conflicts_of_dialling(rule: &Rule, tell: Tell<'_>) {
    let Some(to) = rule.connect_to else {
        return;
    };
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
        tell("`port` and the port of `connect-to` differ: make them equal, or remove `port`".to_owned());
    }
}

/// What makes one credential unusable.
fn conflicts_of_credential(spec: &CredentialSpec, tell: Tell<'_>) {
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
fn conflicts_of_token_url(spec: &CredentialSpec, url: &TokenUrl, tell: Tell<'_>) {
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

fn private_only(ranges: &[IpNet], tell: Tell<'_>) {
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
