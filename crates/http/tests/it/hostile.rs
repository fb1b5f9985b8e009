//! Malformed, huge, slow and half-open peers over real sockets and TLS: each is dropped within its time, and whoever behaves is answered
//! meanwhile. The times are short here; `crates/ritorno/tests/it/hostile.rs` has the real ones, the log and the memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ritorno_http::client::{Proxies, Told};
use ritorno_http::serve::{Certificates, Certified, Patience, serve};
use ritorno_lab::Lab;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::agent_api::access;
use crate::world::World;

const PATIENCE: Patience = Patience {
    handshake: Duration::from_millis(500),
    header: Duration::from_millis(700),
    body: Duration::from_millis(900),
    first_request: Duration::from_millis(800),
    still: Duration::from_millis(1_500),
    connections: 400,
};
/// The longest of these, and time for a busy machine.
const DROPPED_WITHIN: Duration = Duration::from_secs(8);
const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

/// The cloud side as it listens.
struct Served {
    world: World,
    address: SocketAddr,
    roots: Arc<rustls::RootCertStore>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Served {
    async fn new() -> Self {
        Self::behind(Proxies::default()).await
    }

    async fn behind(proxies: Proxies) -> Self {
        let world = World::new().await;
        let authority = Lab::open().unwrap().authority().unwrap();
        let folder = std::env::temp_dir().join(format!("ritorno-hostile-{}", world.tenant.id));
        std::fs::create_dir_all(&folder).unwrap();
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        let issued = authority.issue(&["localhost"], &[Ipv4Addr::LOCALHOST.into()]).unwrap();
        issued.write(&chain, &key).unwrap();
        let acceptor =
            Certificates::new(Certified::read(&chain, &key).unwrap(), HashMap::new()).acceptor().unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority.certificate_path()).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = world.app.clone();
        let serving = tokio::spawn(async move {
            serve(listener, Some(acceptor), app, proxies, PATIENCE, std::future::pending()).await;
        });
        Self { world, address, roots: Arc::new(roots), serving }
    }

    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn connect(&self, protocol: &[u8]) -> TlsStream<TcpStream> {
        self.over(self.tcp().await, protocol).await
    }

    async fn over(&self, tcp: TcpStream, protocol: &[u8]) -> TlsStream<TcpStream> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
    }

    /// Whoever behaves is answered.
    async fn is_ready(&self) {
        let mut stream = self.connect(HTTP1).await;
        stream
            .write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        // Some servers' close is no close of TLS.
        let _ = stream.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// What comes until the server closes, which it has to.
async fn until_dropped(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 4_096]);
    let reading = async {
        while let Ok(read @ 1..) = stream.read(&mut piece).await {
            all.extend_from_slice(&piece[..read]);
        }
    };
    tokio::time::timeout(DROPPED_WITHIN, reading).await.expect("it is not dropped");
    all
}

