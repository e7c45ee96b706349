//! What one store holds: the inert WASI context, the limiter, and the services behind the imports.
//!
//! What must hold: no preopened directory, no socket, no environment, no argument; standard streams go to the run's log.

use super::{
    drawn::Drawn,
    limiter::Limiter,
    limits::Limits,
    seam::{LogLevel, Services},
    wasi_http::Http,
};
use crate::clock::SharedClock;
use bytes::Bytes;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::io::AsyncWrite;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError},
};

/// Most handles of a guest.
pub(super) const HANDLES: usize = 10_000;
/// Bytes that a guest may pass to the host in one call.
pub(super) const HOSTCALL_BYTES: usize = 16 << 20;
const RANDOM_BYTES: u64 = 64 << 10;
const CLOCK_RESOLUTION: Duration = Duration::from_millis(1);
/// Longest piece of standard output kept as one line.
const LINE: usize = 4096;
/// Most bytes of standard output that a guest is asked for at once.
const WRITE: usize = 64 << 10;

/// The data of a guest's store.
pub(super) struct Guest {
    pub(super) table: ResourceTable,
    wasi: WasiCtx,
    pub(super) http: Http,
    pub(super) limiter: Limiter,
    pub(super) services: Arc<dyn Services>,
    /// Bytes of a reply that is asked for whole.
    pub(super) response_whole: u64,
    /// The largest reply that was asked for whole.
    pub(super) largest_whole: u64,
}

impl Guest {
    /// A guest with these limits and services.
    pub(super) fn new(limits: &Limits, clock: GuestClock, services: Arc<dyn Services>) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        let clock = CoarseClock {
            clock,
            started: Instant::now(),
        };
        let mut wasi = WasiCtxBuilder::new();
        if let Some(seed) = services.seed() {
            let [secure, insecure] = [0, 1].map(|use_| Drawn::from(seed, use_));
            let hashing = u128::from(insecure.first());
            wasi.secure_random(secure)
                .insecure_random(insecure)
                .insecure_random_seed(hashing);
        }
        let wasi = wasi
            .stdout(LogStream(Arc::clone(&services)))
            .stderr(LogStream(Arc::clone(&services)))
            .max_random_size(RANDOM_BYTES)
            .wall_clock(clock.clone())
            .monotonic_clock(clock)
            .allow_ip_name_lookup(false)
            .allow_tcp(false)
            .allow_udp(false)
            .build();
        Self {
            table,
            wasi,
            http: Http::new(limits, &services),
            limiter: Limiter::new(limits.memory),
            services,
            response_whole: limits.response_whole,
            largest_whole: 0,
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// Which time a guest sees.
#[derive(Clone)]
pub(super) enum GuestClock {
    /// The host's.
    Running(SharedClock),
    /// Always the epoch: what a component says of itself must not depend on time.
    Frozen,
}

/// A guest's clocks, cut to whole milliseconds.
#[derive(Clone)]
struct CoarseClock {
    clock: GuestClock,
    started: Instant,
}

impl HostWallClock for CoarseClock {
    fn resolution(&self) -> Duration {
        CLOCK_RESOLUTION
    }

    fn now(&self) -> Duration {
        match &self.clock {
            GuestClock::Running(clock) => {
                Duration::from_millis(u64::try_from(clock.now().as_millisecond()).unwrap_or(0))
            }
            GuestClock::Frozen => Duration::ZERO,
        }
    }
}

impl HostMonotonicClock for CoarseClock {
    fn resolution(&self) -> u64 {
        u64::try_from(CLOCK_RESOLUTION.as_nanos()).unwrap_or(1)
    }

    fn now(&self) -> u64 {
        match self.clock {
            GuestClock::Running(_) => {
                let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(0);
                millis.saturating_mul(1_000_000)
            }
            GuestClock::Frozen => 0,
        }
    }
}

/// Standard output and error, as lines of the run's log.
struct LogStream(Arc<dyn Services>);

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    /// WASI 0.3 alone asks for it, which is not linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(LogWriter {
            services: Arc::clone(&self.0),
            line: Vec::new(),
        })
    }
}

/// Takes whatever is written at once: no task and no buffer but a line stands behind it, however many a guest opens.
struct LogWriter {
    services: Arc<dyn Services>,
    line: Vec<u8>,
}

impl LogWriter {
    fn end_line(&mut self) {
        if !self.line.is_empty() {
            let text = String::from_utf8_lossy(&self.line).into_owned();
            self.services.log(LogLevel::Info, text);
            self.line.clear();
        }
    }
}

impl OutputStream for LogWriter {
    fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        for &byte in &bytes {
            if byte == b'\n' || self.line.len() >= LINE {
                self.end_line();
            }
            if byte != b'\n' {
                self.line.push(byte);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(WRITE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogWriter {
    async fn ready(&mut self) {}
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.end_line();
    }
}
