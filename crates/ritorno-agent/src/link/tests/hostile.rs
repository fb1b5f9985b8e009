//! Servers and proxies that answer with too much, with nothing, or with what is no answer: each is left within its time, and it is
//! known why. `crates/ritorno-agent/tests/it/hostile.rs` has the real program and its memory.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// The longest step is ten seconds, and two may follow each other.
const LEFT_WITHIN: Duration = Duration::from_secs(30);
/// What an HTTP answer may take altogether.
const ANSWERED_WITHIN: Duration = Duration::from_secs(25);

/// What a peer does with a connection: bytes at once, then one more piece again and again; nothing closes it.
#[derive(Clone)]
struct Says {
    first: Vec<u8>,
    then: Vec<u8>,
    every: Duration,
}

fn once(first: impl Into<Vec<u8>>) -> Says {
    Says { first: first.into(), then: Vec::new(), every: Duration::from_secs(60) }
}

fn flood(first: impl Into<Vec<u8>>, then: impl Into<Vec<u8>>) -> Says {
    Says { first: first.into(), then: then.into(), every: Duration::ZERO }
}

fn drip(first: impl Into<Vec<u8>>, then: impl Into<Vec<u8>>) -> Says {
    Says { first: first.into(), then: then.into(), every: Duration::from_millis(200) }
}

impl Says {
    async fn to(self, mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
        if stream.write_all(&self.first).await.is_err() {
            return;
        }
        while !self.then.is_empty() && stream.write_all(&self.then).await.is_ok() {
            let _ = stream.flush().await;
            tokio::time::sleep(self.every).await;
        }
        let _ = stream.flush().await;
        tokio::time::sleep(LEFT_WITHIN).await;
    }
}

/// A server that does this with each connection, over TLS or before it; its port.
async fn server(acceptor: Option<TlsAcceptor>, says: Says, upgrades: bool) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, says) = (acceptor.clone(), says.clone());
            tokio::spawn(async move {
                let Some(acceptor) = acceptor else { return says.to(tcp).await };
                let Ok(mut stream) = acceptor.accept(tcp).await else { return };
                if upgrades {
                    let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                    return says.to(socket.into_inner()).await;
                }
                // Whoever is asked first hears the question.
                let _ = stream.read(&mut [0; 4_096]).await;
                says.to(stream).await;
            });
        }
    });
    port
}

/// What the agent says of a server, and after how long.
async fn told(port: u16, outbound: &Outbound) -> (String, Duration) {
    let began = std::time::Instant::now();
    let link = async {
        let mut socket = Socket::dial(&format!("https://localhost:{port}"), outbound).await?;
        next_frame(&mut socket).await
    };
    let error = tokio::time::timeout(LEFT_WITHIN, link).await.expect("it is left").expect_err("no frame");
    (format!("{error:#}"), began.elapsed())
}

