//! How a service's answer reaches a guest: as a value it can handle, or as the end of the run.

use super::{
    bindings::finops::collector::{cost, types},
    convert,
    failure::{Failure, FailureKind},
    guest::Guest,
    seam::Mishap,
};
use crate::egress::{Full, Refusal, RefusalKind};

impl types::Host for Guest {}
impl cost::Host for Guest {}

/// Carries a mishap of the host's own through the engine to the run's end.
#[derive(Debug, thiserror::Error)]
#[error("a service of the host failed")]
pub(super) struct Ended(pub(super) std::sync::Mutex<Option<Mishap>>);

/// The guest's value of an answer; the outer error ends the guest.
pub(super) fn served<T>(answer: Result<T, Mishap>) -> wasmtime::Result<Result<T, types::Failure>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(Mishap::Guest(failure)) => Ok(Err(convert::failure_for_guest(&failure))),
        Err(other) => Err(wasmtime::Error::new(Ended(std::sync::Mutex::new(Some(other))))),
    }
}

/// What a guest is told when the run's memory for bytes in flight is used up.
pub(super) fn no_memory(full: Full) -> Failure {
    Failure::new(FailureKind::Throttled, full.to_string())
}

/// What a guest may know of a refusal of egress.
pub(super) fn to_failure(refusal: Refusal) -> Failure {
    let kind = match refusal.kind {
        RefusalKind::Denied => FailureKind::Denied,
        RefusalKind::Unreachable => FailureKind::Unreachable,
        RefusalKind::Throttled => FailureKind::Throttled,
        RefusalKind::Credential | RefusalKind::Echoed => FailureKind::Credential,
        RefusalKind::TooLarge | RefusalKind::Malformed => FailureKind::MalformedReply,
    };
    Failure::new(kind, refusal.message)
}
