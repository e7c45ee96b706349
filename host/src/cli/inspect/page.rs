//! What `inspect` prints for people. Everything that a guest wrote is shown escaped.

use super::{super::render, Seen};
use crate::{
    component::{Inspection, descriptor::Descriptor},
    config::wants::{CallState, Comparison, CredentialState, Granted, Pin, Setting, SettingState},
    foreign::Foreign,
};
use std::fmt::{Display, Write};

/// The whole page.
pub(super) fn page(seen: &Seen) -> String {
    let mut text = format!("{}\n", shown(&seen.file));
    let _ = writeln!(text, "  sha256  {}", seen.sha256);
    let _ = writeln!(text, "  size    {} bytes", seen.size);
    if let Some(inspection) = &seen.inspection {
        inside(&mut text, inspection, seen.known_world);
    }
    if let Some(refused) = &seen.refused {
        let _ = writeln!(text, "  REFUSED {}", shown(refused));
    }
    if let Some(descriptor) = &seen.descriptor {
        let _ = write!(text, "\n{}", about(descriptor));
    }
    if let Some(wants) = &seen.wants {
        let _ = write!(text, "\n{}", compared(wants));
    }
    text
}

fn shown(text: &str) -> Foreign {
    Foreign::from(text)
}

fn inside(text: &mut String, inspection: &Inspection, known: &str) {
    let world = match inspection.world.as_deref() {
        None => "not finops:collector".to_owned(),
        Some(version) if version == known => format!("finops:collector {version}"),
        Some(version) => format!("finops:collector {} (known here: {known})", shown(version)),
    };
    let _ = writeln!(text, "  world   {world}");
    let structure = &inspection.structure;
    let _ = writeln!(
        text,
        "  inside  {} functions in {} modules, the largest of {} bytes",
        structure.functions, structure.modules, structure.largest_function
    );
    let exports: Vec<String> = inspection
        .exports
        .iter()
        .map(|name| shown(name).to_string())
        .collect();
    let _ = writeln!(text, "  exports {}", exports.join(", "));
    let _ = writeln!(text, "  imports");
    for import in &inspection.imports {
        let _ = writeln!(text, "    {:44} {}", shown(&import.name), import.explain());
    }
}

fn about(descriptor: &Descriptor) -> String {
    let mut text = format!(
        "{} {}: {}\n",
        shown(&descriptor.name),
        shown(&descriptor.version),
        shown(&descriptor.text)
    );
    let settings = descriptor.settings.iter().map(|setting| {
        let need = match &setting.default {
            _ if setting.required => "required".to_owned(),
            Some(default) => default.to_string(),
            None => String::new(),
        };
        vec![setting.key.clone(), need, setting.text.clone()]
    });
    section(&mut text, "", &["setting", "default", "meaning"], settings);
    let streams = descriptor.streams.iter().map(|stream| {
        let role = stream
            .view_of
            .as_ref()
            .map_or("counted".to_owned(), |parent| format!("view of {parent}"));
        vec![
            stream.name.clone(),
            role,
            format!("{:?}", stream.basis).to_lowercase(),
            stream.text.clone(),
        ]
    });
    section(&mut text, "", &["stream", "role", "basis", "meaning"], streams);
    let observations = descriptor
        .observations
        .iter()
        .map(|kind| vec![kind.name.clone(), kind.unit.clone(), kind.text.clone()]);
    section(&mut text, "", &["observation", "unit", "meaning"], observations);
    let hosts = descriptor.hosts.iter().map(|wish| {
        vec![
            wish.host.clone(),
            wish.methods.join(" "),
            wish.paths.join(" "),
            wish.headers.join(" "),
            wish.credential.clone().unwrap_or_default(),
            wish.text.clone(),
        ]
    });
    section(
        &mut text,
        "It would like to call",
        &["host", "methods", "paths", "headers", "credential", "why"],
        hosts,
    );
    let credentials = descriptor
        .credentials
        .iter()
        .map(|wish| vec![wish.name.clone(), wish.schemes.join(" or "), wish.text.clone()]);
    section(
        &mut text,
        "It would like to have put on",
        &["credential", "schemes", "needs"],
        credentials,
    );
    text
}

