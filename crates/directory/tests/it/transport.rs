//! Trust, names, broken connections and a PDC emulator that dies: what is told, and what may have been written.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ritorno_directory::{Directory, DirectoryError, Identity, PasswordFile, PdcHealth, ResetOptions, SignIn};
use ritorno_lab::{Forest, Lab};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::outcome::Fault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::playground::{INITIAL, Playground, config, fault, password, reset};

#[tokio::test]
async fn a_certificate_of_another_authority_or_name_gets_no_credential() {
    let play = Playground::new(Forest::Contoso, "trust");
    let mut config = play.config();
    let key = rcgen::KeyPair::generate().unwrap();
    let stranger = rcgen::CertificateParams::new(vec!["stranger.test".to_owned()]).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(stranger.self_signed(&key).unwrap().der().clone()).unwrap();
    config.roots = Arc::new(roots);
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    let PdcHealth::Unreachable { name, reason } = directory.pdc_health().await else { panic!("trusted") };
    assert_eq!(name, play.forest.dc_host);
    assert!(reason.contains("UnknownIssuer"), "{reason}");

    // A name that DNS leads to the same DC, and that its certificate does not carry.
    let mut config = play.config();
    config.hosts = vec![format!("domaindnszones.{}", play.forest.dns_domain)];
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    let PdcHealth::Unreachable { reason, .. } = directory.pdc_health().await else { panic!("trusted") };
    assert!(reason.contains("not valid for name"), "{reason}");
    let located = directory.locate(&Identity::AccountName("Guest".into())).await;
    assert!(matches!(fault(located), Fault::PdcUnreachable { .. }));
}

#[tokio::test]
async fn a_wrong_service_password_or_name_is_told_as_that() {
    let play = Playground::new(Forest::Contoso, "account");
    let mut config = play.config();
    config.password = Arc::new(password("wrong-Passw0rd!"));
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    let error = directory.locate(&Identity::AccountName("Guest".into())).await.unwrap_err();
    assert!(
        error.operator().detail.contains("can't sign in") && error.operator().detail.contains("52e"),
        "{error}"
    );
    let mut config = play.config();
    config.hosts = vec!["nowhere.contoso.test".into()];
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    let expected = Fault::PdcUnreachable { name: "nowhere.contoso.test".into() };
    assert_eq!(fault(directory.locate(&Identity::AccountName("Guest".into())).await), expected);
}

/// The agent's own account, whose password somebody changed: every probe and every request would try the old one, and lock it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_password_is_not_tried_again_once_it_was_refused() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "own");
        play.add("svc", &[]);
        let file = std::env::temp_dir().join(format!("ritorno-own-{}-{}", std::process::id(), play.ou.len()));
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        write("wrong-Passw0rd!");
        let mut config = play.config();
        config.account = format!("{}@{}", play.account("svc"), play.forest.dns_domain);
        config.password = Arc::new(PasswordFile(file.clone()));
        // The same controller under another name would be tried too, if the refusal were not known.
        config.hosts.push(play.forest.dc_host.to_uppercase());
        let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
        let sure = play.directory();
        let bad = async || sure.state(&play.locate(&sure, "svc").await).await.unwrap().bad_password_count;
        let guest = || Identity::AccountName("Guest".into());
        let together: Vec<_> = (0..20)
            .map(|_| {
                let directory = directory.clone();
                tokio::spawn(async move { directory.locate(&guest()).await.map(drop) })
            })
            .collect();
        for refused in together {
            let error = refused.await.unwrap().unwrap_err();
            assert_eq!(error.operator().ldap_code, Some(49), "{error}");
            assert_eq!(fault(Err::<(), _>(error)), Fault::DirectoryUnavailable);
        }
        for _ in 0..20 {
            let PdcHealth::Unreachable { reason, .. } = directory.pdc_health().await else {
                panic!("signed in")
            };
            assert!(reason.contains("can't sign in") && reason.contains("is not tried again"), "{reason}");
        }
        // Two may have been on their way together.
        assert!((1..=2).contains(&bad().await), "{}", bad().await);
        // The right one counts as soon as it is there.
        write(INITIAL);
        assert!(matches!(directory.pdc_health().await, PdcHealth::Reachable { .. }));
        directory.locate(&guest()).await.unwrap();
        let _ = std::fs::remove_file(&file);
    }
}

/// A TCP proxy in front of a DC that can cut connections, or swallow what passes, at a given request.
struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Requests that still pass; after them `swallow` holds.
    requests_left: AtomicUsize,
    /// 0: nothing; 1: answers are swallowed; 2: requests too.
    swallow: AtomicUsize,
    /// Connections that are open.
    open: AtomicUsize,
    /// So many connections are to wait for the answer to what comes after their sign-in, and so many do.
    hold: AtomicUsize,
    held: AtomicUsize,
    cut: Notify,
    closed: Notify,
}

