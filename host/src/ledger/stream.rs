//! Streams of a source: registering what the descriptor says, and what the ledger already holds of them.
//! What must hold: what decides keys, partitions and counting does not change under records that stand; a retired
//! stream takes no more.

use super::{
    error::{WriteError, damaged, instant},
    record::{Period, Source, basis_name},
    recount,
    stage::Completeness,
    store::LedgerError,
    supersede::{self, is_dimension},
};
use crate::{
    component::descriptor::{Grain, Stream},
    foreign::Foreign,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;

/// A partition that the ledger holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its source.
    pub source: Source,
    /// Its start.
    pub start: Timestamp,
    /// Whether it was complete.
    pub completeness: Completeness,
    /// Up to when its figures were observed at the provider.
    pub observed_through: Timestamp,
}

/// What the ledger holds of a stream, over all sources of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamState {
    /// The committed partitions that touch the period asked for.
    pub committed: Vec<Committed>,
    /// The last checkpoint of each source.
    pub checkpoints: Vec<(Source, Vec<u8>)>,
}

/// A grain as the database and the output write it.
pub(super) fn grain_name(grain: Grain) -> &'static str {
    match grain {
        Grain::Hour => "hour",
        Grain::Day => "day",
        Grain::Month => "month",
    }
}

/// The definition of a stream as it was registered.
pub(super) fn definition(json: &str) -> Result<Stream, LedgerError> {
    serde_json::from_str(json).map_err(|error| damaged("stream definition", error))
}

/// Registers a stream of a source as its descriptor has it now. Where that changes which streams give way to which,
/// what stands is counted anew.
pub(super) fn register(connection: &Connection, source: i64, stream: &Stream) -> Result<i64, WriteError> {
    check_chain(connection, source, stream)?;
    let standing = connection
        .prepare_cached("SELECT id, definition, retired_by FROM stream WHERE source = ? AND name = ?")?
        .query_row(params![source, stream.name], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Option<String>>(2)?,
            ))
        })
        .optional()?;
    let Some((id, before, retired_by)) = standing else {
        return insert(connection, source, stream);
    };
    let name = Foreign::new(stream.name.as_str());
    refuse_retired(&stream.name, retired_by)?;
    let before = definition(&before)?;
    if before == *stream {
        return Ok(id);
    }
    let retired = retirements(connection, source)?;
    if let Some(changed) = change_under_records(&before, stream, &retired)
        && holds_rows(connection, id)?
    {
        return Err(WriteError::denied(format!(
            "the {changed} of the stream {name} has changed while the ledger holds records of it: go on with the \
             collector that wrote it, or have the new series under a name of its own and give it the old one's place \
             with `finops-host ledger retire --stream {name} --in-favour-of NEW`"
        )));
    }
    connection.execute(
        "UPDATE stream SET definition = ?, grain = ?, basis = ?, view_of = ?, key_version = ? WHERE id = ?",
        params![
            json(stream)?,
            grain_name(stream.grain),
            basis_name(stream.basis),
            role(stream, &retired),
            stream.key_version,
            id
        ],
    )?;
    if before.supersedes != stream.supersedes || before.view_of != stream.view_of {
        recount::recount(connection, source)?;
    }
    Ok(id)
}

/// Registers the streams that a run's descriptor declares and that the source does not have yet.
pub(super) fn register_declared(connection: &Connection, source: i64, run: i64) -> Result<(), WriteError> {
    let declared: String = connection
        .prepare_cached("SELECT streams FROM run WHERE id = ?")?
        .query_row([run], |row| row.get(0))?;
    let declared: Vec<Stream> = serde_json::from_str(&declared).map_err(|error| damaged("streams", error))?;
    for stream in declared {
        let known: bool = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM stream WHERE source = ? AND name = ?)")?
            .query_row(params![source, stream.name], |row| row.get(0))?;
        if !known {
            register(connection, source, &stream)?;
        }
    }
    Ok(())
}

fn insert(connection: &Connection, source: i64, stream: &Stream) -> Result<i64, WriteError> {
    let retired = retirements(connection, source)?;
    connection.execute(
        "INSERT INTO stream (source, name, definition, grain, basis, view_of, key_version)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            source,
            stream.name,
            json(stream)?,
            grain_name(stream.grain),
            basis_name(stream.basis),
            role(stream, &retired),
            stream.key_version
        ],
    )?;
    let id = connection.last_insert_rowid();
    let linked = supersede::chains(connection, source)?
        .iter()
        .any(|chain| !chain.alone() && chain.members.iter().any(|member| member.stream == id));
    if linked {
        recount::recount(connection, source)?;
    }
    Ok(id)
}

fn json(stream: &Stream) -> Result<String, LedgerError> {
    serde_json::to_string(stream).map_err(|error| damaged("stream definition", error))
}

/// The retired streams of a source, and in whose favour.
fn retirements(connection: &Connection, source: i64) -> Result<BTreeMap<String, String>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT name, retired_by FROM stream WHERE source = ? AND retired_by IS NOT NULL")?;
    let rows = statement.query_map([source], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The stream that one is a view of. The view of a stream that was retired in its favour counts.
fn role<'a>(stream: &'a Stream, retired: &BTreeMap<String, String>) -> Option<&'a str> {
    let parent = stream.view_of.as_deref()?;
    (retired.get(parent) != Some(&stream.name)).then_some(parent)
}

