//! Step 5: names to addresses. What must hold: only judged addresses ever reach the connector, so that a name which
//! changes between two look-ups, or has a forbidden address among good ones, leads nowhere else.

use super::address::{AddressError, AddressPolicy};
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

/// Where names are looked up.
pub(super) trait Names: Send + Sync + fmt::Debug {
    /// All addresses of a name, which is fully qualified (ends with a dot).
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Debug)]
pub(super) struct SystemNames;

impl Names for SystemNames {
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The resolver of one client: looks up and judges.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// The client's policy.
    pub(super) policy: AddressPolicy,
    /// Where names are looked up.
    pub(super) names: Arc<dyn Names>,
}

/// A name has no address that may be dialled. Found again in the chain of causes of a failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` resolves to no address that may be dialled: {first}")]
pub(super) struct Unreachable {
    name: String,
    first: AddressError,
}

impl Judged {
    /// The addresses to dial for a name.
    async fn addresses(
        self,
        name: String,
    ) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        if let Some(only) = self.policy.connect_to {
            return Ok(vec![only]);
        }
        let found = if name == "localhost" {
            // RFC 6761: never asked of a name server.
            vec![
                IpAddr::from(Ipv4Addr::LOCALHOST),
                IpAddr::from(Ipv6Addr::LOCALHOST),
            ]
        } else {
            self.names.addresses(format!("{name}.")).await?
        };
        let mut good = Vec::new();
        let mut first = None;
        for address in found {
            match self.policy.judge(address) {
                Ok(()) => good.push(SocketAddr::new(address, 0)),
                Err(error) => first = first.or(Some(error)),
            }
        }
        match first {
            _ if !good.is_empty() => Ok(good),
            Some(first) => Err(Unreachable { name, first }.into()),
            None => Err(format!("`{name}` has no address").into()),
        }
    }
}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let judged = self.clone();
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let addresses: Addrs = Box::new(judged.addresses(name).await?.into_iter());
            Ok(addresses)
        })
    }
}
