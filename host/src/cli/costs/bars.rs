//! Bars beside a time series, in eighths of a character. What must hold: a bar is as long as its amount is to the largest of its
//! currency; no amount but zero is without one; what is below zero looks other, also without colours.

use super::sheet::Question;
use finops_decimal::Decimal;

/// The longest bar, in characters.
const MOST: usize = 40;
/// The shortest longest bar that says something.
const LEAST: usize = 8;
/// One to seven eighths of a character.
const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Whether bars are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Bars {
    /// They are not.
    #[default]
    None,
    /// They are, on a terminal of so many columns; `None`: on no terminal.
    Within(Option<usize>),
}

impl Question<'_> {
    /// The dimensions that are no moments.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        self.by.iter().map(String::as_str).filter(|name| !is_moment(name))
    }
}

/// Whether a dimension is a moment of a time series.
pub(super) fn is_moment(name: &str) -> bool {
    matches!(name, "day" | "month")
}

impl Bars {
    /// How long the longest bar is beside a table of so many columns of characters; none where there is no room.
    pub(super) fn room(self, table: usize) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Within(None) => Some(MOST),
            Self::Within(Some(terminal)) => {
                // A space on each side of a column.
                let room = terminal.saturating_sub(table + 2).min(MOST);
                (room >= LEAST).then_some(room)
            }
        }
    }
}

/// The columns of the terminal that standard output is.
pub(super) fn terminal() -> Option<usize> {
    comfy_table::Table::new().width().map(usize::from)
}

/// The bar of an amount, where the largest is so long.
pub(super) fn bar(amount: Decimal, largest: Decimal, longest: usize) -> String {
    let eighths = eighths(amount.abs(), largest.abs(), longest);
    if amount.is_negative() {
        return "░".repeat(eighths.div_ceil(8));
    }
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((eighths % 8).checked_sub(1).and_then(|part| PARTS.get(part)));
    bar
}

fn eighths(amount: Decimal, largest: Decimal, longest: usize) -> usize {
    if amount.is_zero() || largest.is_zero() {
        return 0;
    }
    let whole = longest * 8;
    let scaled = || {
        let part = amount.div_rounded(largest, 6).ok()?;
        let whole = Decimal::from(u32::try_from(whole).ok()?);
        let eighths = part.checked_mul(whole).ok()?.round(0).ok()?;
        usize::try_from(eighths.units() / Decimal::ONE.units()).ok()
    };
    scaled().unwrap_or(whole).clamp(1, whole)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn drawn(amount: &str) -> String {
        bar(amount.parse().unwrap(), "100".parse().unwrap(), 10)
    }

    #[test]
    fn bars_are_as_long_as_amounts_in_eighths() {
        for (amount, bar) in [
            ("100", "██████████"),
            ("50", "█████"),
            ("53.75", "█████▍"),
            ("1.25", "▏"),
            ("0.000001", "▏"),
            ("0", ""),
            ("99.9", "██████████"),
            ("98.75", "█████████▉"),
            ("-50", "░░░░░"),
            ("-0.01", "░"),
        ] {
            assert_eq!(drawn(amount), bar, "{amount}");
        }
    }

    #[test]
    fn bars_keep_to_the_room_that_there_is() {
        assert_eq!(Bars::None.room(10), None);
        assert_eq!(Bars::Within(None).room(500), Some(40));
        assert_eq!(Bars::Within(Some(80)).room(50), Some(28));
        assert_eq!(Bars::Within(Some(200)).room(50), Some(40));
        assert_eq!(Bars::Within(Some(80)).room(75), None);
        let huge: Decimal = "170000000000000000000".parse().unwrap();
        assert_eq!(bar(huge, huge, 40).chars().count(), 40);
    }
}
