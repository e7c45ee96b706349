//! TLS on loopback for the simulators: a throw-away authority with one leaf certificate, and a listener for axum.
//!
//! What must hold: a client that hangs in its handshake never keeps others from connecting.

use crate::Error;
use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A certificate authority made for one process, and a server certificate signed by it.
#[derive(Clone)]
pub struct Authority {
    /// The authority's certificate, to be trusted by the client, as PEM.
    pub ca_pem: String,
    /// What a server needs to prove the name.
    pub server: Arc<rustls::ServerConfig>,
}

impl Authority {
    /// Makes an authority and a certificate for `host`.
    ///
    /// # Errors
    /// Where a key or certificate cannot be made.
    pub fn generate(host: &str) -> Result<Self, Error> {
        Self::for_hosts(vec![host.to_owned()])
    }

    /// Makes an authority and one certificate for all of `hosts`.
    ///
    /// # Errors
    /// Where a key or certificate cannot be made.
    pub fn for_hosts(hosts: Vec<String>) -> Result<Self, Error> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.distinguished_name
            .push(DnType::CommonName, "finops-host simulator authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_pem = ca.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(ca, ca_key);

        let key = KeyPair::generate()?;
        let leaf = CertificateParams::new(hosts)?.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        Ok(Self {
            ca_pem,
            server: Arc::new(server),
        })
    }
}

/// Connections that have completed their handshake.
pub struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    /// Begins to accept on `tcp`.
    ///
    /// # Errors
    /// Where the socket has no address.
    pub fn new(tcp: TcpListener, authority: &Authority) -> io::Result<Self> {
        let addr = tcp.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::clone(&authority.server));
        let (done, ready) = mpsc::channel(64);
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((stream, peer)) = tcp.accept().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let (acceptor, done) = (acceptor.clone(), done.clone());
                tokio::spawn(async move {
                    // A failed handshake is the client's to report: it refused the certificate or went away.
                    if let Ok(tls) = acceptor.accept(stream).await {
                        let _listener_gone = done.send((tls, peer)).await;
                    }
                });
            }
        });
        Ok(Self {
            ready,
            addr,
            accepting,
        })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accepting task has ended: nobody will come any more.
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.addr)
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// HTTPS before a plain server on loopback, as an ingress is.
pub struct Front {
    addr: SocketAddr,
    forwarding: JoinHandle<()>,
}

impl Front {
    /// Begins to pass on what comes to a port of its own.
    ///
    /// # Errors
    /// Where there is no port.
    pub async fn start(authority: &Authority, behind: SocketAddr) -> Result<Self, Error> {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut listener = TlsListener::new(tcp, authority)?;
        let addr = listener.addr;
        let forwarding = tokio::spawn(async move {
            loop {
                let (mut tls, _) = listener.accept().await;
                tokio::spawn(async move {
                    if let Ok(mut plain) = TcpStream::connect(behind).await {
                        // Whoever of the two goes away first is the caller's to judge.
                        let _ended = tokio::io::copy_bidirectional(&mut tls, &mut plain).await;
                    }
                });
            }
        });
        Ok(Self { addr, forwarding })
    }

    /// Where HTTPS is served.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}