/// Says `first`, then `drip` again and again, until it is dropped; returns what was answered, and after how long it ended.
async fn dripping(stream: TlsStream<TcpStream>, first: &[u8], drip: &'static [u8]) -> (String, Duration) {
    let began = Instant::now();
    let (mut from, mut to) = tokio::io::split(stream);
    to.write_all(first).await.unwrap();
    let dripping = tokio::spawn(async move {
        while to.write_all(drip).await.is_ok() && to.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let answer = until_dropped(&mut from).await;
    dripping.abort();
    (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
}

fn post(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_or_no_http_is_dropped() {
    let served = Served::new().await;
    let mut half_open = served.tcp().await;
    let mut no_tls = served.tcp().await;
    no_tls.write_all(&[0x47; 40_000]).await.unwrap();
    // A record of TLS that claims 16 KB and never brings them.
    let mut half_a_record = served.tcp().await;
    half_a_record.write_all(&[22, 3, 1, 0x40, 0, 1]).await.unwrap();
    let mut silent = served.connect(HTTP1).await;
    let mut silent_h2 = served.connect(HTTP2).await;
    let mut half_a_preface = served.connect(HTTP2).await;
    half_a_preface.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let mut no_http = served.connect(HTTP1).await;
    no_http.write_all(b"\x00\x01\x02 what\r\n\r\n").await.unwrap();
    let mut no_http2 = served.connect(HTTP2).await;
    no_http2.write_all(&[0xff; 4_096]).await.unwrap();
    served.is_ready().await;
    until_dropped(&mut half_open).await;
    until_dropped(&mut no_tls).await;
    until_dropped(&mut half_a_record).await;
    until_dropped(&mut silent).await;
    until_dropped(&mut silent_h2).await;
    until_dropped(&mut half_a_preface).await;
    let answer = until_dropped(&mut no_http).await;
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    until_dropped(&mut no_http2).await;
    served.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_drip_or_never_end_are_dropped() {
    let served = Served::new().await;
    let head = b"GET / HTTP/1.1\r\nhost: localhost\r\n";
    let (_, took) = dripping(served.connect(HTTP1).await, head, b"x: y\r\n").await;
    assert!(took >= PATIENCE.header, "{took:?}");
    // The second request of a connection that has been of use.
    let mut kept = served.connect(HTTP1).await;
    kept.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HT").await.unwrap();
    assert!(until_dropped(&mut kept).await.starts_with(b"HTTP/1.1 200"));

    let mut huge = served.connect(HTTP1).await;
    let _ = huge.write_all(&[head.as_slice(), b"x: ", &[b'a'; 200_000]].concat()).await;
    let answer = until_dropped(&mut huge).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    let mut many = served.connect(HTTP1).await;
    let _ = many.write_all(&[head.as_slice(), &b"x: y\r\n".repeat(5_000), b"\r\n"].concat()).await;
    let answer = until_dropped(&mut many).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    served.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_drip_are_given_up_and_large_or_malformed_ones_are_refused() {
    let served = Served::new().await;
    for path in [
        "/agent/v1/enrol",
        "/agent/v1/token",
        "/agent/v1/identity",
        "/reset/start",
        "/reset/submit",
        "/register/verify",
        "/console/sign-in",
    ] {
        let head = post(path, 20_000);
        let (answer, took) = dripping(served.connect(HTTP1).await, head.as_bytes(), b" ").await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        assert!(took < DROPPED_WITHIN, "{path}: {took:?}");
    }
    // Whoever has no token is told so before a byte of the body is waited for.
    for path in ["/scim/v2/Users", "/scim/v2/Groups", "/scim/v2/Bulk"] {
        let (answer, _) = dripping(served.connect(HTTP1).await, post(path, 20_000).as_bytes(), b" ").await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{path}: {answer}");
    }
    let answered = async |path: &str, body: &[u8]| {
        let mut stream = served.connect(HTTP1).await;
        stream.write_all(post(path, body.len()).as_bytes()).await.unwrap();
        // A server that refuses need not read on.
        let _ = stream.write_all(body).await;
        String::from_utf8_lossy(&until_dropped(&mut stream).await).into_owned()
    };
    for (path, too_large) in [("/agent/v1/enrol", 413), ("/agent/v1/token", 413), ("/agent/v1/identity", 401)]
    {
        let answer = answered(path, &vec![b' '; 2_000_000]).await;
        assert!(
            answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {too_large}")),
            "{path}: {answer}"
        );
        for malformed in
            [&b"{"[..], &[0xff; 64], b"[[[[[[[[", b"{\"secret\": 1}", "[".repeat(60_000).as_bytes()]
        {
            let answer = answered(path, malformed).await;
            assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        }
    }
    served.is_ready().await;
}

/// One frame of HTTP/2 (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The header of a POST: entries 3 and 7 of the static table, path and authority as they are (RFC 7541 appendix A, section 6.2.2).
fn posted(path: &str, stream: u32) -> Vec<u8> {
    let literal =
        |index: u8, value: &str| [&[index, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    let block = [vec![0x83, 0x87], literal(4, path), literal(1, "localhost")].concat();
    frame(1, 4, stream, &block)
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn over_http2_bodies_end_too_and_no_connection_asks_for_everything_at_once() {
    let served = Served::new().await;
    let opening = [PREFACE, &frame(4, 0, 0, &[])].concat();
    let mut slow = served.connect(HTTP2).await;
    slow.write_all(&[opening.clone(), posted("/agent/v1/enrol", 1)].concat()).await.unwrap();
    // It answers nothing either, not even pings.
    let answer = until_dropped(&mut slow).await;
    // A response's header, or the end of the stream, on stream 1.
    let mut rest = answer.as_slice();
    let mut answered = false;
    while let [a, b, c, kind, _, stream @ ..] = rest
        && stream.len() >= 4
    {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap();
        answered |= (*kind == 1 || *kind == 3) && stream[..4] == [0, 0, 0, 1];
        rest = rest.get(9 + length..).unwrap_or_default();
    }
    assert!(answered, "the request was not ended: {answer:?}");

    let mut greedy = served.connect(HTTP2).await;
    let streams = (0..200).flat_map(|number| posted("/agent/v1/enrol", number * 2 + 1));
    greedy.write_all(&[opening, streams.collect()].concat()).await.unwrap();
    let answer = until_dropped(&mut greedy).await;
    // REFUSED_STREAM (RFC 9113 section 7), or the whole connection ends.
    let refused = frame(3, 0, 65, &[0, 0, 0, 7]);
    let ended = answer.windows(4).any(|window| window == [7, 0, 0, 0]);
    assert!(answer.windows(refused.len()).any(|window| window == refused) || ended, "{answer:?}");
    served.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_no_answer_is_dropped() {
    let served = Served::new().await;
    let mut deaf = served.connect(HTTP1).await;
    let request = "GET /assets/portal.js HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let began = Instant::now();
    let asking = async {
        // It ends when the server has dropped it: until then its buffers fill.
        while deaf.write_all(request.as_bytes()).await.is_ok() {}
    };
    tokio::time::timeout(DROPPED_WITHIN, asking).await.expect("it is not dropped");
    assert!(began.elapsed() >= PATIENCE.still);
    served.is_ready().await;
}

/// What the doctor asks for: a silence that is longer than the server bears by itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_may_ask_for_a_silence_and_not_for_many() {
    let served = Served::new().await;
    let (agent, key) = served.world.enrolled("silent").await;
    let token = access(&served.world, agent.id, &key).await;
    let ask = async |seconds: u64| {
        let mut stream = served.connect(HTTP1).await;
        let request = format!(
            "GET /agent/v1/idle?seconds={seconds} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.map(|_| String::from_utf8_lossy(&answer).into_owned())
    };
    let longer = PATIENCE.still.as_secs() * 2 + 1;
    let began = Instant::now();
    let all = futures_util::future::join_all((0..9).map(|_| ask(longer))).await;
    let all: Vec<String> = all.into_iter().map(|answer| answer.unwrap()).collect();
    let count = |status: &str| all.iter().filter(|answer| answer.ends_with(status)).count();
    assert_eq!((count(" 204"), count(" 429")), (8, 1), "{all:?}");
    assert!(began.elapsed() >= Duration::from_secs(longer));
    assert_eq!(ask(181).await.unwrap(), "HTTP/1.1 400");
    served.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_header_is_bounded_in_time_and_size() {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let served = Served::behind(Proxies { trusted: vec![here], told: Told::ProxyProtocol }).await;
    let mut silent = served.tcp().await;
    let mut endless = served.tcp().await;
    let _ = endless.write_all(&[b"PROXY TCP4 ".as_slice(), &[b'1'; 70_000]].concat()).await;
    let mut garbage = served.tcp().await;
    let _ = garbage.write_all(b"PROXY TCP4 not an address\r\n").await;
    // Version 2 announces what follows with 16 bits.
    let mut v2 = served.tcp().await;
    v2.write_all(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff").await.unwrap();
    v2.write_all(&[0; 1_000]).await.unwrap();
    let mut dripping = served.tcp().await;
    dripping.write_all(b"PROXY ").await.unwrap();
    for dropped in [&mut silent, &mut endless, &mut garbage, &mut v2, &mut dripping] {
        until_dropped(dropped).await;
    }
    let mut tcp = served.tcp().await;
    tcp.write_all(b"PROXY TCP4 192.0.2.60 203.0.113.1 4711 443\r\n").await.unwrap();
    let mut stream = served.over(tcp, HTTP1).await;
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(until_dropped(&mut stream).await.starts_with(b"HTTP/1.1 200"));
}

/// One frame of a WebSocket from a client (RFC 6455 section 5.2), masked with zeroes.
fn ws(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let head = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(small @ ..126), _) => vec![first, 0x80 | small],
        (_, Ok(middle)) => [&[first, 0x80 | 126], middle.to_be_bytes().as_slice()].concat(),
        _ => [&[first, 0x80 | 127], u64::try_from(length).unwrap().to_be_bytes().as_slice()].concat(),
    };
    [head.as_slice(), &[0; 4], payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_frames_that_are_none_is_closed_with_the_reason() {
    let served = Served::new().await;
    let upgrade = "GET /agent/v1/link HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut unmasked = ws(0x81, b"{}");
    unmasked[1] &= 0x7f;
    let pieces: Vec<u8> = std::iter::once(ws(0x01, &[b' '; 1_000]))
        .chain((0..70).map(|_| ws(0x00, &[b' '; 1_000])))
        .flatten()
        .collect();
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("garbage", ws(0x81, b"what"), "no hello"),
        ("another frame first", ws(0x81, b"{\"frame\":\"health\"}"), "no hello"),
        ("no UTF-8", ws(0x81, &[0xff; 9]), "UTF-8"),
        ("binary", ws(0x82, b"{}"), "binary"),
        ("huge", ws(0x81, &[b' '; 70_000]), "too long"),
        ("pieces without an end", pieces, "too long"),
        ("unmasked", unmasked, "mask"),
        ("nested", ws(0x81, "[".repeat(60_000).as_bytes()), "no hello"),
    ];
    for (what, bytes, reason) in cases {
        let mut stream = served.connect(HTTP1).await;
        stream.write_all(upgrade.as_bytes()).await.unwrap();
        let _ = stream.write_all(&bytes).await;
        let answer = until_dropped(&mut stream).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 101"), "{what}: {text}");
        assert!(text.contains(reason), "{what}: not told '{reason}': {text}");
    }
    assert_eq!(served.world.state.relay.live_links(), 0);
    served.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_does_not_take_all_places() {
    let served = Served::new().await;
    let mut held = Vec::new();
    for _ in 0..PATIENCE.connections {
        held.push(served.tcp().await);
    }
    // From here another one is answered, and the same one is not until those are dropped.
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind((Ipv4Addr::new(127, 0, 0, 77), 0).into()).unwrap();
    let tcp = other.connect(served.address).await.unwrap();
    let mut stream = served.over(tcp, HTTP1).await;
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(until_dropped(&mut stream).await.starts_with(b"HTTP/1.1 200"));
    for dropped in &mut held {
        until_dropped(dropped).await;
    }
    served.is_ready().await;
}
