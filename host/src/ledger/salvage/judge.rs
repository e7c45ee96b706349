//! Judging rows of a damaged ledger by their checksums, hashes and what they refer to.
//! What must hold: a row that is judged good is as it was written, but for columns that repeat what its checksum covers: these
//! are put right.

use super::{carry::Carried, walk::Row};
use crate::ledger::{
    archive::AWAY,
    commit::checkpoint_checksum,
    control::control_checksum,
    destination::{Measure, convert::conversion_checksum},
    dims::{PostingDims, RollUp},
    key,
    migrate::checksums::record_checksum_of_version_3,
    period::partition_from,
    post::{entry_checksum, entry_id},
    record::{Source, basis_name},
    replace::record_checksum,
    run::run_checksum,
    source::source_hash,
    store::{Hash, checksum, from_hex, hash_parts},
    stream::{definition, grain_name},
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use rusqlite::types::Value;

/// Nothing, or why a row is not carried over.
pub(super) type Verdict = Result<(), String>;

fn must<T>(value: Option<T>, why: &str) -> Result<T, String> {
    value.ok_or_else(|| why.to_owned())
}

fn hold(holds: bool, why: &str) -> Verdict {
    holds.then_some(()).ok_or_else(|| why.to_owned())
}

const TYPE: &str = "a column is not of its type";
const SUM: &str = "its checksum is not that of its row";

/// A digest, which schemas before 3 kept as hex.
fn digest<const N: usize>(row: &Row<'_>, name: &str) -> Option<[u8; N]> {
    match row.text(name) {
        Some(hex) => from_hex(hex),
        None => row.bytes(name)?.try_into().ok(),
    }
}

pub(super) fn source(_: &mut Carried, row: &mut Row<'_>) -> Verdict {
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

pub(super) fn stream(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
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

pub(super) fn run(_: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let is_json =
        |text: Option<&str>| text.is_some_and(|text| serde_json::from_str::<serde_json::Value>(text).is_ok());
    let reported = row.text("outcome").unwrap_or_default();
    let told = (row.text("note"), row.text("report").unwrap_or_default());
    let sum = row
        .whole("id")
        .map(|id| run_checksum(id, reported, told.0, told.1));
    let altered = !row.is_null("checksum") && row.text("checksum") != sum.as_deref();
    if altered || !row.is_null("report") && !is_json(row.text("report")) {
        row.set("report", Value::Null);
        row.set("checksum", Value::Null);
    }
    if !is_json(row.text("streams")) {
        row.set("streams", Value::Text("[]".to_owned()));
    }
    Ok(())
}

pub(super) fn partition(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let stream = must(row.whole("stream"), TYPE)?;
    let series = must(carried.streams.get(&stream), "its stream was lost")?;
    let start = must(row.whole("start"), TYPE)?;
    let period = Timestamp::from_second(start)
        .ok()
        .and_then(|start| partition_from(series.grain, start));
    let period = must(period, "no partition of its stream starts there")?;
    row.set("stop", Value::Integer(period.end().as_second()));
    // Records of it may be lost: it is worked out anew.
    row.set("fingerprint", Value::Null);
    // The new ledger has all content within itself.
    row.set("archived", Value::Integer(0));
    hold(row.whole("commit_id").is_some(), TYPE)
}

pub(super) fn record(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let partition = must(row.whole("partition"), TYPE)?;
    if row.text("content") == Some(AWAY) {
        let digest = |name| must(digest(row, name), TYPE);
        let (key, revision): (Hash, Hash) = (digest("key")?, digest("revision")?);
        let content = carried.archives.content((partition, row.id), &key, &revision)?;
        row.set("content", Value::Text(content));
    }
    let (stream, _) = must(carried.partitions.get(&partition), "its partition was lost")?;
    let series = must(carried.streams.get(stream), "its stream was lost")?;
    let digest = |name| must(digest(row, name), TYPE);
    let (key, revision): (Hash, Hash) = (digest("key")?, digest("revision")?);
    let content = must(row.text("content"), TYPE)?;
    let from = must(row.whole("from_commit"), TYPE)?;
    let sum = record_checksum(partition, &key, &revision, from);
    let kept = must(self::digest(row, "checksum"), TYPE)?;
    let as_before = || record_checksum_of_version_3(partition, &key, &revision, content, from);
    hold(kept == sum || kept == as_before(), SUM)?;
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
    for (name, bytes) in [
        ("key", key.as_slice()),
        ("revision", revision.as_slice()),
        ("checksum", sum.as_slice()),
    ] {
        row.set(name, Value::Blob(bytes.to_vec()));
    }
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

pub(super) fn checkpoint(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let stream = must(row.whole("stream"), TYPE)?;
    must(carried.streams.get(&stream), "its stream was lost")?;
    let commit = must(row.whole("commit_id"), TYPE)?;
    let sum = checkpoint_checksum(stream, must(row.bytes("value"), TYPE)?, commit);
    hold(row.text("checksum") == Some(&sum), SUM)
}

pub(super) fn destination(_: &mut Carried, row: &mut Row<'_>) -> Verdict {
    Measure::from_name(must(row.text("measure"), TYPE)?).map_err(|error| error.to_string())?;
    hold(row.is_null("group_by") || row.text("group_by").is_some(), TYPE)?;
    RollUp::read(row.text("group_by"))
        .map(drop)
        .map_err(|error| error.to_string())
}

pub(super) fn epoch(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let destination = must(row.whole("destination"), TYPE)?;
    must(carried.names.get(&destination), "its destination was lost").map(drop)
}

pub(super) fn posting(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
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

pub(super) fn batch(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    carried.of_source(row)?;
    let uid = must(row.text("uid"), TYPE)?;
    let body = carried.bodies.get(&row.id).map(Vec::as_slice).unwrap_or_default();
    let sum = checksum([uid.as_bytes(), body]);
    hold(row.text("checksum") == Some(&sum), SUM)
}

pub(super) fn entry(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
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

pub(super) fn conversion(_: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let text = |name| must(row.text(name), TYPE);
    let sum = conversion_checksum(
        must(row.whole("entry"), TYPE)?,
        text("currency")?,
        row.text("rate"),
        row.text("rate_from"),
        (text("amount")?, text("total_after")?),
    );
    hold(row.text("checksum") == Some(&sum), SUM)
}

pub(super) fn control_total(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    let stream = must(row.whole("stream"), TYPE)?;
    must(carried.streams.get(&stream), "its stream was lost")?;
    let text = |name| must(row.text(name), TYPE);
    let sum = control_checksum(
        (must(row.whole("commit_id"), TYPE)?, stream),
        text("partitions")?,
        row.whole("lines"),
        text("billed")?,
    );
    hold(row.text("checksum") == Some(&sum), SUM)
}

pub(super) fn observation(carried: &mut Carried, row: &mut Row<'_>) -> Verdict {
    carried.of_source(row)?;
    let value = must(row.text("value"), TYPE)?;
    hold(value.parse::<Decimal>().is_ok(), "its value is no number")
}
