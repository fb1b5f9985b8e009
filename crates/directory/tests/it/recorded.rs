//! What real directories send, message by message, as it comes out of TLS: all of it is decoded. With `RITORNO_RECORD` set to a folder each kind
//! of message is written there: that is how the fuzz target's corpus is made.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ritorno_directory::ldap::decode_reply;
use ritorno_directory::openldap::{Identity as Uid, OpenLdap};
use ritorno_directory::{Directory, Identity, Since, roots_from_pem_file};
use ritorno_lab::Forest;
use ritorno_protocol::clock::SystemClock;
use rustls_pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::openldap::Play;
use crate::playground::{INITIAL, Playground, config, password, reset};

/// What a server sent, connection by connection.
type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

/// Ends the client's TLS, goes on under TLS to the server, and writes down what that sends. Its certificate is for `names`; returned with
/// the authority that it is to be trusted by.
async fn listen(
    address: Ipv4Addr,
    port: u16,
    name: &str,
    ca: &std::path::Path,
    heard: Heard,
) -> (u16, rustls::RootCertStore) {
    let provider = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certified = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let front = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let back = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots_from_pem_file(ca).unwrap())
        .with_no_client_auth();
    let (front, back) =
        (tokio_rustls::TlsAcceptor::from(Arc::new(front)), tokio_rustls::TlsConnector::from(Arc::new(back)));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let here = listener.local_addr().unwrap().port();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (front, back, name, heard) = (front.clone(), back.clone(), name.clone(), Arc::clone(&heard));
            tokio::spawn(async move {
                let client = front.accept(client).await.unwrap();
                let server = TcpStream::connect(SocketAddr::from((address, port))).await.unwrap();
                let server = back.connect(name, server).await.unwrap();
                let (mut from_client, mut to_client) = tokio::io::split(client);
                let (mut from_server, mut to_server) = tokio::io::split(server);
                tokio::spawn(async move {
                    // That one of them hangs up is how a connection ends.
                    let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
                    let _ = to_server.shutdown().await;
                });
                let at = {
                    let mut heard = heard.lock().unwrap();
                    heard.push(Vec::new());
                    heard.len() - 1
                };
                let mut buffer = vec![0; 32 << 10];
                while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                    heard.lock().unwrap()[at].extend_from_slice(&buffer[..length]);
                    if to_client.write_all(&buffer[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (here, roots)
}

/// The whole messages in what was heard on a connection, by their own lengths (X.690 section 8.1.3).
fn messages(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let [0x30, first, rest @ ..] = bytes {
        let (long, header) = if first & 0x80 == 0 {
            (0, 2)
        } else {
            (usize::from(first & 0x7f), 2 + usize::from(first & 0x7f))
        };
        let Some(digits) = rest.get(..long) else { break };
        let length = if long == 0 {
            usize::from(*first)
        } else {
            digits.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
        };
        let Some(whole) = bytes.get(..header + length) else { break };
        found.push(whole);
        bytes = &bytes[whole.len()..];
    }
    found
}

/// The tag of a message's operation, and its result code if it has one.
fn kind(message: &[u8]) -> (u8, Option<u8>) {
    let body =
        |bytes: &[u8]| -> usize { if bytes[1] & 0x80 == 0 { 2 } else { 2 + usize::from(bytes[1] & 0x7f) } };
    let id = &message[body(message)..];
    let operation = &id[2 + usize::from(id[1])..];
    let content = &operation[body(operation)..];
    (operation[0], (content.first() == Some(&0x0a)).then(|| content[2]))
}

/// All that was heard is decoded, one reply for each message. Returns the kinds that there were.
fn decoded(source: &str, heard: &Heard) -> BTreeSet<u8> {
    let heard = heard.lock().unwrap();
    let mut kinds: BTreeMap<(u8, Option<u8>), &[u8]> = BTreeMap::new();
    let mut count = 0;
    for connection in heard.iter() {
        for message in messages(connection) {
            assert_eq!(decode_reply(message), Ok(1), "{source}: {message:02x?}");
            count += 1;
            // The longest of a kind shows most.
            let longest = kinds.entry(kind(message)).or_insert(message);
            if message.len() > longest.len() && message.len() < 8_000 {
                *longest = message;
            }
        }
    }
    println!("{source}: {count} messages of {} kinds", kinds.len());
    if let Some(folder) = std::env::var_os("RITORNO_RECORD").map(PathBuf::from) {
        std::fs::create_dir_all(&folder).unwrap();
        for ((tag, code), message) in &kinds {
            let code = code.map_or_else(String::new, |code| format!("-{code}"));
            std::fs::write(folder.join(format!("{source}-{tag:02x}{code}")), message).unwrap();
        }
    }
    kinds.into_keys().map(|(tag, _)| tag).collect()
}

#[tokio::test]
async fn all_that_controllers_send_is_decoded() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "recorded");
        play.add("ada", &[("displayName", "Ada Lovelace")]);
        let heard = Heard::default();
        let at = play.forest.dc_ip;
        let (port, roots) =
            listen(at, 636, &play.forest.dc_host, &play.forest.ca_pem, Arc::clone(&heard)).await;
        let mut settings = config(&play.forest);
        (settings.port, settings.roots, settings.page) = (port, Arc::new(roots), 10);
        let directory = Directory::new(settings.clone(), Arc::new(SystemClock)).unwrap();
        let ada = play.locate(&directory, "ada").await;
        directory.judge(&ada).await.unwrap();
        directory.state(&ada).await.unwrap();
        directory.rights(&ada).await.unwrap();
        directory.topology().await.unwrap();
        let mark = directory.watermark().await.unwrap();
        for new in ["short", "alllowercaseletters", "Entirely-New-7!"] {
            // Refused ones are answers as well.
            let _ = reset(&directory, &ada, new).await;
        }
        let _ = directory.change(&ada, &password("wrong"), &password("Entirely-New-8!")).await;
        for tried in ["wrong", "Entirely-New-7!"] {
            directory.verify(&ada, &password(tried)).await.unwrap();
        }
        let everything =
            vec!["*".to_owned(), "replPropertyMetaData".to_owned(), "nTSecurityDescriptor".to_owned()];
        let mut import = directory.users(everything.clone());
        while let Some(object) = import.recv().await {
            object.unwrap();
        }
        let Since::Changes(mut changes) = directory.changes(&mark, everything).await.unwrap() else {
            panic!("lost")
        };
        while changes.next().await.unwrap().is_some() {}
        let nobody = directory.locate(&Identity::AccountName("nobody of that name".into())).await;
        assert!(nobody.is_err());
        settings.scope = vec![format!("OU=None,{}", play.forest.base_dn)];
        let none = Directory::new(settings, Arc::new(SystemClock)).unwrap();
        assert!(none.users(Vec::new()).recv().await.unwrap().is_err());
        let kinds = decoded(&play.forest.dns_domain, &heard);
        // Bound, an entry, the end of a search, modified.
        assert!(kinds.is_superset(&[0x61, 0x64, 0x65, 0x67].into()), "{kinds:02x?}");
        assert!(play.kinit("ada", "Entirely-New-7!") && !play.kinit("ada", INITIAL));
    }
}

