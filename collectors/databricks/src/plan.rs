//! Which days are read: those of which the table holds other lines than the books, gaps, and once a week all that is asked for.
//! What must hold: a day that holds money is never emptied because the table no longer has it.

use crate::{bookmark::Bookmark, overview::Overview};
use finops_collector::{
    Completeness, Instant, Period, Source, StreamRequest, Warnings,
    descriptor::Grain,
    jiff::civil::Date,
    period::{DAY, HOUR, day_of, start_of},
};

/// A day's first lines are usually there twelve hours after its end; twice that is a margin.
const LATENCY: i64 = 24 * HOUR;
/// After this long everything that is asked for is read again: prices may be corrected, too.
const FULL: i64 = 7 * DAY;
/// Lines that one statement reads at most, unless a day alone has more: some 500 bytes each fit into a reply.
const LINES: u64 = 40_000;

/// A day to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day {
    pub(crate) day: Date,
    /// What the table holds of it; none: it is empty and there is nothing to read.
    pub(crate) lines: u64,
    /// Whether everything is there.
    pub(crate) complete: bool,
}

/// What is to be read, in the order of its commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Days in a row that are read by one statement and committed together.
    pub(crate) pieces: Vec<Vec<Day>>,
    /// Whether that is everything that was asked for.
    pub(crate) full: bool,
}

/// When the run happens, and whether the operator asked for the period by hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    pub(crate) backfill: bool,
    pub(crate) now: Instant,
}

/// What is to be read of the stream.
pub(crate) fn plan(
    stream: &StreamRequest,
    source: &Source,
    overview: &Overview,
    bookmark: &Bookmark,
    When { backfill, now }: When,
    warnings: &Warnings<'_>,
) -> Plan {
    let begun = stream.begun(Grain::Day, now);
    let full = backfill || now - bookmark.full_at >= FULL;
    let held = |start: Instant, whole: bool| {
        stream.committed.iter().any(|held| {
            let complete = !whole || held.completeness == Completeness::Complete;
            held.start == start && held.source == *source && complete
        })
    };
    let complete = |day: Date| {
        let over = Period::of_day(day).end + LATENCY <= now;
        over && overview.ingested.is_some_and(|newest| newest > day)
    };
    let mut chosen: Vec<Day> = Vec::new();
    let mut choose = |day: Date, lines: u64| {
        let complete = complete(day);
        chosen.push(Day { day, lines, complete });
    };
    for (day, seen) in &overview.days {
        let at = start_of(*day);
        let changed = !bookmark.holds(*day, &seen.mark);
        if begun.binary_search(&at).is_ok() {
            if full || changed || !held(at, true) {
                choose(*day, seen.lines);
            }
        } else if at <= now && changed && !backfill {
            match bookmark.since.is_some_and(|since| since <= at) {
                true => choose(*day, seen.lines),
                false => warnings.once(format_args!(
                    "usage came for {day}, which is before the books begin: read it with --since {day}"
                )),
            }
        }
    }
    // Days inside the table's span without any line are empty; one that the books hold is left as it is.
    let span = overview
        .days
        .first_key_value()
        .zip(overview.days.last_key_value());
    if let Some(((first, _), (last, _))) = span {
        for at in &begun {
            let day = day_of(*at);
            let inside = *first < day && day < *last;
            if inside && !overview.days.contains_key(&day) && !held(*at, false) {
                choose(day, 0);
            }
        }
    }
    chosen.sort_unstable();
    let start = begun.first().copied().unwrap_or(now);
    Plan {
        pieces: pieces(&chosen, start),
        full,
    }
}

/// Days in a row, few enough for one statement. What lies before the asked period, which the host may hold for review, stays apart.
pub(crate) fn pieces(chosen: &[Day], start: Instant) -> Vec<Vec<Day>> {
    let mut pieces: Vec<Vec<Day>> = Vec::new();
    let mut lines = 0;
    for day in chosen {
        let joins = pieces.last().and_then(|piece| piece.last()).is_some_and(|last| {
            let follows = start_of(last.day) + DAY == start_of(day.day);
            let same_side = (start_of(last.day) < start) == (start_of(day.day) < start);
            follows && same_side && lines + day.lines <= LINES
        });
        match pieces.last_mut().filter(|_| joins) {
            Some(piece) => piece.push(*day),
            None => {
                pieces.push(vec![*day]);
                lines = 0;
            }
        }
        lines += day.lines;
    }
    pieces
}