impl Proxy {
    async fn start(address: IpAddr) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let state = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    let server = TcpStream::connect((address, 636)).await.unwrap();
                    state.open.fetch_add(1, Ordering::SeqCst);
                    tokio::select! {
                        () = state.cut.notified() => {}
                        () = relay(client, server, &state) => {}
                    }
                    state.open.fetch_sub(1, Ordering::SeqCst);
                    state.closed.notify_one();
                });
            }
        });
        Self { port, shared }
    }

    /// Cuts all connections, and returns when they are.
    async fn cut(&self) {
        assert!(self.shared.open.load(Ordering::SeqCst) > 0);
        self.shared.cut.notify_waiters();
        while self.shared.open.load(Ordering::SeqCst) > 0 {
            self.shared.closed.notified().await;
        }
    }

    /// The next `count` connections that are signed in wait for an answer; 0 lets all go on.
    fn hold(&self, count: usize) {
        self.shared.hold.store(count, Ordering::SeqCst);
    }

    fn held(&self) -> usize {
        self.shared.held.load(Ordering::SeqCst)
    }

    /// After `requests` more requests answers (`1`) or also requests (`2`) get lost.
    fn swallow(&self, requests: usize, kind: usize) {
        self.shared.requests_left.store(requests, Ordering::SeqCst);
        self.shared.swallow.store(kind, Ordering::SeqCst);
    }
}

/// Counts a client's records of TLS that may carry application data: under TLS 1.3 the first ends the handshake (RFC 8446 section 5.1), the
/// second is the sign-in.
#[derive(Default)]
struct Records {
    header: Vec<u8>,
    left: usize,
    data: usize,
}

