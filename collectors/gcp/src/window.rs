//! Which days are read: those that something was exported for since the last reading, gaps, and once a week all that is asked for.
//! What must hold: the watermark moves only with the commit of the last of these days, and a day that holds money is never
//! emptied because the table no longer has it.

use crate::{api::Api, cut::Cut, overview::Overview, run::MICROS};
use finops_collector::{
    Completeness, Failure, Instant, Partitions, Period, Source, StreamRequest,
    descriptor::Grain,
    jiff::civil::Date,
    period::{DAY, HOUR, day_of, start_of},
};
use serde::{Deserialize, Serialize};

/// A day's lines are usually there this long after its end.
pub(crate) const LATENCY: i64 = 24 * HOUR;
/// What was exported this long before the watermark is looked at again: exports come in pieces.
const OVERLAP: i64 = 6 * HOUR * MICROS;
/// After this long everything that is asked for is read again.
const FULL: i64 = 7 * DAY;
/// What is kept between runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bookmark {
    /// The watermark: when the newest line that is in the books was exported, in microseconds.
    exported: i64,
    /// When everything was last read.
    full_at: Instant,
    /// The first day that the books cover.
    since: Instant,
    /// What the settings make of the stream.
    mark: String,
}

/// Days that are read by one query and committed together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// With lines, in order.
    pub(crate) days: Vec<Date>,
    /// All partitions that are replaced, those of days without any line too.
    pub(crate) partitions: Partitions,
    /// The stream's checkpoint once this is committed; only the last chunk has one.
    pub(crate) checkpoint: Vec<u8>,
}

/// What is to be read of a stream, in the order of its commits.
///
/// # Errors
/// `incomplete`, where the table's newest line is older than what the books already hold.
pub(crate) fn plan(
    api: &Api<'_>,
    cut: Cut<'_>,
    stream: &StreamRequest,
    source: &Source,
    overview: &Overview,
    (backfill, now): (bool, Instant),
) -> Result<Vec<Chunk>, Failure> {
    let begun = stream.begun(Grain::Day, now);
    let (Some(through), Some(start)) = (overview.through(), begun.first().copied()) else {
        return Ok(Vec::new());
    };
    let known = stream
        .checkpoint(source)
        .and_then(|value| serde_json::from_slice::<Bookmark>(value).ok())
        .filter(|bookmark| bookmark.mark == cut.mark());
    if let Some(bookmark) = known
        .as_ref()
        .filter(|bookmark| bookmark.exported > through && !backfill)
    {
        return Err(Failure::incomplete(format_args!(
            "the export's newest line came at {}, but the books hold lines of {}: was the table made anew? Then read it \
             with --since",
            day_of(through / MICROS),
            day_of(bookmark.exported / MICROS)
        )));
    }
    let full = backfill
        || known
            .as_ref()
            .is_none_or(|bookmark| (now - bookmark.full_at).abs() >= FULL);
    let newer = |exported: i64| {
        known
            .as_ref()
            .is_some_and(|bookmark| exported > bookmark.exported - OVERLAP)
    };
    let held = |start: Instant, whole: bool| {
        stream.committed.iter().any(|held| {
            let complete = !whole || held.completeness == Completeness::Complete;
            held.start == start && held.source == *source && complete
        })
    };
    let mut chosen: Vec<(Date, bool)> = Vec::new();
    for (day, seen) in &overview.days {
        let at = start_of(*day);
        if begun.binary_search(&at).is_ok() {
            if full || newer(seen.exported) || !held(at, true) {
                chosen.push((*day, true));
            }
        } else if at <= now && newer(seen.exported) {
            match known.as_ref().is_some_and(|bookmark| bookmark.since <= at) {
                true => chosen.push((*day, true)),
                false => api.warn_once(format!(
                    "lines came for {day}, which is before the books begin: read it with --since {day}"
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
        let inside = |at: &&Instant| (start_of(*first)..start_of(*last)).contains(*at);
        for at in begun.iter().filter(inside) {
            let day = day_of(*at);
            if !overview.days.contains_key(&day) && !held(*at, false) {
                chosen.push((day, false));
            }
        }
    }
    chosen.sort_unstable();
    let mut chunks = chunks(&chosen, start, (through, now));
    let bookmark = Bookmark {
        exported: through,
        full_at: known
            .as_ref()
            .filter(|_| !full)
            .map_or(now, |bookmark| bookmark.full_at),
        since: known.as_ref().map_or(start, |bookmark| bookmark.since.min(start)),
        mark: cut.mark(),
    };
    if let Some(last) = chunks.last_mut() {
        last.checkpoint = serde_json::to_vec(&bookmark).map_err(Failure::internal)?;
    }
    Ok(chunks)
}

/// A chunk for what lies before the asked period, which the host may hold for review, and one for each month of it.
fn chunks(chosen: &[(Date, bool)], start: Instant, (through, now): (i64, Instant)) -> Vec<Chunk> {
    let mut chunks: Vec<((bool, Date), Chunk)> = Vec::new();
    for (day, has_lines) in chosen {
        let key = (start_of(*day) >= start, day.first_of_month());
        if chunks.last().is_none_or(|(known, _)| *known != key) {
            chunks.push((key, Chunk::default()));
        }
        let Some((_, chunk)) = chunks.last_mut() else {
            continue;
        };
        let end = Period::of_day(*day).end;
        let complete = end + LATENCY <= (through / MICROS).min(now);
        let list = match complete {
            true => &mut chunk.partitions.complete,
            false => &mut chunk.partitions.partial,
        };
        list.push(start_of(*day));
        if *has_lines {
            chunk.days.push(*day);
        }
    }
    chunks.into_iter().map(|(_, chunk)| chunk).collect()
}
