//! SIGTERM and SIGINT: the first asks to stop in order, the second ends the process at once. Both are safe at any moment,
//! because everything that counts is in the ledger.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Whether somebody asked to stop.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens for signals.
    pub(super) fn on_signals() -> std::io::Result<Self> {
        let (requested, stop) = watch::channel(false);
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(async move {
            for attempt in 0.. {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if attempt > 0 {
                    std::process::exit(super::exit::Exit::NotDelivered as i32);
                }
                tracing::info!("stopping; what is committed stays (once more to stop at once)");
                if requested.send(true).is_err() {
                    return;
                }
            }
        });
        Ok(Self(stop))
    }

    /// Waits until it is asked for.
    pub(super) async fn wait(&self) {
        let mut stop = self.0.clone();
        if stop.wait_for(|requested| *requested).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
