//! What a terminal gets that a pipe does not: colours, a moving line, tables as wide as the window. Decided once, at the start.
//! What must hold: nothing but a terminal is sent an escape byte unless the operator asks for it; colours are put on after
//! what guests wrote was escaped, so that they can fake none that outlives its line.

use crate::foreign::{self, for_output};
use clap::builder::styling::{AnsiColor, Style};
use std::{borrow::Cow, ffi::OsString, io::IsTerminal, sync::OnceLock};

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Colours {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb; elsewhere if CLICOLOR_FORCE is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How this process dresses what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Manners {
    /// Standard output is coloured.
    pub(super) output_coloured: bool,
    /// Standard error is coloured.
    pub(super) error_coloured: bool,
    /// A line may move on standard error.
    pub(super) moving: bool,
    /// How wide standard output's window is, in characters.
    pub(super) width: Option<u16>,
}

static MANNERS: OnceLock<Manners> = OnceLock::new();

/// Decides for this process.
pub(super) fn start(colours: Colours, no_progress: bool) {
    let around = Around::of_this_process();
    let (output, error) = (std::io::stdout(), std::io::stderr());
    let manners = Manners {
        output_coloured: around.coloured(colours, output.is_terminal()),
        error_coloured: around.coloured(colours, error.is_terminal()),
        moving: !no_progress && around.moving(error.is_terminal()),
        width: output.is_terminal().then(|| width(&output)).flatten(),
    };
    let _ = MANNERS.set(manners);
}

/// What was decided; before that, and in tests, what a pipe gets.
pub(super) fn manners() -> Manners {
    MANNERS.get().copied().unwrap_or_default()
}

/// What the command line says of colours, before it is parsed: its own errors and help are coloured, too.
pub(super) fn asked(arguments: impl Iterator<Item = OsString>) -> clap::ColorChoice {
    let mut next_is_it = false;
    for argument in arguments.skip(1) {
        let text = argument.to_string_lossy();
        let value = match text.strip_prefix("--color=") {
            Some(value) => value,
            None if next_is_it => &text,
            None if text == "--" => break,
            None => {
                next_is_it = text == "--color";
                continue;
            }
        };
        return match value {
            "always" => clap::ColorChoice::Always,
            "never" => clap::ColorChoice::Never,
            _ => clap::ColorChoice::Auto,
        };
    }
    clap::ColorChoice::Auto
}

fn width(output: &std::io::Stdout) -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(output).ok()?;
    // Narrower than this, a table is unreadable either way.
    Some(size.ws_col).filter(|columns| *columns >= 40)
}

/// What the environment says of it: https://no-color.org and https://bixense.com/clicolors.
#[derive(Clone, Copy, Debug, Default)]
struct Around {
    no_color: bool,
    forced: bool,
    dumb: bool,
    ci: bool,
}

impl Around {
    fn of_this_process() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let said = |name: &str| variable(name).is_some_and(|value| value != "0" && value != "false");
        Self {
            no_color: variable("NO_COLOR").is_some()
                || variable("CLICOLOR").is_some_and(|value| value == "0"),
            forced: said("CLICOLOR_FORCE"),
            dumb: variable("TERM").is_none_or(|value| value == "dumb"),
            ci: said("CI"),
        }
    }

    fn coloured(&self, asked: Colours, terminal: bool) -> bool {
        match asked {
            Colours::Always => true,
            Colours::Never => false,
            Colours::Auto if self.no_color => false,
            Colours::Auto => self.forced || terminal && !self.dumb,
        }
    }

    fn moving(&self, terminal: bool) -> bool {
        terminal && !self.dumb && !self.ci
    }
}

/// What a word means to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// It went well.
    Good,
    /// It should be looked at.
    Warning,
    /// It went wrong.
    Bad,
}

/// Ends a toned word.
const END: char = '\u{4}';

impl Tone {
    const ALL: [Self; 3] = [Self::Good, Self::Warning, Self::Bad];

    /// The word, marked for [`dressed`]. What guests write cannot hold the mark, since it is escaped before.
    pub(super) fn of(self, word: &str) -> String {
        format!("{}{word}{END}", self.mark())
    }

