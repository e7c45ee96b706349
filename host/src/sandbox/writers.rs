//! The imports `ledger`, `observations`, `log` and `secrets`.

use super::{
    bindings::finops::collector::{
        cost::CostRecord,
        ledger::{Host, HostWriter, Instant, Receipt, Seal, Source},
        log::{self, Level},
        observations::{self, Observation},
        secrets,
        types::{Completeness, Failure},
    },
    convert,
    failure::FailureKind,
    guest::Guest,
    imports::served,
    limits,
    seam::{LogLevel, Mishap},
};
use crate::{
    component::descriptor::Basis,
    ledger::{self, ControlTotals, WriterId},
};
use wasmtime::component::Resource;

/// A writer that the guest holds.
#[derive(Clone, Copy, Debug)]
#[allow(unreachable_pub)] // the generated bindings re-export it
pub struct OpenWriter {
    handle: WriterId,
    basis: Basis,
}

impl Host for Guest {
    async fn open(
        &mut self,
        stream: String,
        source: Source,
        partitions: Vec<Instant>,
    ) -> wasmtime::Result<Result<Resource<OpenWriter>, Failure>> {
        let opened = async {
            let partitions = partitions
                .into_iter()
                .map(convert::instant)
                .collect::<Result<Vec<_>, _>>()?;
            let Some(basis) = self.services.stream_basis(&stream) else {
                let message = format!(
                    "the descriptor has no stream `{}`",
                    crate::foreign::Foreign::from(stream)
                );
                return Err(super::failure::Failure::new(FailureKind::Internal, message).into());
            };
            let handle = self
                .services
                .open_writer(stream, convert::source(source), partitions)
                .await?;
            Ok::<_, Mishap>(OpenWriter { handle, basis })
        }
        .await;
        match served(opened)? {
            Ok(writer) => Ok(Ok(self.table.push(writer)?)),
            Err(failure) => Ok(Err(failure)),
        }
    }

    async fn commit(
        &mut self,
        writers: Vec<Resource<OpenWriter>>,
    ) -> wasmtime::Result<Result<Vec<Receipt>, Failure>> {
        let handles = writers
            .iter()
            .map(|writer| Ok(self.table.get(writer)?.handle))
            .collect::<wasmtime::Result<Vec<_>>>()?;
        Ok(served(self.services.commit(handles).await)?
            .map(|receipts| receipts.into_iter().map(receipt).collect()))
    }
}

fn receipt(receipt: ledger::Receipt) -> Receipt {
    Receipt {
        written: receipt.written,
        unchanged: receipt.unchanged,
        revised: receipt.revised,
        added: receipt.added,
        withdrawn: receipt.withdrawn,
        merged: receipt.merged,
        held: receipt.held,
    }
}

impl HostWriter for Guest {
    async fn write(
        &mut self,
        writer: Resource<OpenWriter>,
        records: Vec<CostRecord>,
    ) -> wasmtime::Result<Result<(), Failure>> {
        let OpenWriter { handle, basis } = *self.table.get(&writer)?;
        let written = async {
            let records = convert::records(records, basis)?;
            self.services.write(handle, records).await
        };
        served(written.await)
    }

    async fn seal(
        &mut self,
        writer: Resource<OpenWriter>,
        given: Seal,
    ) -> wasmtime::Result<Result<(), Failure>> {
        let handle = self.table.get(&writer)?.handle;
        let sealed = async {
            let seal = seal(given)?;
            self.services.seal(handle, seal).await
        };
        served(sealed.await)
    }

    async fn drop(&mut self, writer: Resource<OpenWriter>) -> wasmtime::Result<()> {
        let writer = self.table.delete(writer)?;
        served(self.services.discard(writer.handle).await)?
            .map_err(|failure| wasmtime::Error::msg(failure.message))
    }
}

fn seal(given: Seal) -> Result<ledger::Seal, super::failure::Failure> {
    if given
        .checkpoint
        .as_ref()
        .is_some_and(|bytes| bytes.len() > limits::CHECKPOINT)
    {
        let message = format!("a checkpoint of more than {} KiB", limits::CHECKPOINT >> 10);
        return Err(super::failure::Failure::new(FailureKind::Internal, message));
    }
    let control = match given.control {
        Some(control) => {
            let billed = control.billed_cost.into_iter().map(|(currency, amount)| {
                let amount = convert::decimal("the control total", &amount)?;
                Ok((currency, amount))
            });
            let billed_cost = billed.collect::<Result<_, super::failure::Failure>>()?;
            Some(ControlTotals {
                rows: control.rows,
                billed_cost,
            })
        }
        None => None,
    };
    Ok(ledger::Seal {
        completeness: match given.completeness {
            Completeness::Complete => ledger::Completeness::Complete,
            Completeness::Partial => ledger::Completeness::Partial,
        },
        observed_through: convert::instant(given.observed_through)?,
        control,
        checkpoint: given.checkpoint,
    })
}

impl observations::Host for Guest {
    async fn put(&mut self, given: Vec<Observation>) -> wasmtime::Result<Result<(), Failure>> {
        let put = async {
            if given.len() > limits::BATCH {
                let message = format!(
                    "a batch of {} observations; at most {} are taken",
                    given.len(),
                    limits::BATCH
                );
                return Err(super::failure::Failure::new(FailureKind::Internal, message).into());
            }
            let observations = given
                .into_iter()
                .map(observation)
                .collect::<Result<Vec<_>, _>>()?;
            self.services.observe(observations).await
        };
        served(put.await)
    }
}

fn observation(given: Observation) -> Result<ledger::Observation, super::failure::Failure> {
    if given.dimensions.len() > limits::TAGS {
        let message = format!("an observation with more than {} dimensions", limits::TAGS);
        return Err(super::failure::Failure::new(FailureKind::Internal, message));
    }
    Ok(ledger::Observation {
        name: given.name,
        source: convert::source(given.source),
        at: convert::instant(given.at)?,
        dims: convert::pairs("dimension", given.dimensions)?,
        value: convert::decimal("the observation's value", &given.value)?,
        unit: given.unit,
    })
}

impl log::Host for Guest {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.services.log(level, message);
        Ok(())
    }
}

impl secrets::Host for Guest {
    async fn reveal(&mut self, credential: String) -> wasmtime::Result<Result<String, Failure>> {
        let secret = served(self.services.reveal(credential).await)?;
        Ok(secret.map(|secret| secret.to_string()))
    }
}
