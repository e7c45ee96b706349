//! Step 5: which addresses may be dialled. Pure judgement of addresses; names are resolved in `resolve`.
//! What must hold: an address that stands for another (mapped, translated, tunnelled) is judged as that other one, and the
//! ranges that reach the machine, its neighbours or a cloud's metadata are never dialled for a guest.

use super::{matching::is_loopback, rule::Rule};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// On the public internet.
    Public,
    /// In a private range: only as the rule lists it.
    Private,
    /// This machine.
    Loopback,
    /// Never for guests.
    Forbidden(&'static str),
}

/// Which addresses a rule lets a connection go to. Rules with equal policies share a client and its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AddressPolicy {
    /// The only address dialled.
    pub(super) connect_to: Option<SocketAddr>,
    /// Private ranges allowed.
    pub(super) private: Vec<IpNet>,
    /// Whether this machine may be dialled.
    pub(super) loopback: bool,
    /// Addresses of the machine's metadata service. Never of a rule: only a credential's own calls go there.
    pub(super) machine: Vec<IpAddr>,
}

/// Why an address is not dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error("{0} is {1}, which is never dialled for a collector")]
    Forbidden(IpAddr, &'static str),
    #[error(
        "{0} is loopback, which only a rule for `localhost`, a loopback literal or a loopback `connect-to` allows"
    )]
    Loopback(IpAddr),
    #[error("{0} is private: list it in the rule, such as `addresses = [\"{1}\"]`")]
    Private(IpAddr, IpNet),
    #[error("the connection went to {0}, not to the rule's `connect-to`")]
    Elsewhere(SocketAddr),
}

impl AddressPolicy {
    /// The policy of a rule.
    pub(super) fn of(rule: &Rule) -> Self {
        Self {
            connect_to: rule.connect_to,
            private: rule.addresses.clone(),
            loopback: is_loopback(&rule.host) || rule.connect_to.is_some_and(|to| to.ip().is_loopback()),
            machine: Vec::new(),
        }
    }

    /// Judges an address that a name resolved to, or that stands in a URL.
    pub(super) fn judge(&self, address: IpAddr) -> Result<(), AddressError> {
        if self.machine.contains(&address) {
            return Ok(());
        }
        let meant = meant(address);
        match classify(address) {
            Class::Public => Ok(()),
            Class::Loopback if self.loopback => Ok(()),
            Class::Loopback => Err(AddressError::Loopback(address)),
            Class::Private if self.private.iter().any(|range| range.contains(&meant)) => Ok(()),
            Class::Private => Err(AddressError::Private(address, IpNet::from(meant))),
            Class::Forbidden(what) => Err(AddressError::Forbidden(address, what)),
        }
    }

    /// Judges the peer of a connection.
    pub(super) fn judge_peer(&self, peer: SocketAddr) -> Result<(), AddressError> {
        match self.connect_to {
            Some(only) if only == peer => judge_connect_to(only),
            Some(_) => Err(AddressError::Elsewhere(peer)),
            None => self.judge(peer.ip()),
        }
    }
}

/// Judges a `connect-to`: it may be this machine or private, never another forbidden range.
pub(super) fn judge_connect_to(to: SocketAddr) -> Result<(), AddressError> {
    match classify(to.ip()) {
        Class::Forbidden(what) => Err(AddressError::Forbidden(to.ip(), what)),
        Class::Public | Class::Private | Class::Loopback => Ok(()),
    }
}

/// The address that this one finally stands for.
pub(crate) fn meant(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => embedded(six).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// What an address is.
pub(super) fn classify(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(four) => classify_four(four),
        IpAddr::V6(six) => classify_six(six),
    }
}

fn classify_four(address: Ipv4Addr) -> Class {
    let [a, b, c, d] = address.octets();
    match (a, b, c, d) {
        (169, 254, 169, 254) | (168, 63, 129, 16) | (100, 100, 100, 200) => {
            Class::Forbidden("a cloud's metadata service")
        }
        (169, 254, ..) => Class::Forbidden("link-local"),
        (0, 0, 0, 0) => Class::Forbidden("unspecified"),
        (0, ..) => Class::Forbidden("of this network (0.0.0.0/8)"),
        (127, ..) => Class::Loopback,
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) | (100, 64..=127, ..) => Class::Private,
        (192, 0, 0, _) => Class::Forbidden("for protocol assignments (192.0.0.0/24)"),
        (192, 0, 2, _) | (198, 51, 100, _) | (203, 0, 113, _) => Class::Forbidden("for documentation"),
        (192, 88, 99, _) => Class::Forbidden("a 6to4 relay"),
        (198, 18 | 19, ..) => Class::Forbidden("for benchmarks (198.18.0.0/15)"),
        (224..=239, ..) => Class::Forbidden("multicast"),
        (240.., ..) => Class::Forbidden("reserved (240.0.0.0/4)"),
        _ => Class::Public,
    }
}

