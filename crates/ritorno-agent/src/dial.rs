//! The socket to the relay: TCP, TLS, WebSocket (RFC 6455), outbound only.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use ritorno_protocol::link::{MAXIMUM_FRAME, SILENT_AFTER, ToAgent, ToRelay};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::Url;

use crate::outbound::Outbound;

/// Longest wait for each of TLS and the upgrade.
const STEP_WITHIN: Duration = Duration::from_secs(10);

/// What came in.
#[derive(Debug)]
pub(crate) enum Received {
    /// A frame.
    Frame(Box<ToAgent>),
    /// A ping: the other side lives.
    SignOfLife,
    /// The answer to a ping.
    Pong,
    /// The other side closed, and said why.
    Closed(String),
}

/// An open socket.
pub(crate) struct Socket(WebSocketStream<TlsStream<TcpStream>>);

impl Socket {
    /// Dials the server.
    ///
    /// # Errors
    /// Which step failed, and how.
    pub(crate) async fn dial(server: &str, outbound: &Outbound) -> anyhow::Result<Self> {
        let url = Url::parse(server).with_context(|| format!("'{server}' is no address"))?;
        let host = url.host_str().with_context(|| format!("'{server}' names no host"))?.to_owned();
        let port = url.port_or_known_default().unwrap_or(443);
        let bare = host.trim_matches(['[', ']']).to_owned();
        let tcp = outbound.connect(&bare, port).await?;
        let name = ServerName::try_from(bare).with_context(|| format!("'{host}' is no host name"))?;
        let stream =
            tokio::time::timeout(STEP_WITHIN, TlsConnector::from(outbound.tls().clone()).connect(name, tcp))
                .await
                .map_err(|_| anyhow::anyhow!("no answer within {} s", STEP_WITHIN.as_secs()))
                .and_then(|connected| Ok(connected?))
                .with_context(|| format!("TLS with {host}:{port} failed"))?;
        let address = format!("wss://{host}:{port}/agent/v1/link");
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .write_buffer_size(0)
            .max_message_size(Some(MAXIMUM_FRAME))
            .max_frame_size(Some(MAXIMUM_FRAME));
        let upgrade = tokio_tungstenite::client_async_with_config(address.as_str(), stream, Some(config));
        let (socket, _) = tokio::time::timeout(STEP_WITHIN, upgrade)
            .await
            .map_err(|_| anyhow::anyhow!("no answer within {} s", STEP_WITHIN.as_secs()))
            .and_then(|upgraded| Ok(upgraded?))
            .with_context(|| format!("{address} does not take links"))?;
        Ok(Self(socket))
    }

    /// The next thing that comes in. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the socket failed, or a frame can't be read.
    pub(crate) async fn receive(&mut self) -> anyhow::Result<Received> {
        match self.0.next().await {
            None => Ok(Received::Closed("the connection ended".into())),
            Some(Ok(Message::Text(text))) => {
                let frame = serde_json::from_str(&text).context("a frame of the server can't be read")?;
                Ok(Received::Frame(Box::new(frame)))
            }
            Some(Ok(Message::Close(frame))) => {
                let reason = frame.map(|frame| frame.reason.to_string()).filter(|reason| !reason.is_empty());
                Ok(Received::Closed(reason.unwrap_or_else(|| "closed by the server".into())))
            }
            Some(Ok(Message::Binary(_))) => bail!("the server sent a binary frame, of which there are none"),
            Some(Ok(Message::Pong(_))) => Ok(Received::Pong),
            Some(Ok(Message::Ping(_) | Message::Frame(_))) => Ok(Received::SignOfLife),
            Some(Err(error)) => Err(error).context("the socket failed"),
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the socket failed, or took nothing for too long.
    pub(crate) async fn send(&mut self, frame: &ToRelay) -> anyhow::Result<()> {
        self.write(Message::Text(serde_json::to_string(frame)?.into())).await
    }

    /// Sends a ping.
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub(crate) async fn ping(&mut self) -> anyhow::Result<()> {
        self.write(Message::Ping(Vec::new().into())).await
    }

    async fn write(&mut self, message: Message) -> anyhow::Result<()> {
        tokio::time::timeout(SILENT_AFTER, self.0.send(message))
            .await
            .context("the server takes nothing any more")?
            .context("the socket failed")
    }

    /// Closes in order.
    pub(crate) async fn close(mut self) {
        // Whether the other side hears it makes no difference any more.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.0.close(None)).await;
    }
}
