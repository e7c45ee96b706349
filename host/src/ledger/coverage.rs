//! What the ledger holds of each stream, period by period: up to when it is complete, what of it may still change, what lies
//! between its first and its newest partition and is missing, and what is archived. Reads only.

use super::{
    error::instant,
    overview::{StreamRow, sources_overview},
    record::Period,
    stage::Completeness,
    store::LedgerError,
    stream,
};
use crate::component::descriptor::Grain;
use jiff::{SignedDuration, Timestamp, tz::Offset};
use rusqlite::{Connection, params};
use serde::Serialize;

/// Why the figures of partitions are provisional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provisional {
    /// The collector said that they lack something.
    Partial,
    /// They were last read before the source's latency after their end had passed.
    WithinLatency,
}

/// Partitions of a stream that follow each other without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// Start of the first.
    pub from: Timestamp,
    /// End of the last.
    pub to: Timestamp,
    /// How many.
    pub partitions: u64,
    /// Why they are told of, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Provisional>,
}

/// What a stream of a source covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The stream, its role and its bounds.
    #[serde(flatten)]
    pub stream: StreamRow,
    /// The newest period that is complete and not provisional.
    pub newest_complete: Option<Period>,
    /// What may still change.
    pub provisional: Vec<Stretch>,
    /// What is missing between the first partition and the newest.
    pub gaps: Vec<Stretch>,
    /// What lies in archives.
    pub archived: Vec<Stretch>,
}

/// A partition, as coverage sees it.
#[derive(Clone, Copy, Debug)]
struct Held {
    start: Timestamp,
    stop: Timestamp,
    completeness: Completeness,
    observed_through: Timestamp,
    archived: bool,
}

/// What each stream of each source covers; streams without partitions are left out.
///
/// # Errors
/// See [`LedgerError`].
pub fn coverage(connection: &Connection) -> Result<Vec<Coverage>, LedgerError> {
    let view = connection.unchecked_transaction()?;
    let streams = sources_overview(&view)?;
    let covered = streams.into_iter().map(|stream| of_stream(&view, stream));
    covered.collect()
}

fn of_stream(connection: &Connection, of: StreamRow) -> Result<Coverage, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT definition, start, stop, completeness, observed_through, archived
         FROM partition JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source
         WHERE provider = ? AND billing_account = ? AND scope = ? AND name = ? ORDER BY start",
    )?;
    let source = &of.source;
    let mut rows = statement.query(params![
        source.provider,
        source.billing_account,
        source.scope,
        of.stream
    ])?;
    let mut held = Vec::new();
    let mut definition = None;
    while let Some(row) = rows.next()? {
        if definition.is_none() {
            definition = Some(stream::definition(&row.get::<_, String>(0)?)?);
        }
        held.push(Held {
            start: instant(row.get(1)?)?,
            stop: instant(row.get(2)?)?,
            completeness: Completeness::from_name(&row.get::<_, String>(3)?)?,
            observed_through: instant(row.get(4)?)?,
            archived: row.get(5)?,
        });
    }
    let (grain, latency) = definition.map_or((Grain::Day, 0), |stream| (stream.grain, stream.latency));
    Ok(judged(of, &held, grain, latency))
}

fn judged(stream: StreamRow, held: &[Held], grain: Grain, latency: u64) -> Coverage {
    let latency = SignedDuration::from_secs(i64::try_from(latency).unwrap_or(i64::MAX));
    let why = |one: &Held| {
        let settled = one.stop.saturating_add(latency).unwrap_or(Timestamp::MAX);
        match one.completeness {
            Completeness::Partial => Some(Provisional::Partial),
            Completeness::Complete if one.observed_through < settled => Some(Provisional::WithinLatency),
            Completeness::Complete => None,
        }
    };
    let newest = held.iter().rev().find(|one| why(one).is_none());
    let provisional = held.iter().filter_map(|one| Some((one, Some(why(one)?))));
    let archived = held.iter().filter(|one| one.archived).map(|one| (one, None));
    let pairs = held.iter().zip(held.iter().skip(1));
    let apart = pairs.filter(|(one, next)| one.stop < next.start);
    let gaps = apart.map(|(one, next)| Stretch {
        from: one.stop,
        to: next.start,
        partitions: partitions_between(grain, one.stop, next.start),
        why: None,
    });
    Coverage {
        stream,
        newest_complete: newest.and_then(|one| Period::new(one.start, one.stop)),
        gaps: gaps.collect(),
        provisional: joined(provisional),
        archived: joined(archived),
    }
}

