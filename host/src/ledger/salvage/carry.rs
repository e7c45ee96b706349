//! Carrying over: each row of the old ledger is judged by its checksums, hashes and what it refers to, and inserted or named.
//! What must hold: parents come before their children; a row that is judged good is inserted as it was, but for columns that
//! repeat what its checksum covers.

use super::{
    Lost,
    walk::{Row, Table},
};
use crate::{
    component::descriptor::Grain,
    foreign::Foreign,
    ledger::{
        commit::checkpoint_checksum,
        destination::Measure,
        dims::{PostingDims, RollUp},
        key,
        period::partition_from,
        post::{entry_checksum, entry_id},
        record::{Source, basis_name},
        replace::record_checksum,
        source::source_hash,
        store::{LedgerError, checksum, hash_parts},
        stream::{definition, grain_name},
    },
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::{Connection, params_from_iter, types::Value};
use std::collections::{BTreeMap, BTreeSet};

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
    sources: BTreeMap<i64, (String, String)>,
    streams: BTreeMap<i64, Series>,
    partitions: BTreeMap<i64, (i64, i64)>,
    names: BTreeMap<i64, String>,
    epochs: BTreeMap<i64, (i64, i64)>,
    postings: BTreeMap<i64, (i64, i64, String)>,
}

struct Series {
    source: i64,
    name: String,
    grain: Grain,
    key_tags: Vec<String>,
}

