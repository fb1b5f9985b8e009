//! LDAP sealed by Kerberos on port 389, and Kerberos inside TLS. The library reads its settings from the environment, so that each test
//! runs in a process of its own: the test's own program, once more.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ritorno_directory::ldap::{ConnectFault, Connector, LdapError};
use ritorno_directory::{
    ConfigError, Directory, DirectoryError, ForestConfig, Identity, Kerberos, Names, PasswordFile, PdcHealth,
    PdcRole, Since, Transport, roots_from_pem_file,
};
use ritorno_lab::{Forest, ForestHandle, Lab};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::outcome::Fault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::playground::{INITIAL, Playground, config, fault, password, reset, rule};

/// Tells the second process that it is one, and where its settings lie.
const APART: &str = "RITORNO_TEST_APART";

/// Runs `body` in a process of its own. `name` is the test's.
pub(crate) fn apart(name: &str, body: impl AsyncFnOnce(PathBuf)) {
    if let Some(folder) = std::env::var_os(APART) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(body(folder.into()));
    }
    let folder = std::env::temp_dir().join(format!(
        "ritorno-kerberos-{}-{}",
        std::process::id(),
        name.replace(':', "-")
    ));
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("KRB5_CONFIG", folder.join("krb5.conf"))
        .env(APART, &folder)
        .output()
        .unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

pub(crate) fn client(folder: &Path) -> Kerberos {
    Kerberos::new(folder, Some(folder.join("keytab"))).unwrap()
}

pub(crate) fn over(forest: &ForestHandle, transport: Transport, kerberos: &Kerberos) -> ForestConfig {
    let mut config = config(forest);
    (config.transport, config.port) = (transport, transport.port());
    config.kerberos = Some(kerberos.clone());
    config
}

pub(crate) fn open(config: ForestConfig) -> Directory {
    Directory::new(config, Arc::new(SystemClock)).unwrap()
}

#[test]
fn a_reset_over_ldap_that_kerberos_seals() {
    apart("kerberos::a_reset_over_ldap_that_kerberos_seals", async |folder| {
        let kerberos = client(&folder);
        for forest in Forest::ALL {
            let play = Playground::new(forest, "sealed");
            play.add("ada", &[("displayName", "Ada Lovelace")]);
            let mut settings = over(&play.forest, Transport::Kerberos, &kerberos);
            let seen = Arc::new(Mutex::new(Vec::new()));
            let damage = Arc::new(AtomicBool::new(false));
            settings.port = listen_in(play.forest.dc_ip, Arc::clone(&seen), Arc::clone(&damage)).await;
            let directory = open(settings);
            let health = directory.pdc_health().await;
            assert!(
                matches!(&health, PdcHealth::Reachable { dc, .. } if *dc == play.forest.dc_host),
                "{health:?}"
            );
            let person = play.locate(&directory, "ada").await;
            assert_eq!(rule_of(&directory, &person).await, ritorno_protocol::policy::Rule::Complexity);
            let done = reset(&directory, &person, "Entirely-New-7!").await.unwrap();
            assert_eq!(done.operator.dc.as_deref(), Some(play.forest.dc_host.as_str()));
            assert!(play.kinit("ada", "Entirely-New-7!") && !play.kinit("ada", INITIAL));

            // The bind itself can be read on the way; nothing that came after it can.
            let on_the_way = seen.lock().unwrap().clone();
            let holds = |text: &[u8]| on_the_way.windows(text.len()).any(|part| part == text);
            let utf_16: Vec<u8> = "Entirely-New-7!".encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert!(holds(b"GSSAPI") && on_the_way.len() > 4_000);
            for secret in [&utf_16[..], b"unicodePwd", b"sAMAccountName", b"Lovelace", b"fSMORoleOwner"] {
                assert!(!holds(secret), "{}", String::from_utf8_lossy(secret));
            }

            // An answer that was changed on the way is none: what the controller did is not known, and is not guessed.
            let before = directory.password_version(&person).await.unwrap().version.unwrap();
            damage.store(true, Ordering::SeqCst);
            let outcome = reset(&directory, &person, "Damaged-Answer-7!").await;
            assert!(
                matches!(&outcome, Err(DirectoryError::Unknown { operator }) if operator.detail.contains("damaged")),
                "{outcome:?}"
            );
            assert_eq!(directory.password_version(&person).await.unwrap().version, Some(before + 1));

            let topology = directory.topology().await.unwrap();
            assert_eq!(topology.domains[0].pdc, PdcRole::Confirmed { host: play.forest.dc_host.clone() });

            // Much comes back, in many frames: all people with all that they have, then what changed, by DirSync.
            let mark = directory.watermark().await.unwrap();
            let (mut people, mut import) =
                (0, directory.users(vec!["*".to_owned(), "replPropertyMetaData".to_owned()]));
            while let Some(person) = import.recv().await {
                person.unwrap();
                people += 1;
            }
            assert!(people >= play.forest.people.len(), "{people}");
            let changes = directory.changes(&mark, vec!["displayName".to_owned()]).await.unwrap();
            assert!(matches!(changes, Since::Changes(_)));
        }
    });
}