    fn mark(self) -> char {
        match self {
            Self::Good => '\u{1}',
            Self::Warning => '\u{2}',
            Self::Bad => '\u{3}',
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

fn is_mark(c: char) -> bool {
    c == END || Tone::ALL.iter().any(|tone| tone.mark() == c)
}

/// A line escaped as [`Foreign`](crate::foreign::Foreign) shows it, but for the marks of toned words.
pub(super) fn escaped(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for part in line.split_inclusive(is_mark) {
        match part.chars().next_back().filter(|last| is_mark(*last)) {
            Some(mark) => {
                shown += &foreign::escaped(part.trim_end_matches(mark));
                shown.push(mark);
            }
            None => shown += &foreign::escaped(part),
        }
    }
    shown
}

/// A text with toned words, fit for a terminal or a pipe: what else could fool a terminal is escaped.
pub(super) fn dressed(text: &str, coloured: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut tone: Option<Tone> = None;
    let mut rest = text;
    while let Some((at, mark)) = rest.char_indices().find(|(_, c)| *c == '\n' || is_mark(*c)) {
        let (before, after) = rest.split_at(at);
        shown += &for_output(before);
        if let (true, Some(open)) = (coloured, tone.take()) {
            shown += &format!("{:#}", open.style());
        }
        if mark == '\n' {
            shown.push('\n');
        }
        tone = Tone::ALL.into_iter().find(|tone| tone.mark() == mark);
        if let (true, Some(begun)) = (coloured, tone) {
            shown += &begun.style().to_string();
        }
        rest = after.strip_prefix(mark).unwrap_or_default();
    }
    let last: Cow<'_, str> = for_output(rest);
    shown += &last;
    if let (true, Some(open)) = (coloured, tone) {
        shown += &format!("{:#}", open.style());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Around = Around {
        no_color: false,
        forced: false,
        dumb: false,
        ci: false,
    };

    #[test]
    fn colours_are_for_terminals_unless_somebody_says_otherwise() {
        assert!(PLAIN.coloured(Colours::Auto, true));
        assert!(!PLAIN.coloured(Colours::Auto, false));
        let quiet = Around {
            no_color: true,
            ..PLAIN
        };
        assert!(!quiet.coloured(Colours::Auto, true));
        assert!(quiet.coloured(Colours::Always, false));
        let forced = Around {
            forced: true,
            ..PLAIN
        };
        assert!(forced.coloured(Colours::Auto, false));
        assert!(!forced.coloured(Colours::Never, true));
        // NO_COLOR is the stronger of the two.
        let both = Around {
            no_color: true,
            ..forced
        };
        assert!(!both.coloured(Colours::Auto, true));
        let dumb = Around { dumb: true, ..PLAIN };
        assert!(!dumb.coloured(Colours::Auto, true));
    }

    #[test]
    fn a_line_moves_on_a_capable_terminal_alone_and_never_in_ci() {
        assert!(PLAIN.moving(true));
        assert!(!PLAIN.moving(false));
        assert!(!Around { dumb: true, ..PLAIN }.moving(true));
        assert!(!Around { ci: true, ..PLAIN }.moving(true));
    }

    #[test]
    fn a_tone_becomes_a_colour_or_nothing_and_all_else_is_escaped() {
        let text = format!("a: {} \u{1b}[31m\nb", Tone::Good.of("done"));
        assert_eq!(dressed(&text, false), "a: done \\u001b[31m\nb");
        assert_eq!(dressed(&text, true), "a: \u{1b}[32mdone\u{1b}[0m \\u001b[31m\nb");
        assert_eq!(dressed(&escaped(&text), false), "a: done \\u{1b}[31m\\nb");
        // A tone that nobody ends is over with its line.
        assert_eq!(dressed("\u{2}a\nb", true), "\u{1b}[33ma\u{1b}[0m\nb");
    }

    #[test]
    fn what_the_command_line_says_of_colours_is_known_before_it_is_parsed() {
        let choice = |line: &str| asked(line.split(' ').map(OsString::from));
        assert_eq!(choice("x run --color never"), clap::ColorChoice::Never);
        assert_eq!(choice("x --color=always run"), clap::ColorChoice::Always);
        assert_eq!(choice("x run -- --color=always"), clap::ColorChoice::Auto);
        assert_eq!(choice("x --color"), clap::ColorChoice::Auto);
    }
}