/// The stream that gives way to one, as it is after what was retired: a successor stands for its predecessor.
fn worse<'a>(
    stream: &'a Stream,
    retired: &'a BTreeMap<String, String>,
) -> Option<(&'a str, Option<&'a str>)> {
    let link = stream.supersedes.as_ref()?;
    let successor = retired.get(&link.stream).filter(|name| !name.is_empty());
    if successor == Some(&stream.name) {
        return None;
    }
    let to = successor.map_or(link.stream.as_str(), String::as_str);
    Some((to, link.by.as_deref()))
}

/// Refuses what would go into a retired stream.
pub(super) fn refuse_retired(name: &str, retired_by: Option<String>) -> Result<(), WriteError> {
    let name = Foreign::new(name);
    match retired_by {
        None => Ok(()),
        Some(nobody) if nobody.is_empty() => Err(WriteError::denied(format!(
            "the stream {name} was retired and takes no commits: take it out of the settings"
        ))),
        Some(successor) => Err(WriteError::denied(format!(
            "the stream {name} was retired in favour of {} and takes no commits: use the collector that writes that one",
            Foreign::new(successor)
        ))),
    }
}

/// What has changed that records which stand rely on.
fn change_under_records(
    before: &Stream,
    now: &Stream,
    retired: &BTreeMap<String, String>,
) -> Option<&'static str> {
    [
        (before.grain != now.grain, "grain"),
        (before.key_version != now.key_version, "key version"),
        (before.key_tags != now.key_tags, "list of key tags"),
        (before.anchor != now.anchor, "anchor"),
        (role(before, retired) != role(now, retired), "role"),
        (worse(before, retired) != worse(now, retired), "superseded stream"),
    ]
    .into_iter()
    .find_map(|(changed, what)| changed.then_some(what))
}

fn holds_rows(connection: &Connection, stream: i64) -> Result<bool, LedgerError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM partition WHERE stream = ?)")?
        .query_row([stream], |row| row.get(0))?)
}

/// Refuses what would make the superseding streams of a source more than one chain with one dimension.
fn check_chain(connection: &Connection, source: i64, stream: &Stream) -> Result<(), WriteError> {
    let Some(mine) = &stream.supersedes else {
        return Ok(());
    };
    if stream.view_of.is_some() {
        return Err(WriteError::internal("a view supersedes nothing: it never counts"));
    }
    if let Some(by) = mine.by.as_deref().filter(|by| !is_dimension(by)) {
        return Err(WriteError::internal(format!(
            "the stream {} cannot supersede by {:?}: that is no text dimension of a record",
            Foreign::new(stream.name.as_str()),
            Foreign::new(by)
        )));
    }
    let predecessor: Option<String> = connection
        .prepare_cached("SELECT definition FROM stream WHERE source = ? AND retired_by = ?")?
        .query_row(params![source, stream.name], |row| row.get(0))
        .optional()?;
    if let Some(predecessor) = predecessor.as_deref().map(definition).transpose()?
        && let Some(theirs) = &predecessor.supersedes
        && mine.stream != predecessor.name
        && mine.stream != theirs.stream
    {
        return Err(WriteError::denied(format!(
            "the stream {} supersedes {}, but the one that was retired for it superseded {}",
            Foreign::new(stream.name.as_str()),
            Foreign::new(mine.stream.as_str()),
            Foreign::new(theirs.stream.as_str())
        )));
    }
    let mut statement = connection.prepare_cached(
        "SELECT definition FROM stream WHERE source = ? AND name <> ? AND retired_by IS NULL",
    )?;
    let others = statement.query_map(params![source, stream.name], |row| row.get::<_, String>(0))?;
    for other in others {
        let other = definition(&other?)?;
        let Some(theirs) = &other.supersedes else { continue };
        let (name, other_name) = (
            Foreign::new(stream.name.as_str()),
            Foreign::new(other.name.as_str()),
        );
        if theirs.stream == mine.stream {
            let worse = Foreign::new(mine.stream.as_str());
            return Err(WriteError::internal(format!(
                "the streams {name} and {other_name} both supersede {worse}: at most one may"
            )));
        }
        let linked = theirs.stream == stream.name || mine.stream == other.name;
        if linked && theirs.by != mine.by {
            return Err(WriteError::internal(format!(
                "the streams {name} and {other_name} supersede in a chain but by different dimensions"
            )));
        }
    }
    Ok(())
}

