//! StartTLS: with real controllers, and with servers that answer the request for it in other ways.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ritorno_directory::ldap::{ConnectFault, Connection, Connector, LdapError};
use ritorno_directory::{Directory, Identity, Names, PdcHealth, SignIn, Transport};
use ritorno_lab::Forest;
use ritorno_protocol::clock::SystemClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::playground::{Playground, password, reset};

#[tokio::test]
async fn a_reset_over_start_tls() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "start-tls");
        play.add("ada", &[]);
        let mut config = play.config();
        (config.transport, config.port) = (Transport::StartTls, Transport::StartTls.port());
        let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
        let person = play.locate(&directory, "ada").await;
        reset(&directory, &person, "Entirely-New-7!").await.unwrap();
        assert!(play.kinit("ada", "Entirely-New-7!"));
        assert_eq!(directory.verify(&person, &password("Entirely-New-7!")).await, Ok(SignIn::ReplacedLately));
        assert_eq!(directory.verify(&person, &password("not-it-1!")).await, Ok(SignIn::WrongPassword));

        // The certificate is checked as over LDAPS.
        let mut config = play.config();
        (config.transport, config.port) = (Transport::StartTls, Transport::StartTls.port());
        config.hosts = vec![format!("domaindnszones.{}", play.forest.dns_domain)];
        let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
        let PdcHealth::Unreachable { reason, .. } = directory.pdc_health().await else { panic!("trusted") };
        assert!(reason.contains("not valid for name"), "{reason}");
        assert!(directory.locate(&Identity::AccountName("Guest".into())).await.is_err());
    }
}

/// What comes of a server that answers the first request with `answer`; and what it was sent.
async fn answered(transport: Transport, answer: &'static [u8]) -> (Result<Connection, LdapError>, Vec<u8>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (mut sent, mut request) = (Vec::new(), [0; 4096]);
        let length = socket.read(&mut request).await.unwrap();
        sent.extend_from_slice(&request[..length]);
        // A client that does not like it hangs up.
        let _ = socket.write_all(answer).await;
        while let Ok(Ok(length @ 1..)) =
            tokio::time::timeout(Duration::from_millis(300), socket.read(&mut request)).await
        {
            sent.extend_from_slice(&request[..length]);
        }
        sent
    });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let connector = Connector::new(Names::new(&[]).unwrap(), Arc::new(tls), port, Duration::from_secs(2));
    let outcome = connector.over(transport).connect("127.0.0.1").await;
    (outcome, server.await.unwrap())
}

#[tokio::test]
async fn what_comes_before_tls_is_believed_by_nobody() {
    // extendedResp with result 0, and the same with a bind's success behind it.
    const GOOD: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
    const INJECTED: &[u8] =
        b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
    const UNAVAILABLE: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00";
    for (name, answer) in [
        ("more than an answer", INJECTED),
        ("no", UNAVAILABLE),
        ("nonsense", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ] {
        let (outcome, sent) = answered(Transport::StartTls, answer).await;
        let Err(LdapError::Connect { fault, .. }) = outcome else { panic!("{name}: connected") };
        assert_eq!(fault, ConnectFault::NoStartTls, "{name}");
        assert!(sent.windows(22).any(|part| part == b"1.3.6.1.4.1.1466.20037"), "{name}");
        assert!(!has_hello(&sent), "{name}: TLS was begun");
    }
    // With the good answer TLS begins, and ends there.
    let (outcome, sent) = answered(Transport::StartTls, GOOD).await;
    assert!(matches!(outcome, Err(LdapError::Connect { fault, .. }) if fault != ConnectFault::NoStartTls));
    assert!(has_hello(&sent));
}

/// Whether a record of TLS's handshake begins somewhere (RFC 8446 section 5.1).
fn has_hello(sent: &[u8]) -> bool {
    sent.windows(2).any(|part| part == [0x16, 3])
}

#[tokio::test]
async fn nothing_secret_is_sent_before_the_connection_is_sealed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut sent = Vec::new();
        socket.read_to_end(&mut sent).await.unwrap();
        sent
    });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let limit = Duration::from_secs(2);
    let connector = Connector::new(Names::new(&[]).unwrap(), Arc::new(tls), port, limit);
    let mut connection = connector.over(Transport::Kerberos).connect("127.0.0.1").await.unwrap();
    let bound = connection.bind("svc@contoso.test", "Never-Sent-7!", limit).await;
    assert!(matches!(bound, Err(LdapError::NotSent { .. })), "{bound:?}");
    let change = ritorno_directory::ldap::Change {
        kind: ritorno_directory::ldap::ChangeKind::Replace,
        attribute: "unicodePwd",
        value: ritorno_directory::ldap::unicode_pwd("Never-Sent-7!"),
    };
    let modify = ritorno_directory::ldap::Modify { dn: "CN=a".into(), changes: vec![change] };
    let modified = connection.modify(&modify, &[], limit).await;
    assert!(matches!(modified, Err(LdapError::NotSent { .. })), "{modified:?}");
    drop(connection);
    assert_eq!(server.await.unwrap(), Vec::<u8>::new());
}