type Verdict = Result<(), String>;
type Judge = fn(&mut Carried, &mut Row<'_>) -> Verdict;

/// The tables with row numbers, parents first.
const TABLES: [(&str, Judge); 13] = [
    ("source", source),
    ("stream", stream),
    ("run", run),
    ("commits", |_, _| Ok(())),
    ("partition", partition),
    ("record", record),
    ("checkpoint", checkpoint),
    ("destination", destination),
    ("epoch", epoch),
    ("posting", posting),
    ("batch", batch),
    ("entry", entry),
    ("observation", observation),
];

/// Those without, and their keys. What a lost one of them held is worked out again, or costs a repeat that is not money.
const KEYED: [(&str, &str); 4] = [
    ("commit_partition", "commit_id, partition"),
    ("observation_cursor", "destination, source"),
    ("event_cursor", "destination, source"),
    ("spend", "instance, day"),
];

/// Carries over all that is whole.
pub(super) fn carry(old: &Connection, new: &Connection) -> Result<Carried, LedgerError> {
    let mut carried = Carried::default();
    for (table, judge) in TABLES {
        carried.table(old, new, table, judge)?;
    }
    carried.table(old, new, "event", |carried, row| carried.of_source(row).map(drop))?;
    for (table, key) in KEYED {
        carried.keyed(old, new, table, key)?;
    }
    Ok(carried)
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
            ("destination" | "epoch" | "posting", _) | ("entry", None) => self.journal = true,
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

    fn of_source(&self, row: &Row<'_>) -> Result<&str, String> {
        let source = row.whole("source").and_then(|id| self.sources.get(&id));
        source
            .map(|(hash, _)| hash.as_str())
            .ok_or_else(|| "its source was lost".to_owned())
    }
}

fn must<T>(value: Option<T>, why: &str) -> Result<T, String> {
    value.ok_or_else(|| why.to_owned())
}

fn hold(holds: bool, why: &str) -> Verdict {
    holds.then_some(()).ok_or_else(|| why.to_owned())
}

const TYPE: &str = "a column is not of its type";
const SUM: &str = "its checksum is not that of its row";

fn source(_: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let text = |name| must(row.text(name).map(str::to_owned), TYPE);
    let of = Source {
        provider: text("provider")?,
        billing_account: text("billing_account")?,
        scope: text("scope")?,
    };
    hold(
        row.text("hash") == Some(&source_hash(&of)),
        "its hash is not that of its name",
    )
}

fn stream(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    carried.of_source(row)?;
    let stream = definition(must(row.text("definition"), TYPE)?).map_err(|error| error.to_string())?;
    hold(
        row.text("name") == Some(&stream.name),
        "its definition is of another name",
    )?;
    row.set("grain", Value::Text(grain_name(stream.grain).to_owned()));
    row.set("basis", Value::Text(basis_name(stream.basis).to_owned()));
    row.set("key_version", Value::Integer(stream.key_version.into()));
    Ok(())
}

fn run(_: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let is_json =
        |text: Option<&str>| text.is_some_and(|text| serde_json::from_str::<serde_json::Value>(text).is_ok());
    if !row.is_null("report") && !is_json(row.text("report")) {
        row.set("report", Value::Null);
    }
    if !is_json(row.text("streams")) {
        row.set("streams", Value::Text("[]".to_owned()));
    }
    Ok(())
}

fn partition(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let stream = must(row.whole("stream"), TYPE)?;
    let series = must(carried.streams.get(&stream), "its stream was lost")?;
    let start = must(row.whole("start"), TYPE)?;
    let period = Timestamp::from_second(start)
        .ok()
        .and_then(|start| partition_from(series.grain, start));
    let period = must(period, "no partition of its stream starts there")?;
    row.set("stop", Value::Integer(period.end().as_second()));
    hold(row.whole("commit_id").is_some(), TYPE)
}

fn record(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let partition = must(row.whole("partition"), TYPE)?;
    let (stream, _) = must(carried.partitions.get(&partition), "its partition was lost")?;
    let series = must(carried.streams.get(stream), "its stream was lost")?;
    let text = |name| must(row.text(name), TYPE);
    let (key, revision, content) = (text("key")?, text("revision")?, text("content")?);
    let from = must(row.whole("from_commit"), TYPE)?;
    let sum = record_checksum(partition, key, revision, content, from);
    hold(row.text("checksum") == Some(&sum), SUM)?;
    hold(
        revision == key::revision(content),
        "its revision is not that of its content",
    )?;
    let record = key::record(content).map_err(|error| error.to_string())?;
    hold(
        key == key::record_key(&record, &series.key_tags),
        "its key is not that of its content",
    )?;
    let until = row.whole("until_commit");
    hold(
        (until.is_some() || row.is_null("until_commit")) && until.is_none_or(|until| until > from),
        "it ended before it began",
    )?;
    let cost = |cost: Option<Decimal>| cost.map_or(Value::Null, |cost| Value::Text(cost.to_string()));
    row.set("service", Value::Text(record.service_name));
    row.set("currency", Value::Text(record.billing_currency));
    row.set("billed", cost(Some(record.billed_cost)));
    row.set("effective", cost(Some(record.effective_cost)));
    row.set("list", cost(record.list_cost));
    row.set("contracted", cost(record.contracted_cost));
    // What counts now is decided anew.
    if !matches!(row.whole("counts"), Some(0 | 1)) {
        row.set("counts", Value::Integer(0));
    }
    Ok(())
}

fn checkpoint(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let stream = must(row.whole("stream"), TYPE)?;
    must(carried.streams.get(&stream), "its stream was lost")?;
    let commit = must(row.whole("commit_id"), TYPE)?;
    let sum = checkpoint_checksum(stream, must(row.bytes("value"), TYPE)?, commit);
    hold(row.text("checksum") == Some(&sum), SUM)
}

fn destination(_: &mut Carried, row: &mut Row<'_>) -> Verdict {
    Measure::from_name(must(row.text("measure"), TYPE)?).map_err(|error| error.to_string())?;
    hold(row.is_null("group_by") || row.text("group_by").is_some(), TYPE)?;
    RollUp::read(row.text("group_by"))
        .map(drop)
        .map_err(|error| error.to_string())
}

fn epoch(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let destination = must(row.whole("destination"), TYPE)?;
    must(carried.names.get(&destination), "its destination was lost").map(drop)
}

fn posting(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let (epoch, partition) = (
        must(row.whole("epoch"), TYPE)?,
        must(row.whole("partition"), TYPE)?,
    );
    must(carried.epochs.get(&epoch), "its epoch was lost")?;
    must(carried.partitions.get(&partition), "its partition was lost")?;
    let dims = must(row.text("dims"), TYPE)?;
    hold(
        row.text("key") == Some(&hash_parts([dims.as_bytes()])),
        "its key is not that of its dimensions",
    )?;
    let read: PostingDims = serde_json::from_str(dims).map_err(|error| error.to_string())?;
    row.set("currency", Value::Text(read.currency));
    Ok(())
}

fn batch(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    carried.of_source(row)?;
    let uid = must(row.text("uid"), TYPE)?;
    let sum = checksum([uid.as_bytes(), must(row.bytes("body"), TYPE)?]);
    hold(row.text("checksum") == Some(&sum), SUM)
}

fn entry(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let id = must(row.whole("posting"), TYPE)?;
    let (epoch, partition, key) = must(carried.postings.get(&id), "its posting was lost")?;
    let (destination, number) = must(carried.epochs.get(epoch), "its epoch was lost")?;
    let name = must(carried.names.get(destination), "its destination was lost")?;
    let stream = must(carried.partitions.get(partition), "its partition was lost")?.0;
    let of = must(carried.streams.get(&stream), "its stream was lost")?.source;
    let (hash, _) = must(carried.sources.get(&of), "its source was lost")?;
    let text = |name| must(row.text(name), TYPE);
    let (own, sequence) = (text("entry_id")?, must(row.whole("sequence"), TYPE)?);
    let sum = entry_checksum(own, id, sequence, text("amount")?, text("total_after")?);
    hold(row.text("checksum") == Some(&sum), SUM)?;
    hold(
        own == entry_id(hash, key, name, *number, sequence),
        "its id is not that of its posting and sequence",
    )?;
    let (source, destination) = (of, *destination);
    row.set("source", Value::Integer(source));
    row.set("destination", Value::Integer(destination));
    Ok(())
}

fn observation(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    carried.of_source(row)?;
    let value = must(row.text("value"), TYPE)?;
    hold(value.parse::<Decimal>().is_ok(), "its value is no number")
}
