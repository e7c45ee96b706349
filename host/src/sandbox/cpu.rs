//! CPU time of guests: a ticker that makes computing guests come up for air, and a meter that counts the time of the
//! thread while the guest's future is polled. Ticks only wake; the meter decides.

use super::failure::LimitReached;
use rustix::time::{ClockId, clock_gettime};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};
use wasmtime::{Engine, Store, UpdateDeadline};

/// Time between two ticks.
const TICK: Duration = Duration::from_millis(10);

/// Starts the one thread that advances the engine's epoch, unless it runs already.
pub(super) fn start_ticker(engine: &Engine) -> std::io::Result<()> {
    static RUNNING: Mutex<bool> = Mutex::new(false);
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if *running {
        return Ok(());
    }
    let engine = engine.weak();
    thread::Builder::new().name("epoch".to_owned()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    })?;
    *running = true;
    Ok(())
}

/// CPU time used by one run, in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    limit: Duration,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    finished: AtomicU64,
    /// Thread time at the start of the poll under way.
    poll_started: AtomicU64,
}

impl Meter {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            counts: Arc::default(),
        }
    }

    /// CPU time of all finished polls.
    pub(super) fn used(&self) -> Duration {
        Duration::from_nanos(self.counts.finished.load(Ordering::Relaxed))
    }

    /// Interrupts a store's guest once the limit is passed; else lets other tasks run at each tick.
    pub(super) fn guard<T: 'static>(&self, store: &mut Store<T>) {
        let meter = self.clone();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            let counts = &meter.counts;
            let polling = thread_time().saturating_sub(counts.poll_started.load(Ordering::Relaxed));
            let used = Duration::from_nanos(counts.finished.load(Ordering::Relaxed).saturating_add(polling));
            if used > meter.limit {
                return Err(wasmtime::Error::new(LimitReached::Cpu(meter.limit)));
            }
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
    }

    /// Counts the CPU time of a future.
    pub(super) fn measure<F: Future>(&self, future: F) -> Measured<F> {
        Measured {
            future: Box::pin(future),
            counts: Arc::clone(&self.counts),
        }
    }
}

/// A future whose CPU time is counted.
pub(super) struct Measured<F> {
    future: Pin<Box<F>>,
    counts: Arc<Counts>,
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let start = thread_time();
        self.counts.poll_started.store(start, Ordering::Relaxed);
        let result = self.future.as_mut().poll(context);
        let spent = thread_time().saturating_sub(start);
        self.counts.finished.fetch_add(spent, Ordering::Relaxed);
        result
    }
}

/// CPU time of the calling thread, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}