impl Records {
    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.left > 0 {
                self.left -= 1;
                continue;
            }
            self.header.push(*byte);
            if let [kind, _, _, high, low] = self.header[..] {
                self.data += usize::from(kind == 23);
                self.left = usize::from(u16::from_be_bytes([high, low]));
                self.header.clear();
            }
        }
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, state: &Shared) {
    let (mut from_client, mut from_server) = (vec![0; 32 << 10], vec![0; 32 << 10]);
    let mut records = Records::default();
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(length @ 1..) = read else { return };
                records.feed(&from_client[..length]);
                let lost = match state.swallow.load(Ordering::SeqCst) {
                    0 => false,
                    kind => {
                        let left = state.requests_left.load(Ordering::SeqCst);
                        state.requests_left.store(left.saturating_sub(1), Ordering::SeqCst);
                        kind == 2 && left == 0
                    }
                };
                if !lost && server.write_all(&from_client[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Ok(length @ 1..) = read else { return };
                if records.data > 2 && state.held.load(Ordering::SeqCst) < state.hold.load(Ordering::SeqCst) {
                    state.held.fetch_add(1, Ordering::SeqCst);
                    while state.hold.load(Ordering::SeqCst) > 0 {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
                let lost = state.swallow.load(Ordering::SeqCst) == 1 && state.requests_left.load(Ordering::SeqCst) == 0;
                if !lost && client.write_all(&from_server[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_write_without_an_answer_is_unknown_and_settled_by_the_version() {
    let play = Playground::new(Forest::Contoso, "unknown");
    play.add("ada", &[]);
    let proxy = Proxy::start(IpAddr::V4(play.forest.dc_ip)).await;
    let mut config = play.config();
    config.port = proxy.port;
    config.timeout = Duration::from_secs(2);
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    let sure = play.directory();
    let person = play.locate(&directory, "ada").await;
    let version = async || sure.password_version(&person).await.unwrap().version.unwrap();
    let first = version().await;

    directory.state(&person).await.unwrap();
    // The modify arrives, its answer does not.
    proxy.swallow(1, 1);
    let outcome = reset(&directory, &person, "Lost-Answer-7!").await;
    assert!(matches!(outcome, Err(DirectoryError::Unknown { .. })), "{outcome:?}");
    assert_eq!(version().await, first + 1);
    assert_eq!(sure.verify(&person, &password("Lost-Answer-7!")).await, Ok(SignIn::ReplacedLately));

    // The modify itself is lost: for the agent it looks the same.
    proxy.swallow(0, 0);
    directory.state(&person).await.unwrap();
    proxy.swallow(0, 2);
    let outcome = reset(&directory, &person, "Lost-Request-7!").await;
    assert!(matches!(outcome, Err(DirectoryError::Unknown { .. })), "{outcome:?}");
    assert_eq!(version().await, first + 1);
    assert_eq!(sure.verify(&person, &password("Lost-Request-7!")).await, Ok(SignIn::WrongPassword));

    // A connection can't be had: provably nothing was written.
    assert_eq!(
        fault(reset(&directory, &person, "Never-Sent-7!").await),
        Fault::PdcUnreachable { name: play.forest.dc_host.clone() }
    );
    assert_eq!(version().await, first + 1);
}

#[tokio::test]
async fn kept_connections_that_were_cut_are_replaced_before_a_write() {
    let play = Playground::new(Forest::Contoso, "cut");
    play.add("ada", &[]);
    let proxy = Proxy::start(IpAddr::V4(play.forest.dc_ip)).await;
    let mut config = play.config();
    config.port = proxy.port;
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    let person = play.locate(&directory, "ada").await;
    let before = directory.password_version(&person).await.unwrap();
    proxy.cut().await;
    reset(&directory, &person, "After-The-Cut-7!").await.unwrap();
    let after = directory.password_version(&person).await.unwrap();
    assert_eq!(after.version, before.version.map(|version| version + 1));
    assert!(play.kinit("ada", "After-The-Cut-7!"));
}

/// The directory is as slow as one can wish: the proxy keeps back every answer to those who have all the connections. What is told of it
/// meanwhile depends on no clock.
#[tokio::test]
async fn a_busy_agent_does_not_call_the_directory_gone() {
    let play = Playground::new(Forest::Contoso, "busy");
    play.add("ada", &[]);
    let proxy = Proxy::start(IpAddr::V4(play.forest.dc_ip)).await;
    let mut settings = play.config();
    settings.port = proxy.port;
    // Waiting for one's turn is not what is tested.
    settings.timeout = Duration::from_secs(120);
    let directory = Directory::new(settings, Arc::new(SystemClock)).unwrap();
    let person = play.locate(&directory, "ada").await;
    proxy.hold(16);
    let resets: Vec<_> = (0..24)
        .map(|number| {
            let (directory, person) = (directory.clone(), person.clone());
            tokio::spawn(async move {
                let new = password(&format!("Busy-Passw0rd-{number}!"));
                directory.reset(&person, &new, ResetOptions::default()).await
            })
        })
        .collect();
    // All connections that there may be wait for an answer, and eight resets wait for a connection.
    while proxy.held() < 16 {
        assert!(!resets.iter().any(tokio::task::JoinHandle::is_finished));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for _ in 0..3 {
        let health = directory.pdc_health().await;
        assert!(matches!(health, PdcHealth::Reachable { .. }), "{health:?}");
    }
    assert!(!resets.iter().any(tokio::task::JoinHandle::is_finished), "all of them are still under way");
    proxy.hold(0);
    for reset in resets {
        reset.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_dead_pdc_emulator_is_told_by_name_and_comes_back_without_a_restart() {
    let lab = Lab::open().unwrap();
    lab.forest(Forest::Contoso).unwrap().up().unwrap();
    let private = lab.private("directory-dead-pdc").unwrap();
    let forest = private.forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let roots = ritorno_directory::roots_from_pem_file(&forest.ca_pem).unwrap();
    let account = &forest.service_account;
    let mut config = ritorno_directory::ForestConfig::new(
        ritorno_protocol::ids::Forest(forest.dns_domain.clone()),
        vec![forest.dc_host.clone()],
        account.upn.clone(),
        Arc::new(password(&account.password)),
        Arc::new(roots),
    );
    config.dns_servers = vec![SocketAddr::from((forest.dc_ip, 53))];
    let directory = Directory::new(config, Arc::new(SystemClock)).unwrap();
    let person = Identity::AccountName(forest.people[0].sam.clone());
    let person = directory.locate(&person).await.unwrap();
    assert!(matches!(directory.pdc_health().await, PdcHealth::Reachable { dc, .. } if dc == forest.dc_host));

    forest.kill_dc().unwrap();
    let since = std::time::Instant::now();
    let PdcHealth::Unreachable { name, .. } = directory.pdc_health().await else { panic!("it is dead") };
    assert_eq!(name, forest.dc_host);
    assert!(since.elapsed() < Duration::from_secs(5));
    let expected = Fault::PdcUnreachable { name: forest.dc_host.clone() };
    assert_eq!(fault(reset(&directory, &person, "Entirely-New-7!").await), expected);

    forest.start_dc().unwrap();
    assert!(matches!(directory.pdc_health().await, PdcHealth::Reachable { .. }));
    let first = &forest.people[0].password;
    assert_eq!(directory.verify(&person, &password(first)).await, Ok(SignIn::Accepted));
    reset(&directory, &person, "Entirely-New-7!").await.unwrap();
    assert_ne!(first, INITIAL);
}

#[tokio::test]
async fn hosts_that_keep_silent_are_passed_over() {
    let private = Lab::open().unwrap().private("directory-silent").unwrap();
    let forest = private.forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    // They take connections and say nothing, as behind a firewall that lost its mind.
    let silent = [66, 67].map(|last| private.address(last));
    let _listening = [
        TcpListener::bind(SocketAddr::from((silent[0], 636))).await.unwrap(),
        TcpListener::bind(SocketAddr::from((silent[1], 636))).await.unwrap(),
    ];
    let mut settings = config(&forest);
    settings.hosts = vec![silent[0].to_string(), silent[1].to_string(), forest.dc_host.clone()];
    let directory = Directory::new(settings, Arc::new(SystemClock)).unwrap();
    let since = std::time::Instant::now();
    // The probe answers in time, and the search that it began goes on.
    assert!(matches!(directory.pdc_health().await, PdcHealth::Unreachable { .. }));
    assert!(since.elapsed() < Duration::from_secs(5));
    tokio::time::sleep(Duration::from_secs(4)).await;
    let since = std::time::Instant::now();
    let health = directory.pdc_health().await;
    assert!(matches!(&health, PdcHealth::Reachable { dc, .. } if *dc == forest.dc_host), "{health:?}");
    assert!(since.elapsed() < Duration::from_secs(2));
}
