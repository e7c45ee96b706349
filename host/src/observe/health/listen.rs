//! Accepting connections and serving one request on each.
//!
//! What must hold: connections are bounded in number, in the size of a request's head and in time. Whoever comes too many takes
//! the place of the oldest, so that many silent ones keep no probe out.

use super::loopback::Ends;
use crate::clock::SharedClock;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{collections::VecDeque, future::Future, io, pin::pin, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::timeout,
};

/// What a connection may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Connections of one listener at once.
    pub(super) connections: usize,
    /// Time for a request's head.
    pub(super) head: Duration,
    /// Time for all of it, the reply included.
    pub(super) whole: Duration,
    /// Time that replies under way have when the program ends.
    pub(super) grace: Duration,
}

impl Bounds {
    pub(super) const USUAL: Self = Self {
        connections: 64,
        head: Duration::from_secs(5),
        whole: Duration::from_secs(30),
        grace: Duration::from_secs(1),
    };
}

/// Bytes of a request's head: the least that hyper can be told.
const HEAD_BYTES: usize = 8 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// How long nothing is accepted when that fails, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves on all listeners until `stop`.
pub(super) async fn serve(
    listeners: Vec<std::net::TcpListener>,
    app: Router,
    bounds: Bounds,
    clock: SharedClock,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (stopping, stopped) = watch::channel(false);
    let mut loops = JoinSet::new();
    for listener in listeners {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let (app, clock, stopped) = (app.clone(), clock.clone(), stopped.clone());
        loops.spawn(async move {
            Listener {
                app,
                bounds,
                clock,
                stopped,
            }
            .accept(listener)
            .await;
        });
    }
    stop.await;
    let _ = stopping.send(true);
    while loops.join_next().await.is_some() {}
    Ok(())
}

struct Listener {
    app: Router,
    bounds: Bounds,
    clock: SharedClock,
    stopped: watch::Receiver<bool>,
}

impl Listener {
    async fn accept(mut self, listener: TcpListener) {
        let mut open = JoinSet::new();
        let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
        loop {
            let accepted = tokio::select! {
                _ = self.stopped.wait_for(|stopped| *stopped) => break,
                Some(_) = open.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection to health and metrics could not be accepted");
                    self.clock.sleep(PAUSE).await;
                    continue;
                }
            };
            by_age.retain(|connection| !connection.is_finished());
            while by_age.len() >= self.bounds.connections
                && let Some(oldest) = by_age.pop_front()
            {
                oldest.abort();
            }
            if let Ok(local) = stream.local_addr() {
                by_age.push_back(open.spawn(self.connection(stream, Ends { peer, local })));
            }
        }
        drop(listener);
        let answered = async { while open.join_next().await.is_some() {} };
        let _ = timeout(self.bounds.grace, answered).await;
    }

    /// One connection with one request: no client holds one open, and none is left when the program ends.
    fn connection(&self, stream: TcpStream, ends: Ends) -> impl Future<Output = ()> + Send + 'static {
        let service = TowerToHyperService::new(self.app.clone().layer(Extension(ends)));
        let (bounds, mut stopped) = (self.bounds, self.stopped.clone());
        async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(bounds.head)
                .max_buf_size(HEAD_BYTES)
                .max_headers(HEADERS)
                .keep_alive(false);
            let whole = async {
                let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
                tokio::select! {
                    served = connection.as_mut() => return served,
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            };
            match timeout(bounds.whole, whole).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a connection to health and metrics failed"),
                Err(_) => tracing::debug!("a connection to health and metrics took too long"),
            }
        }
    }
}
