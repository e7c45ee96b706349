//! A loopback port for a server that comes and goes.
//! What must hold: while the server is away nobody else gets the port, and a connection to it is refused.

use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use tokio::net::TcpSocket;

/// A port of our own; a socket that is bound but does not listen keeps it.
#[derive(Debug)]
pub(super) struct ReservedPort {
    _holder: TcpSocket,
    address: SocketAddr,
}

impl ReservedPort {
    /// Any free one.
    pub(super) fn new() -> Result<Self> {
        let holder = TcpSocket::new_v4()?;
        // With this a second socket may be bound beside it, as long as only one of them listens.
        holder.set_reuseaddr(true)?;
        holder.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = holder.local_addr()?;
        Ok(Self {
            _holder: holder,
            address,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections are accepted from here on, until the listener is dropped.
    pub(super) fn listen(&self) -> Result<TcpListener> {
        // The standard library's listeners reuse addresses too.
        let listener = TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}