/// One frame of a WebSocket from a server (RFC 6455 section 5.2).
fn ws(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[first, 126], length.as_slice(), payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_no_relay_is_left_and_it_is_known_why() {
    let (authority, acceptor) = certified();
    let outbound = Outbound::with(Some(&authority.certificate_path()), None).unwrap();
    let tls = || Some(acceptor.clone());
    let answer = "HTTP/1.1 101 Switching Protocols\r\n";
    let cases = [
        ("silent", None, once(""), false, "no answer within 10 s"),
        ("no TLS", None, once([0x47; 40_000]), false, "TLS with localhost"),
        ("half a record", None, once([22, 3, 3, 0x40, 0]), false, "no answer within 10 s"),
        ("silent after TLS", tls(), once(""), false, "does not take links: no answer within 10 s"),
        ("endless header", tls(), flood(answer, "x: y\r\n".repeat(200)), false, "does not take links"),
        ("dripping header", tls(), drip(answer, "x: y\r\n"), false, "does not take links"),
        ("no HTTP", tls(), once([0xff; 100]), false, "does not take links"),
        ("a page", tls(), once("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), false, "200"),
        ("elsewhere", tls(), once("HTTP/1.1 302 Found\r\nlocation: https://x\r\n\r\n"), false, "302"),
        ("not this agent", tls(), once("HTTP/1.1 401 Unauthorized\r\n\r\n"), false, "401"),
        ("silent link", tls(), once(""), true, "did not answer in time"),
        (
            "pings only",
            tls(),
            drip("", ws(0x89, b"")[..1].iter().chain(&[0]).copied().collect::<Vec<_>>()),
            true,
            "did not answer in time",
        ),
        ("garbage", tls(), once(ws(0x81, b"what")), true, "can't be read"),
        ("unknown frame", tls(), once(ws(0x81, b"{\"frame\":\"what\"}")), true, "can't be read"),
        ("nested", tls(), once(ws(0x81, &[b'['; 60_000])), true, "can't be read"),
        ("no UTF-8", tls(), once(ws(0x81, &[0xff; 9])), true, "UTF-8"),
        ("binary", tls(), once(ws(0x82, b"{}")), true, "binary"),
        ("huge", tls(), once([0x81, 127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]), true, "too long"),
        (
            "pieces without an end",
            tls(),
            flood(ws(0x01, &[b' '; 1_000]), ws(0x00, &[b' '; 1_000])),
            true,
            "too long",
        ),
        ("dripping frame", tls(), drip([0x81, 126, 0xff, 0xff], " "), true, "did not answer in time"),
        ("reserved bits", tls(), once(ws(0xf1, b"{}")), true, "the socket failed"),
    ];
    let mut running = tokio::task::JoinSet::new();
    for (what, acceptor, says, upgrades, why) in cases {
        let outbound = outbound.clone();
        running.spawn(async move {
            let port = server(acceptor, says, upgrades).await;
            (what, why, told(port, &outbound).await)
        });
    }
    while let Some(done) = running.join_next().await {
        let (what, why, (said, took)) = done.unwrap();
        assert!(said.contains(why), "{what}: '{why}' was to be said, and not: {said}");
        assert!(took < LEFT_WITHIN, "{what}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_answers_badly_is_left_and_it_is_known_which() {
    let cases = [
        ("silent", once("")),
        ("endless", flood("HTTP/1.1 200 OK\r\n", "x: y\r\n".repeat(200))),
        ("dripping", drip("HTTP/1.1 200 OK\r\n", "x: y\r\n")),
        ("no HTTP", once([0xff; 100])),
        ("forbidden", once("HTTP/1.1 403 Forbidden\r\n\r\n")),
    ];
    let mut running = tokio::task::JoinSet::new();
    for (what, says) in cases {
        running.spawn(async move {
            let port = server(None, says, false).await;
            let proxy = Proxy {
                url: format!("http://127.0.0.1:{port}").parse().unwrap(),
                user: None,
                password_file: None,
                no_proxy: Vec::new(),
            };
            let outbound = Outbound::with(None, Some(&proxy)).unwrap();
            // The link's way, and that of everything else.
            let (told, asked) = tokio::join!(told(9, &outbound), async {
                let http = crate::client::plain(&outbound).unwrap();
                let asked = crate::client::post::<u8>(&http, "https://localhost:9/", &());
                tokio::time::timeout(ANSWERED_WITHIN, asked).await.expect("it is left")
            });
            let said = told.0;
            assert!(said.contains(&format!("the proxy 127.0.0.1:{port} gives no way")), "{what}: {said}");
            assert!(crate::client::is_unreachable(&asked.unwrap_err()), "{what}");
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_too_large_too_slow_or_none_are_refused() {
    let (authority, acceptor) = certified();
    let outbound = Outbound::with(Some(&authority.certificate_path()), None).unwrap();
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = [b"1000\r\n".as_slice(), &[b' '; 4_096], b"\r\n"].concat();
    let cases = [
        ("endless", flood(chunked, chunk.clone()), "larger than any"),
        ("endless problem", flood(chunked.replace("200 OK", "500 No"), chunk), "larger than any"),
        (
            "announced",
            flood("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", [b' '; 4_096]),
            "larger than any",
        ),
        ("dripping", drip("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", " "), "broke off"),
        ("silent", once(""), "can't be reached"),
        ("endless header", flood("HTTP/1.1 200 OK\r\n", "x: y\r\n".repeat(200)), "can't be reached"),
        ("no JSON", once("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwhat"), "can't be read"),
        (
            "elsewhere",
            once("HTTP/1.1 307 T\r\nlocation: https://x/\r\ncontent-length: 0\r\n\r\n"),
            "status 307",
        ),
    ];
    let mut running = tokio::task::JoinSet::new();
    for (what, says, why) in cases {
        let (outbound, acceptor) = (outbound.clone(), acceptor.clone());
        running.spawn(async move {
            let port = server(Some(acceptor), says, false).await;
            let http = crate::client::plain(&outbound).unwrap();
            let url = format!("https://localhost:{port}/agent/v1/enrol");
            let asked = crate::client::post::<u8>(&http, &url, &());
            let said =
                tokio::time::timeout(ANSWERED_WITHIN, asked).await.expect("it is given up").unwrap_err();
            (what, why, format!("{said:#}"))
        });
    }
    while let Some(done) = running.join_next().await {
        let (what, why, said) = done.unwrap();
        assert!(said.contains(why), "{what}: '{why}' was to be said, and not: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_takes_nothing_more_is_left_and_the_report_that_failed_is_told() {
    let scene = Scene::new("deaf").await;
    let mut relay = scene.accept().await;
    scene.welcome(&mut relay, system::clock().now()).await;
    assert!(receive(&mut relay).await.is_some(), "a report");
    // Each ping is answered; nobody reads the answers, until no more of them goes out.
    let pinging = async {
        while relay.feed(Message::Ping(vec![b' '; 120].into())).await.is_ok() && relay.flush().await.is_ok() {
            if !scene.board.link().up {
                break;
            }
        }
    };
    tokio::time::timeout(SILENT_AFTER * 3, pinging).await.expect("it is left");
    let told = async {
        while !scene.events().contains("32015") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(SILENT_AFTER * 2, told).await.expect("the report that failed is told");
    assert!(scene.events().contains("32014"), "{}", scene.events());
}

#[test]
fn each_way_of_having_no_link_has_its_number() {
    let unreadable = serde_json::from_str::<u8>("what").unwrap_err();
    let tls = || std::io::Error::other(rustls::Error::HandshakeNotComplete);
    let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    assert_eq!(number_of(&anyhow::Error::new(unreadable), true), EventId::InputValidationError);
    assert_eq!(number_of(&anyhow::Error::new(tls()).context("TLS failed"), false), EventId::ListenerError);
    assert_eq!(number_of(&anyhow::Error::new(refused()), false), EventId::RelayError);
    assert_eq!(number_of(&anyhow::Error::new(refused()), true), EventId::RelayWarning);
}