/// Partitions that follow each other, and are told of for the same reason, as one.
fn joined<'a>(parts: impl Iterator<Item = (&'a Held, Option<Provisional>)>) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (part, why) in parts {
        match stretches.last_mut() {
            Some(last) if last.to == part.start && last.why == why => {
                last.to = part.stop;
                last.partitions += 1;
            }
            _ => stretches.push(Stretch {
                from: part.start,
                to: part.stop,
                partitions: 1,
                why,
            }),
        }
    }
    stretches
}

/// How many partitions would fill a gap. Counted, not walked: a gap may be as long as a collector pleases.
fn partitions_between(grain: Grain, from: Timestamp, to: Timestamp) -> u64 {
    let seconds = to.as_second().saturating_sub(from.as_second()).unsigned_abs();
    match grain {
        Grain::Hour => seconds / 3_600,
        Grain::Day => seconds / 86_400,
        Grain::Month => {
            let month = |at: Timestamp| {
                let date = Offset::UTC.to_datetime(at).date();
                i64::from(date.year()) * 12 + i64::from(date.month())
            };
            (month(to) - month(from)).unsigned_abs()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::ledger::{sample, store::open_read_only};

    fn told(bench: &sample::Bench) -> Vec<Coverage> {
        coverage(&open_read_only(bench.directory.path()).unwrap()).unwrap()
    }

    fn shown(stretches: &[Stretch]) -> Vec<String> {
        let one = |stretch: &Stretch| {
            let day = |at: Timestamp| at.strftime("%m-%d").to_string();
            let why = stretch.why.map(|why| format!(" {why:?}")).unwrap_or_default();
            format!(
                "{} {} {}{why}",
                day(stretch.from),
                day(stretch.to),
                stretch.partitions
            )
        };
        stretches.iter().map(one).collect()
    }

    /// Days of August, each with a record.
    fn write(bench: &sample::Bench, grain: Grain, days: &[&str], completeness: Completeness) {
        let days: Vec<String> = days.iter().map(|day| format!("2026-{day}T00:00:00Z")).collect();
        let starts: Vec<&str> = days.iter().map(String::as_str).collect();
        let records = starts.iter().map(|day| sample::record(day, "Compute", "1"));
        let stream = sample::stream("daily", grain);
        bench
            .commit_as(&stream, &starts, records.collect(), completeness)
            .unwrap();
    }

    #[test]
    fn gaps_and_what_is_provisional_are_told_in_stretches() {
        let bench = sample::Bench::new();
        // Read through 2026-08-10T11:00Z; the source's latency is a day.
        let complete = ["08-01", "08-02", "08-06", "08-08", "08-09"];
        write(&bench, Grain::Day, &complete, Completeness::Complete);
        write(&bench, Grain::Day, &["08-03", "08-10"], Completeness::Partial);
        let [daily] = told(&bench).try_into().unwrap();
        assert_eq!(
            daily.newest_complete.unwrap().start(),
            sample::at("2026-08-08T00:00:00Z"),
            "the ninth had ended eleven hours before it was read"
        );
        assert_eq!(
            shown(&daily.provisional),
            [
                "08-03 08-04 1 Partial",
                "08-09 08-10 1 WithinLatency",
                "08-10 08-11 1 Partial"
            ]
        );
        assert_eq!(shown(&daily.gaps), ["08-04 08-06 2", "08-07 08-08 1"]);
        assert_eq!(shown(&daily.archived), [""; 0]);
        let json = serde_json::to_value(&daily).unwrap();
        assert_eq!(
            (&json["stream"], &json["provisional"][1]["why"]),
            (&"daily".into(), &"within-latency".into())
        );
    }

    #[test]
    fn a_stream_of_months_misses_months() {
        let bench = sample::Bench::new();
        write(
            &bench,
            Grain::Month,
            &["01-01", "02-01", "07-01"],
            Completeness::Complete,
        );
        bench.doctor("UPDATE partition SET archived = 1 WHERE start < unixepoch('2026-03-01')");
        let [monthly] = told(&bench).try_into().unwrap();
        assert_eq!(shown(&monthly.gaps), ["03-01 07-01 4"]);
        assert_eq!(shown(&monthly.archived), ["01-01 03-01 2"]);
        assert_eq!(
            monthly.newest_complete.unwrap().start(),
            sample::at("2026-07-01T00:00:00Z")
        );
    }

    #[test]
    fn nothing_complete_is_told_as_such() {
        let bench = sample::Bench::new();
        write(&bench, Grain::Day, &["08-01"], Completeness::Partial);
        assert_eq!(told(&bench)[0].newest_complete, None);
    }
}
