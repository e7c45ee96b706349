//! The engine with everything a collector may import linked once, and sessions: one fresh store per run.
//!
//! What must hold: a session ends on its CPU time, its wall clock or its memory with an error that says so, and a panic
//! or trap inside it ends nothing else.

use super::{
    bindings::{self, Collector},
    cpu::{Meter, start_ticker},
    engine,
    failure::{LimitReached, RunError},
    guest::{Guest, GuestClock, HANDLES, HOSTCALL_BYTES},
    imports::Ended,
    limits::Limits,
    seam::{Mishap, Services},
    wasi_http,
};
use crate::foreign::Foreign;
use serde::Serialize;
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};
use wasmtime::{
    Engine, Store, Trap,
    component::{Component, HasSelf, Instance as RawInstance, Linker},
};

/// The engine and linker that all collectors of this process share. Holds no guest state.
pub struct Runtime {
    engine: Engine,
    linker: Linker<Guest>,
    guards: Guards,
}

/// Whether a store's limits are kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Guards {
    /// All of them.
    On,
    /// None: to measure what they cost.
    #[cfg(feature = "bench")]
    Off,
}

/// What a session used.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Usage {
    /// CPU time, in milliseconds.
    pub cpu_ms: u64,
    /// Wall-clock time, in milliseconds.
    pub wall_ms: u64,
    /// Bytes of memories and tables.
    pub memory: u64,
    /// Bytes of the largest reply that was asked for whole.
    pub response_whole: u64,
}

impl Runtime {
    /// A runtime over a new engine.
    ///
    /// # Errors
    /// Where the platform cannot run it.
    pub fn new() -> Result<Self, RunError> {
        let host = |error: wasmtime::Error| RunError::Host(format!("{error:#}"));
        let engine = engine::engine().map_err(host)?.clone();
        start_ticker(&engine)
            .map_err(|error| RunError::Host(format!("no thread for the ticker: {error}")))?;
        Self::over(engine, Guards::On)
    }

    /// A runtime over this engine.
    pub(super) fn over(engine: Engine, guards: Guards) -> Result<Self, RunError> {
        let host = |error: wasmtime::Error| RunError::Host(format!("{error:#}"));
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(host)?;
        wasi_http::link(&mut linker).map_err(host)?;
        Collector::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest).map_err(host)?;
        Ok(Self {
            engine,
            linker,
            guards,
        })
    }

    /// The engine, for loading components.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// One store, and what counts for it.
pub(super) struct Session {
    pub(super) store: Store<Guest>,
    meter: Meter,
    started: Instant,
}

/// A collector in a session's store.
pub(super) struct Instance {
    /// Its exports that every collector has.
    pub(super) collector: Collector,
    /// For those that only some have.
    pub(super) raw: RawInstance,
}

/// A call on a session's store.
pub(super) type Call<'a, T> = Pin<Box<dyn Future<Output = wasmtime::Result<T>> + Send + 'a>>;

impl Session {
    pub(super) fn new(
        runtime: &Runtime,
        limits: &Limits,
        clock: GuestClock,
        services: Arc<dyn Services>,
    ) -> Self {
        let mut store = Store::new(&runtime.engine, Guest::new(limits, clock, services));
        let meter = Meter::new(limits.cpu);
        match runtime.guards {
            Guards::On => {
                store.limiter(|guest| &mut guest.limiter);
                store.set_hostcall_fuel(HOSTCALL_BYTES);
                store.set_max_component_handles(HANDLES);
                meter.guard(&mut store);
            }
            #[cfg(feature = "bench")]
            Guards::Off => {}
        }
        Self {
            store,
            meter,
            started: Instant::now(),
        }
    }

