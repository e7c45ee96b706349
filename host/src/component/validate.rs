//! Whether a descriptor makes sense. It is a guest's word: names are checked before they become keys, sizes before they are
//! stored, and references before anybody follows them.

use super::{
    descriptor::{Descriptor, HostWish, LookBack, Setting, SettingKind, Stream},
    setting::Given,
};
use crate::{
    egress::rule::{HostPattern, Method, PathPrefix},
    foreign::Foreign,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

const NAME: usize = 64;
const TEXT: usize = 4 << 10;
const ITEMS: usize = 256;
const DAY: u64 = 86_400;

impl Descriptor {
    /// All that is wrong with it; empty: nothing. Ready to be shown.
    #[must_use]
    pub fn validate(&self) -> Vec<String> {
        let mut wrong = Wrong::default();
        for (what, name) in [("name", &self.name), ("provider", &self.provider)] {
            wrong.unless(is_name(name), format!("the {what} `{}` {NAME_RULE}", shown(name)));
        }
        let version = !self.version.is_empty()
            && self.version.len() <= NAME
            && self.version.chars().all(|c| c.is_ascii_graphic());
        wrong.unless(version, "the version is not 1 to 64 printable characters");
        wrong.text("the collector", &self.text);
        self.settings(&mut wrong);
        self.streams(&mut wrong);
        wrong.names("observation", self.observations.iter().map(|kind| &kind.name));
        for kind in &self.observations {
            let what = format!("observation `{}`", shown(&kind.name));
            wrong.text(&what, &kind.text);
            wrong.unless(
                !kind.unit.is_empty() && kind.unit.len() <= NAME,
                format!("{what} has no unit, or a long one"),
            );
        }
        wrong.names("credential", self.credentials.iter().map(|wish| &wish.name));
        for wish in &self.credentials {
            let what = format!("credential `{}`", shown(&wish.name));
            wrong.text(&what, &wish.text);
            wrong.unless(
                !wish.schemes.is_empty() && wish.schemes.iter().all(|scheme| is_name(scheme)),
                format!("{what} names no schemes, or names that no scheme can have"),
            );
        }
        wrong.count("host wishes", self.hosts.len());
        for wish in &self.hosts {
            self.host(wish, &mut wrong);
        }
        wrong.0
    }

    fn settings(&self, wrong: &mut Wrong) {
        wrong.names("setting", self.settings.iter().map(|setting| &setting.key));
        for setting in &self.settings {
            let what = format!("setting `{}`", shown(&setting.key));
            wrong.text(&what, &setting.text);
            wrong.count(&format!("allowed values of {what}"), setting.allowed.len());
            if let Some(default) = &setting.default
                && let Err(misfit) = setting.convert(&Given::from_json(default))
            {
                wrong.add(format!("the default of {what} does not fit: {}", misfit.what));
            }
            wrong.unless(
                !(setting.required && setting.default.is_some()),
                format!("{what} is required and has a default"),
            );
        }
    }

    fn streams(&self, wrong: &mut Wrong) {
        wrong.names("stream", self.streams.iter().map(|stream| &stream.name));
        let streams: BTreeMap<&str, &Stream> = self
            .streams
            .iter()
            .map(|stream| (stream.name.as_str(), stream))
            .collect();
        for stream in &self.streams {
            let what = format!("stream `{}`", shown(&stream.name));
            wrong.text(&what, &stream.text);
            times(stream, &what, wrong);
            wrong.count(&format!("key tags of {what}"), stream.key_tags.len());
            if let Some(parent) = &stream.view_of {
                match streams.get(parent.as_str()) {
                    Some(found) => wrong.unless(
                        found.view_of.is_none(),
                        format!(
                            "{what} is a view of `{}`, which does not count itself",
                            shown(parent)
                        ),
                    ),
                    None => wrong.add(format!(
                        "{what} is a view of `{}`, which is not there",
                        shown(parent)
                    )),
                }
                wrong.unless(
                    stream.supersedes.is_none(),
                    format!("{what} is a view and supersedes: only what counts can"),
                );
            }
            if let Some(supersede) = &stream.supersedes {
                let worse = shown(&supersede.stream);
                match streams.get(supersede.stream.as_str()) {
                    Some(found) => wrong.unless(
                        found.view_of.is_none(),
                        format!("{what} supersedes `{worse}`, which does not count"),
                    ),
                    None => wrong.add(format!("{what} supersedes `{worse}`, which is not there")),
                }
                let column = |by: &String| {
                    !by.is_empty()
                        && by.len() <= NAME
                        && by.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                };
                wrong.unless(
                    supersede.by.as_ref().is_none_or(column),
                    format!("{what} supersedes by what can be no column's name"),
                );
                wrong.unless(
                    !in_circle(stream, &streams),
                    format!("{what} supersedes itself in a circle"),
                );
            }
        }
    }

    fn host(&self, wish: &HostWish, wrong: &mut Wrong) {
        let what = format!("host wish `{}`", shown(&wish.host));
        wrong.text(&what, &wish.text);
        wrong.unless(
            wish.host.len() <= 255 && self.host_is_one(&wish.host),
            format!("{what} is no host name; `{{key}}` may stand for a text setting"),
        );
        wrong.count(
            &format!("methods, paths and headers of {what}"),
            wish.methods.len() + wish.paths.len() + wish.headers.len(),
        );
        let methods = wish.methods.iter().all(|method| method.parse::<Method>().is_ok());
        wrong.unless(
            methods && !wish.methods.is_empty(),
            format!("{what} names no methods, or ones that cannot be allowed"),
        );
        let paths = wish
            .paths
            .iter()
            .all(|path| path.len() <= TEXT && path.parse::<PathPrefix>().is_ok());
        wrong.unless(
            paths && !wish.paths.is_empty(),
            format!("{what} names no paths, or ones that are no path prefixes"),
        );
        let header = |name: &String| is_name(&name.to_ascii_lowercase());
        wrong.unless(
            wish.headers.iter().all(header),
            format!("{what} names headers that are none"),
        );
        if let Some(credential) = &wish.credential {
            wrong.unless(
                self.credentials.iter().any(|known| known.name == *credential),
                format!(
                    "{what} asks for the credential `{}`, which is not described",
                    shown(credential)
                ),
            );
        }
    }

    /// Whether a wish becomes a host once each `{key}` of a text setting is replaced.
    fn host_is_one(&self, wish: &str) -> bool {
        let texts = self
            .settings
            .iter()
            .filter(|setting| setting.kind == SettingKind::Text && !setting.list_of);
        let filled = texts.fold(wish.to_owned(), |host, Setting { key, .. }| {
            host.replace(&format!("{{{key}}}"), "x")
        });
        // `url` takes braces in a host's name
        !filled.contains(['{', '}']) && filled.parse::<HostPattern>().is_ok()
    }
}

fn times(stream: &Stream, what: &str, wrong: &mut Wrong) {
    wrong.unless(
        stream.latency <= 366 * DAY,
        format!("{what} has a latency of over a year"),
    );
    wrong.unless(
        stream
            .cadence
            .is_none_or(|cadence| (60..=366 * DAY).contains(&cadence)),
        format!("{what} has a cadence that is not between a minute and a year"),
    );
    wrong.unless(
        stream.retention.is_none_or(|days| (1..=36_600).contains(&days)),
        format!("{what} has a retention that is not between a day and a century"),
    );
    let window = match stream.look_back {
        LookBack::Days(days) => days <= 3_660,
        LookBack::Months { previous, until_day } => {
            previous <= 120 && until_day.is_none_or(|day| (1..=31).contains(&day))
        }
    };
    wrong.unless(
        window,
        format!("{what} looks back over more than ten years, or until a day that no month has"),
    );
}

/// Whether following what a stream supersedes leads back to it.
fn in_circle(stream: &Stream, streams: &BTreeMap<&str, &Stream>) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = Some(stream);
    while let Some(current) = next {
        if !seen.insert(current.name.as_str()) {
            return current.name == stream.name;
        }
        next = current
            .supersedes
            .as_ref()
            .and_then(|supersede| streams.get(supersede.stream.as_str()).copied());
    }
    false
}

