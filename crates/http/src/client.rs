//! Where a request came from.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

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
        Ok(Self(behind_proxies(peer, &parts.headers, &state.settings.trusted_proxies)))
    }
}

/// Walks `X-Forwarded-For` from its right end, past every proxy that is trusted: what a stranger wrote stands further left
/// and is never reached.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let named = headers
        .get_all("x-forwarded-for")
        .iter()
        .rev()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.rsplit(','))
        .map(|one| one.trim().parse::<IpAddr>());
    let mut client = peer.to_canonical();
    for next in named {
        if !trusted.contains(&client) {
            break;
        }
        let Ok(next) = next else { break };
        client = next.to_canonical();
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "198.51.100.7, 203.0.113.9".parse().unwrap());
        let proxies = [address("10.0.0.1")];
        assert_eq!(behind_proxies(address("10.0.0.1"), &headers, &proxies), address("203.0.113.9"));
        assert_eq!(behind_proxies(address("10.0.0.2"), &headers, &proxies), address("10.0.0.2"));
        assert_eq!(behind_proxies(address("::ffff:10.0.0.1"), &headers, &proxies), address("203.0.113.9"));
    }

    #[test]
    fn garbage_ends_the_walk() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "198.51.100.7, what".parse().unwrap());
        let proxies = [address("10.0.0.1")];
        assert_eq!(behind_proxies(address("10.0.0.1"), &headers, &proxies), address("10.0.0.1"));
    }
}
