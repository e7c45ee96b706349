//! Where the host calls by itself for a credential. What must hold: an address that is never dialled for a collector is dialled
//! for a credential only where it is the very address that a cloud documents for its metadata service.

use super::{CredentialSpec, TokenUrl};
use crate::egress::{address::AddressPolicy, request::Target, rule::Rule};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A place that a credential calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A server that mints tokens for what it is shown: its address is judged as a rule's.
    Minting(&'a TokenUrl),
    /// A metadata service of this machine, over plain http: at a documented address, or on loopback.
    Machine(&'a TokenUrl),
}

const V4: fn(u8, u8) -> IpAddr = |c, d| IpAddr::V4(Ipv4Addr::new(169, 254, c, d));
const V6: fn(u16, u16, u16) -> IpAddr = |a, b, last| IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, last));

impl<'a> Place<'a> {
    /// Its URL.
    #[must_use]
    pub fn url(self) -> &'a TokenUrl {
        match self {
            Self::Minting(url) | Self::Machine(url) => url,
        }
    }

    /// Whether a collector's request for this target would reach it. All of a metadata service is the host's.
    pub(in crate::egress) fn is_reached_by(self, target: &Target) -> bool {
        match self {
            Self::Minting(url) => url.is_reached_by(target),
            Self::Machine(url) => url.is_served_with(target),
        }
    }

    /// Whether a rule allows some request for it.
    pub(in crate::egress) fn is_allowed_by(self, rule: &Rule) -> bool {
        match self {
            Self::Minting(url) => url.is_allowed_by(rule),
            Self::Machine(url) => url.server_is_allowed_by(rule),
        }
    }

    /// Which addresses are dialled for it.
    pub(in crate::egress) fn addresses(self, spec: &CredentialSpec) -> AddressPolicy {
        match self {
            Self::Minting(url) => url.addresses(spec.connect_to, &spec.addresses),
            Self::Machine(url) => AddressPolicy {
                machine: machine(url.host()),
                ..url.addresses(None, &[])
            },
        }
    }
}

impl TokenUrl {
    /// Whether it can be a metadata service: plain http to a documented address or name, or to loopback.
    #[must_use]
    pub fn is_of_this_machine(&self) -> bool {
        self.url().scheme() == "http" && (self.is_local() || !machine(self.host()).is_empty())
    }
}

/// The addresses behind a documented host of a metadata service; none for any other host.
fn machine(host: &str) -> Vec<IpAddr> {
    match host {
        // EC2, Azure; ECS; EKS Pod Identity.
        "169.254.169.254" => vec![V4(169, 254)],
        "169.254.170.2" => vec![V4(170, 2)],
        "169.254.170.23" => vec![V4(170, 23)],
        "[fd00:ec2::254]" => vec![V6(0xfd00, 0xec2, 0x254)],
        "[fd00:ec2::23]" => vec![V6(0xfd00, 0xec2, 0x23)],
        // Google Cloud.
        "metadata.google.internal" => vec![V4(169, 254), V6(0xfd20, 0xce, 0x254)],
        // Azure's App Service gives each app a link-local address in the upper half.
        _ => host
            .parse()
            .ok()
            .filter(is_app_service)
            .map(IpAddr::V4)
            .into_iter()
            .collect(),
    }
}

fn is_app_service(address: &Ipv4Addr) -> bool {
    matches!(address.octets(), [169, 254, 128..=255, _])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn url(text: &str) -> TokenUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_metadata_service_is_plain_http_at_a_documented_place() {
        for good in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::254]/latest/api/token",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://metadata.google.internal/computeMetadata/v1/",
            "http://169.254.129.3:8081/msi/token",
            "http://127.0.0.1:8080/msi/token",
            "http://localhost/",
        ] {
            assert!(url(good).is_of_this_machine(), "{good}");
        }
        for bad in [
            "https://169.254.169.254/",
            "http://169.254.1.1/",
            "http://10.0.0.1/",
            "http://metadata.example.com/",
            "http://[::ffff:169.254.169.254]/",
        ] {
            assert!(!url(bad).is_of_this_machine(), "{bad}");
        }
    }

    #[test]
    fn its_own_address_is_the_only_forbidden_one_that_is_dialled() {
        let at = url("http://169.254.169.254/");
        let policy = AddressPolicy {
            machine: machine(at.host()),
            ..at.addresses(None, &[])
        };
        assert!(policy.judge("169.254.169.254".parse().unwrap()).is_ok());
        for other in [
            "169.254.170.2",
            "169.254.1.1",
            "127.0.0.1",
            "10.0.0.1",
            "168.63.129.16",
        ] {
            assert!(policy.judge(other.parse().unwrap()).is_err(), "{other}");
        }
    }
}
