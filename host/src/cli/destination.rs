//! The OpenFinOps destination of an operator's file: made known to the ledger, and delivered to.

use super::Failed;
use crate::{
    clock::SharedClock,
    config::OpenFinOps,
    delivery::{DeliveryConfig, DeliveryError, DeliveryReport, Until, deliver},
    ledger::{DestinationId, DestinationSpec, Ledger, destination::DestinationKind, store::LedgerError},
};
use std::time::Duration;

/// How long to wait for another process that delivers from the same ledger.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// A destination that the ledger knows.
pub(super) struct Destination {
    id: DestinationId,
    config: DeliveryConfig,
}

/// Makes the destination known as the file says.
pub(super) async fn ensure(ledger: &Ledger, openfinops: &OpenFinOps) -> Result<Destination, Failed> {
    let endpoint = openfinops.endpoint.as_str().trim_end_matches('/').to_owned();
    let spec = DestinationSpec {
        name: "openfinops".to_owned(),
        kind: DestinationKind::Journal,
        identity: endpoint.clone(),
        measure: openfinops.measure,
        group_by: (!openfinops.group_by.is_empty()).then(|| openfinops.group_by.clone()),
        currency: openfinops.currency.clone(),
        start: openfinops.start,
    };
    let _turn = ledger.lock_delivery(LOCK_WAIT).await.map_err(Failed::refused)?;
    let id = match ledger.ensure_destination(&spec).await {
        Err(LedgerError::Refused { what, .. }) => return Err(Failed::config(what)),
        other => other?,
    };
    Ok(Destination {
        id,
        config: DeliveryConfig::new(endpoint, hostname()),
    })
}

impl Destination {
    /// Delivers what waits, for at most so long.
    pub(super) async fn deliver(
        &self,
        ledger: &Ledger,
        clock: &SharedClock,
        time: Duration,
    ) -> Result<DeliveryReport, DeliveryError> {
        let _turn = ledger.lock_delivery(LOCK_WAIT).await?;
        let deadline = clock.now().saturating_add(time).unwrap_or(jiff::Timestamp::MAX);
        deliver(
            ledger.store(),
            self.id.0,
            &self.config,
            clock,
            Until::Deadline(deadline),
        )
        .await
    }
}

/// The name of this machine.
fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}
