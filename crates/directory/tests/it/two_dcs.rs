//! Two controllers in one domain: reads go where the choice says, writes to the PDC emulator and nowhere else, and the role may move
//! or its holder die while people reset.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use ritorno_directory::{
    Directory, DirectoryError, ForestConfig, Identity, ImportedObject, PdcHealth, Person, SignIn, Since,
};
use ritorno_lab::{Forest, ForestHandle, Lab, PrivateLab, Replica};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::outcome::{Done, Fault};

use crate::playground::{INITIAL, config, fault, password, reset};

const DATABASE: &str = "/var/lib/samba/private/sam.ldb";

/// How many people reset while the role moves.
const CROWD: usize = 80;
/// What they reset to.
const NEW: &str = "Moving-Passw0rd-7!";

/// A private forest with two controllers. The first one is the PDC emulator and the only pinned host.
struct Pair {
    forest: ForestHandle,
    second: Replica,
    _lab: PrivateLab,
}

impl Pair {
    fn new(name: &str) -> Self {
        let private = Lab::open().unwrap().private(name).unwrap();
        let forest = private.forest(Forest::Contoso).unwrap();
        let second = forest.second_dc();
        second.up().unwrap();
        Self { forest, second, _lab: private }
    }

    /// One of the two may be killed, so both are asked for names.
    fn config(&self) -> ForestConfig {
        let mut config = config(&self.forest);
        config.dns_servers.push((self.second.ip, 53).into());
        config
    }

    fn directory(&self, change: impl FnOnce(&mut ForestConfig)) -> Directory {
        let mut config = self.config();
        change(&mut config);
        Directory::new(config, Arc::new(SystemClock)).unwrap()
    }

    /// The invocation ID of a controller: what a write that it made first is marked with.
    fn invocation_id(&self, name: &str) -> String {
        let base = format!(
            "CN=NTDS Settings,CN={name},CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{}",
            self.forest.base_dn
        );
        let read = ["ldbsearch", "-H", DATABASE, "-s", "base", "-b", &base, "--show-binary", "invocationId"];
        let found = self.forest.dc_exec(&read).unwrap();
        let id = found.lines().find_map(|line| line.strip_prefix("invocationId: ")).unwrap();
        id.trim().to_owned()
    }
}

/// The description of one person, as an import finds it; or how the import ended.
async fn imported_description(directory: &Directory, dn: &str) -> Result<Option<String>, DirectoryError> {
    let mut stream = directory.users(vec!["description".to_owned()]);
    let mut found = None;
    while let Some(object) = stream.recv().await {
        let ImportedObject { dn: of, attributes, .. } = object?;
        if of == dn {
            let value = attributes.get("description").and_then(|values| values.first());
            found = value.map(|value| String::from_utf8_lossy(value).into_owned());
        }
    }
    Ok(found)
}

/// How often a controller's own log says that the service account signed in there over LDAPS.
fn sign_ins(log: &str, ip: std::net::Ipv4Addr) -> usize {
    let local = format!("local host [ipv4:{ip}:636]");
    log.lines()
        .filter(|line| line.contains("Auth: [LDAP") && line.contains("svc-ritorno") && line.contains(&local))
        .count()
}

/// A reset of somebody who is read just before, as the agent does it. If the role moves in between nothing is written, and whoever
/// chose the password sends it once more.
async fn read_and_reset(directory: &Directory, person: &Person, new: &str) -> Result<Done, DirectoryError> {
    loop {
        let person = directory.locate(&Identity::Guid(person.object_guid)).await?;
        match reset(directory, &person, new).await {
            Err(DirectoryError::NotApplied { fault: Fault::DirectoryUnavailable, operator })
                if operator.detail.contains("took over") => {}
            outcome => return outcome,
        }
    }
}