#[tokio::test]
async fn all_that_openldap_sends_is_decoded() {
    let play = Play::new("recorded");
    play.add("ada", "displayName: Ada Lovelace\n");
    let heard = Heard::default();
    let (at, port) = (play.server.address, play.server.port);
    let (port, roots) = listen(at, port, &at.to_string(), &play.server.ca_pem, Arc::clone(&heard)).await;
    let mut settings = play.config();
    (settings.port, settings.roots, settings.page) = (port, Arc::new(roots), 10);
    let directory = OpenLdap::new(settings, Arc::new(SystemClock)).unwrap();
    let ada = directory.locate(&Uid::Uid("ada.recorded".into())).await.unwrap();
    for new in ["short", "Entirely-New-7!", "Entirely-New-7!"] {
        // Refused ones are answers as well.
        let _ = directory.reset(&ada, &password(new), new != "short").await;
    }
    for tried in ["wrong", "Entirely-New-7!"] {
        directory.verify(&ada, &password(tried)).await.unwrap();
    }
    directory.unlock(&ada).await.unwrap();
    let mut import = directory.users(vec!["*".to_owned(), "+".to_owned()], None);
    while let Some(object) = import.recv().await {
        object.unwrap();
    }
    let kinds = decoded("openldap", &heard);
    // And the extended operation's answer.
    assert!(kinds.is_superset(&[0x61, 0x64, 0x65, 0x67, 0x78].into()), "{kinds:02x?}");
}