    /// An instance in this session's store. Code runs already here: start functions, which may call the host.
    pub(super) async fn instantiate(
        &mut self,
        runtime: &Runtime,
        component: &Component,
        limits: &Limits,
    ) -> Result<Instance, RunError> {
        let prepared = runtime
            .linker
            .instantiate_pre(component)
            .and_then(bindings::CollectorPre::new)
            .map_err(|error| {
                RunError::Unusable(format!(
                    "the component is no collector: {}",
                    Foreign::new(format!("{error:#}"))
                ))
            })?;
        let left = limits.wall.saturating_sub(self.started.elapsed());
        let store = &mut self.store;
        let measured = self.meter.measure(async {
            let raw = prepared.instance_pre().instantiate_async(&mut *store).await?;
            let collector = Collector::new(store, &raw)?;
            Ok(Instance { collector, raw })
        });
        let instance = guarded(measured, left, limits.wall).await;
        instance.map_err(|error| self.end(error, limits))
    }

    /// Makes one call. A panic in it is its error; on time-out the call is dropped.
    pub(super) async fn call<T, F>(mut self, limits: &Limits, call: F) -> (wasmtime::Result<T>, Self)
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Store<Guest>) -> Call<'a, T> + Send + 'static,
    {
        let wall = limits.wall;
        let left = wall.saturating_sub(self.started.elapsed());
        let meter = self.meter.clone();
        let measured = meter.measure(call(&mut self.store));
        let answer = guarded(measured, left, wall).await;
        (answer, self)
    }

    /// What an error of a call means for the run.
    pub(super) fn end(&mut self, error: wasmtime::Error, limits: &Limits) -> RunError {
        if let Some(limit) = error.downcast_ref::<LimitReached>() {
            return RunError::Limit(*limit);
        }
        if let Some(Panicked(message)) = error.downcast_ref::<Panicked>() {
            return RunError::Host(message.clone());
        }
        if let Some(Ended(mishap)) = error.downcast_ref::<Ended>() {
            return match mishap.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(Mishap::Limit(limit)) => RunError::Limit(limit),
                Some(Mishap::Storage(error)) => RunError::Storage(error),
                Some(Mishap::Guest(failure)) => RunError::Failure(failure),
                None => RunError::Host("an error was reported twice".to_owned()),
            };
        }
        if self.store.data().limiter.refused() {
            return RunError::Limit(LimitReached::Memory(limits.memory));
        }
        let what = match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => format!("{:#}", error.root_cause()),
        };
        RunError::Trap(Foreign::new(what))
    }

    /// What the session used so far.
    pub(super) fn usage(&self) -> Usage {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Usage {
            cpu_ms: millis(self.meter.used()),
            wall_ms: millis(self.started.elapsed()),
            memory: self.store.data().limiter.used(),
            response_whole: self.store.data().largest_whole,
        }
    }
}

/// A guest's future with its panics and its wall-clock time as errors.
async fn guarded<T>(
    future: impl Future<Output = wasmtime::Result<T>>,
    left: Duration,
    wall: Duration,
) -> wasmtime::Result<T> {
    match tokio::time::timeout(left, std::panic::AssertUnwindSafe(future).catch()).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => Err(wasmtime::Error::new(Panicked(panic))),
        Err(_) => Err(wasmtime::Error::new(LimitReached::Wall(wall))),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a panic: {0}")]
struct Panicked(String);

/// Turns a panic while a future is polled into a value.
trait Catch: Future + Sized {
    async fn catch(self) -> Result<Self::Output, String>;
}

impl<F: Future> Catch for std::panic::AssertUnwindSafe<F> {
    async fn catch(self) -> Result<F::Output, String> {
        futures::FutureExt::catch_unwind(self).await.map_err(|payload| {
            payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "without a message".to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[tokio::test]
    async fn code_that_never_comes_back_ends_with_the_wall_clock_and_a_panic_with_an_error() {
        let wall = Duration::from_millis(1);
        let never = std::future::pending::<wasmtime::Result<()>>();
        let error = guarded(never, wall, wall).await.unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&LimitReached::Wall(wall)));
        let panics = async { panic!("on purpose") };
        let error = guarded::<()>(panics, Duration::from_secs(60), wall)
            .await
            .unwrap_err();
        assert!(error.downcast_ref::<Panicked>().unwrap().0.contains("on purpose"));
    }
}