#[tokio::test]
async fn reads_go_to_the_preferred_controller_and_writes_to_the_pdc_emulator() {
    let pair = Pair::new("directory-choice");
    let (forest, second) = (&pair.forest, &pair.second);
    let [ada, bob] = [&forest.people[0], &forest.people[1]];
    // What is written at the second controller from here on stays there.
    let [user, pass] = [
        format!("--username=administrator@{}", forest.realm),
        format!("--password={}", forest.administrator.password),
    ];
    let deaf = ["samba-tool", "drs", "options", &forest.dc_host, "--dsa-option=+DISABLE_INBOUND_REPL"];
    forest.dc_exec(&[&deaf[..], &[&user, &pass]].concat()).unwrap();
    let ldif =
        format!("dn: {}\nchangetype: modify\nreplace: description\ndescription: known to dc2 only\n", ada.dn);
    second.exec_with(&["ldbmodify", "-H", DATABASE], &ldif).unwrap();

    let directory = pair.directory(|config| {
        config.preferred = vec![second.host.clone()];
        config.only_preferred = true;
    });
    let logged = |what: &str| {
        let first = sign_ins(&forest.dc_log().unwrap(), forest.dc_ip);
        let other = sign_ins(&second.log().unwrap(), second.ip);
        println!("{what}: {first} sign-ins at dc1, {other} at dc2");
        (first, other)
    };
    let before = logged("before");
    let described = imported_description(&directory, &ada.dn).await.unwrap();
    assert_eq!(described.as_deref(), Some("known to dc2 only"));
    let after = logged("after the import");
    assert_eq!((after.0 - before.0, after.1 - before.1), (0, 1), "by both controllers' own logs");

    let person = directory.locate(&Identity::AccountName(bob.sam.clone())).await.unwrap();
    let done = reset(&directory, &person, "Entirely-New-7!").await.unwrap();
    assert_eq!(done.operator.dc.as_deref(), Some(forest.dc_host.as_str()));
    let written = logged("after the reset");
    assert!(written.0 > after.0 && written.1 == after.1, "by both controllers' own logs");
    let version = directory.password_version(&person).await.unwrap();
    assert_eq!(version.originating.unwrap().to_string(), pair.invocation_id("DC1").to_lowercase());

    // One that has not got all of the domain yet is not imported from: who is missing there has not gone.
    let lenient = pair.directory(|config| config.preferred = vec![second.host.clone()]);
    let mark = lenient.watermark().await.unwrap();
    assert_eq!(mark.dc, second.host);
    let synchronized = |value: &str| {
        let ldif =
            format!("dn: @ROOTDSE\nchangetype: modify\nreplace: isSynchronized\nisSynchronized: {value}\n");
        second.exec_with(&["ldbmodify", "-H", DATABASE], &ldif).unwrap();
    };
    synchronized("FALSE");
    assert_eq!(lenient.watermark().await.unwrap().dc, forest.dc_host);
    let DirectoryError::NotApplied { operator, .. } = directory.watermark().await.unwrap_err() else {
        panic!("nothing is written")
    };
    assert!(operator.detail.contains("isSynchronized is FALSE"), "{}", operator.detail);
    synchronized("TRUE");
    assert_eq!(lenient.watermark().await.unwrap().dc, second.host);
    assert_eq!(lenient.readable_instead_of(&mark.dc).await, None, "it can be read itself");

    // Another one may be read from when the preferred one is gone, or none, as the administrator said.
    second.kill().unwrap();
    assert!(lenient.changes(&mark, vec!["name".to_owned()]).await.is_err(), "its history is nobody else's");
    assert_eq!(lenient.readable_instead_of(&mark.dc).await.as_deref(), Some(&*forest.dc_host));
    assert_eq!(directory.readable_instead_of(&mark.dc).await, None, "only preferred ones may be read");
    let Err(DirectoryError::NotApplied { operator, .. }) = imported_description(&directory, &ada.dn).await
    else {
        panic!("nothing else may be read from")
    };
    assert!(operator.detail.contains(&second.host), "{}", operator.detail);
    assert_eq!(imported_description(&lenient, &ada.dn).await.unwrap(), None, "dc1 never heard of it");

    // The PDC emulator is gone: no other is written to, and the outcome names it.
    second.up().unwrap();
    forest.kill_dc().unwrap();
    // The kill held up this test's only thread: kept connections learn of their end now.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let outcome = reset(&directory, &person, "Entirely-New-8!").await;
    assert_eq!(fault(outcome), Fault::PdcUnreachable { name: forest.dc_host.clone() });
    let described = imported_description(&directory, &ada.dn).await.unwrap();
    assert_eq!(described.as_deref(), Some("known to dc2 only"));
    // An agent that starts now, and that only a preferred host can tell who the PDC emulator is, names it too.
    let fresh = pair.directory(|config| {
        config.hosts = vec!["dc3.contoso.test".to_owned()];
        config.preferred = vec![second.host.clone()];
    });
    let located = fresh.locate(&Identity::AccountName(bob.sam.clone())).await;
    assert_eq!(fault(located), Fault::PdcUnreachable { name: forest.dc_host.clone() });

    // Where the administrator allows it, another writable one takes the write, and the outcome names both.
    let allowed = pair.directory(|config| {
        config.write_elsewhere = true;
        config.preferred = vec!["dc3.contoso.test".to_owned(), second.host.clone()];
    });
    let Fault::PdcUnreachable { .. } = fault(reset(&directory, &person, "Entirely-New-8!").await) else {
        panic!("off by default")
    };
    let bob = allowed.locate(&Identity::AccountName(bob.sam.clone())).await.unwrap();
    assert_eq!(allowed.judge(&bob).await, Ok(()));
    let since = Instant::now();
    let done = reset(&allowed, &bob, "Entirely-New-9!").await.unwrap();
    println!("written elsewhere after {} ms: {}", since.elapsed().as_millis(), done.operator.detail);
    assert_eq!(done.operator.dc.as_deref(), Some(second.host.as_str()));
    assert!(done.operator.detail.contains(&format!("PDC emulator {}", forest.dc_host)), "{done:?}");
    let seen = allowed.password_version(&bob).await.unwrap();
    assert_eq!(seen.originating, seen.read_from, "the second one wrote it and was read");
    // Wrong passwords are counted at the PDC emulator: none is tried elsewhere.
    let tried = allowed.verify(&bob, &password("Entirely-New-9!")).await;
    assert_eq!(fault(tried), Fault::PdcUnreachable { name: forest.dc_host.clone() });
    let refused = reset(&allowed, &bob, "short").await;
    let operator = refused.as_ref().unwrap_err().operator();
    assert!(operator.detail.contains("in place of the PDC emulator"), "{operator:?}");
    let PdcHealth::Elsewhere { dc, reason } = allowed.pdc_health().await else { panic!("it is dead") };
    assert_eq!(dc, second.host);
    assert!(reason.contains(&forest.dc_host), "{reason}");
    // Nobody else is known: the outcome says whom it tried.
    let alone = pair.directory(|config| {
        config.write_elsewhere = true;
        config.preferred = vec!["dc3.contoso.test".to_owned()];
    });
    let refused = alone.locate(&Identity::AccountName("anybody".into())).await;
    assert!(refused.as_ref().unwrap_err().operator().detail.contains("dc3.contoso.test"), "{refused:?}");
    assert_eq!(fault(refused), Fault::PdcUnreachable { name: forest.dc_host.clone() });
    // It is back: from the next probe on it is written to again.
    forest.start_dc().unwrap();
    let health = allowed.pdc_health().await;
    assert!(matches!(&health, PdcHealth::Reachable { dc, .. } if *dc == forest.dc_host), "{health:?}");
    // Whoever was read at the one is not written at the other: what a write changed could not be told afterwards.
    let Fault::DirectoryUnavailable = fault(reset(&allowed, &bob, "Entirely-New-10!").await) else {
        panic!("it was written at another controller than it was read from")
    };
    let bob = allowed.locate(&Identity::Guid(bob.object_guid)).await.unwrap();
    let done = reset(&allowed, &bob, "Entirely-New-10!").await.unwrap();
    assert_eq!(
        (done.operator.dc.as_deref(), done.operator.detail.as_str()),
        (Some(forest.dc_host.as_str()), "")
    );
}

