//! The seam to the WebSocket: text frames in both directions.

use async_trait::async_trait;

/// The other side is gone, or the socket failed: in words, for the log and for the other side if it still listens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link's socket is closed: {0}")]
pub struct Gone(pub String);

/// What a [`Gone`] says where the other side closed in order.
pub const CLOSED_BY_AGENT: &str = "the agent closed it";

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A text frame.
    Text(String),
    /// A ping or a pong: the other side lives.
    SignOfLife,
}

/// One socket.
#[async_trait]
pub trait Frames: Send {
    /// Sends a text frame.
    ///
    /// # Errors
    /// [`Gone`].
    async fn send(&mut self, text: String) -> Result<(), Gone>;

    /// Sends a ping.
    ///
    /// # Errors
    /// [`Gone`].
    async fn ping(&mut self) -> Result<(), Gone>;

    /// The next thing that comes in. Dropping the future before it is ready loses nothing.
    ///
    /// # Errors
    /// [`Gone`].
    async fn receive(&mut self) -> Result<Received, Gone>;

    /// Closes the socket and tells the other side why.
    async fn close(&mut self, reason: &str);
}
