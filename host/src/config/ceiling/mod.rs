//! The ceiling over a tenant's files: what the operator of the host lets the operator's files of one directory grant.
//!
//! What must hold: effective grant = ceiling and file. Whatever a file that is accepted grants lies within the ceiling; a
//! file that asks for more is refused with every reason. Policy is plain functions over plain data: names were resolved
//! before, and nothing here touches the disk.

mod limits;
mod read;
#[cfg(test)]
mod tests;

pub(super) use limits::lowered;
pub(super) use read::{Resolve, read};

use super::{
    Config,
    errors::{Span, line_span},
    reading::NamedVariable,
};
use crate::{
    egress::{
        credential::{CredentialSpec, Place},
        is_loopback, meant,
        rule::{HostPattern, Rule},
    },
    sandbox::limits::Limits,
};
use ipnet::IpNet;
use limits::Amount;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};
use url::Url;

/// What the files of one directory may grant: one `[[directory]]` of a host file. Paths are real: absolute, without links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The host file.
    pub file: PathBuf,
    /// Where in it this stands: its line.
    pub line: usize,
    /// The directory.
    pub directory: PathBuf,
    /// Where files of secrets must lie, after links.
    pub secrets: Vec<PathBuf>,
    /// What environment variables begin with; `None`: no variable may be named.
    pub env_prefix: Option<String>,
    /// Schemes of credentials.
    pub schemes: Vec<String>,
    /// Hosts.
    pub hosts: Vec<HostPattern>,
    /// Private ranges for rules, and all that a `connect-to` or a loopback host may reach.
    pub addresses: Vec<IpNet>,
    /// Servers that entries may be sent to.
    pub destinations: Vec<Url>,
    /// Whether a credential may be revealed to its collector.
    pub reveal: bool,
    /// Whether a rule may allow plain http.
    pub insecure_http: bool,
    /// The most of each limit.
    pub limits: Limits,
}

/// One thing that a file asks for beyond its ceiling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excess {
    /// Where in the file.
    pub(super) at: Span,
    /// The key.
    pub(super) key: String,
    /// What is beyond.
    pub(super) what: String,
    /// What would allow it.
    pub(super) remedy: String,
}

impl Ceiling {
    /// Whether a variable may be named.
    pub(super) fn admits_variable(&self, name: &str) -> bool {
        self.env_prefix
            .as_ref()
            .is_some_and(|prefix| name.starts_with(prefix))
    }

