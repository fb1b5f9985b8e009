//! The real program and a server that sends too much: it says why it stops listening, and its memory stays bounded.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ritorno_lab::Lab;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole};
use ritorno_protocol::clock::{Clock as _, SystemClock};
use ritorno_protocol::enrolment::{EnrolmentRequest, EnrolmentResponse, EnrolmentToken};
use ritorno_protocol::ids::{AgentId, TenantId};
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::random::Random;
use ritorno_protocol::signed::Signed;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// What the program may hold at most, in KB, built for tests: far less than what it is sent.
const MOST: u64 = 120 * 1024;
/// What it is sent by each answer, at most.
const SENT: usize = 512 * 1024 * 1024;

pub(crate) struct Chance;
impl Random for Chance {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).unwrap();
    }
}

pub(crate) type Stream = StreamOwned<ServerConnection, TcpStream>;

/// Sends a piece until nobody takes it any more, and says how much that was.
fn flood(stream: &mut Stream, first: &[u8], piece: &[u8]) -> usize {
    let mut sent = 0;
    if stream.write_all(first).is_err() {
        return 0;
    }
    while sent < SENT && stream.write_all(piece).is_ok() {
        sent += piece.len();
    }
    sent
}

pub(crate) fn tls() -> (PathBuf, Arc<ServerConfig>) {
    let authority = Lab::open().unwrap().authority().unwrap();
    let own = authority.issue(&["localhost"], &[Ipv4Addr::LOCALHOST.into()]).unwrap();
    let chain = CertificateDer::pem_slice_iter(own.chain_pem.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (authority.certificate_path(), Arc::new(config))
}

/// A server that hands each connection, with the request's header and what came with it, to `answer`.
pub(crate) fn server(
    config: Arc<ServerConfig>,
    answer: impl Fn(&mut Stream, &str) + Send + Sync + 'static,
) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for tcp in listener.incoming().map_while(Result::ok) {
            let (answer, connection) = (answer.clone(), ServerConnection::new(config.clone()).unwrap());
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(connection, tcp);
                let (mut asked, mut piece) = (Vec::new(), [0; 16 * 1024]);
                // A request's header, and the body that belongs to it: both are short.
                while let Ok(read @ 1..) = stream.read(&mut piece) {
                    asked.extend_from_slice(&piece[..read]);
                    let text = String::from_utf8_lossy(&asked);
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head.to_lowercase().split("content-length: ").nth(1).map_or(0, |rest| {
                        rest.split("\r\n").next().and_then(|number| number.parse().ok()).unwrap_or(0)
                    });
                    if body.len() >= length {
                        answer(&mut stream, &text);
                        return;
                    }
                }
            });
        }
    });
    port
}

