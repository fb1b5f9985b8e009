//! What Kerberos proves, with somebody on the way: of a person's password, of a controller that gives no ticket, of a certificate.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_directory::{Identity, PdcHealth, Preparation, SignIn, Transport};
use ritorno_lab::{Forest, ForestHandle, Lab, PrivateLab};
use ritorno_protocol::clock::{Clock as _, SystemClock};
use ritorno_protocol::outcome::Fault;
use tokio::net::{TcpListener, TcpStream};

use crate::kerberos::{apart, client, open, over};
use crate::playground::{INITIAL, Playground, fault, password, reset};

/// The line that `ritorno-agent prepare` prints for an account's service.
fn service_line(forest: &ForestHandle, sam: &str) -> String {
    let name = ritorno_protocol::ids::Forest(forest.dns_domain.clone());
    let account = format!("{sam}@{}", forest.dns_domain);
    let keytab_file = Some(Path::new("/etc/ritorno-agent/keytab"));
    let preparation = Preparation {
        forest: &name,
        account: &account,
        scope: &[],
        fill_anchors: false,
        password_file: None,
        keytab_file,
    };
    preparation
        .lines()
        .unwrap()
        .samba
        .into_iter()
        .find(|line| line.starts_with("samba-tool spn add"))
        .unwrap()
}

#[test]
fn a_password_is_tried_by_kerberos_and_the_answer_proved() {
    apart("proof::a_password_is_tried_by_kerberos_and_the_answer_proved", async |folder| {
        let kerberos = client(&folder);
        for forest in Forest::ALL {
            let play = Playground::new(forest, "proved");
            for sam in ["svc", "ada", "change", "disabled", "locked"] {
                play.add(sam, &[]);
            }
            let (svc, sure) = (play.account("svc"), play.directory());
            let dn = play.locate(&sure, "svc").await.dn;
            // What older Samba makes tickets with otherwise is none that we take.
            play.set(&dn, "msDS-SupportedEncryptionTypes", "24");
            std::fs::write(folder.join("keytab"), play.forest.keytab(&svc).unwrap()).unwrap();
            let mut settings = over(&play.forest, Transport::Kerberos, &kerberos);
            settings.account = format!("{svc}@{}", play.forest.dns_domain);
            (settings.by_keytab, settings.passwords_by_kerberos) = (true, true);
            let directory = open(settings.clone());
            let ada = play.locate(&directory, "ada").await;
            let verify = async |text: &str| directory.verify(&ada, &password(text)).await;
            let error = verify(INITIAL).await.unwrap_err();
            assert!(error.operator().detail.contains("service principal name"), "{error}");
            play.forest.dc_exec(&["bash", "-c", &service_line(&play.forest, &svc)]).unwrap();
            assert_eq!(verify(INITIAL).await, Ok(SignIn::Accepted));
            assert_eq!(verify("").await, Ok(SignIn::WrongPassword));

            // A wrong one counts once, and the lockout (at 10) is as far away as with TLS.
            let counted = async || sure.state(&ada).await.unwrap().bad_password_count;
            for number in 1..=8 {
                assert_eq!(verify(&format!("wrong-Passw0rd-{number}!")).await, Ok(SignIn::WrongPassword));
                assert_eq!(counted().await, number);
            }
            assert_eq!(verify("wrong-Passw0rd-9!").await, Ok(SignIn::TooCloseToLockout));
            assert_eq!(counted().await, 8);
            assert!(play.kinit("ada", INITIAL));

            reset(&sure, &ada, "Entirely-New-7!").await.unwrap();
            assert_eq!(verify("Entirely-New-7!").await, Ok(SignIn::ReplacedLately));

            let [change, disabled, locked] = ["change", "disabled", "locked"].map(|sam| play.account(sam));
            let find = async |sam: &str| sure.locate(&Identity::AccountName(sam.to_owned())).await.unwrap();
            let (change, disabled, locked) =
                (find(&change).await, find(&disabled).await, find(&locked).await);
            play.set(&change.dn, "pwdLastSet", "0");
            play.set(&disabled.dn, "userAccountControl", "514");
            let now = (SystemClock.now().unix_ms() + 11_644_473_600_000) * 10_000;
            play.set(&locked.dn, "lockoutTime", &now.to_string());
            // Only a ticket proves anything: that it must be changed is said without one.
            let error = directory.verify(&change, &password(INITIAL)).await.unwrap_err();
            assert!(error.operator().detail.contains("nothing proves"), "{error}");
            assert_eq!(directory.verify(&disabled, &password(INITIAL)).await, Ok(SignIn::Disabled));
            assert_eq!(directory.verify(&locked, &password(INITIAL)).await, Ok(SignIn::Locked));

            // Unless it is allowed the agent asks nobody, and without a key of its own neither.
            settings.passwords_by_kerberos = false;
            let error = open(settings.clone()).verify(&ada, &password(INITIAL)).await.unwrap_err();
            assert!(error.operator().detail.contains("passwords_by_kerberos"), "{error}");
            settings.passwords_by_kerberos = true;
            settings.by_keytab = false;
            settings.account.clone_from(&play.forest.service_account.upn);
            let error = open(settings).verify(&ada, &password(INITIAL)).await.unwrap_err();
            assert!(error.operator().detail.contains("keytab_file"), "{error}");
        }
    });
}

