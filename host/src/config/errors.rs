//! What is wrong with the operator's file: everything at once, each with its place, cause and remedy.
//!
//! What must hold: no secret is shown. Messages name keys and types, never a credential's value, and the text kept for
//! source snippets is [`super::mask`]ed.

use super::mask;
use crate::foreign::escaped;
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use std::{
    cell::RefCell,
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

/// A byte range of the file's text.
pub(super) type Span = Range<usize>;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where, unless it concerns the file as a whole.
    pub place: Option<Place>,
    /// The dotted key, such as `limits.memory`; empty where there is none.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// A place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The same as bytes of the text.
    pub span: Span,
}

/// All that is wrong with one file, in its order.
#[derive(Debug)]
pub struct ConfigErrors {
    path: PathBuf,
    shown: NamedSource<String>,
    errors: Vec<ConfigError>,
}

impl ConfigErrors {
    /// An error about a file as a whole.
    pub(super) fn whole(path: &Path, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let error = ConfigError {
            place: None,
            key: String::new(),
            what: what.into(),
            remedy: Some(remedy.into()),
        };
        Self {
            path: path.to_owned(),
            shown: NamedSource::new(path.display().to_string(), String::new()),
            errors: vec![error],
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong, in the order of the file.
    #[must_use]
    pub fn errors(&self) -> &[ConfigError] {
        &self.errors
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:", escaped(&self.path.display().to_string()))?;
            if let Some(place) = &error.place {
                write!(f, "{}:{}:", place.line, place.column)?;
            }
            write!(f, " {error}")?;
            if let Some(remedy) = &error.remedy {
                write!(f, "; {}", escaped(remedy))?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl Diagnostic for ConfigErrors {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.errors
            .iter()
            .any(|error| error.place.is_some())
            .then_some(&self.shown as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.errors.iter().filter_map(|error| {
            let place = error.place.as_ref()?;
            Some(LabeledSpan::new(
                Some(error.what.clone()),
                place.span.start,
                place.span.len(),
            ))
        })))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Under a ceiling the file's words are a tenant's.
        if !self.key.is_empty() {
            write!(f, "`{}`: ", escaped(&self.key))?;
        }
        f.write_str(&escaped(&self.what))
    }
}

/// Collects what is wrong while a file is read.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

#[derive(Debug)]
struct Problem {
    at: Span,
    key: String,
    what: String,
    remedy: Option<String>,
}

impl Problems {
    /// Adds one.
    pub(super) fn add(
        &self,
        at: &Span,
        key: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<Option<String>>,
    ) {
        self.0.borrow_mut().push(Problem {
            at: at.clone(),
            key: key.into(),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// `Ok` if nothing was added, else all of it in the order of the file.
    pub(super) fn into_result(self, path: &Path, text: &str) -> Result<(), ConfigErrors> {
        let mut found = self.0.into_inner();
        if found.is_empty() {
            return Ok(());
        }
        found.sort_by_key(|problem| problem.at.start);
        let errors = found
            .into_iter()
            .map(|problem| ConfigError {
                place: Some(place(text, problem.at)),
                key: problem.key,
                what: problem.what,
                remedy: problem.remedy,
            })
            .collect();
        Err(ConfigErrors {
            path: path.to_owned(),
            shown: NamedSource::new(path.display().to_string(), mask::masked(text)).with_language("TOML"),
            errors,
        })
    }
}

/// The line of a byte offset, from 1.
pub(super) fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// The place of a line, from 1: where it begins.
pub(super) fn line_span(text: &str, line: usize) -> Span {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    start..start
}

fn place(text: &str, span: Span) -> Place {
    let before = text.get(..span.start).unwrap_or(text);
    let column = 1 + before.chars().rev().take_while(|c| *c != '\n').count();
    Place {
        line: line(text, span.start),
        column,
        span,
    }
}
