//! The bytes of a connection: under TLS, sealed by Kerberos, or plain as long as neither has begun.

use std::future::poll_fn;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::bytes::BytesMut;
use zeroize::Zeroizing;

use super::sasl::{frame, take_frame};
use crate::kerberos::Context;

/// Bytes that are read at once.
const CHUNK: usize = 16 << 10;

/// A connection's stream.
pub(super) enum Stream {
    /// Protected by nothing: carries no credential and no password.
    Plain(TcpStream),
    /// TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// Sealed by Kerberos.
    Sealed(Box<Sealed>),
    /// Between two of them.
    Gone,
}

/// A stream of sealed frames.
pub(super) struct Sealed {
    socket: TcpStream,
    /// Only for the compiler, which wants to know that nobody else uses it: it is never locked.
    context: Mutex<Context>,
    /// Frames that have not come whole.
    incoming: BytesMut,
    /// Most plain bytes in one frame.
    largest: usize,
}

impl Sealed {
    pub(super) fn new(socket: TcpStream, context: Context, largest: usize) -> Self {
        Self { socket, context: Mutex::new(context), incoming: BytesMut::new(), largest }
    }

    fn context(&mut self) -> &mut Context {
        self.context.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Stream {
    /// Whether what is sent can be read by nobody on the way.
    pub(super) const fn is_protected(&self) -> bool {
        matches!(self, Self::Tls(_) | Self::Sealed(_))
    }

    /// Sends all of `bytes`.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Self::Sealed(sealed) => {
                let mut frames = Vec::with_capacity(bytes.len() + 256);
                for part in bytes.chunks(sealed.largest) {
                    let token = sealed.context().wrap(true, part).map_err(Error::other)?;
                    frames.extend_from_slice(&frame(&token));
                }
                sealed.socket.write_all(&frames).await
            }
            Self::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Waits for bytes and adds them to `into`; `false` at the end.
    pub(super) async fn receive(&mut self, into: &mut BytesMut) -> Result<bool> {
        match self {
            Self::Plain(socket) => read(socket, into).await,
            Self::Tls(stream) => read(stream.as_mut(), into).await,
            Self::Sealed(sealed) => loop {
                let broken = |words: String| Error::new(ErrorKind::InvalidData, words);
                if let Some(token) =
                    take_frame(&mut sealed.incoming).map_err(|error| broken(error.to_string()))?
                {
                    let plain = sealed.context().unwrap(true, &token);
                    let plain =
                        plain.map_err(|error| broken(format!("a sealed message is damaged: {error}")))?;
                    into.extend_from_slice(&plain);
                    // A frame can hold nothing; that is no end.
                    if !plain.is_empty() {
                        return Ok(true);
                    }
                } else if !read(&mut sealed.socket, &mut sealed.incoming).await? {
                    return Ok(false);
                }
            },
            Self::Gone => Ok(false),
        }
    }

    /// Whether nothing has come that nobody asked for, the end included.
    pub(super) async fn is_silent(&mut self) -> bool {
        match self {
            Self::Plain(socket) => nothing_to_read(socket).await,
            Self::Tls(stream) => nothing_to_read(stream.as_mut()).await,
            Self::Sealed(sealed) => sealed.incoming.is_empty() && nothing_to_read(&mut sealed.socket).await,
            Self::Gone => false,
        }
    }

    /// Says that no more will be sent.
    pub(super) async fn shutdown(&mut self) -> Result<()> {
        match self {
            Self::Plain(socket) => socket.shutdown().await,
            Self::Tls(stream) => stream.shutdown().await,
            Self::Sealed(sealed) => sealed.socket.shutdown().await,
            Self::Gone => Ok(()),
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin), into: &mut BytesMut) -> Result<bool> {
    let mut chunk = Zeroizing::new(vec![0_u8; CHUNK]);
    let length = stream.read(&mut chunk).await?;
    into.extend_from_slice(&chunk[..length]);
    Ok(length > 0)
}

async fn nothing_to_read(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut byte = [0_u8; 1];
    let mut buffer = ReadBuf::new(&mut byte);
    poll_fn(|context| Poll::Ready(Pin::new(&mut *stream).poll_read(context, &mut buffer).is_pending())).await
}
