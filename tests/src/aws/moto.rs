//! moto's server as a child process, with TLS before it: another author's idea of AWS.
//! What must hold: it is ready when `start` returns, and it ends with the test, however the test ends.

use crate::{
    Error, artifacts,
    tls::{Authority, Front},
};
use serde::Deserialize;
use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
};

/// What the server says of itself (tests/python/moto_server.py).
#[derive(Debug, Deserialize)]
pub struct Ready {
    port: u16,
    /// Id of the only key that is let in.
    pub key_id: String,
    /// Its secret.
    pub secret_key: String,
    /// Ids of all instances.
    pub instances: Vec<String>,
    /// Ids of all volumes.
    pub volumes: Vec<String>,
}

/// Whether a server checks signatures and permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// As far as moto can: EC2, RDS and S3. GETs of EKS and Lambda are refused whoever signs them.
    Checked,
    /// Everybody is let in.
    Unchecked,
}

/// A running server; dropped, it ends.
pub struct Moto {
    /// What is in it.
    pub ready: Ready,
    /// The authority of its certificate, as PEM.
    pub ca_pem: String,
    front: Front,
    child: Child,
}

impl Moto {
    /// Starts a server whose resources lie in a region.
    ///
    /// # Errors
    /// Where Python or the server does not start.
    pub async fn start(region: &str, signatures: Signatures) -> Result<Self, Error> {
        let python = tokio::task::block_in_place(artifacts::moto_python)?;
        let mut child = Command::new(python)
            .arg(artifacts::root().join("tests/python/moto_server.py"))
            .arg(region)
            .arg(match signatures {
                Signatures::Checked => "checked",
                Signatures::Unchecked => "unchecked",
            })
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("moto has no output")?;
        let mut line = String::new();
        tokio::task::block_in_place(|| BufReader::new(stdout).read_line(&mut line))?;
        let ready: Ready = match serde_json::from_str(&line) {
            Ok(ready) => ready,
            Err(error) => {
                child.kill()?;
                child.wait()?;
                return Err(format!("moto did not start: {error}: {line}").into());
            }
        };
        let authority = Authority::for_hosts(super::hosts())?;
        let front = Front::start(&authority, (Ipv4Addr::LOCALHOST, ready.port).into()).await?;
        Ok(Self {
            ready,
            ca_pem: authority.ca_pem,
            front,
            child,
        })
    }

    /// Where HTTPS is served, for all of [`hosts`](super::hosts).
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.front.addr()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
