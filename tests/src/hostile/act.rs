//! One attack: a guest, what it is told to do, and the operator's file that it runs under.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// Which component attacks.
#[derive(Clone, Debug)]
pub(super) enum Guest {
    /// A test guest of this name.
    Named(String),
    /// A component in this file.
    File(PathBuf),
}

/// An operator's file for a guest, made step by step.
#[derive(Clone, Debug)]
pub struct Act {
    pub(super) guest: Guest,
    instance: String,
    settings: toml::Table,
    file: String,
}

impl Act {
    /// This act of the guest `hostile`, granted nothing.
    #[must_use]
    pub fn new(act: &str) -> Self {
        Self::of_guest("hostile").set("act", act)
    }

    /// A test guest of this name without settings, granted nothing.
    #[must_use]
    pub fn of_guest(guest: &str) -> Self {
        Self::of(Guest::Named(guest.to_owned()))
    }

    /// A component in a file, without settings, granted nothing.
    #[must_use]
    pub fn of_file(wasm: &Path) -> Self {
        Self::of(Guest::File(wasm.to_owned()))
    }

    fn of(guest: Guest) -> Self {
        Self {
            guest,
            instance: "hostile".to_owned(),
            settings: toml::Table::new(),
            file: String::new(),
        }
    }

    /// With a setting.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<toml::Value>) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    /// With further text of the operator's file, such as `[[allow]]` rules.
    #[must_use]
    pub fn with(mut self, text: &str) -> Self {
        let _ = writeln!(self.file, "{text}");
        self
    }

    /// As an instance of another name than `hostile`.
    #[must_use]
    pub fn instance(mut self, name: &str) -> Self {
        name.clone_into(&mut self.instance);
        self
    }

    /// The operator's file.
    #[must_use]
    pub fn operators_file(&self) -> String {
        let name = toml::Value::from(self.instance.as_str());
        let mut text = format!("[collector]\nname = {name}\n\n[settings]\n");
        for (key, value) in &self.settings {
            let _ = writeln!(text, "{key} = {value}");
        }
        text.push('\n');
        text.push_str(&self.file);
        text
    }
}