fn compared(wants: &Comparison) -> String {
    let mut text = String::from("Against the operator's file\n");
    let pin = match wants.pin {
        Pin::None => "not pinned: add the sha256 above to [collector]",
        Pin::This => "pinned to this component",
        Pin::Another => "PINNED TO ANOTHER COMPONENT: this one does not load",
    };
    let _ = writeln!(text, "{pin}");
    section(
        &mut text,
        "",
        &["setting", "", "line", "problem"],
        wants.settings.iter().map(setting),
    );
    section(
        &mut text,
        "",
        &["wanted", "granted", "lines", "lacking"],
        wants
            .calls
            .iter()
            .map(call)
            .chain(wants.credentials.iter().map(credential)),
    );
    let unasked = wants
        .unasked
        .iter()
        .map(|unasked| vec![unasked.line.to_string(), unasked.what.clone()]);
    section(&mut text, "Granted but not asked for", &["line", "what"], unasked);
    text
}

fn setting(state: &SettingState) -> Vec<String> {
    let word = match state.state {
        Setting::Given => "given",
        Setting::Default => "default",
        Setting::Absent => "left out",
        Setting::Missing => "MISSING",
        Setting::Unfit => "UNFIT",
        Setting::Unknown => "UNKNOWN",
    };
    vec![
        state.key.clone(),
        word.to_owned(),
        state.line.map(|line| line.to_string()).unwrap_or_default(),
        state.problem.clone().unwrap_or_default(),
    ]
}

fn call(state: &CallState) -> Vec<String> {
    let with = state
        .credential
        .as_ref()
        .map(|name| format!(" with `{name}`"))
        .unwrap_or_default();
    let methods = state.methods.join("|");
    vec![
        format!("{methods} {} {}{with}", state.host, state.paths.join(" ")),
        word(state.granted).to_owned(),
        list(&state.lines),
        state.lacks.join("; "),
    ]
}

fn credential(state: &CredentialState) -> Vec<String> {
    let mut granted = word(state.granted).to_owned();
    if state.revealed {
        granted.push_str(", AND ITS SECRET IS REVEALED TO THE COLLECTOR");
    }
    let name = &state.name;
    vec![
        format!("credential `{name}` ({})", state.schemes.join(" or ")),
        granted,
        list(state.line.as_slice()),
        state.lacks.join("; "),
    ]
}

fn word(granted: Granted) -> &'static str {
    match granted {
        Granted::Yes => "yes",
        Granted::Partly => "partly",
        Granted::No => "no",
    }
}

fn list<T: Display>(items: &[T]) -> String {
    let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// A table under a title, unless it is empty.
fn section(text: &mut String, title: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    if !title.is_empty() {
        let _ = write!(text, "\n{title}");
    }
    let _ = writeln!(text, "\n{}", render::table(columns, rows));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        component::{Import, ImportKind, Structure, samples},
        foreign::is_deceptive,
    };

    #[test]
    fn no_word_of_a_guest_reaches_the_page_unescaped() {
        let evil = "a\u{1b}[31m\u{202e}\n  REFUSED nothing\u{9b}";
        let seen = Seen {
            file: evil.to_owned(),
            sha256: "0".repeat(64),
            size: 8,
            known_world: "0.1.0",
            inspection: Some(Inspection {
                size: 8,
                world: Some(evil.to_owned()),
                imports: vec![Import {
                    name: evil.to_owned(),
                    kind: ImportKind::Foreign,
                }],
                exports: vec![evil.to_owned()],
                structure: Structure::default(),
            }),
            refused: Some(evil.to_owned()),
            descriptor: Some(samples::saying(evil)),
            wants: Some(Comparison {
                pin: Pin::None,
                settings: vec![SettingState {
                    key: evil.to_owned(),
                    state: Setting::Unknown,
                    line: None,
                    problem: Some(evil.to_owned()),
                }],
                calls: Vec::new(),
                credentials: Vec::new(),
                unasked: Vec::new(),
            }),
        };
        let text = page(&seen);
        assert!(text.chars().all(|c| c == '\n' || !is_deceptive(c)), "{text:?}");
        let forged = text.lines().filter(|line| line.starts_with("  REFUSED")).count();
        assert_eq!(forged, 1, "{text}");
        assert!(text.contains("It would like to call") && text.contains("refused"));
    }
}
