//! Components for tests, as text, and a descriptor of hostile words.

use super::descriptor::{CredentialWish, Descriptor, HostWish, ObservationKind, Setting, SettingKind};

/// The smallest component that passes for a collector: it has the names, and does nothing.
pub(crate) const COLLECTOR: &str = r#"(component
  (type $kind u32)
  (import "finops:collector/types@0.1.0" (instance))
  (import "failure" (type (eq $kind)))
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (export "describe" (func $f))
  (export "collect" (func $f)))"#;

/// A collector with further imports.
pub(crate) fn collector_with(imports: &[&str]) -> String {
    let imports: String = imports
        .iter()
        .map(|name| format!("(import \"{name}\" (instance)) "))
        .collect();
    COLLECTOR.replacen("(import", &format!("{imports}(import"), 1)
}

/// A descriptor in which every text is this one.
pub(crate) fn saying(text: &str) -> Descriptor {
    let text = || text.to_owned();
    Descriptor {
        name: text(),
        version: text(),
        provider: text(),
        text: text(),
        settings: vec![
            Setting {
                key: text(),
                kind: SettingKind::Text,
                list_of: false,
                required: false,
                default: Some(serde_json::json!({ text(): [text()] })),
                allowed: vec![text()],
                text: text(),
            },
            Setting {
                key: format!("{}2", text()),
                kind: SettingKind::Text,
                list_of: true,
                required: true,
                default: None,
                allowed: vec![text()],
                text: text(),
            },
        ],
        streams: Vec::new(),
        observations: vec![ObservationKind {
            name: text(),
            unit: text(),
            text: text(),
        }],
        hosts: vec![HostWish {
            host: text(),
            methods: vec![text()],
            paths: vec![text()],
            headers: vec![text()],
            credential: Some(text()),
            text: text(),
        }],
        credentials: vec![CredentialWish {
            name: text(),
            schemes: vec!["bearer".to_owned(), text()],
            text: text(),
        }],
    }
}
