//! The accept loop: TLS with a deadline for the handshake, limits for whoever brings nothing, and an orderly end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use proxy_header::ParseConfig;
use proxy_header::io::ProxiedStream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use tower_http::timeout::DeadlineBody;

use crate::client::Proxies;

mod certificates;
mod dropped;
mod patience;

pub use certificates::{Certificates, Certified, TlsError};
use dropped::Dropped;
pub(crate) use dropped::chain;
pub use patience::{Patience, Stillness};
use patience::{Patient, Places, Told};

/// Largest header of a request over HTTP/1.1, and most that is read ahead, in bytes.
const MAXIMUM_HEADER: usize = 64 * 1024;
/// Over HTTP/2: most requests at the same time on one connection, and how much of their bodies may be on its way.
const STREAMS: u32 = 32;
const WINDOW: u32 = 256 * 1024;
/// What HTTP/2 is called when TLS agrees on it (RFC 9113 section 3.2).
const H2: &[u8] = b"h2";
/// How long requests under way may take once the end has begun.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// Serves `app` until `stop` resolves, then lets the requests under way end. Without `tls` it speaks plain HTTP, which is
/// for loopback addresses only; the configuration sees to that. Connections of `proxies` that speak the PROXY protocol begin
/// with it.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: Router,
    proxies: Proxies,
    patience: Patience,
    stop: impl Future<Output = ()>,
) {
    let (places, proxies) = (Places::new(patience.connections), Arc::new(proxies));
    let dropped = Arc::new(Dropped::new());
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let permit = tokio::select! {
            () = &mut stop => break,
            permit = places.free() => permit,
        };
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: it passes when connections end.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let Some(place) = places.take(permit, peer.ip(), proxies.trusts(peer.ip())) else {
            dropped.tell(peer, "its address holds as many connections as one may");
            continue;
        };
        let (tls, app, watcher) = (tls.clone(), app.clone(), graceful.watcher());
        let (proxies, dropped) = (proxies.clone(), dropped.clone());
        tokio::spawn(async move {
            let _place = place;
            // Without it answers only come later.
            let _ = stream.set_nodelay(true);
            let carried =
                match tokio::time::timeout(patience.handshake, open(stream, peer, tls, &proxies)).await {
                    Ok(Ok((client, Opened::Plain(stream)))) => {
                        carry(*stream, None, client, app, patience, watcher)
                            .await
                            .map_err(|reason| (client, reason))
                    }
                    Ok(Ok((client, Opened::Tls(stream)))) => {
                        let h2 = stream.get_ref().1.alpn_protocol() == Some(H2);
                        carry(*stream, Some(h2), client, app, patience, watcher)
                            .await
                            .map_err(|reason| (client, reason))
                    }
                    Ok(Err(error)) => Err((peer, format!("the handshake failed: {error}"))),
                    Err(_) => Err((peer, "the handshake took too long".to_owned())),
                };
            if let Err((peer, reason)) = carried {
                dropped.tell(peer, &reason);
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_WITHIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time and were cut");
    }
}

enum Opened {
    Plain(Box<ProxiedStream<TcpStream>>),
    Tls(Box<tokio_rustls::server::TlsStream<ProxiedStream<TcpStream>>>),
}

/// Who is at the other end, and the stream. A proxy that speaks the PROXY protocol tells it before TLS.
async fn open(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    proxies: &Proxies,
) -> std::io::Result<(SocketAddr, Opened)> {
    let stream = if proxies.speaks_first(peer.ip()) {
        let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
        ProxiedStream::create_from_tokio(stream, config).await?
    } else {
        ProxiedStream::unproxied(stream)
    };
    // A proxy that asks for itself, as health checks do, names nobody.
    let client = stream.proxy_header().proxied_address().map_or(peer, |told| told.source);
    Ok((
        client,
        match tls {
            None => Opened::Plain(Box::new(stream)),
            Some(tls) => Opened::Tls(Box::new(tls.accept(stream).await?)),
        },
    ))
}

/// Answers what comes. Under TLS it was agreed whether that is HTTP/2 (`h2`); else the first bytes tell.
async fn carry<S>(
    stream: S,
    h2: Option<bool>,
    peer: SocketAddr,
    app: Router,
    patience: Patience,
    watcher: Watcher,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let told = Arc::new(Told::default());
    let stream = Patient::new(stream, &patience, told.clone());
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        told.a_request();
        // What an upgraded connection carries is no body.
        let mut request = request.map(|body| Body::new(DeadlineBody::new(patience.body, body)));
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(Stillness(told.clone()));
        let app = app.clone();
        async move {
            let answer: Result<_, Infallible> = app.oneshot(request).await;
            answer
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.header)
        .max_buf_size(MAXIMUM_HEADER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW);
    let builder = match h2 {
        Some(true) => builder.http2_only(),
        Some(false) => builder.http1_only(),
        None => builder,
    };
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    watcher.watch(connection).await.map_err(|error| chain(&*error))
}
