//! Strings of a document on one line each, with every character that could fool a reader in TOML's own escapes.

use crate::foreign::is_deceptive;
use toml_edit::{DocumentMut, Formatted, Value, visit_mut::VisitMut};

/// Rewrites the strings of a document. Their values stay.
pub(super) fn plain(document: &mut DocumentMut) {
    Plain.visit_document_mut(document);
}

struct Plain;

impl VisitMut for Plain {
    fn visit_string_mut(&mut self, node: &mut Formatted<String>) {
        if !node.value().chars().any(is_deceptive) {
            return;
        }
        // toml_edit itself reads it, so that it cannot mean anything else.
        if let Ok(Value::String(mut escaped)) = literal(node.value()).parse::<Value>()
            && escaped.value() == node.value()
        {
            *escaped.decor_mut() = node.decor().clone();
            *node = escaped;
        }
    }
}

fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => literal.extend(['\\', character]),
            c if is_deceptive(c) => literal.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}