pub(crate) struct Agent {
    pub(crate) folder: PathBuf,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Agent {
    pub(crate) fn new(name: &str, ca: &std::path::Path) -> Self {
        let folder = std::env::temp_dir().join(format!("ritorno-hostile-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("password"), "none").unwrap();
        let (here, ca) = (folder.display(), ca.display());
        let text = format!(
            "state_dir = \"{here}/state\"\nca_file = \"{ca}\"\n\
             [[forest]]\nname = \"contoso.test\"\nhosts = [\"dc1.contoso.test\"]\ndns_servers = [\"127.0.0.9\"]\n\
             account = \"svc@contoso.test\"\npassword_file = \"{here}/password\"\nca_file = \"{ca}\"\n\
             scope = [\"OU=People,DC=contoso,DC=test\"]\n\
             [log]\nevents_file = \"{here}/events.log\"\n"
        );
        std::fs::write(folder.join("agent.toml"), text).unwrap();
        Self { folder }
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ritorno-agent"));
        command
            .arg("--config")
            .arg(self.folder.join("agent.toml"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }
}

/// The most that a running process has held, in KB.
fn most(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn wait_until(within: Duration, mut done: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < within {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn an_enrolment_that_is_answered_without_an_end_stops_at_once() {
    let (ca, config) = tls();
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    let port = server(config, move |stream, _| {
        flood(stream, head, &[b' '; 64 * 1024]);
    });
    let agent = Agent::new("enrol", &ca);
    let root = SigningKey::generate(&Chance);
    let token = EnrolmentToken::new(format!("https://localhost:{port}"), [7; 32], &root.public()).to_text();
    let mut child = agent.start(&["enrol", &token]);
    let mut held = 0;
    let ended = wait_until(Duration::from_secs(40), || {
        held = most(&child).unwrap_or(held).max(held);
        child.try_wait().unwrap().is_some()
    });
    let _ = child.kill();
    assert!(ended, "it goes on reading");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("larger than any"), "{said}");
    assert!(held < MOST, "it held {held} KB");
}

#[test]
fn links_that_are_flooded_are_left_and_memory_stays() {
    let (ca, config) = tls();
    let root = SigningKey::generate(&Chance);
    let (signer, pinned) = (root.clone(), root.public());
    let links = Arc::new(AtomicU32::new(0));
    let counted = links.clone();
    let port = server(config, move |stream, asked| {
        if asked.starts_with("POST /agent/v1/enrol") {
            let body = asked.split("\r\n\r\n").nth(1).unwrap();
            let request: EnrolmentRequest = serde_json::from_str(body).unwrap();
            let (tenant, agent, now) =
                (TenantId::random(&Chance), AgentId::random(&Chance), SystemClock.now());
            let certificate = KeyCertificate {
                tenant,
                role: KeyRole::AgentIdentity { agent },
                key: request.identity,
                not_before: now.minus(Duration::from_secs(60)),
                not_after: now.plus(Duration::from_secs(3_600)),
                sequence: 1,
            };
            let identity = Signed::sign(&certificate, &signer);
            let body =
                serde_json::to_string(&EnrolmentResponse { tenant, agent, root: signer.public(), identity })
                    .unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            return;
        }
        let key = asked.lines().find_map(|line| {
            line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
        });
        let upgraded = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {}\r\n\r\n",
            key.map(|(_, key)| tokio_tungstenite::tungstenite::handshake::derive_accept_key(
                key.trim().as_bytes()
            ))
            .unwrap_or_default()
        );
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => flood(stream, b"HTTP/1.1 101 Switching Protocols\r\n", &b"x: y\r\n".repeat(2_000)),
            // A frame of 2 GB, and one in pieces without an end.
            1 => flood(
                stream,
                &[upgraded.as_bytes(), &[0x81, 127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]].concat(),
                &[b' '; 64 * 1024],
            ),
            2 => flood(
                stream,
                &[upgraded.as_bytes(), &[0x01, 1, b' ']].concat(),
                &[[0x00, 126, 0x10, 0].as_slice(), &[b' '; 4_096]].concat(),
            ),
            // Pings, as fast as they are taken.
            _ => flood(stream, upgraded.as_bytes(), &[0x89, 0].repeat(8_192)),
        };
    });
    let agent = Agent::new("flooded", &ca);
    let token = EnrolmentToken::new(format!("https://localhost:{port}"), [7; 32], &pinned).to_text();
    let enrolled = agent.start(&["enrol", &token]).wait_with_output().unwrap();
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    let mut child = agent.start(&["run"]);
    let began = wait_until(Duration::from_secs(30), || links.load(Ordering::SeqCst) >= 1);
    let at_first = most(&child);
    // The fourth one is flooded for as long as a handshake may take, and left for a fifth.
    let went_on = wait_until(Duration::from_secs(90), || links.load(Ordering::SeqCst) >= 5);
    let held = most(&child);
    let status = agent.start(&["status"]).wait_with_output().unwrap();
    let events = std::fs::read_to_string(agent.folder.join("events.log")).unwrap();
    let _ = child.kill();
    let _ = child.wait();
    assert!(began && went_on, "it does not dial again: {events}");
    let (at_first, held) = (at_first.unwrap(), held.unwrap());
    eprintln!("flooded links: {at_first} KB at the first, {held} KB at most");
    assert!(held < MOST && held < at_first + 24 * 1024, "it held {held} KB, {at_first} KB at the first link");
    assert!(status.status.success(), "it answers nobody: {}", String::from_utf8_lossy(&status.stderr));
    assert!(events.contains("32002") && events.contains("does not take links"), "{events}");
}