fn classify_six(address: Ipv6Addr) -> Class {
    if address.is_unspecified() {
        return Class::Forbidden("unspecified");
    }
    if address.is_loopback() {
        return Class::Loopback;
    }
    if let Some(four) = embedded(address) {
        // A Teredo address names its server, too.
        return match (address.segments(), classify_four(four)) {
            ([0x2001, 0, high, low, ..], Class::Public) => classify_four(joined(high, low)),
            (_, class) => class,
        };
    }
    match address.segments() {
        [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => {
            Class::Forbidden("a cloud's metadata service")
        }
        [0xfc00..=0xfdff, ..] => Class::Private,
        [0xfe80..=0xfebf, ..] => Class::Forbidden("link-local"),
        [0xfec0..=0xfeff, ..] => Class::Forbidden("site-local"),
        [0xff00..=0xffff, ..] => Class::Forbidden("multicast"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => Class::Forbidden("for documentation"),
        [0x2001, 0x0000..=0x01ff, ..] => Class::Forbidden("for protocol assignments (2001::/23)"),
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Forbidden("not a global unicast address"),
    }
}

/// The IPv4 address inside a v4-mapped, v4-compatible, NAT64, 6to4 or Teredo address.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(joined(high, low)),
        [0x2001, 0, .., high, low] => Some(joined(!high, !low)),
        _ => None,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn policy(private: &[&str], loopback: bool) -> AddressPolicy {
        AddressPolicy {
            connect_to: None,
            private: private.iter().map(|range| range.parse().unwrap()).collect(),
            loopback,
            machine: Vec::new(),
        }
    }

    #[test]
    fn what_reaches_metadata_machines_or_nothing_is_never_dialled() {
        let widest = policy(&["0.0.0.0/0", "::/0"], true);
        for address in [
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd00:ec2:ffff::1",
            "fd20:ce::254",
            "169.254.0.1",
            "169.254.170.2",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "feff::1",
            "224.0.0.1",
            "239.255.255.255",
            "ff02::1",
            "0.0.0.0",
            "::",
            "0.1.2.3",
            "192.0.0.1",
            "192.0.0.192",
            "198.18.0.1",
            "198.19.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "2001:db8::1",
            "3fff::1",
            "192.88.99.1",
            "100::1",
            "5f00::1",
            "64:ff9b:1::1",
            "2001:2::1",
            "2001:20::1",
            // The same in other clothes.
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "2001:0:a9fe:a9fe::f7f7:f7f7",
            "2001:0:808:808::5601:5601",
            "::ffff:0.0.0.0",
            "2002:e000:1::",
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert!(
                matches!(widest.judge(address), Err(AddressError::Forbidden(..))),
                "{address}"
            );
            assert!(
                judge_connect_to(SocketAddr::new(address, 443)).is_err(),
                "{address}"
            );
        }
    }

    #[test]
    fn private_addresses_pass_only_as_listed() {
        for (address, range) in [
            ("10.20.1.2", "10.20.0.0/16"),
            ("172.16.0.1", "172.16.0.0/12"),
            ("172.31.255.255", "172.16.0.0/12"),
            ("192.168.1.1", "192.168.1.1/32"),
            ("100.64.0.1", "100.64.0.0/10"),
            ("100.127.255.255", "100.64.0.0/10"),
            ("fc00::1", "fc00::/7"),
            ("fd12:3456::1", "fd12:3456::/32"),
            ("::ffff:10.20.1.2", "10.20.0.0/16"),
            ("64:ff9b::10.20.1.2", "10.20.0.0/16"),
            ("2002:a14:102::", "10.20.0.0/16"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert!(
                matches!(policy(&[], true).judge(address), Err(AddressError::Private(..))),
                "{address}"
            );
            assert_eq!(policy(&[range], false).judge(address), Ok(()), "{address}");
            assert!(
                policy(&["10.99.0.0/16"], true).judge(address).is_err(),
                "{address}"
            );
        }
    }

    #[test]
    fn loopback_passes_only_where_the_rule_is_for_it() {
        for address in [
            "127.0.0.1",
            "127.255.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(policy(&[], true).judge(address), Ok(()), "{address}");
            assert_eq!(
                policy(&["127.0.0.0/8", "::/0"], false).judge(address),
                Err(AddressError::Loopback(address))
            );
        }
    }

    #[test]
    fn public_addresses_pass() {
        for address in [
            "8.8.8.8",
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2001:200::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert_eq!(
                policy(&[], false).judge(address.parse().unwrap()),
                Ok(()),
                "{address}"
            );
        }
    }

    #[test]
    fn a_peer_must_be_the_connect_to_itself() {
        let only: SocketAddr = "10.0.0.1:443".parse().unwrap();
        let policy = AddressPolicy {
            connect_to: Some(only),
            ..policy(&["10.0.0.0/8"], true)
        };
        assert_eq!(policy.judge_peer(only), Ok(()));
        for other in ["10.0.0.1:444", "10.0.0.2:443", "127.0.0.1:443"] {
            assert!(policy.judge_peer(other.parse().unwrap()).is_err(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn an_address_in_other_clothes_is_judged_as_itself(bits in any::<u32>(), rest in any::<u64>()) {
            let four = Ipv4Addr::from(bits);
            let (high, low) = ((bits >> 16) as u16, bits as u16);
            let clothes = [
                four.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::from((0x2002_u128 << 112) | (u128::from(bits) << 80) | u128::from(rest)),
                Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, rest as u16, (rest >> 16) as u16, !high, !low),
            ];
            for six in clothes {
                prop_assert_eq!(classify(six.into()), classify(four.into()), "{}", six);
            }
        }
    }
}
