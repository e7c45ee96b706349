//! SIGTERM and SIGINT: the first asks to stop in order, and what has not come to its end by then is ended after a while; the
//! second ends the process at once. All are safe at any moment, because everything that counts is in the ledger.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// What stopping in order may take: a ledger that another process writes to can keep us waiting longer than a supervisor
/// waits before it kills. Real time, like the supervisor's.
const PATIENCE: Duration = Duration::from_secs(20);

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
            next(&mut terminate, &mut interrupt).await;
            tracing::info!("stopping; what is committed stays (once more to stop at once)");
            if requested.send(true).is_err() {
                return;
            }
            tokio::select! {
                () = next(&mut terminate, &mut interrupt) => {}
                () = tokio::time::sleep(PATIENCE) => {
                    tracing::warn!("stopped in the middle, since stopping in order took {PATIENCE:?}; what is committed stays");
                }
            }
            std::process::exit(super::exit::Exit::NotDelivered as i32);
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

    /// Does work that looks at a flag, and raises the flag once stopping is asked for: the work comes to its own end.
    pub(super) async fn flagging<T, F: Future<Output = T>>(
        &self,
        work: impl FnOnce(Arc<AtomicBool>) -> F,
    ) -> T {
        let flag = Arc::new(AtomicBool::new(false));
        let work = work(Arc::clone(&flag));
        let watch = async {
            self.wait().await;
            flag.store(true, Ordering::Relaxed);
            std::future::pending().await
        };
        tokio::select! {
            done = work => done,
            never = watch => never,
        }
    }
}

/// The next of either signal.
async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