/// Passes on to LDAP's port what comes, and writes all of it down. Damages one answer when it is told to.
async fn listen_in(address: Ipv4Addr, seen: Arc<Mutex<Vec<u8>>>, damage: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect((address, 389)).await.unwrap();
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(pass_on(from_client, to_server, Arc::clone(&seen), Arc::default()));
            tokio::spawn(pass_on(from_server, to_client, Arc::clone(&seen), Arc::clone(&damage)));
        }
    });
    port
}

async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    seen: Arc<Mutex<Vec<u8>>>,
    damage: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 32 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        seen.lock().unwrap().extend_from_slice(&buffer[..length]);
        if damage.swap(false, Ordering::SeqCst) {
            buffer[length - 1] ^= 1;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn rule_of(
    directory: &Directory,
    person: &ritorno_directory::Person,
) -> ritorno_protocol::policy::Rule {
    rule(reset(directory, person, "alllowercaseletters").await)
}

#[test]
fn a_controller_without_tls_is_reached_by_kerberos() {
    apart("kerberos::a_controller_without_tls_is_reached_by_kerberos", async |folder| {
        let private = Lab::open().unwrap().private("directory-no-tls").unwrap();
        let forest = private.forest(Forest::Contoso).unwrap();
        forest.up().unwrap();
        forest.take_tls_away().unwrap();
        let by_tls = |transport: Transport| {
            let mut config = config(&forest);
            (config.transport, config.port) = (transport, transport.port());
            open(config)
        };
        for transport in [Transport::Ldaps, Transport::StartTls] {
            let health = by_tls(transport).pdc_health().await;
            assert!(
                matches!(&health, PdcHealth::Unreachable { name, .. } if *name == forest.dc_host),
                "{health:?}"
            );
        }
        let directory = open(over(&forest, Transport::Kerberos, &client(&folder)));
        let person = &forest.people[0];
        let located = directory.locate(&Identity::AccountName(person.sam.clone())).await.unwrap();
        reset(&directory, &located, "Entirely-New-7!").await.unwrap();
        assert!(forest.kinit(&person.sam, "Entirely-New-7!").unwrap());
    });
}

/// `openssl s_server` in front of nothing, which offers what Windows Server 2008 R2 to 2012 R2 offer with an RSA certificate and what we
/// don't take: CBC.
struct CbcOnly {
    server: Child,
    port: u16,
}

impl CbcOnly {
    fn start(lab: &Lab, forest: &ForestHandle, folder: &Path) -> Self {
        let port = std::net::TcpListener::bind((forest.dc_ip, 0)).unwrap().local_addr().unwrap().port();
        let pair = lab.authority().unwrap().issue(&[&forest.dc_host], &[]).unwrap();
        let (certificate, key) = (folder.join("front.pem"), folder.join("front.key"));
        std::fs::write(&certificate, pair.chain_pem).unwrap();
        std::fs::write(&key, pair.key_pem).unwrap();
        let server = Command::new("openssl")
            .args([
                "s_server",
                "-quiet",
                "-tls1_2",
                "-cipher",
                "ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA",
            ])
            .args(["-accept", &format!("{}:{port}", forest.dc_ip), "-cert"])
            .arg(certificate)
            .arg("-key")
            .arg(key)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { server, port }
    }

    /// What a client gets that takes CBC.
    fn serves_cbc(&self, forest: &ForestHandle) -> bool {
        let output = Command::new("openssl")
            .args(["s_client", "-brief", "-verify_return_error", "-CAfile"])
            .arg(&forest.ca_pem)
            .args(["-connect", &format!("{}:{}", forest.dc_ip, self.port)])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stderr).contains("ECDHE-ECDSA-AES256-SHA384")
    }
}

