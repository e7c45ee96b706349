//! What all sections share while one file is read: its directory, the environment, and the files that it names.

use super::{
    errors::Span,
    section::{Item, Section},
};
use crate::egress::credential::SecretRef;
use std::{
    cell::RefCell,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use toml::de::DeValue;

/// Looks up an environment variable.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A file that the operator's file names and that must be there.
#[derive(Clone, Debug)]
pub(super) struct NamedFile {
    /// Its path, made absolute.
    pub(super) path: PathBuf,
    /// The key that names it.
    pub(super) key: String,
    /// Where that stands.
    pub(super) span: Span,
    /// What has to be in it.
    pub(super) holds: Holds,
}

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// A secret.
    Secret,
    /// Certificates, as PEM.
    Certificates,
}

/// An environment variable that the operator's file names.
#[derive(Clone, Debug)]
pub(super) struct NamedVariable {
    /// Its name.
    pub(super) name: String,
    /// The key that names it.
    pub(super) key: String,
    /// Where that stands.
    pub(super) span: Span,
}

/// The surroundings of one file.
pub(super) struct Reading<'a> {
    /// The file's text.
    pub(super) text: &'a str,
    /// What relative paths are relative to.
    pub(super) directory: &'a Path,
    /// The environment.
    pub(super) environment: Environment<'a>,
    /// What a variable has that the file names and that is not set; `None`: that is a problem.
    pub(super) stand_in: Option<&'a str>,
    /// Files named so far.
    pub(super) files: RefCell<Vec<NamedFile>>,
    /// Variables named so far.
    pub(super) variables: RefCell<Vec<NamedVariable>>,
    /// Where files of secrets must lie, after links, whenever they are read; `None`: anywhere.
    pub(super) roots: Option<&'a [PathBuf]>,
}

impl<'a> Reading<'a> {
    /// A file that lies at `path`.
    pub(super) fn of(text: &'a str, path: &'a Path, environment: Environment<'a>) -> Self {
        Self {
            text,
            directory: path.parent().unwrap_or(Path::new("")),
            environment,
            stand_in: None,
            files: RefCell::default(),
            variables: RefCell::default(),
            roots: None,
        }
    }

    /// Where a secret is that stands in a file.
    pub(super) fn secret_file(&self, item: &Item<'_>) -> Option<SecretRef> {
        self.file(item, "the file of a secret", Holds::Secret)
            .map(|path| self.secret_at(path))
    }

    fn secret_at(&self, path: PathBuf) -> SecretRef {
        match self.roots {
            None => SecretRef::File(path),
            Some(roots) => SecretRef::Below {
                path,
                roots: roots.to_vec(),
            },
        }
    }

    /// A file that must be there.
    pub(super) fn file(&self, item: &Item<'_>, what: &str, holds: Holds) -> Option<PathBuf> {
        let path = self.path(item, what)?;
        self.files.borrow_mut().push(NamedFile {
            path: path.clone(),
            key: item.path.clone(),
            span: item.span.clone(),
            holds,
        });
        Some(path)
    }

    /// A path, relative to the file.
    pub(super) fn path(&self, item: &Item<'_>, what: &str) -> Option<PathBuf> {
        let text = item.text(&format!("a path to {what}"))?;
        if text.is_empty() {
            item.problem("the path is empty", format!("write a path to {what}"));
            return None;
        }
        Some(self.directory.join(text))
    }

    /// The name and value of an environment variable that must be set.
    pub(super) fn variable<'i>(&self, item: &Item<'i>) -> Option<(&'i str, String)> {
        let name = item.text("the name of an environment variable")?;
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(good) || name.starts_with(|c: char| c.is_ascii_digit()) {
            // A secret pasted here by mistake must not be shown.
            item.problem(
                "this is no name of an environment variable",
                "write a name such as \"SNOWFLAKE_TOKEN\"",
            );
            return None;
        }
        self.variables.borrow_mut().push(NamedVariable {
            name: name.to_owned(),
            key: item.path.clone(),
            span: item.span.clone(),
        });
        let value = (self.environment)(name).or_else(|| self.stand_in.map(str::to_owned));
        if value.is_none() {
            item.problem(
                format!("the environment variable {name} is not set, or is no UTF-8"),
                "set it where finops-host starts",
            );
        }
        Some((name, value?))
    }

    /// What a platform tells by an environment variable, for a key that the table leaves out; its absence is a problem.
    pub(super) fn told(&self, section: &Section<'_>, key: &str, name: &str) -> Option<String> {
        let value = self.told_if_set(section, key, name);
        if value.is_none() {
            section.problem(
                format!("`{key}` is missing, and the environment variable {name} is not set"),
                format!("write `{key}`, or run where the platform sets {name}"),
            );
        }
        value
    }

    /// The same, where its absence is none.
    pub(super) fn told_if_set(&self, section: &Section<'_>, key: &str, name: &str) -> Option<String> {
        let value = (self.environment)(name).filter(|value| !value.is_empty())?;
        self.variables.borrow_mut().push(NamedVariable {
            name: name.to_owned(),
            key: section.key(key),
            span: section.span(),
        });
        Some(value)
    }

    /// The file of a secret whose path a platform tells.
    pub(super) fn told_file(&self, section: &Section<'_>, key: &str, path: &str) -> SecretRef {
        let path = PathBuf::from(path);
        self.files.borrow_mut().push(NamedFile {
            path: path.clone(),
            key: section.key(key),
            span: section.span(),
            holds: Holds::Secret,
        });
        self.secret_at(path)
    }

    /// Text, or the value of an environment variable.
    pub(super) fn text_or_env(&self, item: &Item<'_>, expected: &str) -> Option<String> {
        let DeValue::Table(_) = item.value else {
            return item.text(expected).map(str::to_owned);
        };
        let section = item.section(expected)?;
        let value = section
            .require("env", &format!("write {expected}"))
            .and_then(|item| self.variable(&item));
        section.finish();
        value.map(|(_, value)| value)
    }

    /// `connect-to`.
    pub(super) fn connect_to(&self, section: &Section<'_>) -> Option<SocketAddr> {
        section
            .take("connect-to")?
            .parse("an address and port such as \"127.0.0.1:8443\" (no name: nothing is resolved)")
    }

    /// The value of `ca`.
    pub(super) fn ca(&self, item: &Item<'_>) -> Option<PathBuf> {
        self.file(item, "a file of PEM certificates", Holds::Certificates)
    }
}

/// The text if it can be a header's name.
pub(super) fn name_of_header(text: &str) -> Option<&str> {
    let good = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    (!text.is_empty() && text.len() <= 256 && text.chars().all(good)).then_some(text)
}
