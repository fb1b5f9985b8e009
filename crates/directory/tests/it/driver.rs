//! The driver against servers on loopback that speak TLS and then anything.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ritorno_directory::{Directory, ForestConfig, PdcHealth};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::ids::Forest;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::playground::password;

/// Starts a server that answers each connection's first request with `answer` and closes, and returns what the directory says about it.
async fn answered(answer: Vec<u8>) -> PdcHealth {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(socket).await.unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        assert!(length > 0, "the bind request");
        // The client may hang up in the middle of too much.
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    });
    let mut config = ForestConfig::new(
        Forest("garbage.test".into()),
        vec!["127.0.0.1".into()],
        "svc@garbage.test".into(),
        Arc::new(password("Svc-Passw0rd!")),
        Arc::new(roots),
    );
    config.port = port;
    config.timeout = Duration::from_secs(2);
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    let health = tokio::time::timeout(Duration::from_secs(5), directory.pdc_health()).await.expect("it ends");
    server.await.unwrap();
    health
}

fn nested(depth: usize) -> Vec<u8> {
    let mut bytes = vec![0x04, 0x00];
    for _ in 0..depth {
        let mut outer = vec![0x30, 0x83];
        outer.extend_from_slice(&(bytes.len() as u32).to_be_bytes()[1..]);
        outer.extend_from_slice(&bytes);
        bytes = outer;
    }
    bytes
}

#[tokio::test]
async fn bytes_that_break_other_clients_end_in_an_error() {
    let mut endless = vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff];
    endless.extend_from_slice(&vec![0x04; 1 << 20]);
    for (name, bytes) in [
        ("an empty sequence", vec![0x30, 0x00]),
        ("no message id", vec![0x30, 0x02, 0x04, 0x00]),
        ("an unknown operation", vec![0x30, 0x05, 0x02, 0x01, 0x01, 0x7f, 0x00]),
        ("three thousand levels", nested(3_000)),
        ("two gigabytes announced", endless),
        ("a length of 127 bytes", vec![0x30, 0xff, 0xff, 0xff]),
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("nothing", Vec::new()),
        ("a notice of disconnection", b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00".to_vec()),
    ] {
        let health = answered(bytes).await;
        assert!(matches!(health, PdcHealth::Unreachable { .. }), "{name}: {health:?}");
    }
}

#[test]
fn no_bytes_of_a_server_panic_the_client() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 40, ..Config::default() });
    let messages = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2_000),
        // A well-formed message with any operation and content.
        (0x60u8..0x80, proptest::collection::vec(any::<u8>(), 0..110)).prop_map(|(operation, content)| {
            let mut bytes =
                vec![0x30, content.len() as u8 + 5, 0x02, 0x01, 0x01, operation, content.len() as u8];
            bytes.extend_from_slice(&content);
            bytes
        }),
    ];
    runner
        .run(&messages, |bytes| {
            let health = runtime.block_on(answered(bytes));
            prop_assert!(matches!(health, PdcHealth::Unreachable { .. }), "{health:?}");
            Ok(())
        })
        .unwrap();
}
