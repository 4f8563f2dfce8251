//! Where a request comes from: who is at the other end of its connection, or, where that is a proxy
//! that the operator trusts, whom the proxy names.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::http::HeaderMap;

/// Who is at the other end of a request's connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The address that requests are counted by: of IPv6, the network of 64 bits that a subscriber has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address(IpAddr);

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A proxy's address, or a network of them: `10.0.0.7`, `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proxy {
    network: IpAddr,
    bits: u32,
}

/// A text that is no address and no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an address like 10.0.0.7 or a network like 10.0.0.0/8, found {0:?}")]
pub struct InvalidProxy(String);

impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let invalid = || InvalidProxy(text.to_owned());
        let (network, bits) = match text.split_once('/') {
            Some((network, bits)) => (network, Some(bits)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| invalid())?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| invalid())?;
        (bits <= most).then_some(Self { network, bits }).ok_or_else(invalid)
    }
}

impl Proxy {
    fn has(self, address: IpAddr) -> bool {
        let shared =
            |a: u128, b: u128, length: u32| self.bits == 0 || (a ^ b) >> (length - self.bits) == 0;
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                shared(own.to_bits().into(), other.to_bits().into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => shared(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

/// Whether an address is a trusted proxy's.
pub fn is_trusted(proxies: &[Proxy], address: IpAddr) -> bool {
    proxies.iter().any(|proxy| proxy.has(address))
}

/// Where a request comes from. What it says of that itself counts only as far as trusted proxies
/// have written it: `X-Forwarded-For` is read from its end, where the nearest one has added whom it
/// was called by, until somebody who is none of them.
pub fn origin(headers: &HeaderMap, peer: IpAddr, proxies: &[Proxy]) -> Address {
    let mut origin = peer;
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|it| it.to_str().ok());
    let named: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    for name in named.into_iter().rev() {
        if !is_trusted(proxies, origin) {
            break;
        }
        match name.trim().parse() {
            Ok(address) => origin = address,
            Err(_) => break,
        }
    }
    origin.into()
}

/// Whether a request reached the nearest trusted proxy over TLS.
pub fn came_over_tls(headers: &HeaderMap, peer: IpAddr, proxies: &[Proxy]) -> bool {
    let scheme = headers.get("x-forwarded-proto").and_then(|it| it.to_str().ok());
    is_trusted(proxies, peer) && scheme.is_some_and(|it| it.eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(forwarded: &[&str], peer: &str, proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("a header"));
        }
        let proxies: Vec<Proxy> = proxies.iter().map(|it| it.parse().expect("a proxy")).collect();
        origin(&headers, peer.parse().expect("an address"), &proxies).to_string()
    }

    #[test]
    fn only_what_trusted_proxies_say_counts() {
        assert_eq!(from(&["1.1.1.1"], "9.9.9.9", &[]), "9.9.9.9");
        assert_eq!(from(&["1.1.1.1"], "9.9.9.9", &["10.0.0.0/8"]), "9.9.9.9");
        assert_eq!(from(&["1.1.1.1"], "10.0.0.7", &["10.0.0.0/8"]), "1.1.1.1");
        // The caller has written the first of them itself.
        assert_eq!(from(&["6.6.6.6, 1.1.1.1"], "10.0.0.7", &["10.0.0.7"]), "1.1.1.1");
        assert_eq!(from(&["6.6.6.6", "1.1.1.1"], "10.0.0.7", &["10.0.0.7"]), "1.1.1.1");
        // Through two proxies.
        let two = ["10.0.0.0/8"];
        assert_eq!(from(&["6.6.6.6, 1.1.1.1, 10.2.0.1"], "10.0.0.7", &two), "1.1.1.1");
        assert_eq!(from(&["nonsense"], "10.0.0.7", &two), "10.0.0.7");
        assert_eq!(from(&[], "10.0.0.7", &two), "10.0.0.7");
        assert_eq!(from(&["1.1.1.1"], "::ffff:10.0.0.7", &two), "1.1.1.1");
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_address() {
        assert_eq!(from(&[], "2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::");
        assert_eq!(from(&[], "::ffff:9.9.9.9", &[]), "9.9.9.9");
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        let has = |proxy: &str, address: &str| {
            let proxy: Proxy = proxy.parse().expect("a proxy");
            proxy.has(address.parse().expect("an address"))
        };
        assert!(has("0.0.0.0/0", "1.2.3.4") && has("::1", "::1") && has("fd00::/8", "fd12::1"));
        assert!(!has("0.0.0.0/0", "::1") && !has("10.0.0.0/31", "10.0.0.2"));
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0", "10.0.0.0/x", "proxy.example"] {
            assert!(wrong.parse::<Proxy>().is_err(), "{wrong}");
        }
    }
}