    /// Where files that are no secrets may lie: the directory, and where secrets may.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut roots = vec![self.directory.clone()];
        roots.extend(self.secrets.iter().cloned());
        roots
    }

    fn admits_host(&self, asked: &HostPattern) -> bool {
        self.hosts.iter().any(|allowed| match (allowed, asked) {
            (allowed, HostPattern::Exact(name)) => allowed.matches(name),
            (HostPattern::Below(suffix), HostPattern::Below(asked)) => {
                suffix == asked || allowed.matches(asked)
            }
            (HostPattern::Exact(_), HostPattern::Below(_)) => false,
        })
    }

    fn admits_address(&self, address: IpAddr) -> bool {
        let address = meant(address);
        self.addresses.iter().any(|range| range.contains(&address))
    }

    fn admits_destination(&self, asked: &Url) -> bool {
        self.destinations.iter().any(|allowed| {
            let below = asked.path().strip_prefix(allowed.path().trim_end_matches('/'));
            allowed.origin() == asked.origin()
                && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// All that a file asks for beyond its ceiling; empty: nothing.
pub(super) fn exceeds(ceiling: &Ceiling, config: &Config, variables: &[NamedVariable]) -> Vec<Excess> {
    let mut found = Found {
        ceiling,
        text: &config.text,
        all: Vec::new(),
    };
    for variable in variables.iter().filter(|it| !ceiling.admits_variable(&it.name)) {
        let what = match &ceiling.env_prefix {
            Some(prefix) => format!("the variables of this directory begin with `{prefix}`"),
            None => "this directory may name no environment variable".to_owned(),
        };
        found.add(&variable.span, &variable.key, what, "env-prefix");
    }
    for rule in &config.rules {
        found.rule(rule);
    }
    for spec in &config.credentials {
        found.credential(spec);
    }
    if let Some(openfinops) = &config.openfinops
        && !ceiling.admits_destination(&openfinops.endpoint)
    {
        let what = format!("entries may not be sent to {}", openfinops.endpoint);
        found.add(&(0..0), "openfinops.endpoint", what, "destinations");
    }
    if config.focus.is_some() {
        found.all.push(Excess {
            at: 0..0,
            key: "focus".to_owned(),
            what: "FOCUS files show the costs of all tenants, so a tenant's file may not ask for them"
                .to_owned(),
            remedy: "remove the section; `finops-host export` writes files".to_owned(),
        });
    }
    found.limits(config);
    found.all
}

struct Found<'a> {
    ceiling: &'a Ceiling,
    text: &'a str,
    all: Vec<Excess>,
}

impl Found<'_> {
    fn add(&mut self, at: &Span, key: &str, what: impl Into<String>, ceiling_key: &str) {
        self.all.push(Excess {
            at: at.clone(),
            key: key.to_owned(),
            what: what.into(),
            remedy: format!(
                "stay within the ceiling, or raise `{ceiling_key}` of the [[directory]] at {}:{}",
                self.ceiling.file.display(),
                self.ceiling.line
            ),
        });
    }

    /// Every field is looked at, so that one that comes later is decided upon too.
    fn rule(&mut self, rule: &Rule) {
        let Rule {
            line,
            host,
            addresses,
            connect_to,
            insecure_http,
            port: _,
            methods: _,
            paths: _,
            headers: _,
            query: _,
            form: _,
            json: _,
            credential: _, // the table is judged
            ca: _,         // a file: `files` judges where it lies
            price: _,      // `limits.spend` is judged
            encoded_slash: _,
        } = rule;
        let at = line_span(self.text, *line);
        self.host(&at, "allow.host", host);
        self.addresses(&at, "allow", addresses);
        match connect_to {
            Some(to) => self.connect_to(&at, "allow", *to),
            None => self.loopback(&at, "allow.host", host),
        }
        if *insecure_http && !self.ceiling.insecure_http {
            let what = "this directory may not allow plain http";
            self.add(&at, "allow.insecure-http", what, "insecure-http");
        }
    }

    fn credential(&mut self, spec: &CredentialSpec) {
        let CredentialSpec {
            name,
            line,
            scheme,
            reveal,
            connect_to,
            addresses,
            headers: _, // fixed and not secret
            ca: _,      // a file: `files` judges where it lies
        } = spec;
        let at = line_span(self.text, *line);
        let table = format!("credentials.{name}");
        let named = scheme.name();
        if !self.ceiling.schemes.iter().any(|allowed| allowed == named) {
            let what = format!("this directory may not use the scheme `{named}`");
            self.add(&at, &format!("{table}.scheme"), what, "schemes");
        }
        for place in scheme.places() {
            let (key, host) = (
                format!("{table}.token-url"),
                HostPattern::Exact(place.url().host().to_owned()),
            );
            // A metadata service is allowed with its scheme, unless it is said to be on loopback.
            if let Place::Minting(_) = place {
                self.host(&at, &key, &host);
            }
            if connect_to.is_none() || matches!(place, Place::Machine(_)) {
                self.loopback(&at, &key, &host);
            }
        }
        self.addresses(&at, &table, addresses);
        if let Some(to) = connect_to {
            self.connect_to(&at, &table, *to);
        }
        if *reveal && !self.ceiling.reveal {
            let what = "this directory may not reveal a secret to its collector";
            self.add(&at, &format!("{table}.reveal"), what, "reveal");
        }
    }

    fn host(&mut self, at: &Span, key: &str, host: &HostPattern) {
        if !self.ceiling.admits_host(host) {
            let what = format!("`{host}` is none of the hosts of this directory");
            self.add(at, key, what, "hosts");
        }
    }

    fn addresses(&mut self, at: &Span, table: &str, asked: &[IpNet]) {
        for range in asked {
            if !self
                .ceiling
                .addresses
                .iter()
                .any(|allowed| allowed.contains(range))
            {
                let what = format!("{range} does not lie in the address ranges of this directory");
                self.add(at, &format!("{table}.addresses"), what, "addresses");
            }
        }
    }

    fn connect_to(&mut self, at: &Span, table: &str, to: SocketAddr) {
        if !self.ceiling.admits_address(to.ip()) {
            let what = format!("{} does not lie in the address ranges of this directory", to.ip());
            self.add(at, &format!("{table}.connect-to"), what, "addresses");
        }
    }

    /// A host that is this machine reaches what its address reaches; `localhost` may be either of two.
    fn loopback(&mut self, at: &Span, key: &str, host: &HostPattern) {
        let HostPattern::Exact(name) = host else { return };
        if !is_loopback(host) {
            return;
        }
        let literal = name.trim_start_matches('[').trim_end_matches(']').parse();
        let reached = literal.map_or_else(
            |_| vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)],
            |address| vec![address],
        );
        for address in reached {
            if !self.ceiling.admits_address(address) {
                let what = format!(
                    "`{name}` is this machine, and {address} does not lie in the address ranges of this directory"
                );
                self.add(at, key, what, "addresses");
            }
        }
    }

    fn limits(&mut self, config: &Config) {
        for beyond in limits::beyond(&config.limits, &self.ceiling.limits) {
            // What the file does not give itself is a default, and lowered: in `spend` each half for itself.
            let section = beyond.key.split('.').next().unwrap_or(beyond.key);
            let given = config.limits_at.iter().find(|(key, _)| key == section);
            if let Some((_, at)) = given
                && beyond.asked != Amount::Unlimited
            {
                let what = format!(
                    "{} is more than the {} of this directory",
                    beyond.asked, beyond.most
                );
                let key = format!("limits.{}", beyond.key);
                self.add(at, &key, what, &key);
            }
        }
    }
}
