//! A server with a certificate of the same authority, that DNS calls a domain controller: it is sent nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ritorno_directory::ldap::Connector;
use ritorno_directory::{Directory, Identity, Names, PdcHealth, roots_from_pem_file};
use ritorno_lab::{Forest, Lab};
use ritorno_protocol::clock::SystemClock;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::playground::{add_record, config, reset};

/// What reached the rogue.
#[derive(Default)]
struct Caught {
    connections: AtomicUsize,
    /// What came through TLS: LDAP requests, and a password if there is one among them.
    bytes: Mutex<Vec<u8>>,
}

/// Serves TLS and writes down what comes.
async fn rogue(lab: &Lab, ip: IpAddr) -> Arc<Caught> {
    let pair = lab.authority().unwrap().issue(&["rogue.contoso.test"], &[]).unwrap();
    let chain = CertificateDer::pem_slice_iter(pair.chain_pem.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind(SocketAddr::new(ip, 636)).await.unwrap();
    let caught = Arc::new(Caught::default());
    let state = Arc::clone(&caught);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            state.connections.fetch_add(1, Ordering::SeqCst);
            let (state, acceptor) = (Arc::clone(&state), acceptor.clone());
            tokio::spawn(async move {
                // A client that does not like the name ends here.
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    state.bytes.lock().unwrap().extend_from_slice(&buffer[..length]);
                }
            });
        }
    });
    caught
}

#[tokio::test]
async fn a_server_that_only_dns_names_gets_no_credential() {
    let private = Lab::open().unwrap().private("directory-rogue").unwrap();
    let forest = private.forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let ip = IpAddr::V4(private.address(66));
    let caught = rogue(&private, ip).await;
    // It has a name of its own, calls itself a controller, the nearest one and the PDC emulator, and has taken the name of a pinned host.
    let site = "_ldap._tcp.Default-First-Site-Name._sites.dc";
    for service in ["_ldap._tcp.dc", "_ldap._tcp.pdc", site] {
        add_record(&forest, "_msdcs.contoso.test", service, "SRV", "rogue.contoso.test 636 0 100");
    }
    for name in ["rogue", "dc9"] {
        add_record(&forest, "contoso.test", name, "A", &ip.to_string());
    }
    let mut settings = config(&forest);
    settings.hosts.insert(0, "dc9.contoso.test".to_owned());
    let directory = Directory::new(settings, Arc::new(SystemClock)).unwrap();

    let health = directory.pdc_health().await;
    assert!(matches!(&health, PdcHealth::Reachable { dc, .. } if *dc == forest.dc_host), "{health:?}");
    let topology = directory.topology().await.unwrap();
    assert_eq!(topology.strangers, ["rogue.contoso.test"]);
    let mut people = 0;
    let mut import = directory.users(Vec::new());
    while let Some(person) = import.recv().await {
        person.unwrap();
        people += 1;
    }
    assert!(people >= forest.people.len());
    let person = directory.locate(&Identity::AccountName(forest.people[0].sam.clone())).await.unwrap();
    let done = reset(&directory, &person, "Entirely-New-7!").await.unwrap();
    assert_eq!(done.operator.dc.as_deref(), Some(forest.dc_host.as_str()));

    assert!(caught.connections.load(Ordering::SeqCst) > 0, "the pinned name led to it");
    assert_eq!(*caught.bytes.lock().unwrap(), Vec::<u8>::new());

    // The trap works: whoever takes it at its own name and signs in has lost the password.
    let names = Names::new(&[SocketAddr::from((forest.dc_ip, 53))]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots_from_pem_file(&forest.ca_pem).unwrap())
        .with_no_client_auth();
    let limit = Duration::from_secs(3);
    let connector = Connector::new(names, Arc::new(tls), 636, limit);
    let mut connection = connector.connect("rogue.contoso.test").await.unwrap();
    let answer = connection.bind("somebody", "Given-Away-7!", Duration::from_millis(500)).await;
    assert!(answer.is_err());
    let bytes = caught.bytes.lock().unwrap().clone();
    assert!(bytes.windows(13).any(|window| window == b"Given-Away-7!"));
}