/// Two sites: the PDC emulator in the one, this machine and the second controller in the other.
#[tokio::test]
async fn without_a_preferred_one_imports_are_read_in_the_own_site() {
    let pair = Pair::new("directory-nearest");
    let (forest, second) = (&pair.forest, &pair.second);
    assert_eq!(
        pair.directory(|_| ()).watermark().await.unwrap().dc,
        forest.dc_host,
        "one site: it lags behind nobody"
    );

    let server =
        |site: &str| format!("CN=DC2,CN=Servers,CN={site},CN=Sites,CN=Configuration,{}", forest.base_dn);
    let local = ["-H", DATABASE];
    let run = |command: &[&str]| forest.dc_exec(&[command, &local].concat()).unwrap();
    run(&["samba-tool", "sites", "create", "Milano"]);
    run(&["samba-tool", "sites", "subnet", "create", "127.0.0.0/8", "Milano"]);
    run(&["ldbrename", &server("Default-First-Site-Name"), &server("Milano")]);
    second.wait_for_replication().unwrap();
    // A controller reads where it is when it starts.
    second.kill().unwrap();
    second.up().unwrap();

    let directory = pair.directory(|_| ());
    let topology = directory.topology().await.unwrap();
    assert_eq!(topology.own_site.as_deref(), Some("Milano"));
    // What it took is seen to have arrived once something has been seen that it had before.
    assert!(matches!(directory.pdc_health().await, PdcHealth::Reachable { dc, .. } if dc == forest.dc_host));
    let described = |words: &str| {
        let dn = &forest.people[0].dn;
        format!("dn: {dn}\nchangetype: modify\nreplace: description\ndescription: {words}\n")
    };
    let since = Instant::now();
    let mark = loop {
        forest.modify(&described(&format!("{:?}", since.elapsed()))).unwrap();
        second.wait_for_replication().unwrap();
        let mark = directory.watermark().await.unwrap();
        if mark.dc == second.host {
            break mark;
        }
        assert!(since.elapsed() < Duration::from_secs(90), "{} is read", mark.dc);
    };
    // It stays there, by deltas and by full imports; what is about one person is read and written at the PDC emulator.
    for _ in 0..5 {
        assert_eq!(directory.watermark().await.unwrap().dc, second.host);
        let changes = directory.changes(&mark, vec!["description".to_owned()]).await.unwrap();
        let Since::Changes(delta) = changes else { panic!("it was left") };
        assert_eq!(delta.end().await.0.dc, second.host);
    }
    let restarted = pair.directory(|_| ());
    let changes = restarted.changes(&mark, vec!["description".to_owned()]).await.unwrap();
    assert!(matches!(changes, Since::Changes(_)), "an agent that was restarted goes on there");
    let before = sign_ins(&second.log().unwrap(), second.ip);
    let person = directory.locate(&Identity::AccountName(forest.people[0].sam.clone())).await.unwrap();
    assert_eq!(directory.judge(&person).await, Ok(()));
    directory.effective_policy(&person).await.unwrap();
    let done = reset(&directory, &person, "Entirely-New-7!").await.unwrap();
    assert_eq!(done.operator.dc.as_deref(), Some(forest.dc_host.as_str()));
    assert_eq!(sign_ins(&second.log().unwrap(), second.ip), before, "none of that was asked at dc2");

    // One that has stopped listening is not chosen by anybody who does not know it to be up to date.
    let [user, pass] = [
        format!("--username=administrator@{}", forest.realm),
        format!("--password={}", forest.administrator.password),
    ];
    let deaf = ["samba-tool", "drs", "options", &second.host, "--dsa-option=+DISABLE_INBOUND_REPL"];
    second.exec_with(&[&deaf[..], &[&user, &pass]].concat(), "").unwrap();
    forest.modify(&described("not known to dc2")).unwrap();
    assert_eq!(restarted.watermark().await.unwrap().dc, forest.dc_host);
    assert_eq!(pair.directory(|_| ()).watermark().await.unwrap().dc, forest.dc_host);

    // Without the PDC emulator an import goes on, and may begin, where somebody answers.
    forest.kill_dc().unwrap();
    let changes = directory.changes(&mark, vec!["description".to_owned()]).await.unwrap();
    assert!(matches!(changes, Since::Changes(_)));
    assert_eq!(directory.watermark().await.unwrap().dc, second.host);
    assert_eq!(
        fault(reset(&directory, &person, "Entirely-New-8!").await),
        Fault::PdcUnreachable { name: forest.dc_host.clone() }
    );
}