impl Drop for CbcOnly {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_server_with_cbc_only_is_told_as_that_and_reached_by_kerberos() {
    apart("kerberos::a_server_with_cbc_only_is_told_as_that_and_reached_by_kerberos", async |folder| {
        let (kerberos, lab) = (client(&folder), Lab::open().unwrap());
        let play = Playground::new(Forest::Contoso, "cbc");
        play.add("ada", &[]);
        let front = CbcOnly::start(&lab, &play.forest, &folder);
        let mut tries = 0;
        while !front.serves_cbc(&play.forest) {
            tries += 1;
            assert!(tries < 100, "openssl does not come up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut settings = config(&play.forest);
        settings.port = front.port;
        let names = Names::new(&settings.dns_servers).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots_from_pem_file(&play.forest.ca_pem).unwrap())
            .with_no_client_auth();
        let connector = Connector::new(names, Arc::new(tls), front.port, Duration::from_secs(3));
        let refused = connector.connect(&play.forest.dc_host).await.map(|_| ());
        assert!(
            matches!(&refused, Err(LdapError::Connect { fault: ConnectFault::NothingShared, .. })),
            "{refused:?}"
        );
        let directory = open(settings);
        let located = directory.locate(&Identity::AccountName("Guest".into())).await;
        assert!(
            located.as_ref().unwrap_err().operator().detail.contains("transport = \"kerberos\""),
            "{located:?}"
        );
        assert_eq!(fault(located), Fault::PdcUnreachable { name: play.forest.dc_host.clone() });

        let directory = open(over(&play.forest, Transport::Kerberos, &kerberos));
        let person = play.locate(&directory, "ada").await;
        reset(&directory, &person, "Entirely-New-7!").await.unwrap();
        assert!(play.kinit("ada", "Entirely-New-7!"));
    });
}

#[test]
fn a_keytab_signs_in_sealed_and_bound_to_tls() {
    apart("kerberos::a_keytab_signs_in_sealed_and_bound_to_tls", async |folder| {
        let kerberos = client(&folder);
        let play = Playground::new(Forest::Contoso, "keytab");
        play.add("ada", &[]);
        std::fs::write(folder.join("keytab"), play.forest.keytab(&play.forest.service_account.sam).unwrap())
            .unwrap();
        // What the controller asks of Kerberos inside TLS: a binding to the channel.
        let demanded = ["testparm", "-s", "--parameter-name=ldap server require strong auth"];
        assert_eq!(play.forest.dc_exec(&demanded).unwrap().trim().to_lowercase(), "yes");
        for (number, transport) in
            [Transport::Kerberos, Transport::Ldaps, Transport::StartTls].into_iter().enumerate()
        {
            let mut settings = over(&play.forest, transport, &kerberos);
            settings.by_keytab = true;
            settings.password = Arc::new(password("not the password"));
            let directory = open(settings);
            let person = play.locate(&directory, "ada").await;
            let new = format!("By-Keytab-{number}!");
            reset(&directory, &person, &new).await.unwrap();
            assert!(play.kinit("ada", &new));
        }
        // The older Samba takes Kerberos inside TLS only where its configuration says so, and says why.
        let other = Playground::new(Forest::Fabrikam, "keytab");
        let mut keys = std::fs::read(folder.join("keytab")).unwrap();
        // A keytab is two octets for its version, then keys.
        keys.extend_from_slice(&other.forest.keytab(&other.forest.service_account.sam).unwrap()[2..]);
        std::fs::write(folder.join("keytab"), keys).unwrap();
        let mut settings = over(&other.forest, Transport::Ldaps, &kerberos);
        settings.by_keytab = true;
        let error = open(settings.clone()).locate(&Identity::AccountName("Guest".into())).await.unwrap_err();
        assert_eq!(error.operator().ldap_code, Some(8), "{error}");
        (settings.transport, settings.port) = (Transport::Kerberos, Transport::Kerberos.port());
        open(settings).locate(&Identity::AccountName("Guest".into())).await.unwrap();
    });
}

#[test]
fn what_kerberos_refuses_is_told_and_counts_once() {
    apart("kerberos::what_kerberos_refuses_is_told_and_counts_once", async |folder| {
        let kerberos = client(&folder);
        let play = Playground::new(Forest::Contoso, "told");
        play.add("svc", &[]);
        let account = format!("{}@{}", play.account("svc"), play.forest.dns_domain);
        let settings = |pass: &str, account: &str| {
            let mut settings = over(&play.forest, Transport::Kerberos, &kerberos);
            settings.account = account.to_owned();
            settings.password = Arc::new(password(pass));
            settings
        };
        let guest = Identity::AccountName("Guest".into());
        open(settings(INITIAL, &account)).locate(&guest).await.unwrap();
        let bad = async || {
            let sure = play.directory();
            sure.state(&play.locate(&sure, "svc").await).await.unwrap().bad_password_count
        };
        let before = bad().await;
        let mut twice = settings("wrong-Passw0rd!", &account);
        // The same controller under its address would be tried too, if the refusal were not recognised.
        twice.hosts.push(play.forest.dc_ip.to_string());
        let error = open(twice).locate(&guest).await.unwrap_err();
        assert!(
            error.operator().ldap_code == Some(49) && error.operator().detail.contains("can't sign in"),
            "{error}"
        );
        assert_eq!(bad().await, before + 1);

        let nobody = format!("nobody-of-that-name@{}", play.forest.dns_domain);
        let error = open(settings(INITIAL, &nobody)).locate(&guest).await.unwrap_err();
        assert!(error.operator().detail.contains("not found in Kerberos database"), "{error}");
        let missing = {
            let mut missing = settings(INITIAL, &account);
            missing.by_keytab = true;
            open(missing).locate(&guest).await
        };
        assert!(matches!(missing, Err(DirectoryError::NotApplied { .. })), "{missing:?}");

        let unnamed = settings(INITIAL, &play.forest.service_account.dn);
        assert!(matches!(
            Directory::new(unnamed, Arc::new(SystemClock)),
            Err(ConfigError::NoPrincipal { .. })
        ));
        let mut without = settings(INITIAL, &account);
        without.kerberos = None;
        assert!(matches!(Directory::new(without, Arc::new(SystemClock)), Err(ConfigError::NoKerberos(_))));
    });
}

#[test]
fn password_and_keytab_are_replaced_without_a_restart() {
    apart("kerberos::password_and_keytab_are_replaced_without_a_restart", async |folder| {
        let kerberos = client(&folder);
        let play = Playground::new(Forest::Contoso, "rotate");
        play.add("svc", &[]);
        let sam = play.account("svc");
        let (file, keytab) = (folder.join("password"), folder.join("keytab"));
        std::fs::write(&file, format!("{INITIAL}\n")).unwrap();
        std::fs::write(&keytab, play.forest.keytab(&play.forest.service_account.sam).unwrap()).unwrap();
        let mut directories = Vec::new();
        for (transport, by_keytab) in [
            (Transport::Ldaps, false),
            (Transport::StartTls, false),
            (Transport::Kerberos, false),
            (Transport::Kerberos, true),
        ] {
            let mut settings = over(&play.forest, transport, &kerberos);
            settings.account = format!("{sam}@{}", play.forest.dns_domain);
            settings.password = Arc::new(PasswordFile(file.clone()));
            settings.by_keytab = by_keytab;
            directories.push((open(settings), by_keytab));
        }
        // An import makes a connection of its own each time.
        let signs_in = async |directory: &Directory| match directory.users(Vec::new()).recv().await {
            Some(Ok(_)) => true,
            Some(Err(error)) => {
                assert!(error.operator().detail.contains("can't sign in"), "{error}");
                false
            }
            None => panic!("nobody is there"),
        };
        for (directory, by_keytab) in &directories {
            // The keytab holds another account's key as yet.
            assert_eq!(signs_in(directory).await, !by_keytab);
        }
        play.forest
            .set_password(&play.locate(&play.directory(), "svc").await.dn, "Rotated-Passw0rd-2!")
            .unwrap();
        for (directory, _) in &directories {
            assert!(!signs_in(directory).await);
        }
        std::fs::write(&file, "Rotated-Passw0rd-2!\n").unwrap();
        std::fs::write(&keytab, play.forest.keytab(&sam).unwrap()).unwrap();
        for (directory, _) in &directories {
            assert!(signs_in(directory).await);
        }
    });
}