/// As somebody who pastes the printed lines into a shell, and brings the keytab to the agent.
#[test]
fn the_printed_lines_make_an_account_that_signs_in_by_its_key() {
    apart("proof::the_printed_lines_make_an_account_that_signs_in_by_its_key", async |folder| {
        let lab = Lab::open().unwrap().private("kerberos-prepare").unwrap();
        let forest = lab.forest(Forest::Contoso).unwrap();
        forest.up().unwrap();
        let (name, scope) =
            (ritorno_protocol::ids::Forest(forest.dns_domain.clone()), [forest.people_ou.clone()]);
        let account = format!("svc-keytab@{}", forest.dns_domain);
        let keytab_file = Some(Path::new("/etc/ritorno-agent/keytab"));
        let preparation = Preparation {
            forest: &name,
            account: &account,
            scope: &scope,
            fill_anchors: false,
            password_file: None,
            keytab_file,
        };
        let lines = preparation.lines().unwrap().samba.join("\n");
        let script =
            format!("set -eu\ncd $(mktemp -d)\n{{\n{lines}\n}} >/dev/null\nbase64 -w0 ritorno.keytab\n");
        let (kerberos, keytab) = (client(&folder), forest.dc_exec(&["bash", "-c", &script]).unwrap());
        std::fs::write(folder.join("keytab"), STANDARD.decode(keytab.trim()).unwrap()).unwrap();
        let mut settings = over(&forest, Transport::Kerberos, &kerberos);
        (settings.account, settings.by_keytab, settings.scope) = (account, true, scope.to_vec());
        settings.passwords_by_kerberos = true;
        let directory = open(settings);
        let ada = &forest.people[0];
        let person = directory.locate(&Identity::AccountName(ada.sam.clone())).await.unwrap();
        let rights = directory.rights(&person).await.unwrap();
        assert!(rights.all().iter().all(|verdict| verdict.is_granted()), "{rights:?}");
        assert_eq!(directory.verify(&person, &password(&ada.password)).await, Ok(SignIn::Accepted));
        reset(&directory, &person, "Entirely-New-7!").await.unwrap();
        assert!(forest.kinit(&ada.sam, "Entirely-New-7!").unwrap());
    });
}

/// What is on the way between an agent and a controller: where LDAP and Kerberos are led.
struct Middle {
    ldap: Arc<AtomicUsize>,
    tickets: Arc<AtomicUsize>,
}

/// To the controller; to another one; to nobody, who hangs up; to somebody who says nothing.
const STRAIGHT: usize = 0;
const ASTRAY: usize = 1;
const HANGS_UP: usize = 2;
const SILENT: usize = 3;

