//! `[[directory]]` of a host file: each table becomes one [`Ceiling`]. What a table leaves out is what is safest and still
//! useful: no host, no address, no variable, no destination, nothing risky, secrets within the directory itself, and the
//! host's own defaults as the most of each limit.

use super::{
    super::{
        allow::{self, ADDRESSES, flag, parse_list},
        credentials::{OF_THE_MACHINE, SCHEMES},
        errors, limits, openfinops,
        reading::Reading,
        section::{Item, Section},
        suggest,
    },
    Ceiling,
};
use crate::{egress::rule::HostPattern, sandbox::limits::Limits};
use std::{
    io,
    path::{Path, PathBuf},
};
use url::Url;

const SECRETS: &str = "a list of directories such as [\"/run/secrets/a\"]";
const HOSTS: &str = "a list of hosts such as [\"api.example.com\", \"*.example.org\"]";
const DESTINATIONS: &str = "a list of servers such as [\"http://localhost:8080\"]";

/// Finds the real path behind links.
pub(in crate::config) type Resolve<'a> = &'a dyn Fn(&Path) -> io::Result<PathBuf>;

/// Reads all ceilings of the host file at `file`, in its order.
pub(in crate::config) fn read(
    item: &Item<'_>,
    file: &Path,
    reading: &Reading<'_>,
    resolve: Resolve<'_>,
) -> Vec<Ceiling> {
    let expected = "ceilings as [[directory]] tables";
    item.list(expected)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| {
            let line = errors::line(reading.text, item.span.start);
            let found = ceiling(&item.section(expected)?, reading, resolve)?;
            Some(Ceiling {
                file: file.to_owned(),
                line,
                ..found
            })
        })
        .collect()
}

fn ceiling(section: &Section<'_>, reading: &Reading<'_>, resolve: Resolve<'_>) -> Option<Ceiling> {
    let named = section.require("path", "name the directory, such as path = \"tenants/a\"");
    let directory = named.and_then(|item| {
        let written = reading.path(&item, "a directory of operator's files")?;
        Some((real(&item, &written, resolve)?, written))
    });
    let secrets = section.take("secrets").map(|item| {
        let roots = item.list(SECRETS).unwrap_or_default();
        roots
            .iter()
            .filter_map(|item| root(item, directory.as_ref(), reading, resolve))
            .collect()
    });
    let limits = section
        .take("limits")
        .and_then(|item| item.section("a [directory.limits] table"))
        .map_or_else(Limits::default, |section| limits::read(&section).0);
    let ceiling = Ceiling {
        file: PathBuf::new(),
        line: 0,
        env_prefix: section.take("env-prefix").and_then(|item| env_prefix(&item)),
        // Those that take their secrets from where the file says. One that uses this machine's own identity has to be listed.
        schemes: section.take("schemes").map_or_else(
            || {
                let own = SCHEMES.iter().filter(|name| !OF_THE_MACHINE.contains(name));
                own.map(|name| (*name).to_owned()).collect()
            },
            |item| schemes(&item),
        ),
        hosts: section.take("hosts").map(|item| hosts(&item)).unwrap_or_default(),
        addresses: section
            .take("addresses")
            .map(|item| parse_list(&item, ADDRESSES))
            .unwrap_or_default(),
        destinations: section
            .take("destinations")
            .map(|item| destinations(&item))
            .unwrap_or_default(),
        reveal: flag(section, "reveal"),
        insecure_http: flag(section, "insecure-http"),
        limits,
        directory: PathBuf::new(),
        secrets: Vec::new(),
    };
    section.finish();
    let (directory, _) = directory?;
    Some(Ceiling {
        secrets: secrets.unwrap_or_else(|| vec![directory.clone()]),
        directory,
        ..ceiling
    })
}

fn real(item: &Item<'_>, written: &Path, resolve: Resolve<'_>) -> Option<PathBuf> {
    match resolve(written) {
        Ok(real) if real.parent().is_some() => Some(real),
        Ok(_) => {
            item.problem("this is the root of all files", "name a directory below it");
            None
        }
        Err(cause) => {
            let what = format!("{} cannot be found: {cause}", written.display());
            item.problem(
                what,
                "check the path (relative to this file), or make the directory",
            );
            None
        }
    }
}

/// A root of secrets. One that is written as a part of the directory is the tenant's to change, so it may lead nowhere else.
fn root(
    item: &Item<'_>,
    directory: Option<&(PathBuf, PathBuf)>,
    reading: &Reading<'_>,
    resolve: Resolve<'_>,
) -> Option<PathBuf> {
    let written = reading.path(item, "a directory of secrets")?;
    let real = real(item, &written, resolve)?;
    if let Some((directory, as_written)) = directory
        && (written.starts_with(as_written) || written.starts_with(directory))
        && !real.starts_with(directory)
    {
        let what = format!("a link in the directory leads to {}", real.display());
        item.problem(what, "name the real directory, if its secrets are this tenant's");
        return None;
    }
    Some(real)
}

fn env_prefix(item: &Item<'_>) -> Option<String> {
    let expected = "what variables begin with, ending with `_`, such as \"A_\"";
    let text = item.text(expected)?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    // Without its end, "A" would cover AWS_SECRET_ACCESS_KEY, too.
    if begins && text.ends_with('_') && text.chars().all(good) {
        return Some(text.to_owned());
    }
    item.problem("this is no prefix of variables", format!("write {expected}"));
    None
}

fn schemes(item: &Item<'_>) -> Vec<String> {
    let expected = format!("a list of schemes such as [\"{}\"]", SCHEMES.join("\", \""));
    let items = item.list(&expected).unwrap_or_default();
    let known = |item: &Item<'_>| {
        let name = item.text(&expected)?;
        if SCHEMES.contains(&name) {
            return Some(name.to_owned());
        }
        item.problem(
            "this is no scheme of this version",
            suggest::remedy(name, &SCHEMES),
        );
        None
    };
    items.iter().filter_map(known).collect()
}

fn hosts(item: &Item<'_>) -> Vec<HostPattern> {
    let items = item.list(HOSTS).unwrap_or_default();
    items.iter().filter_map(allow::host).collect()
}

fn destinations(item: &Item<'_>) -> Vec<Url> {
    let items = item.list(DESTINATIONS).unwrap_or_default();
    items.iter().filter_map(openfinops::endpoint).collect()
}
