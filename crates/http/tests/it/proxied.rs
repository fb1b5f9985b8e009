//! Connections that a proxy passes on with the PROXY protocol.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use ritorno_http::client::{Proxies, Told};
use ritorno_http::serve::{Patience, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const GET: &str = "GET / HTTP/1.1\r\nhost: ritorno.test\r\nconnection: close\r\n\r\n";

/// What the server answers to these bytes, when it trusts that address; it says where it was asked from.
async fn answer(trusted: IpAddr, bytes: &str) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { format!("asked from {}", peer.ip()) };
    let app = Router::new().route("/", get(who));
    let proxies = Proxies { trusted: vec![trusted], told: Told::ProxyProtocol };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        serve(listener, None, app, proxies, Patience::default(), async { drop(stopped.await) }).await;
    });
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is cut gives an error here, and what came before it.
    let _ = socket.read_to_end(&mut answer).await;
    stop.send(()).unwrap();
    serving.await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_trusted_proxy_tells_the_client_before_anything_else() {
    let told = format!("PROXY TCP4 192.0.2.60 203.0.113.1 4711 443\r\n{GET}");
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert!(answer(here, &told).await.ends_with("asked from 192.0.2.60"));
    assert!(answer(here, &format!("PROXY UNKNOWN\r\n{GET}")).await.ends_with("asked from 127.0.0.1"));
    assert_eq!(answer(here, GET).await, "", "who is trusted to tell has to");
    let elsewhere = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    assert!(answer(elsewhere, &told).await.starts_with("HTTP/1.1 400"), "a stranger's word is no request");
    assert!(answer(elsewhere, GET).await.ends_with("asked from 127.0.0.1"));
}
