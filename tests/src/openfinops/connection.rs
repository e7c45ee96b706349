//! Connections that a handler can break, so that the peer sees a reset instead of a reply, and that tell when a reply left.
//! What must hold: a broken one had its request read whole, and not one byte of an answer was written.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io::{ErrorKind, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The handler's hold on its connection.
#[derive(Clone, Default)]
pub(super) struct Breaker(Arc<Hold>);

#[derive(Default)]
struct Hold {
    broken: AtomicBool,
    left: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Breaker {
    /// Whatever is answered now is not sent: the connection is reset.
    pub(super) fn reset(&self) {
        self.0.broken.store(true, Ordering::Release);
    }

    /// Once the answer, or the first part of a long one, was handed to the system: does this.
    pub(super) fn when_left(&self, job: impl FnOnce() + Send + 'static) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(job));
    }

    fn left(&self) {
        let job = self.0.left.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(job) = job {
            job();
        }
    }
}

impl Connected<IncomingStream<'_, Breakable>> for Breaker {
    fn connect_info(stream: IncomingStream<'_, Breakable>) -> Self {
        stream.io().breaker.clone()
    }
}

/// A listener of breakable connections.
pub(super) struct Breakable(pub(super) TcpListener);

impl Listener for Breakable {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        (
            Connection {
                stream,
                breaker: Breaker::default(),
            },
            peer,
        )
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// One connection.
pub(super) struct Connection {
    stream: TcpStream,
    breaker: Breaker,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if self.breaker.0.broken.load(Ordering::Acquire) {
            // Closing without lingering sends a reset in place of an orderly end.
            self.stream.set_zero_linger()?;
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.breaker.left();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
