//! The FOCUS files of an operator's file: made known to the ledger, and rendered after a run.

use super::{Failed, destination::LOCK_WAIT, exit::Exit, stop::Stop};
use crate::{
    clock::SharedClock,
    export::{
        ExportError,
        snapshot::{SnapshotConfig, SnapshotReport, render},
    },
    ledger::{DestinationId, Ledger},
};

/// A snapshot that the ledger knows.
pub(super) struct Focus {
    id: DestinationId,
    config: SnapshotConfig,
}

/// How a rendering went.
pub(super) struct Rendered {
    /// What it did.
    pub(super) report: SnapshotReport,
    /// How the program would end for it alone.
    pub(super) exit: Exit,
}

/// Makes the snapshot known as the file says.
pub(super) async fn ensure(ledger: &Ledger, config: &SnapshotConfig) -> Result<Focus, Failed> {
    let _turn = ledger.lock_snapshot(LOCK_WAIT).await.map_err(Failed::refused)?;
    Ok(Focus {
        id: ledger.ensure_destination(&config.spec()).await?,
        config: config.clone(),
    })
}

impl Focus {
    /// Renders what is stale. Whatever fails is part of the report: it is tried again by the next run.
    pub(super) async fn render(&self, ledger: &Ledger, clock: &SharedClock, stop: &Stop) -> Rendered {
        let failed = |why: String, exit| Rendered {
            report: SnapshotReport {
                failed: vec![why],
                ..SnapshotReport::default()
            },
            exit,
        };
        let _turn = match ledger.lock_snapshot(LOCK_WAIT).await {
            Ok(turn) => turn,
            Err(error) => return failed(error.to_string(), Exit::NotDelivered),
        };
        let (store, id, config, now) = (
            ledger.store().clone(),
            self.id.0,
            self.config.clone(),
            clock.now(),
        );
        let done = stop
            .flagging(|asked| tokio::task::spawn_blocking(move || render(&store, id, &config, now, &asked)))
            .await;
        match done {
            Ok(Ok(report)) => Rendered {
                exit: match &report {
                    report if report.paused.is_some() => Exit::Refused,
                    report if !report.failed.is_empty() => Exit::NotDelivered,
                    _ => Exit::Done,
                },
                report,
            },
            Ok(Err(error)) => failed(error.to_string(), exit_of(&error)),
            Err(error) => failed(error.to_string(), Exit::Bug),
        }
    }
}

/// How a program ends that could not write a file.
pub(super) fn exit_of(error: &ExportError) -> Exit {
    match error {
        ExportError::Ledger(_) | ExportError::Overflow => Exit::Storage,
        ExportError::Elsewhere { .. } => Exit::Config,
        ExportError::Refused { .. } => Exit::Collector,
        ExportError::Io { .. } | ExportError::Format { .. } | ExportError::Stopped => Exit::NotDelivered,
    }
}
