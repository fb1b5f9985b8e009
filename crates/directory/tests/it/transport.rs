//! Trust, names, broken connections and a PDC emulator that dies: what is told, and what may have been written.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ritorno_directory::{Directory, DirectoryError, Identity, PdcHealth, SignIn};
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

    /// After `requests` more requests answers (`1`) or also requests (`2`) get lost.
    fn swallow(&self, requests: usize, kind: usize) {
        self.shared.requests_left.store(requests, Ordering::SeqCst);
        self.shared.swallow.store(kind, Ordering::SeqCst);
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, state: &Shared) {
    let (mut from_client, mut from_server) = (vec![0; 32 << 10], vec![0; 32 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(length @ 1..) = read else { return };
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

#[tokio::test]
async fn a_busy_agent_does_not_call_the_directory_gone() {
    let play = Playground::new(Forest::Contoso, "busy");
    play.add("ada", &[]);
    let mut settings = play.config();
    // The machine may be busy too: waiting for one's turn is not what is tested.
    settings.timeout = Duration::from_secs(60);
    let directory = Directory::new(settings, Arc::new(SystemClock)).unwrap();
    let person = play.locate(&directory, "ada").await;
    let mut resets = Vec::new();
    for number in 0..24 {
        let (directory, person) = (directory.clone(), person.clone());
        resets.push(tokio::spawn(async move {
            reset(&directory, &person, &format!("Busy-Passw0rd-{number}!")).await
        }));
    }
    let mut all_busy = 0;
    while resets.iter().any(|reset| !reset.is_finished()) {
        let health = directory.pdc_health().await;
        assert!(matches!(health, PdcHealth::Reachable { .. }), "{health:?}");
        all_busy += usize::from(resets.iter().filter(|reset| !reset.is_finished()).count() > 16);
    }
    assert!(all_busy > 0, "the probe was never made while all connections were in use");
    let mut done = 0;
    for reset in resets {
        done += usize::from(reset.await.unwrap().is_ok());
    }
    assert_eq!(done, 24);
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
