//! Carrying over: each row of the old ledger is judged, and inserted or named with what it was.
//! What must hold: parents come before their children; no row is passed over in silence.

use super::{
    Lost,
    archives::Archives,
    judge::{self, Verdict},
    walk::{Row, Table},
};
use crate::{
    component::descriptor::Grain,
    foreign::Foreign,
    ledger::{
        error::damaged,
        record::Source,
        store::{LedgerError, SCHEMA_VERSION},
        stream::definition,
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, params_from_iter};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// What was carried over, and what is known of the rest.
#[derive(Default)]
pub(super) struct Carried {
    pub(super) rows: BTreeMap<String, u64>,
    pub(super) lost: Vec<Lost>,
    /// Partitions of which a row was lost.
    pub(super) hurt: BTreeSet<i64>,
    /// Whether something of a journal was lost of which it is not known whose: a destination, an epoch, a posting, an entry.
    pub(super) journal: bool,
    /// Destinations of which an entry was lost.
    pub(super) destinations: BTreeSet<i64>,
    pub(super) archives: Archives,
    /// The bytes of batches, by batch. One that cannot be read is missed by its batch.
    pub(super) bodies: BTreeMap<i64, Vec<u8>>,
    pub(super) sources: BTreeMap<i64, (String, String)>,
    pub(super) streams: BTreeMap<i64, Series>,
    pub(super) partitions: BTreeMap<i64, (i64, i64)>,
    pub(super) names: BTreeMap<i64, String>,
    pub(super) epochs: BTreeMap<i64, (i64, i64)>,
    pub(super) postings: BTreeMap<i64, (i64, i64, String)>,
}

/// A stream as its partitions and records are judged by.
pub(super) struct Series {
    pub(super) source: i64,
    pub(super) name: String,
    pub(super) grain: Grain,
    pub(super) key_tags: Vec<String>,
}

type Judge = fn(&mut Carried, &mut Row<'_>) -> Verdict;

/// The tables with row numbers, parents first.
const TABLES: [(&str, Judge); 15] = [
    ("source", judge::source),
    ("stream", judge::stream),
    ("run", judge::run),
    ("commits", |_, _| Ok(())),
    ("partition", judge::partition),
    ("record", judge::record),
    ("checkpoint", judge::checkpoint),
    ("destination", judge::destination),
    ("epoch", judge::epoch),
    ("posting", judge::posting),
    ("batch", judge::batch),
    ("entry", judge::entry),
    ("conversion", judge::conversion),
    ("observation", judge::observation),
    ("control_total", judge::control_total),
];

/// Those without, and their keys. What a lost one of them held is worked out again, or costs a repeat that is not money.
const KEYED: [(&str, &str); 5] = [
    ("commit_partition", "commit_id, partition"),
    ("observation_cursor", "destination, source"),
    ("event_cursor", "destination, source"),
    ("spend", "instance, day"),
    ("instance_tag", "instance, name"),
];

/// Carries over all that is whole.
///
/// Content that lies in an archive is carried over, too: the new ledger has all of it within itself.
pub(super) fn carry(old: &Connection, new: &Connection, state: &Path) -> Result<Carried, LedgerError> {
    let mut carried = Carried {
        archives: Archives::of(old, state),
        bodies: bodies(old, new)?,
        ..Carried::default()
    };
    for (table, judge) in TABLES {
        carried.table(old, new, table, judge)?;
    }
    for (batch, body) in std::mem::take(&mut carried.bodies) {
        let sql = "INSERT INTO batch_body SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM batch WHERE id = ?1)";
        new.execute(sql, (batch, body))?;
    }
    carried.table(old, new, "event", |carried, row| carried.of_source(row).map(drop))?;
    for (table, key) in KEYED {
        carried.keyed(old, new, table, key)?;
    }
    Ok(carried)
}

/// The bytes of open batches, which stood in the batches' own rows before version 5.
fn bodies(old: &Connection, new: &Connection) -> Result<BTreeMap<i64, Vec<u8>>, LedgerError> {
    let apart = !columns(old, new, "batch_body")?.is_empty();
    let table = Table {
        old,
        name: if apart { "batch_body" } else { "batch" },
        columns: &["body".to_owned()],
    };
    let mut bodies = BTreeMap::new();
    table.walk(|row| {
        if let Some(body) = row.bytes("body").filter(|body| !body.is_empty()) {
            bodies.insert(row.id, body.to_vec());
        }
        Ok(())
    })?;
    Ok(bodies)
}

/// The columns that both have: an older schema has fewer.
fn columns(old: &Connection, new: &Connection, table: &str) -> Result<Vec<String>, LedgerError> {
    let of = |connection: &Connection| -> Result<Vec<String>, LedgerError> {
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let names = statement.query_map([table], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    };
    let there = of(old)?;
    let mut both = of(new)?;
    both.retain(|name| there.contains(name));
    Ok(both)
}

/// That a table is not there, because the schema was older than it.
fn younger_than(old: &Connection, table: &str) -> Result<(), LedgerError> {
    let version: i64 = old.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version < SCHEMA_VERSION {
        return Ok(());
    }
    Err(damaged("schema", format_args!("there is no table {table}")))
}

fn insert(table: &str, columns: &[String], how: &str) -> String {
    let places = vec!["?"; columns.len()].join(", ");
    format!(
        "INSERT {how} INTO {table} ({}) VALUES ({places})",
        columns.join(", ")
    )
}

impl Carried {
    fn table(
        &mut self,
        old: &Connection,
        new: &Connection,
        name: &'static str,
        judge: Judge,
    ) -> Result<(), LedgerError> {
        let columns = columns(old, new, name)?;
        if columns.is_empty() {
            return younger_than(old, name);
        }
        let table = Table {
            old,
            name,
            columns: &columns,
        };
        let mut into = new.prepare(&insert(name, &columns, ""))?;
        let gaps = table.walk(|mut row| {
            let mut verdict = judge(self, &mut row);
            if verdict.is_ok() {
                verdict = match into.execute(params_from_iter(row.values())) {
                    Ok(_) => Ok(()),
                    // Types, allowed values and uniqueness are the schema's to judge.
                    Err(error)
                        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) =>
                    {
                        Err(error.to_string())
                    }
                    Err(error) => return Err(error.into()),
                };
            }
            match verdict {
                Ok(()) => {
                    *self.rows.entry(name.to_owned()).or_default() += 1;
                    self.know(name, &row);
                }
                Err(why) => self.lose(name, &row, &why),
            }
            Ok(())
        })?;
        for gap in gaps {
            let rows = match gap.next {
                Some(next) if next == gap.first + 1 => format!("row {}", gap.first),
                Some(next) => format!("rows {} to {}", gap.first, next - 1),
                None => format!("rows from {} on", gap.first),
            };
            self.noted(name, None);
            self.lost.push(Lost {
                table: name.to_owned(),
                row: gap.first,
                what: format!("{rows}: the pages that hold them cannot be read"),
            });
        }
        Ok(())
    }

    fn keyed(
        &mut self,
        old: &Connection,
        new: &Connection,
        name: &'static str,
        key: &str,
    ) -> Result<(), LedgerError> {
        let columns = columns(old, new, name)?;
        if columns.is_empty() {
            return younger_than(old, name);
        }
        let table = Table {
            old,
            name,
            columns: &columns,
        };
        // What is met from both ends, or does not fit the schema, is passed over.
        let mut into = new.prepare(&insert(name, &columns, "OR IGNORE"))?;
        let mut count = 0;
        let damaged = table.walk_keyed(key, |row| {
            count += into.execute(params_from_iter(row.values())).unwrap_or_default() as u64;
            Ok(())
        })?;
        self.rows.insert(name.to_owned(), count);
        if damaged {
            self.lost.push(Lost {
                table: name.to_owned(),
                row: 0,
                what: "some rows: the pages that hold them cannot be read".to_owned(),
            });
        }
        Ok(())
    }

    /// Remembers what children are judged by.
    fn know(&mut self, table: &str, row: &Row<'_>) {
        let text = |name| row.text(name).unwrap_or_default().to_owned();
        let whole = |name| row.whole(name).unwrap_or_default();
        match table {
            "source" => {
                let of = Source {
                    provider: text("provider"),
                    billing_account: text("billing_account"),
                    scope: text("scope"),
                };
                self.sources.insert(row.id, (text("hash"), of.path()));
            }
            "stream" => {
                if let Ok(stream) = definition(&text("definition")) {
                    let series = Series {
                        source: whole("source"),
                        name: stream.name,
                        grain: stream.grain,
                        key_tags: stream.key_tags,
                    };
                    self.streams.insert(row.id, series);
                }
            }
            "partition" => {
                self.partitions.insert(row.id, (whole("stream"), whole("start")));
            }
            "destination" => {
                self.names.insert(row.id, text("name"));
            }
            "epoch" => {
                self.epochs
                    .insert(row.id, (whole("destination"), whole("number")));
            }
            "posting" => {
                let posting = (whole("epoch"), whole("partition"), text("key"));
                self.postings.insert(row.id, posting);
            }
            _ => {}
        }
    }

    fn lose(&mut self, table: &str, row: &Row<'_>, why: &str) {
        self.noted(table, Some(row));
        let told = self.told(table, row);
        self.lost.push(Lost {
            table: table.to_owned(),
            row: row.id,
            what: format!("{why}{told}"),
        });
    }

    /// What a loss means for the books.
    fn noted(&mut self, table: &str, row: Option<&Row<'_>>) {
        match (table, row) {
            ("destination" | "epoch" | "posting" | "conversion", _) | ("entry", None) => self.journal = true,
            ("entry", Some(row)) => {
                self.journal |= row.whole("destination").is_none();
                self.destinations.extend(row.whole("destination"));
            }
            ("record", Some(row)) => self.hurt.extend(row.whole("partition")),
            ("checkpoint", _) => {}
            _ => {}
        }
    }

    /// What a lost row was, as far as it can be read.
    fn told(&self, table: &str, row: &Row<'_>) -> String {
        let mut told = String::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                told.push_str(&format!("; {name} {}", Foreign::from(value)));
            }
        };
        let text = |name| row.text(name).map(str::to_owned);
        match table {
            "record" => {
                let place = row.whole("partition").and_then(|id| self.place(id));
                add("of", place);
                add("service", text("service"));
                add("amount", text("effective"));
                add("in", text("currency"));
            }
            "entry" => {
                let posting = row.whole("posting").and_then(|id| self.postings.get(&id));
                add("of", posting.and_then(|posting| self.place(posting.1)));
                let to = row.whole("destination").and_then(|id| self.names.get(&id));
                add("for", to.cloned());
                add("amount", text("amount"));
                add("which was", text("state"));
            }
            "posting" => {
                add("of", row.whole("partition").and_then(|id| self.place(id)));
                add("total", text("total"));
                add("in", text("currency"));
            }
            "partition" => {
                let of = row.whole("stream").and_then(|id| self.streams.get(&id));
                add("of the stream", of.map(|of| of.name.clone()));
                let start = row.whole("start").and_then(|at| Timestamp::from_second(at).ok());
                add("from", start.map(|at| at.to_string()));
            }
            "checkpoint" => {
                let of = row.whole("stream").and_then(|id| self.streams.get(&id));
                add("of the stream", of.map(|of| of.name.clone()));
            }
            _ => add("named", text("name").or_else(|| text("instance"))),
        }
        told
    }

    /// Source, stream and start of a partition.
    fn place(&self, partition: i64) -> Option<String> {
        let (stream, start) = self.partitions.get(&partition)?;
        let series = self.streams.get(stream)?;
        let (_, source) = self.sources.get(&series.source)?;
        let start = Timestamp::from_second(*start).ok()?;
        Some(format!("{source}, stream {}, partition {start}", series.name))
    }

    pub(super) fn of_source(&self, row: &Row<'_>) -> Result<&str, String> {
        let source = row.whole("source").and_then(|id| self.sources.get(&id));
        source
            .map(|(hash, _)| hash.as_str())
            .ok_or_else(|| "its source was lost".to_owned())
    }
}
