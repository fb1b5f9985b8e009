//! Opening the WebSocket to the relay: TCP, TLS with the name checked, HTTP upgrade; each within a time.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error as WebSocketError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::Url;

use ritorno_protocol::link::MAXIMUM_FRAME;

/// How long each of the three steps may take.
const STEP: Duration = Duration::from_secs(10);
/// Where the relay takes links.
const PATH: &str = "/agent/v1/link";

/// A dialled link.
pub(crate) type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Why there is no link, with what to look at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// The server's address has no host, or is not `https`.
    #[error("'{0}' is not an https address")]
    Address(String),
    /// The name does not resolve, or nobody answers there.
    #[error("cannot reach {host}: {reason}; an outbound connection to it must be allowed")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// TLS failed: a certificate that no known authority signed is the usual cause.
    #[error("no TLS with {host}: {reason}; if a proxy inspects TLS, name its root in `ca_file`")]
    Tls {
        /// Host and port.
        host: String,
        /// What rustls said.
        reason: String,
    },
    /// The upgrade was refused.
    #[error("{host} does not take the link: {reason}")]
    Refused {
        /// Host and port.
        host: String,
        /// What the server said.
        reason: String,
    },
}

/// Dials the relay of `server`.
///
/// # Errors
/// [`DialError`], by the step that failed.
pub(crate) async fn dial(server: &Url, tls: &Arc<rustls::ClientConfig>) -> Result<Socket, DialError> {
    let address = || DialError::Address(server.to_string());
    let name = server.host_str().filter(|_| server.scheme() == "https").ok_or_else(address)?;
    let port = server.port_or_known_default().ok_or_else(address)?;
    let host = format!("{name}:{port}");
    let server_name = ServerName::try_from(name.to_owned()).map_err(|_| address())?;
    let unreachable = |reason: String| DialError::Unreachable { host: host.clone(), reason };
    let refused = |reason: String| DialError::Refused { host: host.clone(), reason };

    let tcp = within(TcpStream::connect((name, port))).await.map_err(unreachable)?;
    // Frames are small and each is waited for.
    tcp.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
    let connected = within(TlsConnector::from(tls.clone()).connect(server_name, tcp)).await;
    let tls = connected.map_err(|reason| DialError::Tls { host: host.clone(), reason })?;
    let request =
        format!("wss://{host}{PATH}").into_client_request().map_err(|error| refused(error.to_string()))?;
    let limits =
        WebSocketConfig::default().max_message_size(Some(MAXIMUM_FRAME)).max_frame_size(Some(MAXIMUM_FRAME));
    let upgraded =
        tokio::time::timeout(STEP, tokio_tungstenite::client_async_with_config(request, tls, Some(limits)));
    match upgraded.await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(WebSocketError::Http(response))) => Err(refused(format!("HTTP {}", response.status()))),
        Ok(Err(error)) => Err(refused(error.to_string())),
        Err(_) => Err(refused(format!("no answer within {} s", STEP.as_secs()))),
    }
}

async fn within<T>(step: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(STEP, step).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", STEP.as_secs())),
    }
}