impl Middle {
    /// Between everybody and the forest's first controller, to whose name DNS leads here from now on.
    async fn between(lab: &PrivateLab, forest: &ForestHandle, other: Option<Ipv4Addr>) -> Self {
        let here = lab.address(66);
        let start = async |port: u16| {
            let mode = Arc::new(AtomicUsize::new(STRAIGHT));
            let listener = TcpListener::bind((here, port)).await.unwrap();
            let (straight, led) = (forest.dc_ip, Arc::clone(&mode));
            tokio::spawn(async move {
                while let Ok((mut client, _)) = listener.accept().await {
                    let to = match led.load(Ordering::SeqCst) {
                        ASTRAY => other.unwrap(),
                        HANGS_UP => continue,
                        SILENT => {
                            // Held open for as long as the test runs.
                            std::mem::forget(client);
                            continue;
                        }
                        _ => straight,
                    };
                    let mut server = TcpStream::connect((to, port)).await.unwrap();
                    // That one of them hangs up is how a connection ends.
                    tokio::spawn(
                        async move { tokio::io::copy_bidirectional(&mut client, &mut server).await },
                    );
                }
            });
            mode
        };
        let (ldap, tickets) = (start(389).await, start(88).await);
        let (from, to) = (forest.dc_ip.to_string(), here.to_string());
        let user = format!("--username=administrator@{}", forest.realm);
        let pass = format!("--password={}", forest.administrator.password);
        let update =
            ["samba-tool", "dns", "update", &from, &forest.dns_domain, "dc1", "A", &from, &to, &user, &pass];
        forest.dc_exec(&update).unwrap();
        Self { ldap, tickets }
    }
}

/// What keeps the agent from a ticket is not the PDC emulator's fault as long as that answers over LDAP: no write is led elsewhere by it.
#[test]
fn a_controller_that_answers_is_not_called_gone_for_want_of_a_ticket() {
    let name = "proof::a_controller_that_answers_is_not_called_gone_for_want_of_a_ticket";
    apart(name, async |folder| {
        let lab = Lab::open().unwrap().private("kerberos-ticket").unwrap();
        let forest = lab.forest(Forest::Contoso).unwrap();
        forest.up().unwrap();
        let middle = Middle::between(&lab, &forest, None).await;
        let mut settings = over(&forest, Transport::Kerberos, &client(&folder));
        settings.write_elsewhere = true;
        let guest = || Identity::AccountName("Guest".into());
        let sure = open(settings.clone());
        sure.locate(&guest()).await.unwrap();
        for tickets in [HANGS_UP, SILENT] {
            middle.tickets.store(tickets, Ordering::SeqCst);
            let directory = open(settings.clone());
            let error = directory.locate(&guest()).await.unwrap_err();
            assert!(error.operator().detail.contains("the controller answers"), "{error}");
            assert_eq!(fault(Err::<(), _>(error)), Fault::DirectoryUnavailable);
        }
        // An agent that has a connection goes by what it hears there, however hard new ones come by.
        let health = sure.pdc_health().await;
        assert!(matches!(&health, PdcHealth::Reachable { dc, .. } if *dc == forest.dc_host), "{health:?}");
        // A controller that keeps silent altogether is gone.
        middle.tickets.store(HANGS_UP, Ordering::SeqCst);
        middle.ldap.store(SILENT, Ordering::SeqCst);
        let gone = open(settings).locate(&guest()).await;
        assert_eq!(fault(gone), Fault::PdcUnreachable { name: forest.dc_host.clone() });
    });
}

/// A front that ends TLS before the controller, with a certificate of an authority that signs with Ed25519.
async fn front(forest: &ForestHandle) -> (u16, rustls::RootCertStore) {
    let of = |name: &str| {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        (rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap(), key)
    };
    let ((mut root, root_key), (leaf, leaf_key)) = (of("authority.test"), of(&forest.dc_host));
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_certificate = root.self_signed(&root_key).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &rcgen::Issuer::new(root, root_key)).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root_certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls_pki_types::PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind((forest.dc_ip, 0)).await.unwrap();
    let (port, address) = (listener.local_addr().unwrap().port(), forest.dc_ip);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut client = acceptor.accept(client).await.unwrap();
                let mut server = TcpStream::connect((address, 389)).await.unwrap();
                // That one of them hangs up is how a connection ends.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, roots)
}

