//! The contract's names: what a component may import, what it must export, and which version it speaks.

use super::{
    error::Unfit,
    inspect::{Import, ImportKind},
};
use crate::foreign::Foreign;

/// The version of `finops:collector` that this host links.
pub const WORLD_VERSION: &str = "0.1.0";
const PACKAGE: &str = "finops:collector";
const INTERFACES: [&str; 7] = [
    "types",
    "cost",
    "http",
    "ledger",
    "observations",
    "log",
    "secrets",
];
const EXPORTS: [&str; 2] = ["describe", "collect"];

/// Outgoing HTTP of WASI 0.2, linked to egress.
const HTTP: (&str, [&str; 2]) = ("wasi:http", ["types", "outgoing-handler"]);

/// WASI 0.2 as ordinary toolchains import it. It is linked, and does nothing that a grant would have to allow.
const INERT: [(&str, &[&str]); 6] = [
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["types", "preopens"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    (
        "wasi:sockets",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];

/// What an import is, by its name alone.
pub(super) fn kind(name: &str) -> ImportKind {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let Some((package, interface)) = path.split_once('/') else {
        return ImportKind::Foreign;
    };
    if package == PACKAGE {
        // A future version may have interfaces that this one does not know.
        return if version != WORLD_VERSION || INTERFACES.contains(&interface) {
            ImportKind::Collector
        } else {
            ImportKind::Foreign
        };
    }
    if !is_wasi_02(version) {
        return ImportKind::Foreign;
    }
    if package == HTTP.0 && HTTP.1.contains(&interface) {
        return ImportKind::WasiHttp;
    }
    let inert = |(known, interfaces): &(&str, &[&str])| *known == package && interfaces.contains(&interface);
    if INERT.iter().any(inert) {
        ImportKind::WasiInert
    } else {
        ImportKind::Foreign
    }
}

/// The version of the contract that a component's imports name.
pub(super) fn version<'a>(imports: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let of_ours = |name: &'a str| {
        let rest = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
        Some(rest.split_once('@').map_or("", |(_, version)| version))
    };
    // Two versions at once: the one we do not know is the one to speak of.
    let mut all = imports.into_iter().filter_map(of_ours);
    let first = all.next()?;
    Some(all.fold(
        first,
        |found, next| if found == WORLD_VERSION { next } else { found },
    ))
}

/// Whether a component is a collector of a version that this host links.
pub(super) fn check(imports: &[Import], exports: &[(String, bool)]) -> Result<(), Unfit> {
    let Some(found) = version(imports.iter().map(|import| import.name.as_str())) else {
        let missing = format!("it imports nothing of {PACKAGE}");
        return Err(Unfit::World { missing });
    };
    if found != WORLD_VERSION {
        let remedy = if is_later(found) {
            "use a newer finops-host, or the collector's build for this version"
        } else {
            "rebuild the collector against the version that this host knows"
        };
        return Err(Unfit::Version {
            found: Foreign::new(found),
            remedy,
        });
    }
    let foreign: Vec<Foreign> = imports
        .iter()
        .filter(|import| match import.kind {
            ImportKind::Collector | ImportKind::WasiInert | ImportKind::WasiHttp => false,
            ImportKind::Foreign => true,
        })
        .map(|import| Foreign::new(import.name.as_str()))
        .collect();
    if !foreign.is_empty() {
        return Err(Unfit::Foreign(foreign));
    }
    for needed in EXPORTS {
        if !exports.iter().any(|(name, function)| name == needed && *function) {
            let missing = format!("it does not export the function `{needed}`");
            return Err(Unfit::World { missing });
        }
    }
    Ok(())
}

fn is_wasi_02(version: &str) -> bool {
    version
        .strip_prefix("0.2.")
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a version comes after the one that this host knows.
fn is_later(version: &str) -> bool {
    let numbers =
        |text: &str| -> Option<Vec<u64>> { text.split('.').map(|part| part.parse().ok()).collect() };
    numbers(version) > numbers(WORLD_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_known_by_name_and_version() {
        for (name, expected) in [
            ("finops:collector/http@0.1.0", ImportKind::Collector),
            ("finops:collector/nothing@0.1.0", ImportKind::Foreign),
            ("finops:collector/nothing@0.9.0", ImportKind::Collector),
            ("finops:collectors/http@0.1.0", ImportKind::Foreign),
            ("wasi:io/poll@0.2.6", ImportKind::WasiInert),
            ("wasi:sockets/tcp@0.2.0", ImportKind::WasiInert),
            ("wasi:io/poll@0.3.0", ImportKind::Foreign),
            ("wasi:io/poll@0.2.0-rc", ImportKind::Foreign),
            ("wasi:io/poll", ImportKind::Foreign),
            ("wasi:clocks/timezone@0.2.0", ImportKind::Foreign),
            ("wasi:http/outgoing-handler@0.2.4", ImportKind::WasiHttp),
            ("wasi:http/types@0.2.12", ImportKind::WasiHttp),
            ("wasi:http/incoming-handler@0.2.4", ImportKind::Foreign),
            ("wasi:http/outgoing-handler@0.3.0", ImportKind::Foreign),
            ("wasi:keyvalue/store@0.2.0", ImportKind::Foreign),
            ("env", ImportKind::Foreign),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    #[test]
    fn the_linked_interfaces_are_those_of_the_contract() {
        let wit = concat!(
            include_str!("../../../wit/world.wit"),
            include_str!("../../../wit/cost.wit"),
            include_str!("../../../wit/types.wit")
        );
        let mut declared: Vec<_> = wit
            .lines()
            .filter_map(|line| line.strip_prefix("interface ")?.strip_suffix(" {"))
            .collect();
        let mut known = INTERFACES.to_vec();
        declared.sort_unstable();
        known.sort_unstable();
        assert_eq!(declared, known);
        assert!(wit.contains(&format!("package {PACKAGE}@{WORLD_VERSION};")));
        for export in EXPORTS {
            assert!(wit.contains(&format!("export {export}: func")), "{export}");
        }
    }

    #[test]
    fn an_unknown_version_is_found_beside_the_known_one() {
        let both = ["finops:collector/http@0.1.0", "finops:collector/log@0.2.0"];
        assert_eq!(version(both), Some("0.2.0"));
        assert_eq!(version(["wasi:io/poll@0.2.0"]), None);
        assert!(is_later("0.1.1") && is_later("1.0.0") && !is_later("0.0.9") && !is_later(""));
    }
}
