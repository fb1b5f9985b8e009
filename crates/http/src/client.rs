//! Where a request came from.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ritorno_protocol::forwarded;
use serde::Deserialize;

use crate::state::AppState;

/// The client's network address. Behind a trusted proxy it is what that proxy says, else the peer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        Ok(Self(state.settings.proxies.client(peer, &parts.headers)))
    }
}

/// How a reverse proxy tells where a request came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// By the header `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// By the header `Forwarded` (RFC 7239).
    Forwarded,
    /// By the PROXY protocol, version 1 or 2, before anything else on the connection.
    ProxyProtocol,
}

/// The reverse proxies before this server. What anybody else says of where a request came from is not believed.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Vec<IpAddr>,
    /// How they tell. Only this one way counts: a proxy passes on what it does not know, and so what a stranger wrote.
    pub told: Told,
}

/// Reads what a line of a header tells.
type Read = fn(&str) -> Vec<Option<IpAddr>>;

impl Proxies {
    /// Whether there is a proxy that tells whom it carries.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.contains(&peer.to_canonical())
    }

    /// Whether a connection from there begins with the PROXY protocol.
    pub(crate) fn speaks_first(&self, peer: IpAddr) -> bool {
        self.told == Told::ProxyProtocol && self.trusts(peer)
    }

    /// The client's address. Goes from the right end of what the header tells past every proxy that is trusted: what a stranger
    /// wrote stands further left and is never reached.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let (name, read): (_, Read) = match self.told {
            Told::XForwardedFor => ("x-forwarded-for", forwarded::x_forwarded_for),
            Told::Forwarded => ("forwarded", forwarded::forwarded),
            Told::ProxyProtocol => return peer.to_canonical(),
        };
        let told = headers
            .get_all(name)
            .iter()
            .rev()
            // A line that can't be read ends the walk; left out, it would let an earlier one in.
            .flat_map(|value| read(value.to_str().unwrap_or_default()).into_iter().rev());
        let mut client = peer.to_canonical();
        for next in told {
            if !self.trusted.contains(&client) {
                break;
            }
            let Some(next) = next else { break };
            client = next.to_canonical();
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(told: Told, peer: &str, header: (&'static str, &str)) -> IpAddr {
        let mut headers = HeaderMap::new();
        headers.insert(header.0, header.1.parse().unwrap());
        let proxies = Proxies { trusted: vec![address("10.0.0.1"), address("10.0.0.9")], told };
        proxies.client(address(peer), &headers)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let told = |peer| client(Told::XForwardedFor, peer, ("x-forwarded-for", "198.51.100.7, 203.0.113.9"));
        assert_eq!(told("10.0.0.1"), address("203.0.113.9"));
        assert_eq!(told("10.0.0.2"), address("10.0.0.2"));
        assert_eq!(told("::ffff:10.0.0.1"), address("203.0.113.9"));
    }

    #[test]
    fn garbage_ends_the_walk() {
        let told = client(Told::XForwardedFor, "10.0.0.1", ("x-forwarded-for", "198.51.100.7, what"));
        assert_eq!(told, address("10.0.0.1"));
    }

    #[test]
    fn forwarded_is_read_from_its_right_end() {
        let told = |text| client(Told::Forwarded, "10.0.0.1", ("forwarded", text));
        assert_eq!(told("for=192.0.2.60;proto=http;by=203.0.113.43"), address("192.0.2.60"));
        assert_eq!(told("for=\"198.51.100.7, For=192.0.2.60:4711"), address("192.0.2.60"));
        assert_eq!(told("for=198.51.100.7, for=192.0.2.60, for=10.0.0.9"), address("192.0.2.60"));
        assert_eq!(told("proto=https;for=\"[2001:db8::1]:4711\""), address("2001:db8::1"));
        assert_eq!(told("for=\"[2001:db8::1]\""), address("2001:db8::1"));
        let by_host = [
            r#"proto=https;host="x;for=198.51.100.7;y";for=203.0.113.9"#,
            r#"host="x,for=198.51.100.7";for=203.0.113.9"#,
            r#"for="198.51.100.7, host="x";for=203.0.113.9"#,
            r#"host="\"x,for=198.51.100.7";for=203.0.113.9"#,
        ];
        for text in by_host {
            assert_eq!(told(text), address("203.0.113.9"), "{text}");
        }
        assert_eq!(told("for=198.51.100.7;for=203.0.113.9"), address("10.0.0.1"), "which of the two?");
        assert_eq!(told("for=_hidden"), address("10.0.0.1"), "an obfuscated node is nobody's address");
    }

    #[test]
    fn only_the_one_way_that_is_configured_counts() {
        let forged = ("forwarded", "for=192.0.2.60");
        assert_eq!(client(Told::XForwardedFor, "10.0.0.1", forged), address("10.0.0.1"));
        assert_eq!(client(Told::ProxyProtocol, "10.0.0.1", forged), address("10.0.0.1"));
    }
}
