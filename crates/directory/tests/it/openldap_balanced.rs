//! Two OpenLDAP servers behind one name.

use std::sync::Arc;

use ritorno_directory::SignIn;
use ritorno_directory::openldap::OpenLdap;
use ritorno_lab::Lab;
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::outcome::Fault;

use crate::openldap::{INITIAL, Play};
use crate::playground::{fault, password};

/// Passes each connection on to the next one of the servers in turn, as a load balancer does.
async fn balance(servers: [(std::net::Ipv4Addr, u16); 2]) -> u16 {
    let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for turn in 0.. {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = tokio::net::TcpStream::connect(servers[turn % 2]).await.unwrap();
            // That one of them hangs up is how a connection ends.
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    port
}

/// One name, two servers that don't tell each other of wrong passwords: what is read at the one says nothing of the other.
#[tokio::test]
async fn behind_one_name_the_server_that_is_asked_is_the_server_that_was_seen() {
    let private = Lab::open().unwrap().private("openldap-twin").unwrap();
    let (first, second) = (Play::new("twin"), Play::at(&private, "twin"));
    for play in [&first, &second] {
        play.add("ada", "");
        play.add("bob", "");
    }
    // The policy locks at 10.
    for _ in 0..7 {
        assert!(!first.takes("ada", "wrong"));
    }
    let mut config = first.config();
    config.hosts = vec!["localhost".to_owned()];
    config.port = balance([&first, &second].map(|play| (play.server.address, play.server.port))).await;
    let directory = OpenLdap::new(config, Arc::new(SystemClock)).unwrap();
    let mut said = Vec::new();
    for _ in 0..40 {
        let person = first.locate(&directory, "ada").await;
        said.push(directory.verify(&person, &password("wrong")).await.unwrap());
    }
    let count = |what| said.iter().filter(|said| **said == what).count();
    assert_eq!((count(SignIn::WrongPassword), count(SignIn::TooCloseToLockout)), (1 + 8, 40 - 9));
    for play in [&first, &second] {
        assert!(play.takes("ada", INITIAL), "{} is not locked", play.server.address);
    }

    // Whoever is not there at the server that is asked has no number of tries left there, rather than all of them.
    let bob = first.locate(&directory, "bob").await;
    second.server.delete(&second.dn("bob")).unwrap();
    let (mut wrong, mut missing) = (0, 0);
    for _ in 0..6 {
        match directory.verify(&bob, &password("wrong")).await {
            Ok(SignIn::WrongPassword) => wrong += 1,
            outcome => {
                assert_eq!(fault(outcome), Fault::NotFound);
                missing += 1;
            }
        }
    }
    assert_eq!((wrong, missing), (3, 3));
}
