//! The agent's end of the link against a relay's end that does what a test wants, over real TLS.

use std::net::Ipv4Addr;

use futures_util::{SinkExt as _, StreamExt as _};
use ritorno_lab::squid::Squid;
use ritorno_lab::{HttpProxy, Lab};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, Forest, TenantId};
use ritorno_protocol::key::{OpeningKey, SigningKey};
use ritorno_protocol::link::ServerTime;
use ritorno_writeback::authorise::Trust;
use ritorno_writeback::handle::Identity;
use ritorno_writeback::journal::Journal;
use ritorno_writeback::limits::Limits;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::config::{Access, Attributes, ForestSettings, Log, Proxy};
use crate::events::EventLog;
use crate::keys::{Enrolment, Keys};
use crate::state::State;
use crate::system;

mod hostile;

/// Longest wait for what has to come.
const SOON: Duration = Duration::from_secs(20);

/// An agent that runs, and the relay's end that it dials.
struct Scene {
    folder: std::path::PathBuf,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    root: SigningKey,
    tenant: TenantId,
    identity: ritorno_protocol::key::PublicKey,
    stop: watch::Sender<bool>,
    running: tokio::task::JoinHandle<Result<(), JournalError>>,
    board: Arc<Board>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.running.abort();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn scratch(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("ritorno-link-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The lab's authority, and a server's end of TLS with a certificate of it.
fn certified() -> (ritorno_lab::CertificateAuthority, TlsAcceptor) {
    let authority = Lab::open().unwrap().authority().unwrap();
    let own = authority.issue(&["localhost"], &[Ipv4Addr::LOCALHOST.into()]).unwrap();
    let chain = CertificateDer::pem_slice_iter(own.chain_pem.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (authority, TlsAcceptor::from(Arc::new(server)))
}

type Relay = WebSocketStream<TlsStream<TcpStream>>;

impl Scene {
    async fn new(name: &str) -> Self {
        Self::through(name, None).await
    }

    /// An agent that reaches the relay's end through a proxy, with that password for it.
    async fn behind(name: &str, proxy: Option<(&HttpProxy, &str)>) -> Self {
        Self::through(name, proxy.map(|(proxy, password)| (proxy.port, HttpProxy::USER, password))).await
    }

    /// The same by the proxy's port, with user and password for it.
    async fn through(name: &str, proxy: Option<(u16, &str, &str)>) -> Self {
        let folder = scratch(name);
        let state = State::open(&folder).unwrap();
        let (authority, acceptor) = certified();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();

        let (clock, random) = (system::clock(), system::random());
        let (tenant, agent) = (TenantId::random(&*random), AgentId::random(&*random));
        let [root, identity] = [(); 2].map(|()| SigningKey::generate(&*random));
        let sealing = OpeningKey::generate(&*random);
        let enrolment = Enrolment {
            server: format!("https://localhost:{port}"),
            tenant,
            agent,
            root: root.public(),
            identity: certify(&root, tenant, KeyRole::AgentIdentity { agent }, &identity, clock.now()),
        };
        let keys = Keys { enrolment, identity: identity.clone(), sealing: sealing.clone() };
        state.keep(&keys).unwrap();
        let keyring = Keyring::open(state.clone(), vec![Forest("contoso.test".into())], clock.now()).unwrap();
        // A forest that nobody answers for: these tests never get so far.
        let settings = ForestSettings {
            name: Forest("contoso.test".into()),
            netbios_name: "CONTOSO".into(),
            hosts: vec!["dc1.contoso.test".into()],
            preferred: Vec::new(),
            only_preferred: false,
            write_elsewhere: false,
            show_at: Vec::new(),
            dns_servers: vec![(Ipv4Addr::LOCALHOST, 9).into()],
            account: "svc@contoso.test".into(),
            access: Access::by_password(folder.join("none"), authority.certificate_path()),
            scope: Vec::new(),
            groups: Vec::new(),
            fill_consistency_guid: false,
            attributes: Attributes::default(),
            openldap: None,
        };
        let switch = FileSwitch { state, staging: false };
        let journal = Journal::open(&folder.join("journal.db"), &*random, clock.now()).await.unwrap();
        let handler = Handler::new(
            Forests::open(&[settings], &clock).unwrap(),
            journal,
            Identity { tenant, agent, signing: identity.clone(), opening: vec![sealing] },
            Trust::new(tenant, root.public()),
            Limits::new(10),
            Arc::new(switch.clone()),
            clock.clone(),
        );
        let events = EventLog::open(
            &Log { events_file: Some(folder.join("events.log")), ..Log::default() },
            clock.clone(),
        )
        .unwrap();
        let board = Arc::new(Board::new(clock.now()));
        let proxy = proxy.map(|(port, user, password)| {
            let password_file = folder.join("proxy.password");
            std::fs::write(&password_file, password).unwrap();
            Proxy {
                url: format!("http://127.0.0.1:{port}").parse().unwrap(),
                user: Some(user.to_owned()),
                password_file: Some(password_file),
                no_proxy: Vec::new(),
            }
        });
        let outbound = Outbound::with(Some(&authority.certificate_path()), proxy.as_ref()).unwrap();
        let (_, health) = watch::channel(Vec::new());
        let link = Link {
            keyring,
            outbound,
            handler: Arc::new(handler),
            carrier: Arc::new(Carrier::new(events)),
            health,
            probe: Arc::new(Notify::new()),
            switch,
            board: board.clone(),
            clock,
            random,
        };
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(async move { link.run(stopped).await });
        let identity = identity.public();
        Self { folder, listener, acceptor, root, tenant, identity, stop, running, board }
    }

    /// Waits for the agent to dial.
    async fn accept(&self) -> Relay {
        let accepted = async {
            let (tcp, _) = self.listener.accept().await.unwrap();
            let stream = self.acceptor.accept(tcp).await.unwrap();
            tokio_tungstenite::accept_async(stream).await.unwrap()
        };
        tokio::time::timeout(SOON, accepted).await.expect("the agent dials")
    }

    /// The whole handshake, up to the welcome.
    async fn welcome(&self, relay: &mut Relay, now: Timestamp) -> Hello {
        self.welcome_at(relay, now, |_| {}).await
    }

    /// The whole handshake, with a signed time that says something else.
    async fn welcome_at(
        &self,
        relay: &mut Relay,
        now: Timestamp,
        alter: impl FnOnce(&mut ServerTime),
    ) -> Hello {
        let nonce = Bytes(vec![7; 32]);
        send(relay, &ToAgent::Challenge { nonce: nonce.clone(), server_time: now }).await;
        let ToRelay::Hello { hello } = receive(relay).await.expect("a hello") else { panic!("no hello") };
        let hello = hello.verify(&self.identity).expect("signed by the identity key");
        assert_eq!(hello.nonce, nonce);
        hello.chain.check(&self.root.public(), self.tenant, now).expect("the chain holds");
        let random = system::random();
        let server = SigningKey::generate(&*random);
        let signing_keys = vec![certify(&self.root, self.tenant, KeyRole::ServerSigning, &server, now)];
        let agent_nonce = hello.agent_nonce.clone();
        let mut time = ServerTime { tenant: self.tenant, agent: hello.agent, agent_nonce, now };
        alter(&mut time);
        let time = Signed::sign(&time, &server);
        send(relay, &ToAgent::Welcome { signing_keys, recipients: Vec::new(), time }).await;
        hello
    }

    fn events(&self) -> String {
        std::fs::read_to_string(self.folder.join("events.log")).unwrap()
    }
}

fn certify(
    root: &SigningKey,
    tenant: TenantId,
    role: KeyRole,
    key: &SigningKey,
    now: Timestamp,
) -> Signed<KeyCertificate> {
    let (not_before, not_after) = (now.minus(Duration::from_secs(60)), now.plus(Duration::from_secs(3_600)));
    Signed::sign(
        &KeyCertificate { tenant, role, key: key.public(), not_before, not_after, sequence: 1 },
        root,
    )
}

async fn send(relay: &mut Relay, frame: &ToAgent) {
    relay.send(Message::Text(serde_json::to_string(frame).unwrap().into())).await.unwrap();
}

/// The next frame; none if the agent closed.
async fn receive(relay: &mut Relay) -> Option<ToRelay> {
    loop {
        match tokio::time::timeout(SOON, relay.next()).await.expect("something comes") {
            Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

#[tokio::test]
async fn it_proves_itself_reports_at_once_and_stops_in_order() {
    let mut scene = Scene::new("proves").await;
    let now = system::clock().now();
    let mut relay = scene.accept().await;
    let hello = scene.welcome(&mut relay, now).await;
    assert_eq!(hello.version, env!("CARGO_PKG_VERSION"));
    let ToRelay::Health { health } = receive(&mut relay).await.expect("a report") else {
        panic!("the first frame after the welcome is no report")
    };
    assert!(!health.writeback_on, "nobody switched it on");
    assert!(scene.board.link().up);
    assert!(scene.events().contains("31019"));
    // The way is measured from the first ping on, and the next report says how long it is.
    assert_eq!(health.round_trip_ms, None);
    // `ritorno-agent writeback enable` in another process: the server hears of it before the next report is due.
    let switched = system::clock().now();
    State::open(&scene.folder).unwrap().switch_writeback(true).unwrap();
    let ToRelay::Health { health } = receive(&mut relay).await.expect("a report") else {
        panic!("no report")
    };
    assert!(health.writeback_on);
    assert!(system::clock().now().since(switched) < HEALTH_EVERY / 2, "it waited for the next report");
    assert!(health.round_trip_ms.is_some() && scene.board.link().round_trip_ms == health.round_trip_ms);
    scene.stop.send(true).unwrap();
    while receive(&mut relay).await.is_some() {}
    let ended = tokio::time::timeout(SOON, &mut scene.running).await.expect("it stops").unwrap();
    assert_eq!(ended, Ok(()));
}

#[tokio::test]
async fn a_clock_that_is_wrong_keeps_it_from_saying_hello() {
    let scene = Scene::new("skew").await;
    let wrong = system::clock().now().plus(MAXIMUM_SKEW + Duration::from_secs(5));
    let mut relay = scene.accept().await;
    let challenge = ToAgent::Challenge { nonce: Bytes(vec![7; 32]), server_time: wrong };
    send(&mut relay, &challenge).await;
    assert_eq!(receive(&mut relay).await, None);
    assert!(scene.events().contains("32008"), "{}", scene.events());
    assert!(scene.events().contains("clock"));
    assert!(!scene.board.link().up);
}

#[tokio::test]
async fn a_server_that_the_root_does_not_vouch_for_is_left() {
    let scene = Scene::new("root").await;
    let now = system::clock().now();
    let mut relay = scene.accept().await;
    send(&mut relay, &ToAgent::Challenge { nonce: Bytes(vec![7; 32]), server_time: now }).await;
    assert!(receive(&mut relay).await.is_some(), "a hello");
    let random = system::random();
    let (other, server) = (SigningKey::generate(&*random), SigningKey::generate(&*random));
    let signing_keys = vec![certify(&other, scene.tenant, KeyRole::ServerSigning, &server, now)];
    let agent = AgentId::random(&*random);
    let time = ServerTime { tenant: scene.tenant, agent, agent_nonce: Bytes(vec![7; 32]), now };
    let time = Signed::sign(&time, &server);
    send(&mut relay, &ToAgent::Welcome { signing_keys, recipients: Vec::new(), time }).await;
    assert_eq!(receive(&mut relay).await, None);
    assert!(scene.events().contains("32010"), "{}", scene.events());
    assert!(!scene.board.link().up);
}

#[tokio::test]
async fn a_time_that_is_told_again_or_was_signed_for_another_is_not_believed() {
    let scene = Scene::new("time").await;
    let now = system::clock().now();
    let alterations: [fn(&mut ServerTime); 3] = [
        |time| time.agent_nonce = Bytes(vec![0; 32]),
        |time| time.agent = AgentId::random(&*system::random()),
        |time| time.now = time.now.minus(MAXIMUM_SKEW + Duration::from_secs(5)),
    ];
    for alter in alterations {
        let mut relay = scene.accept().await;
        scene.welcome_at(&mut relay, now, alter).await;
        assert_eq!(receive(&mut relay).await, None, "it goes on without a time that it can believe");
        assert!(!scene.board.link().up);
    }
    assert!(scene.events().contains("32010") && scene.events().contains("32008"), "{}", scene.events());
}

#[tokio::test]
async fn a_lost_link_is_dialled_again() {
    let scene = Scene::new("again").await;
    let now = system::clock().now();
    let mut relay = scene.accept().await;
    let first = scene.welcome(&mut relay, now).await;
    assert!(receive(&mut relay).await.is_some(), "a report");
    drop(relay);
    let mut relay = scene.accept().await;
    let second = scene.welcome(&mut relay, now).await;
    assert_eq!(first.epoch, second.epoch, "the journal is the same");
    assert!(receive(&mut relay).await.is_some(), "a report");
}

#[test]
fn orders_without_room_are_declined_and_questions_have_room_of_their_own() {
    let tasks = Tasks::default();
    let taken: Vec<_> = (0..IN_FLIGHT).map(|_| tasks.room(&tasks.orders, false).unwrap()).collect();
    assert!(taken.iter().all(|room| matches!(room, Room::Free(_))));
    assert!(matches!(tasks.room(&tasks.orders, false), Some(Room::None(Fault::LimitReached, ..))));
    assert!(matches!(tasks.room(&tasks.questions, false), Some(Room::Free(_))));
    assert!(matches!(tasks.room(&tasks.questions, true), Some(Room::None(Fault::DirectoryUnavailable, ..))));
    drop(taken);
    assert!(matches!(tasks.room(&tasks.orders, false), Some(Room::Free(_))));
}

#[tokio::test]
async fn the_link_goes_through_a_proxy_that_wants_a_password() {
    let folder = scratch("proxy-itself");
    let proxy = HttpProxy::start(folder.clone()).unwrap();
    let scene = Scene::behind("proxy", Some((&proxy, HttpProxy::PASSWORD))).await;
    let mut relay = scene.accept().await;
    scene.welcome(&mut relay, system::clock().now()).await;
    assert!(receive(&mut relay).await.is_some(), "a report");
    let port = scene.listener.local_addr().unwrap().port();
    assert!(proxy.log().unwrap().contains(&format!("CONNECT localhost:{port}")), "{}", proxy.log().unwrap());

    let refused = Scene::behind("proxy-refused", Some((&proxy, "not this one"))).await;
    let told = async {
        while !refused.board.link().reason.is_some_and(|reason| reason.contains("the proxy 127.0.0.1:")) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, told).await.expect("it is told that the proxy refuses");
    assert!(refused.events().contains("password_file under [proxy]"), "{}", refused.events());
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn https_requests_go_through_the_proxy_and_exempted_hosts_go_straight() {
    let folder = scratch("proxy-https");
    let proxy = HttpProxy::start(folder.clone()).unwrap();
    std::fs::write(folder.join("password"), HttpProxy::PASSWORD).unwrap();
    let settings = |no_proxy: &[&str]| Proxy {
        url: format!("http://127.0.0.1:{}", proxy.port).parse().unwrap(),
        user: Some(HttpProxy::USER.to_owned()),
        password_file: Some(folder.join("password")),
        no_proxy: no_proxy.iter().map(|&host| host.to_owned()).collect(),
    };
    // Nobody listens there: what counts is who was asked.
    let nobody = "https://localhost:9/";
    let through = Outbound::with(None, Some(&settings(&[]))).unwrap();
    assert!(crate::client::plain(&through).unwrap().get(nobody).send().await.is_err());
    assert!(proxy.log().unwrap().contains("CONNECT localhost:9"), "{}", proxy.log().unwrap());
    assert_eq!(through.proxy_before("localhost", 9), Some(format!("127.0.0.1:{}", proxy.port)));

    let before = proxy.log().unwrap().matches("CONNECT").count();
    let straight = Outbound::with(None, Some(&settings(&["localhost"]))).unwrap();
    assert!(crate::client::plain(&straight).unwrap().get(nobody).send().await.is_err());
    assert!(straight.connect("localhost", 9).await.is_err());
    assert_eq!(proxy.log().unwrap().matches("CONNECT").count(), before);
    assert_eq!(straight.proxy_before("localhost", 9), None);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn the_link_goes_through_squid_and_its_restart_and_a_wrong_password_is_told() {
    let folder = std::env::temp_dir().join(format!("ritorno-squid-{}", std::process::id()));
    let mut squid = Squid::start(&folder).unwrap();
    let port = squid.port;
    let scene = Scene::through("squid", Some((port, Squid::USER, Squid::PASSWORD))).await;
    let refused = Scene::through("squid-refused", Some((port, Squid::USER, "not this one"))).await;
    let mut relay = scene.accept().await;
    scene.welcome(&mut relay, system::clock().now()).await;
    assert!(receive(&mut relay).await.is_some(), "a report");
    squid.restart().unwrap();
    let mut relay = scene.accept().await;
    scene.welcome(&mut relay, system::clock().now()).await;
    assert!(receive(&mut relay).await.is_some(), "a report over the new link");
    let told = async {
        while !refused.board.link().reason.is_some_and(|reason| reason.contains("the proxy 127.0.0.1:")) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, told).await.expect("it is told that the proxy refuses");
    assert!(refused.events().contains("password_file under [proxy]"), "{}", refused.events());
    assert!(scene.events().contains("32014"), "a lost link is a warning: {}", scene.events());
    let log = squid.log().unwrap();
    assert!(log.contains("TCP_DENIED/407"), "{log}");
    drop(squid);
    std::fs::remove_dir_all(folder).unwrap();
}