#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn add(&mut self, what: impl Display) {
        self.0.push(what.to_string());
    }

    fn unless(&mut self, good: bool, what: impl Display) {
        if !good {
            self.add(what);
        }
    }

    fn text(&mut self, what: &str, text: &str) {
        self.unless(
            text.len() <= TEXT,
            format!("{what} has more than {TEXT} bytes of text"),
        );
    }

    fn count(&mut self, what: &str, count: usize) {
        self.unless(
            count <= ITEMS,
            format!("there are {count} {what}, more than {ITEMS}"),
        );
    }

    fn names<'a>(&mut self, what: &str, names: impl Iterator<Item = &'a String>) {
        let mut seen = BTreeSet::new();
        for name in names {
            self.unless(
                is_name(name),
                format!("the {what} name `{}` {NAME_RULE}", shown(name)),
            );
            self.unless(
                seen.insert(name),
                format!("there are two of the {what} `{}`", shown(name)),
            );
        }
        self.count(&format!("of the {what}s"), seen.len());
    }
}

const NAME_RULE: &str = "is no lower-case words joined by hyphens, at most 64 letters and digits";

fn is_name(text: &str) -> bool {
    let word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= NAME && text.split('-').all(word)
}

fn shown(text: &str) -> Foreign {
    Foreign::new(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::component::descriptor::{Anchor, Basis, CredentialWish, Grain, Supersede};
    use serde_json::json;

    fn stream(name: &str) -> Stream {
        Stream {
            name: name.to_owned(),
            text: String::new(),
            grain: Grain::Day,
            anchor: Anchor::ChargeStart,
            basis: Basis::Billed,
            view_of: None,
            supersedes: None,
            latency: 3 * DAY,
            look_back: LookBack::Months {
                previous: 1,
                until_day: Some(10),
            },
            cadence: None,
            retention: None,
            key_version: 1,
            key_tags: Vec::new(),
        }
    }

    fn superseding(name: &str, worse: &str) -> Stream {
        Stream {
            supersedes: Some(Supersede {
                stream: worse.to_owned(),
                by: Some("ServiceName".to_owned()),
            }),
            ..stream(name)
        }
    }

    fn view(name: &str, parent: &str) -> Stream {
        Stream {
            view_of: Some(parent.to_owned()),
            ..stream(name)
        }
    }

    fn good() -> Descriptor {
        Descriptor {
            name: "snowflake".to_owned(),
            version: "0.1.0".to_owned(),
            provider: "snowflake".to_owned(),
            text: String::new(),
            settings: vec![Setting {
                key: "account".to_owned(),
                kind: SettingKind::Text,
                list_of: false,
                required: true,
                default: None,
                allowed: Vec::new(),
                text: String::new(),
            }],
            streams: vec![
                stream("estimate"),
                superseding("billed", "estimate"),
                view("hourly", "estimate"),
            ],
            observations: Vec::new(),
            hosts: vec![HostWish {
                host: "{account}.snowflakecomputing.com".to_owned(),
                methods: vec!["POST".to_owned()],
                paths: vec!["/api".to_owned()],
                headers: vec!["X-Thing".to_owned()],
                credential: Some("login".to_owned()),
                text: String::new(),
            }],
            credentials: vec![CredentialWish {
                name: "login".to_owned(),
                schemes: vec!["bearer".to_owned()],
                text: String::new(),
            }],
        }
    }

    #[test]
    fn a_sensible_descriptor_has_nothing_wrong() {
        assert_eq!(good().validate(), Vec::<String>::new());
    }

    #[test]
    fn each_mistake_is_named() {
        type Change = fn(&mut Descriptor);
        let cases: [(Change, &str); 17] = [
            (|d| d.name = "Snow Flake".to_owned(), "the name `Snow Flake`"),
            (|d| d.version.clear(), "version"),
            (|d| d.text = "x".repeat(5000), "bytes of text"),
            (
                |d| d.streams.push(stream("estimate")),
                "two of the stream `estimate`",
            ),
            (|d| d.streams[0].name = "a--b".to_owned(), "`a--b`"),
            (
                |d| d.streams.push(view("v", "nothing")),
                "view of `nothing`, which is not there",
            ),
            (|d| d.streams.push(view("v", "hourly")), "does not count itself"),
            (
                |d| d.streams.push(superseding("s", "nothing")),
                "supersedes `nothing`, which is not there",
            ),
            (
                |d| d.streams.push(superseding("s", "hourly")),
                "which does not count",
            ),
            (
                |d| d.streams[0] = superseding("estimate", "billed"),
                "in a circle",
            ),
            (|d| d.streams.push(superseding("s", "s")), "in a circle"),
            (|d| d.streams[0].look_back = LookBack::Days(100_000), "looks back"),
            (|d| d.streams[0].cadence = Some(1), "cadence"),
            (|d| d.settings[0].default = Some(json!(1)), "does not fit"),
            (
                |d| d.hosts[0].host = "{warehouse}.example.com".to_owned(),
                "no host name",
            ),
            (
                |d| d.hosts[0].credential = Some("other".to_owned()),
                "`other`, which is not described",
            ),
            (|d| d.hosts[0].methods = vec!["TRACE".to_owned()], "methods"),
        ];
        for (change, part) in cases {
            let mut descriptor = good();
            change(&mut descriptor);
            let wrong = descriptor.validate().join("\n");
            assert!(wrong.contains(part), "no {part:?} in {wrong:?}");
        }
    }

    #[test]
    fn a_chain_of_superseding_streams_is_no_circle() {
        let mut descriptor = good();
        descriptor.streams.push(superseding("better", "billed"));
        assert_eq!(descriptor.validate(), Vec::<String>::new());
    }

    #[test]
    fn hostile_names_come_out_escaped() {
        let mut descriptor = good();
        descriptor.name = "a\u{1b}[31m\nb".to_owned();
        let wrong = descriptor.validate().join("|");
        assert!(!wrong.contains('\u{1b}') && !wrong.contains('\n'), "{wrong:?}");
    }
}
