//! Hosts that fail again and again, and DNS servers that are not there.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ritorno_directory::{Directory, Identity, PdcHealth};
use ritorno_lab::{Forest, Lab};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::outcome::Fault;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use crate::playground::{Playground, config, fault, reset};

/// Stands in front of a controller: passes on what comes, or takes connections and says nothing. Counts them.
struct Front {
    port: u16,
    silent: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    open: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Front {
    async fn start(address: SocketAddr, silent: bool) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let front =
            Self { port, silent: Arc::new(silent.into()), count: Arc::default(), open: Arc::default() };
        let (silent, count, open) = (front.silent.clone(), front.count.clone(), front.open.clone());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let silent = silent.load(Ordering::SeqCst);
                let connection = tokio::spawn(async move {
                    if silent {
                        return std::future::pending().await;
                    }
                    let mut server = TcpStream::connect((address.ip(), 636)).await.unwrap();
                    // Either side may end it.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
                open.lock().unwrap().push(connection);
            }
        });
        front
    }

    /// From here on nothing passes, or all.
    fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
        self.open.lock().unwrap().drain(..).for_each(|connection| connection.abort());
    }

    fn count(&self) -> usize {
        self.count.swap(0, Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_host_that_fails_again_and_again_is_left_alone_and_the_pdc_emulator_never() {
    let play = Playground::new(Forest::Contoso, "breaker");
    play.add("ada", &[]);
    let front = Front::start((play.forest.dc_ip, 0).into(), false).await;
    let mut settings = play.config();
    let other = Lab::open().unwrap().address(66);
    settings.port = front.port;
    (settings.preferred, settings.only_preferred) = (vec![other.to_string()], true);
    let directory = Directory::new(settings, Arc::new(SystemClock)).unwrap();
    let person = play.locate(&directory, "ada").await;
    let import = async || match directory.users(Vec::new()).recv().await {
        Some(Err(error)) => error.operator().detail.clone(),
        other => panic!("read from nobody: {other:?}"),
    };
    for _ in 0..3 {
        assert!(import().await.contains("refused"));
    }
    let reader = Front::start((other, front.port).into(), true).await;
    let told = import().await;
    assert!(
        told.contains("3 tries in a row failed, so it is left alone") && told.contains("refused"),
        "{told}"
    );
    assert_eq!(reader.count(), 0);

    // The PDC emulator falls silent: the truth is told, and after a while told faster.
    front.be_silent(true);
    front.count();
    let unreachable = Fault::PdcUnreachable { name: play.forest.dc_host.clone() };
    // A read first: a write that meets a kept connection in the moment of its death is unknown.
    let read = directory.locate(&Identity::AccountName(play.account("ada"))).await;
    assert_eq!(fault(read), unreachable);
    for limit in [4_500, 4_500, 2_500] {
        let since = Instant::now();
        assert_eq!(fault(reset(&directory, &person, "Entirely-New-7!").await), unreachable);
        assert!(since.elapsed() < Duration::from_millis(limit), "{:?}", since.elapsed());
    }
    assert_eq!(front.count(), 4, "it is tried each time");
    front.be_silent(false);
    reset(&directory, &person, "Entirely-New-7!").await.unwrap();
    assert!(play.kinit("ada", "Entirely-New-7!"));
}

#[tokio::test]
async fn names_are_asked_of_the_forests_own_servers_and_one_may_be_gone() {
    let private = Lab::open().unwrap().private("directory-dns").unwrap();
    let forest = private.forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let dead = SocketAddr::from((private.address(67), 53));
    // It takes questions and answers none.
    let _silent = UdpSocket::bind(dead).await.unwrap();
    let _tcp = Front::start(dead, true).await;
    let with = |servers: Vec<SocketAddr>| {
        let mut settings = config(&forest);
        settings.dns_servers = servers;
        Directory::new(settings, Arc::new(SystemClock)).unwrap()
    };
    let both = with(vec![dead, (forest.dc_ip, 53).into()]);
    let health = both.pdc_health().await;
    assert!(matches!(&health, PdcHealth::Reachable { dc, .. } if *dc == forest.dc_host), "{health:?}");
    // The machine's own servers do not know the lab, and are not asked when others are named.
    for servers in [vec![dead], Vec::new()] {
        let since = Instant::now();
        let PdcHealth::Unreachable { name, reason } = with(servers).pdc_health().await else {
            panic!("found")
        };
        assert_eq!(name, forest.dc_host);
        assert!(
            !reason.is_empty() && since.elapsed() < Duration::from_secs(5),
            "{reason} {:?}",
            since.elapsed()
        );
    }
}
