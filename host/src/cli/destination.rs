//! The OpenFinOps destination of an operator's file: made known to the ledger, and delivered to.

use super::{Failed, args, environment, exit::Exit, outbox::decide, status};
use crate::{
    clock::SharedClock,
    config::OpenFinOps,
    delivery::{DeliveryConfig, DeliveryReport, Until, deliver, known_before},
    ledger::{
        DestinationId, DestinationSpec, Ledger,
        destination::{
            DestinationKind,
            rebase::{Kept, rebase},
        },
        outbox,
        overview::outbox_overview,
        store::{LedgerError, open_read_only},
    },
};
use rusqlite::Connection;
use std::{path::Path, time::Duration};

/// How long to wait for another process that delivers from the same ledger.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(30);

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
        fresh: bool,
    ) -> Result<DeliveryReport, Failed> {
        let _turn = ledger.lock_delivery(LOCK_WAIT).await.map_err(Failed::refused)?;
        let known = if fresh {
            Vec::new()
        } else {
            known_before(ledger.store(), self.id.0, &self.config).await?
        };
        if !known.is_empty() {
            return Err(Failed::config(format!(
                "{} already knows {}, of which this ledger has sent nothing: everything would be there twice; \
                 restore the ledger that sent it, begin with `start = \"now\"` under [openfinops], \
                 or, if the server was emptied, run once with --fresh",
                self.config.endpoint,
                known.join(", ")
            )));
        }
        let deadline = clock.now().saturating_add(time).unwrap_or(jiff::Timestamp::MAX);
        Ok(deliver(
            ledger.store(),
            self.id.0,
            &self.config,
            clock,
            Until::Deadline(deadline),
        )
        .await?)
    }
}

/// Runs a command of `destination`.
pub(super) async fn command(command: args::Destination, state: Option<&Path>) -> Result<Exit, Failed> {
    let directory = environment::state_dir(state).map_err(Failed::config)?;
    // None of these makes a ledger where there is none.
    let reader = open_read_only(&directory)?;
    let open = || -> Result<Ledger, Failed> {
        Ok(Ledger::open(
            &directory,
            environment::clock().map_err(Failed::config)?,
        )?)
    };
    let said = match command {
        args::Destination::List { json } => {
            let rows = outbox_overview(&reader)?;
            if json {
                format!("{:#}", serde_json::json!({ "destinations": rows }))
            } else {
                status::outbox_table(&rows)
            }
        }
        args::Destination::Pause { name } => {
            let destination = outbox::destination_row(&reader, &name)?;
            let pause =
                move |connection: &mut Connection| outbox::pause(connection, destination, "by the operator");
            open()?.store().with(pause).await?;
            format!("{name} is paused")
        }
        args::Destination::Resume { name } => {
            let destination = outbox::destination_row(&reader, &name)?;
            let resume = move |connection: &mut Connection| outbox::resume(connection, destination);
            open()?.store().with(resume).await?;
            format!("{name} is active; the next run delivers")
        }
        args::Destination::Rebase { name, emptied } => {
            let now = environment::clock().map_err(Failed::config)?.now();
            let kept = if emptied { Kept::Nothing } else { Kept::Settled };
            let known = name.clone();
            let rebased = decide(&open()?, move |connection| rebase(connection, &known, kept, now)).await?;
            format!(
                "{name} begins epoch {}: {} entries are closed as dropped, {} are posted; the next run delivers",
                rebased.epoch, rebased.dropped, rebased.posted
            )
        }
    };
    super::print(&said);
    Ok(Exit::Done)
}

/// The name of this machine.
fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}
