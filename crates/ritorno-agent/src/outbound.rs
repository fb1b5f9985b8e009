//! The way to the server: straight, or through a proxy that takes CONNECT (RFC 9110 section 9.3.6). TLS with the server goes
//! through the tunnel; the proxy sees a host name and nothing else, unless it inspects, and then `ca_file` names its authority.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::net::TcpStream;
use tower::ServiceExt as _;
use url::Url;

use crate::config::{Config, Proxy};
use crate::tls;

/// Longest wait for a connection, and for a proxy's answer.
const WITHIN: Duration = Duration::from_secs(10);

/// How the server is reached and checked. Clones share it.
#[derive(Clone)]
pub(crate) struct Outbound {
    tls: Arc<rustls::ClientConfig>,
    /// The configuration's proxy, with its user and password; without one the environment's counts.
    configured: Option<(Url, String)>,
    matcher: Arc<Matcher>,
}

impl Outbound {
    /// By the configuration; without a `[proxy]` in it, by `HTTPS_PROXY` and `NO_PROXY`.
    ///
    /// # Errors
    /// When the authorities or the proxy's password can't be read.
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        Self::with(config.ca_file.as_deref(), config.proxy.as_ref())
    }

    /// With these further authorities and that proxy.
    ///
    /// # Errors
    /// As [`Outbound::new`].
    pub(crate) fn with(ca_file: Option<&Path>, proxy: Option<&Proxy>) -> anyhow::Result<Self> {
        let tls = Arc::new(tls::client(ca_file)?);
        let configured = proxy.map(with_password).transpose()?;
        let matcher = match &configured {
            Some((url, no_proxy)) => Matcher::builder().https(url.as_str()).no(no_proxy.as_str()).build(),
            None => Matcher::from_env(),
        };
        Ok(Self { tls, configured, matcher: Arc::new(matcher) })
    }

    /// How the server's certificate is checked.
    pub(crate) const fn tls(&self) -> &Arc<rustls::ClientConfig> {
        &self.tls
    }

    /// The configuration's proxy for HTTPS requests; none where the environment's counts, which the client reads by itself.
    ///
    /// # Errors
    /// When the address can't be used.
    pub(crate) fn http_proxy(&self) -> anyhow::Result<Option<reqwest::Proxy>> {
        let Some((url, no_proxy)) = &self.configured else { return Ok(None) };
        let proxy = reqwest::Proxy::https(url.clone()).context("the proxy can't be used")?;
        Ok(Some(proxy.no_proxy(reqwest::NoProxy::from_string(no_proxy))))
    }

    /// The proxy that stands between us and `host`, without its password.
    pub(crate) fn proxy_before(&self, host: &str, port: u16) -> Option<String> {
        let between = self.intercept(host, port)?;
        let uri = between.uri();
        Some(match uri.port_u16() {
            Some(port) => format!("{}:{port}", uri.host().unwrap_or_default()),
            None => uri.host().unwrap_or_default().to_owned(),
        })
    }

    /// A connection to `host` (a name, or an address in its bare form), through the proxy if there is one.
    ///
    /// # Errors
    /// What can't be reached, and what a proxy answers.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> anyhow::Result<TcpStream> {
        let late = || anyhow::anyhow!("no answer within {} s", WITHIN.as_secs());
        let stream = match self.intercept(host, port) {
            None => tokio::time::timeout(WITHIN, TcpStream::connect((host, port)))
                .await
                .map_err(|_| late())
                .and_then(|connected| Ok(connected?))
                .with_context(|| format!("{host}:{port} can't be reached"))?,
            Some(between) => {
                let proxy = self.proxy_before(host, port).unwrap_or_default();
                tokio::time::timeout(WITHIN, tunnel(&between, address(host, port)?))
                    .await
                    .map_err(|_| late())
                    .and_then(|connected| connected)
                    .with_context(|| {
                        format!(
                            "the proxy {proxy} gives no way to {host}:{port}; look at its rules, and at user and \
                             password_file under [proxy]"
                        )
                    })?
            }
        };
        // Requests are small and somebody waits for each.
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn intercept(&self, host: &str, port: u16) -> Option<Intercept> {
        self.matcher.intercept(&address(host, port).ok()?)
    }
}

async fn tunnel(between: &Intercept, to: http::Uri) -> anyhow::Result<TcpStream> {
    let mut proxy = HttpConnector::new();
    proxy.set_connect_timeout(Some(WITHIN));
    let mut tunnel = Tunnel::new(between.uri().clone(), proxy);
    if let Some(basic) = between.basic_auth() {
        tunnel = tunnel.with_auth(basic.clone());
    }
    let stream = tunnel.oneshot(to).await?;
    Ok(stream.into_inner())
}

fn address(host: &str, port: u16) -> anyhow::Result<http::Uri> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!("https://{host}:{port}").parse().with_context(|| format!("'{host}' is no host name"))
}

/// The proxy's address with user and password in it, as both clients want it, and what goes straight.
fn with_password(proxy: &Proxy) -> anyhow::Result<(Url, String)> {
    let mut url = proxy.url.clone();
    let unusable = |()| anyhow::anyhow!("the proxy's address can't carry a user name");
    if let Some(user) = &proxy.user {
        url.set_username(user).map_err(unusable)?;
    }
    if let Some(file) = &proxy.password_file {
        let password = std::fs::read_to_string(file)
            .with_context(|| format!("[proxy] password_file {} can't be read", file.display()))?;
        url.set_password(Some(password.trim_end_matches(['\r', '\n']))).map_err(unusable)?;
    }
    Ok((url, proxy.no_proxy.join(",")))
}