#[tokio::test]
async fn a_write_is_waited_for_where_people_sign_in() {
    let pair = Pair::new("directory-shown");
    let (forest, second) = (&pair.forest, &pair.second);
    let gone = "dc3.contoso.test".to_owned();
    let directory = pair.directory(|config| config.show_at = vec![second.host.clone(), gone.clone()]);
    let person = directory.locate(&Identity::AccountName(forest.people[1].sam.clone())).await.unwrap();
    let since = Instant::now();
    let done = reset(&directory, &person, "Entirely-New-7!").await.unwrap();
    println!("{} ms: {}", since.elapsed().as_millis(), done.operator.detail);
    assert_eq!(done.operator.dc.as_deref(), Some(forest.dc_host.as_str()));
    assert!(done.operator.detail.contains(&format!("{gone} was not asked")), "{done:?}");
    assert!(since.elapsed() < Duration::from_secs(9));
    if done.operator.detail.contains(&format!("{} shows it after", second.host)) {
        let there = pair.directory(|config| config.hosts = vec![second.host.clone()]);
        assert_eq!(there.verify(&person, &password("Entirely-New-7!")).await, Ok(SignIn::ReplacedLately));
    }
    // One that takes nothing is waited for no longer than five seconds, and the write is done.
    let [user, pass] = [
        format!("--username=administrator@{}", forest.realm),
        format!("--password={}", forest.administrator.password),
    ];
    let deaf = ["samba-tool", "drs", "options", &second.host, "--dsa-option=+DISABLE_INBOUND_REPL"];
    second.exec_with(&[&deaf[..], &[&user, &pass]].concat(), "").unwrap();
    let since = Instant::now();
    let done = reset(&directory, &person, "Entirely-New-8!").await.unwrap();
    assert!(done.operator.detail.contains(&format!("{} does not show it", second.host)), "{done:?}");
    assert!(since.elapsed() < Duration::from_secs(9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_moves_and_its_holder_dies_while_people_reset() {
    let pair = Pair::new("directory-role");
    let (forest, second) = (&pair.forest, &pair.second);
    let directory = pair.directory(|_| ());
    // One reset each: two in a row at two controllers that have not heard of each other's is for Active Directory to merge.
    let people = Arc::new(crowd(&pair, &directory).await);

    // What the agent does every ten seconds, here every second.
    let over = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn({
        let (directory, over) = (directory.clone(), Arc::clone(&over));
        async move {
            while !over.load(Ordering::SeqCst) {
                directory.pdc_health().await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    });
    let moving = std::thread::spawn({
        let (forest, second, over) = (forest.clone(), second.clone(), Arc::clone(&over));
        move || {
            let mut moves = 0;
            while !over.load(Ordering::SeqCst) || moves % 2 == 1 {
                std::thread::sleep(Duration::from_secs(2));
                if moves % 2 == 0 { second.take_pdc_role() } else { forest.take_pdc_role() }.unwrap();
                moves += 1;
            }
            moves
        }
    });
    let next = Arc::new(AtomicUsize::new(0));
    let streams: Vec<_> = (0..4)
        .map(|_| {
            let (directory, people, next) = (directory.clone(), Arc::clone(&people), Arc::clone(&next));
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while let Some((person, _)) = people.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let since = Instant::now();
                    let done = read_and_reset(&directory, person, NEW).await.expect("none is lost");
                    waits.push((since.elapsed(), done.operator.dc.unwrap()));
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for stream in streams {
        waits.extend(stream.await.unwrap());
    }
    over.store(true, Ordering::SeqCst);
    let moves = tokio::task::spawn_blocking(|| moving.join().unwrap()).await.unwrap();
    watching.await.unwrap();
    let longest = waits.iter().map(|(wait, _)| wait.as_millis()).max().unwrap();
    let at_second = waits.iter().filter(|(_, dc)| *dc == second.host).count();
    println!(
        "{} resets, {at_second} of them at dc2, while the role moved {moves} times: longest wait {longest} ms",
        waits.len()
    );
    assert_eq!(waits.len(), people.len());
    assert!(at_second > 0 && at_second < waits.len(), "the role was followed there and back");
    // At both controllers, once each has heard of all that the other wrote: one write each, and the new password.
    second.wait_for_replication().unwrap();
    for (person, before) in people.iter() {
        let version = directory.password_version(person).await.unwrap().version.unwrap();
        assert_eq!(version, before + 1, "{}", person.dn);
        assert_eq!(
            directory.verify(person, &password(NEW)).await,
            Ok(SignIn::ReplacedLately),
            "{}",
            person.dn
        );
    }

    // The holder, the first one again, dies in the middle of a stream.
    assert!(matches!(directory.pdc_health().await, PdcHealth::Reachable { dc, .. } if dc == forest.dc_host));
    let person = people[0].0.clone();
    let before = directory.password_version(&person).await.unwrap().version.unwrap();
    let stream = tokio::spawn({
        let (directory, person) = (directory.clone(), person.clone());
        async move {
            let mut done = 0;
            loop {
                let since = Instant::now();
                match read_and_reset(&directory, &person, &format!("Dying-Passw0rd-{done}!")).await {
                    Ok(_) => done += 1,
                    Err(error) => return (done, error, since.elapsed()),
                }
                assert!(done < 1000, "it goes on at a controller that is dead");
            }
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    forest.kill_dc().unwrap();
    let (done, error, waited) = stream.await.unwrap();
    println!("killed after {done} resets; told after {} ms: {error}", waited.as_millis());
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    let unsure = match &error {
        DirectoryError::Unknown { .. } => 1,
        DirectoryError::NotApplied { fault: Fault::PdcUnreachable { name }, .. } => {
            assert_eq!(name, &forest.dc_host);
            0
        }
        other => panic!("{other}"),
    };
    let since = Instant::now();
    let outcome = read_and_reset(&directory, &person, "Nobody-There-7!").await;
    assert_eq!(fault(outcome), Fault::PdcUnreachable { name: forest.dc_host.clone() });
    assert!(since.elapsed() < Duration::from_secs(10));

    // The role is seized: the same agent goes on by itself, at a host that is not in its configuration.
    second.seize_pdc_role().unwrap();
    let since = Instant::now();
    let done_there = read_and_reset(&directory, &person, "After-The-Death-7!").await.unwrap();
    println!("seized: written after {} ms", since.elapsed().as_millis());
    assert_eq!(done_there.operator.dc.as_deref(), Some(second.host.as_str()));
    assert!(matches!(directory.pdc_health().await, PdcHealth::Reachable { dc, .. } if dc == second.host));
    assert_eq!(directory.verify(&person, &password("After-The-Death-7!")).await, Ok(SignIn::ReplacedLately));
    // What the dead one took and did not pass on is gone with it; nothing was written twice.
    let after = directory.password_version(&person).await.unwrap().version.unwrap();
    assert!(after > before && after <= before + done + unsure + 1, "{before} {after} {done} {unsure}");
}

/// People of this test alone, with the versions of their passwords, known to both controllers.
async fn crowd(pair: &Pair, directory: &Directory) -> Vec<(Person, u32)> {
    let quoted: Vec<u8> = format!("\"{INITIAL}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let quoted = base64::engine::general_purpose::STANDARD.encode(quoted);
    let unit = pair.forest.people[0].dn.split_once(',').unwrap().1;
    let ldif: String = (0..CROWD)
        .map(|number| {
            format!(
                "dn: CN=Crowd {number},{unit}\nchangetype: add\nobjectClass: user\nsAMAccountName: crowd{number}\n\
                 userAccountControl: 512\nunicodePwd:: {quoted}\n\n"
            )
        })
        .collect();
    pair.forest.modify(&ldif).unwrap();
    pair.second.wait_for_replication().unwrap();
    let mut people = Vec::new();
    for number in 0..CROWD {
        let person = directory.locate(&Identity::AccountName(format!("crowd{number}"))).await.unwrap();
        let version = directory.password_version(&person).await.unwrap().version.unwrap();
        people.push((person, version));
    }
    people
}
