//! What the project's own commands tell a person, in cargo's manner: a verb to the right of a margin, then its object.
//! Progress goes to standard error, so that standard output stays free for what a caller reads.

use std::io::{Write, stderr, stdout};

/// One step that begins, or a fact worth knowing.
pub(crate) fn step(verb: &str, object: &str) {
    line(&mut stderr(), &format!("{verb:>12} {object}"));
}

/// The sentence with which a command stops.
pub(crate) fn error(text: &str) {
    line(&mut stderr(), &format!("error: {text}"));
}

/// A result that another program may read.
pub(crate) fn result(text: &str) {
    line(&mut stdout(), text);
}

/// A reader that went away is no reason to stop: the work itself is what counts.
fn line(out: &mut dyn Write, text: &str) {
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