/// What an instance's sources hold of a stream.
pub(super) fn state(
    connection: &Connection,
    instance: &str,
    stream: &str,
    period: Period,
) -> Result<StreamState, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT provider, billing_account, scope, start, completeness, observed_through
         FROM partition JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source
         WHERE source.instance = ? AND stream.name = ? AND start < ? AND stop > ?
         ORDER BY source.id, start",
    )?;
    let bounds = (period.end().as_second(), period.start().as_second());
    let mut rows = statement.query(params![instance, stream, bounds.0, bounds.1])?;
    let mut state = StreamState::default();
    while let Some(row) = rows.next()? {
        state.committed.push(Committed {
            source: source_of(row)?,
            start: instant(row.get(3)?)?,
            completeness: Completeness::from_name(&row.get::<_, String>(4)?)?,
            observed_through: instant(row.get(5)?)?,
        });
    }
    let mut statement = connection.prepare_cached(
        "SELECT provider, billing_account, scope, value
         FROM checkpoint JOIN stream ON stream.id = checkpoint.stream JOIN source ON source.id = stream.source
         WHERE source.instance = ? AND stream.name = ? ORDER BY source.id",
    )?;
    let mut rows = statement.query(params![instance, stream])?;
    while let Some(row) = rows.next()? {
        state.checkpoints.push((source_of(row)?, row.get(3)?));
    }
    Ok(state)
}

/// When a stream was last committed by an instance, held commits included.
pub(super) fn last_read(
    connection: &Connection,
    instance: &str,
    stream: &str,
) -> Result<Option<Timestamp>, LedgerError> {
    let last: Option<i64> = connection
        .prepare_cached(
            "SELECT MAX(stream.last_read) FROM stream JOIN source ON source.id = stream.source
             WHERE source.instance = ? AND stream.name = ?",
        )?
        .query_row(params![instance, stream], |row| row.get(0))?;
    last.map(instant).transpose()
}

fn source_of(row: &Row<'_>) -> rusqlite::Result<Source> {
    Ok(Source {
        provider: row.get(0)?,
        billing_account: row.get(1)?,
        scope: row.get(2)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::ledger::{Seal, sample};

    const DAY: &str = "2026-08-01T00:00:00Z";

    fn open(bench: &sample::Bench, stream: &Stream) -> Result<(), String> {
        let source = sample::source();
        let opened = bench
            .ledger
            .open_writer(bench.run, stream, &source, vec![sample::at(DAY)]);
        bench.block(opened).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn what_records_rely_on_changes_only_while_there_are_none() {
        let bench = sample::Bench::new();
        let first = sample::stream("daily", Grain::Day);
        open(&bench, &first).unwrap();
        let second = Stream {
            key_version: 2,
            ..first
        };
        open(&bench, &second).unwrap();
        bench.commit(&second, &[DAY], Vec::new()).unwrap();
        let third = Stream {
            key_version: 3,
            ..second.clone()
        };
        let error = open(&bench, &third).unwrap_err();
        assert!(
            error.contains("key version") && error.contains("ledger retire"),
            "{error}"
        );
        let monthly = Stream {
            grain: Grain::Month,
            ..second.clone()
        };
        assert!(open(&bench, &monthly).unwrap_err().contains("grain"));
        let slower = Stream {
            latency: 5,
            text: "other words".to_owned(),
            ..second
        };
        open(&bench, &slower).unwrap();
    }

    #[test]
    fn streams_that_supersede_make_one_chain() {
        let bench = sample::Bench::new();
        open(&bench, &sample::better("b", Grain::Day, "a", Some("ServiceName"))).unwrap();
        let rival = sample::better("c", Grain::Day, "a", None);
        assert!(open(&bench, &rival).unwrap_err().contains("at most one"));
        let other = sample::better("c", Grain::Day, "b", None);
        assert!(open(&bench, &other).unwrap_err().contains("different dimensions"));
        let view = Stream {
            view_of: Some("a".to_owned()),
            ..sample::better("d", Grain::Day, "x", None)
        };
        assert!(open(&bench, &view).unwrap_err().contains("view"));
    }

    #[test]
    fn the_collector_is_told_what_is_committed_and_where_it_stood() {
        let bench = sample::Bench::new();
        let stream = sample::stream("daily", Grain::Day);
        let seal = Seal {
            checkpoint: Some(vec![1, 2]),
            ..sample::seal(Completeness::Partial)
        };
        let writer = bench.sealed(&stream, &[DAY], Vec::new(), seal).unwrap();
        assert_eq!(
            bench.block(bench.ledger.last_read("acme-prod", "daily")).unwrap(),
            None
        );
        bench
            .block(bench.ledger.commit(bench.run, vec![writer], sample::trusting()))
            .unwrap();
        let period = Period::covering(sample::at(DAY), sample::at("2026-08-02T00:00:00Z"));
        let state = bench
            .block(bench.ledger.stream_state("acme-prod", "daily", period))
            .unwrap();
        assert_eq!(state.checkpoints, [(sample::source(), vec![1, 2])]);
        let [partition] = state.committed.as_slice() else {
            panic!("{state:?}")
        };
        assert_eq!(partition.completeness, Completeness::Partial);
        assert_eq!(partition.start, sample::at(DAY));
        let last = bench.block(bench.ledger.last_read("acme-prod", "daily")).unwrap();
        assert_eq!(last, Some(sample::at("2026-08-10T12:00:00Z")));
        let nobody = bench.block(bench.ledger.stream_state("nobody", "daily", period));
        assert_eq!(nobody.unwrap(), StreamState::default());
    }
}