#[test]
fn a_certificate_without_a_binding_is_told() {
    apart("proof::a_certificate_without_a_binding_is_told", async |folder| {
        let play = Playground::new(Forest::Contoso, "unbound");
        let kerberos = client(&folder);
        std::fs::write(folder.join("keytab"), play.forest.keytab(&play.forest.service_account.sam).unwrap())
            .unwrap();
        let mut settings = over(&play.forest, Transport::Ldaps, &kerberos);
        (settings.by_keytab, settings.passwords_by_kerberos) = (true, true);
        let (port, roots) = front(&play.forest).await;
        (settings.port, settings.roots) = (port, Arc::new(roots));
        let error = open(settings).locate(&Identity::AccountName("Guest".into())).await.unwrap_err();
        assert!(error.operator().detail.contains("Ed25519"), "{error}");
        // With one that has a binding nothing of the kind is said, whatever else is refused.
        let mut settings = over(&play.forest, Transport::Ldaps, &kerberos);
        settings.account = format!("nobody@{}", play.forest.dns_domain);
        let error = open(settings.clone()).locate(&Identity::AccountName("Guest".into())).await.unwrap_err();
        assert!(!error.operator().detail.contains("Ed25519"), "{error}");
    });
}

/// Somebody between the agent and the controller who knows what was typed: a whole realm of the same name, in which it is right.
#[test]
fn a_realm_that_only_knows_what_was_typed_is_not_believed() {
    apart("proof::a_realm_that_only_knows_what_was_typed_is_not_believed", async |folder| {
        let lab = Lab::open().unwrap();
        let (honest, rogue) =
            (lab.private("kerberos-honest").unwrap(), lab.private("kerberos-rogue").unwrap());
        let [forest, other] = [&honest, &rogue].map(|lab| {
            let forest = lab.forest(Forest::Contoso).unwrap();
            forest.up().unwrap();
            let line = service_line(&forest, &forest.service_account.sam);
            forest.dc_exec(&["bash", "-c", &line]).unwrap();
            forest
        });
        let (ada, typed) = (&forest.people[0], "Typed-By-Somebody-7!");
        other.set_password(&ada.dn, typed).unwrap();
        // What the rogue does not have: the key of the agent's account.
        other.set_password(&other.service_account.dn, "Not-The-Agents-7!").unwrap();
        assert!(other.kinit(&ada.sam, typed).unwrap(), "there it is right");

        let middle = Middle::between(&honest, &forest, Some(other.dc_ip)).await;
        let kerberos = client(&folder);
        std::fs::write(folder.join("keytab"), forest.keytab(&forest.service_account.sam).unwrap()).unwrap();
        let mut settings = over(&forest, Transport::Kerberos, &kerberos);
        (settings.by_keytab, settings.passwords_by_kerberos) = (true, true);
        let directory = open(settings);
        let person = directory.locate(&Identity::AccountName(ada.sam.clone())).await.unwrap();
        assert_eq!(directory.verify(&person, &password(&ada.password)).await, Ok(SignIn::Accepted));
        middle.tickets.store(ASTRAY, Ordering::SeqCst);
        let error = directory.verify(&person, &password(typed)).await.unwrap_err();
        assert!(error.operator().detail.contains("not of the realm's own centre"), "{error}");
        middle.tickets.store(STRAIGHT, Ordering::SeqCst);
        assert_eq!(directory.verify(&person, &password(typed)).await, Ok(SignIn::WrongPassword));
        assert_eq!(directory.verify(&person, &password(&ada.password)).await, Ok(SignIn::Accepted));
    });
}
