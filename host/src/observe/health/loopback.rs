//! Who may see `/statusz`: a program on this machine that knows whom it asks.
//!
//! What must hold: both ends of the connection are loopback, and the request names a loopback address or `localhost` as its
//! host: else a web page whose name was made to resolve to 127.0.0.1 could read it (DNS rebinding). Nobody else learns that it
//! is there.

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::{IpAddr, SocketAddr};

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

/// Headers by which a proxy says that somebody else asks.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// Passes on what a program on this machine asks for; the rest is told that there is nothing.
pub(super) async fn only(request: Request, next: Next) -> Response {
    let ends = request.extensions().get::<Ends>();
    if ends.is_some_and(|ends| within(ends, request.uri(), request.headers())) {
        next.run(request).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

fn within(ends: &Ends, uri: &Uri, headers: &HeaderMap) -> bool {
    let here = |addr: &SocketAddr| addr.ip().to_canonical().is_loopback();
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let named = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_loopback),
        _ => false,
    };
    here(&ends.peer)
        && here(&ends.local)
        && named
        && uri
            .authority()
            .is_none_or(|authority| is_loopback(authority.as_str()))
        && FORWARDED.iter().all(|name| !headers.contains_key(*name))
}

/// Whether a host with or without a port is a loopback address or `localhost`.
fn is_loopback(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else {
        return false;
    };
    if text.contains('@') {
        return false;
    }
    let host = authority.host();
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asks(peer: &str, local: &str, uri: &str, headers: &[(&str, &str)]) -> bool {
        let ends = Ends {
            peer: peer.parse().unwrap(),
            local: local.parse().unwrap(),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: header::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        within(&ends, &uri.parse().unwrap(), &map)
    }

    #[test]
    fn both_ends_are_loopback() {
        let host = [("host", "localhost:9464")];
        let at = |peer, local| asks(peer, local, "/statusz", &host);
        assert!(at("127.0.0.1:5000", "127.0.0.1:9464"));
        assert!(at("[::1]:5000", "[::1]:9464"));
        assert!(at("[::ffff:127.0.0.1]:5000", "[::ffff:127.0.0.1]:9464"));
        assert!(!at("10.0.0.7:5000", "10.0.0.1:9464"));
        assert!(!at("[::ffff:10.0.0.7]:5000", "[::ffff:10.0.0.1]:9464"));
        assert!(
            !at("10.0.0.1:5000", "10.0.0.1:9464"),
            "the machine's own address is others', too"
        );
        assert!(!at("127.0.0.1:5000", "10.0.0.1:9464"));
    }

    #[test]
    fn the_host_that_is_asked_for_is_a_loopback_literal_or_localhost() {
        let of = |headers: &[(&str, &str)]| asks("127.0.0.1:1", "127.0.0.1:2", "/statusz", headers);
        for host in [
            "localhost",
            "LOCALHOST:9464",
            "127.0.0.1:9464",
            "127.3.2.1",
            "[::1]:80",
        ] {
            assert!(of(&[("host", host)]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example:9464",
            "localhost@evil.example",
            "evil@localhost",
            "10.0.0.1",
            "0.0.0.0",
            "2130706433",
            "127.1",
            "[::ffff:127.0.0.1]",
            "localhost, evil.example",
        ] {
            assert!(!of(&[("host", host)]), "{host}");
        }
        assert!(!of(&[]), "no host");
        assert!(!of(&[("host", "localhost"), ("host", "localhost")]));
    }

    #[test]
    fn who_asks_for_somebody_else_is_somebody_else() {
        let of = |uri, headers: &[(&str, &str)]| asks("127.0.0.1:1", "127.0.0.1:2", uri, headers);
        let host = ("host", "localhost");
        assert!(of("http://localhost:9464/statusz", &[host]));
        assert!(!of("http://evil.example/statusz", &[host]));
        for header in FORWARDED {
            assert!(!of("/statusz", &[host, (header, "10.0.0.7")]), "{header}");
        }
    }
}
