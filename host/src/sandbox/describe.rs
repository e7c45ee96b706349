//! `describe`: run in a store with no grants at all, little memory and a frozen clock.

use super::{
    convert,
    failure::{Failure, FailureKind, RunError},
    guest::GuestClock,
    limits::{self, Limits},
    runtime::{Runtime, Session},
    seam::{LogLevel, Mishap, Sent, Served, Services},
    services::write_line,
};
use crate::{
    component::descriptor::{Basis, Descriptor},
    egress::{self, Refusal, RefusalKind},
    foreign::Foreign,
    ledger::{
        Observation, Receipt, Seal, WriterId,
        record::{CostRecord, Source},
    },
};
use jiff::Timestamp;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use wasmtime::component::Component;
use zeroize::Zeroizing;

/// Bytes of a descriptor's JSON.
const DESCRIPTOR: usize = 256 << 10;
/// Bytes of log while it describes itself.
const LOG: usize = 16 << 10;
/// Bytes in flight while it describes itself: nothing is sent, but a body may be written.
const IN_FLIGHT: u64 = 1 << 20;
/// What a component is told that wants anything of the host while it describes itself.
const NOT_NOW: &str = "not while the collector describes itself";

fn most() -> Limits {
    Limits {
        memory: 64 << 20,
        cpu: Duration::from_secs(2),
        wall: Duration::from_secs(5),
        ..Limits::default()
    }
}

impl Runtime {
    /// What a component says of itself.
    ///
    /// # Errors
    /// [`RunError`]: it traps, reaches a limit, or its descriptor makes no sense.
    pub async fn describe(&self, component: &Component) -> Result<Descriptor, RunError> {
        let services = Arc::new(Nothing {
            logged: AtomicUsize::new(0),
            in_flight: egress::InFlight::new(IN_FLIGHT),
        });
        let limits = most();
        let mut session = Session::new(self, &limits, GuestClock::Frozen, services);
        let collector = session.instantiate(self, component, &limits).await?.collector;
        let (answer, mut session) = session
            .call(&limits, move |store| {
                Box::pin(async move { collector.call_describe(store).await })
            })
            .await;
        let given = answer.map_err(|error| session.end(error, &limits))?;
        let descriptor = convert::descriptor(given).map_err(|what| {
            RunError::Unusable(format!("the collector's descriptor makes no sense: {what}"))
        })?;
        let size = serde_json::to_vec(&descriptor).map_or(usize::MAX, |bytes| bytes.len());
        if size > DESCRIPTOR {
            let what = format!(
                "the collector's descriptor is larger than {} KiB",
                DESCRIPTOR >> 10
            );
            return Err(RunError::Unusable(what));
        }
        let faults = descriptor.validate();
        if !faults.is_empty() {
            let faults: Vec<String> = faults
                .into_iter()
                .map(|fault| Foreign::new(fault).to_string())
                .collect();
            let what = format!("the collector's descriptor makes no sense: {}", faults.join("; "));
            return Err(RunError::Unusable(what));
        }
        Ok(descriptor)
    }
}

/// The services of a component that is granted nothing.
struct Nothing {
    logged: AtomicUsize,
    in_flight: egress::InFlight,
}

fn denied<T: Send + 'static>() -> Served<'static, T> {
    let failure = Failure::new(FailureKind::Denied, NOT_NOW);
    Box::pin(std::future::ready(Err(Mishap::Guest(failure))))
}

impl Services for Nothing {
    fn send(&self, _: egress::Request) -> Sent<'_> {
        let refusal = Refusal {
            kind: RefusalKind::Denied,
            message: NOT_NOW.to_owned(),
        };
        Box::pin(std::future::ready(Err(refusal)))
    }

    fn in_flight(&self) -> &egress::InFlight {
        &self.in_flight
    }

    fn reveal(&self, _: String) -> Served<'_, Zeroizing<String>> {
        denied()
    }

    fn open_writer(&self, _: String, _: Source, _: Vec<Timestamp>) -> Served<'_, WriterId> {
        denied()
    }

    fn write(&self, _: WriterId, _: Vec<CostRecord>) -> Served<'_, ()> {
        denied()
    }

    fn seal(&self, _: WriterId, _: Seal) -> Served<'_, ()> {
        denied()
    }

    fn commit(&self, _: Vec<WriterId>) -> Served<'_, Vec<Receipt>> {
        denied()
    }

    fn discard(&self, _: WriterId) -> Served<'_, ()> {
        denied()
    }

    fn observe(&self, _: Vec<Observation>) -> Served<'_, ()> {
        denied()
    }

    fn stream_basis(&self, _: &str) -> Option<Basis> {
        Some(Basis::Billed)
    }

    fn log(&self, level: LogLevel, mut message: String) {
        message.truncate(message.floor_char_boundary(limits::MESSAGE));
        let size = limits::LOG_LINE + message.len();
        if self.logged.fetch_add(size, Ordering::Relaxed) + size <= LOG {
            write_line(level, "describe", message);
        }
    }
}
