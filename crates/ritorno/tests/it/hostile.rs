//! Thousands of peers that are malformed, huge, slow or half-open, against the real program with its real times: they are dropped with a
//! reason, its memory stays bounded, and it goes on answering.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::place::Place;
use crate::service::{Service, curl};

/// Peers of one wave, all there at the same time.
const WAVE: usize = 420;
/// Waves after the first one, by which the program has grown to its working size.
const WAVES: usize = 8;
/// What the program may have grown by after all of them.
const GROWN_BY: u64 = 24 * 1024;
/// What it may have grown by while they were there: a connection costs what TLS and one header keep, and no more.
const GROWN_BY_EACH: u64 = 200;
/// The longest time that anybody has, which is for a body, and some for a busy machine.
const DROPPED_WITHIN: Duration = Duration::from_secs(60);

/// What a process holds of memory, and has held at most, in KB.
fn memory(process: u32) -> Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let number = |name: &str| -> Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    };
    Ok((number("VmRSS:")?, number("VmHWM:")?))
}

enum Peer {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Peer {
    /// Waits until the server has dropped it.
    fn until_dropped(self) -> Result<()> {
        let mut socket = match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.sock,
        };
        socket.set_read_timeout(Some(DROPPED_WITHIN))?;
        let mut piece = [0; 4_096];
        loop {
            match socket.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    anyhow::bail!("it was not dropped within {} s", DROPPED_WITHIN.as_secs())
                }
                Err(_) => return Ok(()),
            }
        }
    }
}

fn client(ca: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// A peer of one of the kinds.
fn peer(kind: usize, port: u16, client: &Arc<ClientConfig>) -> Result<Peer> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(DROPPED_WITHIN))?;
    match kind {
        0 => return Ok(Peer::Plain(socket)),
        1 => {
            socket.write_all(&[0x47; 2_000])?;
            return Ok(Peer::Plain(socket));
        }
        _ => {}
    }
    let connection = ClientConnection::new(client.clone(), ServerName::try_from("localhost")?)?;
    let mut stream = StreamOwned::new(connection, socket);
    let upgrade = "GET /agent/v1/link HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let said = match kind {
        // Nothing after the handshake, which a flush carries out.
        2 => Vec::new(),
        3 => [b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ".as_slice(), &[b'a'; 50_000]].concat(),
        4 => {
            let head = "POST /agent/v1/enrol HTTP/1.1\r\nhost: localhost\r\ncontent-length: 60000\r\n\
                        content-type: application/json\r\n\r\n";
            [head.as_bytes(), &[b' '; 50_000]].concat()
        }
        5 => upgrade.as_bytes().to_vec(),
        // A frame of 64 KB that never comes to its end.
        _ => [upgrade.as_bytes(), &[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0], &[b' '; 50_000]]
            .concat(),
    };
    stream.write_all(&said)?;
    stream.flush()?;
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(Peer::Tls(Box::new(stream)))
}

fn wave(port: u16, client: &Arc<ClientConfig>) -> Result<Vec<Peer>> {
    (0..WAVE).map(|number| peer(number % 7, port, client)).collect()
}

#[test]
fn thousands_of_bad_peers_are_dropped_with_a_reason_and_cost_bounded_memory() -> Result<()> {
    let place = Place::new()?;
    let (url, ca) = place.with_tls()?;
    let service = Service::start_logging(
        &place,
        "info,ritorno_http::serve=debug,ritorno_relay::session=debug",
        &url,
        Some(&ca),
    )?;
    let client = client(&ca)?;
    let ready = || -> Result<()> {
        let said = curl(&[&url], Some(&ca))?;
        ensure!(said == "ready\n", "it does not answer any more: {said}");
        Ok(())
    };
    let (at_rest, _) = memory(service.id())?;
    drop(wave(place.port, &client)?);
    ready()?;
    let (before, _) = memory(service.id())?;
    for number in 1..=WAVES {
        let peers = wave(place.port, &client)?;
        ready()?;
        for (at, peer) in peers.iter().enumerate() {
            // Some say that they go; what becomes of the others their sockets tell.
            if let Peer::Plain(socket) = peer
                && at % 2 == 0
            {
                socket.shutdown(Shutdown::Both)?;
            }
        }
        if number < WAVES {
            continue;
        }
        let began = Instant::now();
        for peer in peers {
            peer.until_dropped()?;
        }
        eprintln!("the last of {WAVE} was dropped after {:.1} s", began.elapsed().as_secs_f32());
    }
    ready()?;
    let (after, most) = memory(service.id())?;
    eprintln!(
        "{} bad peers: at rest {at_rest} KB, after the first wave {before} KB, after all {after} KB, at most {most} KB",
        (WAVES + 1) * WAVE
    );
    ensure!(after <= before + GROWN_BY, "it grew from {before} to {after} KB");
    let bound = before + GROWN_BY + GROWN_BY_EACH * u64::try_from(WAVE)?;
    ensure!(most <= bound, "it held {most} KB, more than {bound}");

    let log = std::fs::read_to_string(place.folder.join("log"))?;
    let reasons = [
        "the handshake took too long",
        "the handshake failed: ",
        "there was no request in time",
        "header",
        "no hello in time",
    ];
    for reason in reasons {
        ensure!(log.lines().any(|line| line.contains(reason)), "nobody is told '{reason}'");
    }
    let told = log.lines().filter(|line| line.contains("\"INFO\"") && line.contains("was dropped")).count();
    ensure!((1..=10).contains(&told), "{told} lines of an ordinary log: one a minute is enough");
    service.terminate()?;
    Ok(())
}
