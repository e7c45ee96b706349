//! Sources: whose money it is, and which instance may write it.
//! What must hold: a source has one writer; its hash, and so every entry id, is the same on every host and after a rename.

use super::{
    error::WriteError,
    record::Source,
    store::{LedgerError, hash_parts},
    tags,
};
use crate::foreign::Foreign;
use rusqlite::{Connection, OptionalExtension, params};

/// A source as the ledger holds it.
#[derive(Clone, Debug)]
pub(super) struct SourceRow {
    pub(super) id: i64,
    pub(super) hash: String,
    pub(super) source: Source,
    pub(super) counts: bool,
}

/// The hash that stands for a source everywhere: in entry ids and in the agent's name at a destination.
#[must_use]
pub fn source_hash(source: &Source) -> String {
    hash_parts([
        source.provider.as_bytes(),
        source.billing_account.as_bytes(),
        source.scope.as_bytes(),
    ])
}

/// A source in words, escaped for people.
pub(super) fn shown(source: &Source) -> String {
    let mut text = format!(
        "{} {}",
        Foreign::new(source.provider.as_str()),
        Foreign::new(source.billing_account.as_str())
    );
    if !source.scope.is_empty() {
        text.push_str(&format!(" ({})", Foreign::new(source.scope.as_str())));
    }
    text
}

/// An instance that writes, and whether its money counts.
#[derive(Clone, Debug)]
pub(super) struct Claimant {
    pub(super) instance: String,
    pub(super) counts: bool,
}

/// Claims a source for an instance: a new one becomes its own, another's is refused.
pub(super) fn claim(
    connection: &Connection,
    source: &Source,
    claimant: &Claimant,
) -> Result<i64, WriteError> {
    let instance = claimant.instance.as_str();
    if source.provider.is_empty() || source.billing_account.is_empty() {
        return Err(WriteError::internal(
            "a source needs a provider and a billing account",
        ));
    }
    let hash = source_hash(source);
    let standing = connection
        .prepare_cached("SELECT id, instance, frozen FROM source WHERE hash = ?")?
        .query_row([&hash], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, bool>(2)?,
            ))
        })
        .optional()?;
    match standing {
        Some((_, owner, _)) if owner != instance => Err(WriteError::denied(format!(
            "the source {} belongs to the instance {:?}; `finops-host ledger adopt` gives it to {:?}",
            shown(source),
            Foreign::new(owner),
            Foreign::new(instance)
        ))),
        Some((_, _, true)) => Err(frozen(source)),
        Some((id, ..)) => Ok(id),
        None => {
            connection.execute(
                "INSERT INTO source (hash, provider, billing_account, scope, instance, counts) VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    hash,
                    source.provider,
                    source.billing_account,
                    source.scope,
                    instance,
                    claimant.counts
                ],
            )?;
            Ok(connection.last_insert_rowid())
        }
    }
}

fn frozen(source: &Source) -> WriteError {
    WriteError::denied(format!(
        "the source {} is frozen: its records stay as they are; `finops-host ledger unfreeze` lets them change again",
        shown(source)
    ))
}

/// Refuses a commit to a source that was frozen since its writer was opened.
pub(super) fn refuse_frozen(connection: &Connection, id: i64) -> Result<(), WriteError> {
    let now: bool = connection
        .prepare_cached("SELECT frozen FROM source WHERE id = ?")?
        .query_row([id], |row| row.get(0))?;
    if now {
        return Err(frozen(&load(connection, id)?.source));
    }
    Ok(())
}

/// Gives a source to another instance. Says whether there is such a source.
pub(super) fn adopt(connection: &Connection, source: &Source, instance: &str) -> Result<bool, LedgerError> {
    let transaction = connection.unchecked_transaction()?;
    let hash = source_hash(source);
    let owner: Option<String> = transaction
        .query_row("SELECT instance FROM source WHERE hash = ?", [&hash], |row| {
            row.get(0)
        })
        .optional()?;
    let Some(owner) = owner else { return Ok(false) };
    transaction.execute(
        "UPDATE source SET instance = ? WHERE hash = ?",
        params![instance, hash],
    )?;
    tags::moved(&transaction, source, &owner, instance)?;
    transaction.commit()?;
    Ok(true)
}

/// A source by its row.
pub(super) fn load(connection: &Connection, id: i64) -> Result<SourceRow, LedgerError> {
    Ok(connection
        .prepare_cached("SELECT id, hash, provider, billing_account, scope, counts FROM source WHERE id = ?")?
        .query_row([id], |row| {
            Ok(SourceRow {
                id: row.get(0)?,
                hash: row.get(1)?,
                source: Source {
                    provider: row.get(2)?,
                    billing_account: row.get(3)?,
                    scope: row.get(4)?,
                },
                counts: row.get(5)?,
            })
        })?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::{
        component::descriptor::Grain,
        ledger::{error::WriteError, error::WriteFault, sample},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";

    #[test]
    fn a_second_instance_is_refused_until_it_adopts_the_source() {
        let mut bench = sample::Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        bench
            .commit(&stream, &[DAY], vec![sample::record(DAY, "Compute", "1")])
            .unwrap();
        bench.run = bench
            .block(bench.ledger.begin_run(sample::info("other")))
            .unwrap();
        let error = bench.commit(&stream, &[DAY], Vec::new()).unwrap_err();
        assert!(
            matches!(&error, WriteError::Refused { fault: WriteFault::Denied, message }
            if message.contains("acme-prod") && message.contains("ledger adopt"))
        );
        assert!(
            bench
                .block(bench.ledger.adopt(&sample::source(), "other"))
                .unwrap()
        );
        bench
            .commit(&stream, &[DAY], vec![sample::record(DAY, "Compute", "1")])
            .unwrap();
        assert_eq!(
            bench.entries(),
            ["pending|1|1"],
            "an adopted source posts nothing twice"
        );
    }
}
