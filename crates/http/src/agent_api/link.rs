//! `GET /agent/v1/link`: the agent's WebSocket (RFC 6455), handed to the relay.

use async_trait::async_trait;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures_util::SinkExt as _;
use ritorno_protocol::link::MAXIMUM_FRAME;
use ritorno_relay::frames::{CLOSED_BY_AGENT, Frames, Gone, Received};
use tracing::Instrument as _;

use crate::client::ClientAddress;
use crate::serve::chain;
use crate::state::AppState;

/// A close reason has room for 123 bytes (RFC 6455 section 5.5).
const MAXIMUM_REASON: usize = 123;

/// Takes a link.
pub async fn handle(
    State(state): State<AppState>,
    client: ClientAddress,
    upgrade: WebSocketUpgrade,
) -> Response {
    // What is logged of the link tells for whom, as of this request.
    let span = tracing::Span::current();
    upgrade.max_message_size(MAXIMUM_FRAME).max_frame_size(MAXIMUM_FRAME).on_upgrade(move |socket| {
        let serving = async move {
            let mut frames = SocketFrames(socket);
            state.relay.serve(state.tenant, &mut frames, &client.0.to_string()).await;
        };
        serving.instrument(span)
    })
}

struct SocketFrames(WebSocket);

/// What the socket says: that a frame was too large or malformed, that it was cut, that nothing passed for too long.
fn failed(error: axum::Error) -> Gone {
    Gone(chain(&error))
}

#[async_trait]
impl Frames for SocketFrames {
    async fn send(&mut self, text: String) -> Result<(), Gone> {
        self.0.send(Message::Text(text.into())).await.map_err(failed)
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        self.0.send(Message::Ping(Vec::new().into())).await.map_err(failed)
    }

    async fn receive(&mut self) -> Result<Received, Gone> {
        match self.0.recv().await {
            Some(Ok(Message::Text(text))) => Ok(Received::Text(text.as_str().to_owned())),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Received::SignOfLife),
            Some(Ok(Message::Binary(_))) => {
                Err(Gone("it sent a binary frame, of which there are none".into()))
            }
            Some(Ok(Message::Close(_))) => Err(Gone(CLOSED_BY_AGENT.into())),
            Some(Err(error)) => Err(failed(error)),
            None => Err(Gone("it ended".into())),
        }
    }

    async fn close(&mut self, reason: &str) {
        let mut end = reason.len().min(MAXIMUM_REASON);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let frame = CloseFrame { code: close_code::POLICY, reason: reason[..end].to_owned().into() };
        // The socket may be gone; then there is nobody to tell.
        let _ = self.0.send(Message::Close(Some(frame))).await;
        let _ = self.0.close().await;
    }
}
