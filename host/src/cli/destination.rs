//! The OpenFinOps destination of an operator's file: made known to the ledger, and delivered to.

use super::{Failed, args, environment, exit::Exit, outbox::carry_out, status};
use crate::{
    clock::SharedClock,
    config::OpenFinOps,
    delivery::{DeliveryConfig, DeliveryReport, Until, deliver, known_before, known_still},
    ledger::{
        DestinationId, DestinationSpec, Ledger,
        destination::{
            DestinationKind, OtherCurrencies,
            convert::{convert_waiting, converted_otherwise},
            rates::Rates,
            rebase::{Kept, rebase},
        },
        outbox,
        overview::outbox_overview,
        quota,
        snapshot::snapshots,
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
    other_currencies: OtherCurrencies,
    rates: Rates,
}

/// How the destination is reached.
pub(super) fn reached(openfinops: &OpenFinOps) -> DeliveryConfig {
    let endpoint = openfinops.endpoint.as_str().trim_end_matches('/');
    DeliveryConfig {
        ca: openfinops.ca.clone(),
        ..DeliveryConfig::new(endpoint, hostname())
    }
}

/// Makes the destination known as the file says.
pub(super) async fn ensure(ledger: &Ledger, openfinops: &OpenFinOps) -> Result<Destination, Failed> {
    let config = reached(openfinops);
    let spec = DestinationSpec {
        name: "openfinops".to_owned(),
        kind: DestinationKind::Journal,
        identity: config.endpoint.clone(),
        measure: openfinops.measure,
        group_by: (!openfinops.group_by.is_empty()).then(|| openfinops.group_by.clone()),
        currency: openfinops.currency.clone(),
        other_currencies: openfinops.other_currencies,
        rates: openfinops.rates.clone(),
        start: openfinops.start,
    };
    let _turn = ledger.lock_delivery(LOCK_WAIT).await.map_err(Failed::locked)?;
    let id = match ledger.ensure_destination(&spec).await {
        Err(LedgerError::Refused { what, .. }) => return Err(Failed::config(what)),
        other => other?,
    };
    if spec.other_currencies == OtherCurrencies::Convert {
        warn_of_rates(ledger, id, &spec.rates).await?;
    }
    let bytes = openfinops.outbox_quota;
    ledger
        .store()
        .with(move |connection| quota::set(connection, bytes))
        .await?;
    Ok(Destination {
        id,
        config,
        other_currencies: openfinops.other_currencies,
        rates: spec.rates,
    })
}

/// Says that past charges were converted at rates that the file no longer has: a changed rate is not taken over silently.
async fn warn_of_rates(ledger: &Ledger, id: DestinationId, rates: &Rates) -> Result<(), Failed> {
    let rates = rates.clone();
    let otherwise = ledger
        .store()
        .with(move |connection| converted_otherwise(connection, id.0, &rates))
        .await?;
    if otherwise > 0 {
        tracing::warn!(
            "{otherwise} posting keys were converted at other rates than [[openfinops.rates]] now has for their days: \
             put the rates back, or have the difference sent with `finops-host destination rebase`"
        );
    }
    Ok(())
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
        let _turn = ledger.lock_delivery(LOCK_WAIT).await.map_err(Failed::locked)?;
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
        let (id, store) = (self.id.0, ledger.store());
        match self.other_currencies {
            OtherCurrencies::Hold => {}
            OtherCurrencies::Send => {
                store
                    .with(move |connection| outbox::send_held(connection, id))
                    .await?
            }
            OtherCurrencies::Convert => {
                let rates = self.rates.clone();
                store
                    .with(move |connection| convert_waiting(connection, id, &rates))
                    .await?;
            }
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
            let snapshots = snapshots(&reader)?;
            if json {
                format!(
                    "{:#}",
                    serde_json::json!({ "destinations": rows, "snapshots": snapshots })
                )
            } else if snapshots.is_empty() {
                status::outbox_table(&rows)
            } else {
                let snapshots = status::snapshots_table(&snapshots);
                format!("{}\n\n{snapshots}", status::outbox_table(&rows))
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
            let ledger = open()?;
            let now = environment::clock().map_err(Failed::config)?.now();
            let _turn = ledger.lock_delivery(LOCK_WAIT).await.map_err(Failed::locked)?;
            let kept = if emptied {
                let destination = outbox::destination_row(&reader, &name)?;
                prove_emptied(&reader, &ledger, destination).await?;
                Kept::Nothing
            } else {
                Kept::Settled
            };
            let known = name.clone();
            let rebase = move |connection: &mut Connection| rebase(connection, &known, kept, now);
            let rebased = carry_out(&ledger, rebase).await?;
            format!(
                "{name} begins epoch {}: {} entries are closed as dropped, {} are posted; the next run delivers",
                rebased.epoch, rebased.dropped, rebased.posted
            )
        }
    };
    super::print(&said);
    Ok(Exit::Done)
}

/// A server that was emptied lists no agent whose money it was sent. If it lists one, the operator errs or it was sent to
/// again since: were everything sent then, some of it would be there twice.
async fn prove_emptied(reader: &Connection, ledger: &Ledger, destination: i64) -> Result<(), Failed> {
    let sql = "SELECT identity FROM destination WHERE id = ?1";
    let endpoint: String = reader
        .query_row(sql, [destination], |row| row.get(0))
        .map_err(LedgerError::from)?;
    let config = DeliveryConfig::new(endpoint, hostname());
    match known_still(ledger.store(), destination, &config).await? {
        Some(agents) if agents.is_empty() => Ok(()),
        Some(agents) => Err(Failed::refused(format!(
            "{} lists {}: if it was not emptied, leave --emptied away, and it is sent what it lacks; if it was, it has been \
             sent to again since: pause it with `finops-host destination pause`, empty it once more, then rebase and resume",
            config.endpoint,
            agents.join(", ")
        ))),
        None => Err(Failed::refused(format!(
            "{} does not tell which agents it knows, so it is not certain that it was emptied; \
             try again once it answers, with SSL_CERT_FILE set to the file of `ca` if the operator's file names one",
            config.endpoint
        ))),
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
