//! `probe`: one call that tries what a run would need. A collector that exports no `probe` is asked to collect instead.
//! What must hold: the call has the services and limits of a run and no others, so that nothing leaves but through egress.

use super::{
    bindings::finops::collector::types as wit,
    collect::{CollectRequest, for_guest, shortened},
    convert,
    failure::RunError,
    guest::GuestClock,
    limits::Limits,
    runtime::{Runtime, Session, Usage},
    services::RunServices,
};
use crate::{clock::SharedClock, foreign::Foreign};
use std::sync::Arc;
use wasmtime::component::{Component, TypedFunc};

/// Its name in the contract's world `probed-collector`.
const PROBE: &str = "probe";

/// The answer of `probe` and of `collect`.
type Answer = Result<wit::Outcome, wit::Failure>;

/// What a collector is asked, whichever of the two it can.
#[derive(Clone, Debug)]
pub struct ProbeRequests {
    /// What a run would be asked, for its `probe`.
    pub whole: CollectRequest,
    /// As little as may be, for its `collect`.
    pub short: CollectRequest,
}

impl Runtime {
    /// Probes a collector. Whether there would be more to do is of no matter.
    ///
    /// # Errors
    /// The run's end, if it is not good; beside it always what the call used.
    pub async fn probe(
        &self,
        component: &Component,
        services: Arc<RunServices>,
        limits: &Limits,
        clock: &SharedClock,
        requests: ProbeRequests,
    ) -> (Result<Option<Foreign>, RunError>, Usage) {
        let clock = GuestClock::Running(Arc::clone(clock));
        let mut session = Session::new(self, limits, clock, services);
        let instance = match session.instantiate(self, component, limits).await {
            Ok(instance) => instance,
            Err(error) => return (Err(error), session.usage()),
        };
        let exported = instance.raw.get_func(&mut session.store, PROBE);
        let probe: Option<TypedFunc<(wit::CollectRequest,), (Answer,)>> =
            match exported.map(|func| func.typed(&session.store)).transpose() {
                Ok(probe) => probe,
                Err(error) => {
                    let error = Foreign::new(format!("{error:#}"));
                    let what = format!("the component's `{PROBE}` is not the contract's: {error}");
                    return (Err(RunError::Unusable(what)), session.usage());
                }
            };
        let (answer, mut session) = match probe {
            Some(probe) => {
                let request = for_guest(requests.whole);
                session
                    .call(limits, move |store| {
                        Box::pin(async move {
                            let (answer,) = probe.call_async(store, (request,)).await?;
                            Ok(answer)
                        })
                    })
                    .await
            }
            None => {
                let request = for_guest(requests.short);
                session
                    .call(limits, move |store| {
                        Box::pin(async move { instance.collector.call_collect(store, &request).await })
                    })
                    .await
            }
        };
        let end = match answer {
            Ok(Ok(outcome)) => Ok(outcome.note.map(shortened)),
            Ok(Err(failure)) => Err(RunError::Failure(convert::failure(failure))),
            Err(error) => Err(session.end(error, limits)),
        };
        (end, session.usage())
    }
}
