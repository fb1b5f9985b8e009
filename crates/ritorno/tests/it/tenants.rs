//! Two tenants on one server, by the program itself: on the command line, and as it serves.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ritorno_lab::Lab;

use crate::place::Place;
use crate::service::{Service, curl};

/// What a page or the API answers at a host.
struct Site {
    address: String,
}

impl Site {
    fn get(&self, path: &str, headers: &[&str]) -> Result<String> {
        let url = format!("{}{path}", self.address);
        let mut arguments = vec![url.as_str()];
        for header in headers {
            arguments.extend(["--header", header]);
        }
        curl(&arguments, None)
    }

    fn status(&self, path: &str, headers: &[&str]) -> Result<String> {
        let url = format!("{}{path}", self.address);
        let mut arguments = vec!["--output", "/dev/null", "--write-out", "%{http_code}", url.as_str()];
        for header in headers {
            arguments.extend(["--header", header]);
        }
        curl(&arguments, None)
    }

    /// Waits until the status is this one.
    fn gets(&self, status: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            let found = self.status("/console/sign-in", &[])?;
            if found == status {
                return Ok(());
            }
            ensure!(began.elapsed() < Duration::from_secs(30), "{}: {found}, not {status}", self.address);
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn token(place: &Place, tenant: &str) -> Result<String> {
    let made = ["token", "create", "monitoring", "--administrator", "admin", "--scopes", "tenant.read"];
    let said = place.succeed(&[&made[..], &["--expires", "90d", "--tenant", tenant]].concat())?;
    Ok(format!("Authorization: Bearer {}", said.split_whitespace().next().unwrap_or_default()))
}

#[test]
fn a_running_server_takes_a_tenant_up_and_lets_it_go() -> Result<()> {
    let place = Place::new()?;
    place.write(&format!(
        "{}[audit]\nfile = \"{}\"\n",
        place.configuration("http"),
        place.folder.join("audit.jsonl").display()
    ))?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let (contoso, fabrikam) = (
        Site { address: format!("http://localhost:{}", place.port) },
        Site { address: format!("http://127.0.0.1:{}", place.port) },
    );
    let service = Service::start(&place, &format!("{}/health/ready", contoso.address), None)?;
    // Alone, it answers whatever it is called.
    ensure!(fabrikam.get("/console/sign-in", &[])?.contains("Contoso"));
    place.succeed(&["tenant", "show"])?;

    let taken = place.fail(&[
        "tenant",
        "create",
        "Other",
        "--url",
        &format!("https://LOCALHOST.:{}", place.port + 1),
    ])?;
    ensure!(taken.contains("Contoso") && taken.lines().count() == 1, "{taken}");
    let named = place.fail(&["tenant", "create", "contoso", "--url", &fabrikam.address])?;
    ensure!(named.contains("already"), "{named}");
    let unsafe_url = place.fail(&["tenant", "create", "Other", "--url", "http://reset.fabrikam.test"])?;
    ensure!(unsafe_url.contains("https://"), "{unsafe_url}");
    let said = place.succeed(&["tenant", "create", "Fabrikam", "--url", &fabrikam.address, "--json"])?;
    let made: serde_json::Value = serde_json::from_str(&said)?;
    ensure!(made["administrator"] == "admin" && made["password"].is_string(), "{said}");
    let began = Instant::now();
    while !fabrikam.get("/console/sign-in", &[])?.contains("Fabrikam") {
        ensure!(began.elapsed() < Duration::from_secs(30), "it is not taken up");
        std::thread::sleep(Duration::from_millis(100));
    }
    ensure!(contoso.get("/console/sign-in", &[])?.contains("Contoso"));
    // From now on a host has to be somebody's.
    let nobody = contoso.get("/console/sign-in", &["Host: reset.nobody.test"])?;
    ensure!(nobody == "Nothing is served under this name.\n", "{nobody}");
    ensure!(contoso.status("/", &["Host: reset.nobody.test"])? == "421");
    ensure!(contoso.get("/health/ready", &["Host: reset.nobody.test"])? == "ready\n");

    // Every command is about one of them, and says so if it does not know which.
    for command in [&["tenant", "show"][..], &["agent", "list"], &["keys", "status"], &["admin", "list"]] {
        let unsaid = place.fail(command)?;
        ensure!(unsaid.contains("Contoso (localhost), Fabrikam (127.0.0.1)"), "{unsaid}");
        ensure!(unsaid.lines().count() == 1, "{unsaid}");
    }
    let unknown = place.fail(&["agent", "list", "--tenant", "nobody"])?;
    ensure!(unknown.contains("no tenant is called 'nobody'"), "{unknown}");
    let about_all = place.fail(&["tenant", "list", "--tenant", "Contoso"])?;
    ensure!(about_all.contains("leave --tenant out"), "{about_all}");
    let roots = [
        place.succeed(&["keys", "status", "--tenant", "Contoso"])?,
        place.succeed(&["keys", "status", "--tenant", "127.0.0.1"])?,
    ];
    ensure!(roots[0] != roots[1], "each has a root key of its own");
    let enrolment = place.succeed(&["agent", "token", "--tenant", "fabrikam"])?;
    ensure!(enrolment.starts_with("ritorno-enrol."), "{enrolment}");
    place.succeed(&["tenant", "languages", "it", "--tenant", "Fabrikam"])?;
    ensure!(fabrikam.get("/console/sign-in", &[])?.contains("lang=\"it\""));
    ensure!(contoso.get("/console/sign-in", &[])?.contains("lang=\"en\""));

    // A token opens the one tenant that it is of.
    let (ours, theirs) = (token(&place, "Contoso")?, token(&place, "Fabrikam")?);
    let overview = "/api/v1/overview";
    ensure!(contoso.get(overview, &[&ours])?.contains("\"organisation\":\"Contoso\""));
    ensure!(fabrikam.get(overview, &[&theirs])?.contains("\"organisation\":\"Fabrikam\""));
    ensure!(contoso.status(overview, &[&theirs])? == "401" && fabrikam.status(overview, &[&ours])? == "401");

    // Served no more: as if it had never been; and back again, with everything it had.
    place.succeed(&["tenant", "disable", "Fabrikam"])?;
    let twice = place.fail(&["tenant", "disable", "Fabrikam"])?;
    ensure!(twice.contains("already"), "{twice}");
    fabrikam.gets("421")?;
    ensure!(fabrikam.get("/", &[])? == nobody);
    ensure!(contoso.get(overview, &[&ours])?.contains("Contoso"));
    place.succeed(&["tenant", "enable", "127.0.0.1"])?;
    fabrikam.gets("200")?;
    ensure!(fabrikam.get(overview, &[&theirs])?.contains("Fabrikam"));
    let listed = place.succeed(&["tenant", "list"])?;
    ensure!(listed.lines().count() == 3 && listed.contains(&fabrikam.address), "{listed}");
    ensure!(service.terminate()? < Duration::from_secs(10));

    // Each has an audit of its own, in a file of its own.
    for (tenant, file) in [("Contoso", "audit.jsonl"), ("Fabrikam", "audit.127.0.0.1.jsonl")] {
        let file = place.folder.join(file).display().to_string();
        place.succeed(&["audit", "verify", "--tenant", tenant, "--file", &file])?;
    }
    let log = std::fs::read_to_string(place.folder.join("log"))?;
    ensure!(log.contains("\"host\":\"127.0.0.1\"") && log.contains("\"host\":\"localhost\""), "{log}");
    Ok(())
}

#[test]
fn a_backup_holds_every_tenant() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let address = format!("http://127.0.0.1:{}", place.port);
    place.succeed(&["tenant", "create", "Fabrikam", "--url", &address])?;
    let folder = place.folder.join("backup").display().to_string();
    place.succeed(&["backup", &folder])?;
    let mut files = std::fs::read_dir(&folder)?
        .map(|file| Ok(file?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    ensure!(files.len() == 4 && files[2].starts_with("root-"), "{files:?}");
    ensure!([&files[0], &files[1], &files[3]] == ["backup.json", "ritorno.db", "root.key"], "{files:?}");
    let roots = ["Contoso", "Fabrikam"].map(|tenant| place.succeed(&["keys", "status", "--tenant", tenant]));
    let state = place.folder.join("state");
    let node_key = std::fs::read(state.join("node.key"))?;
    std::fs::remove_dir_all(&state)?;
    std::fs::create_dir(&state)?;
    write_private(&state.join("node.key"), &node_key)?;
    let said = place.succeed(&["restore", &folder])?;
    ensure!(said.contains("tenant 'Contoso':") && said.contains("tenant 'Fabrikam':"), "{said}");
    for (tenant, before) in ["Contoso", "Fabrikam"].into_iter().zip(roots) {
        let (before, now) = (before?, place.succeed(&["keys", "status", "--tenant", tenant])?);
        ensure!(before.lines().next() == now.lines().next(), "{before} {now}");
        place.succeed(&["audit", "verify", "--tenant", tenant])?;
    }
    let checked = place.succeed(&["check-config"])?;
    ensure!(checked.contains("'Contoso'") && checked.contains("'Fabrikam'"), "{checked}");
    // A backup that names something else is none.
    let manifest = place.folder.join("backup").join("backup.json");
    let text = std::fs::read_to_string(&manifest)?;
    std::fs::write(&manifest, text.replace("root-", "../root-"))?;
    let refused = place.fail(&["restore", &folder])?;
    ensure!(refused.contains("which no backup holds"), "{refused}");
    Ok(())
}

/// What is lost of one tenant is lost of one: the others are backed up and come back, and it is said whose is not there.
#[test]
fn a_lost_root_key_keeps_no_other_tenant_out_of_the_backup() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let address = format!("http://127.0.0.1:{}", place.port);
    let said = place.succeed(&["tenant", "create", "Fabrikam", "--url", &address, "--json"])?;
    let made: serde_json::Value = serde_json::from_str(&said)?;
    let root = std::path::PathBuf::from(made["root_key_file"].as_str().unwrap_or_default());
    let root_key = std::fs::read(&root)?;
    std::fs::remove_file(&root)?;
    let folder = place.folder.join("backup").display().to_string();
    let lost = root.display().to_string();
    let complaint = place.fail(&["backup", &folder])?;
    ensure!(complaint.contains("'Fabrikam'") && complaint.contains(&lost), "{complaint}");
    ensure!(!complaint.contains("Contoso") && complaint.lines().count() == 1, "{complaint}");

    let state = place.folder.join("state");
    let node_key = std::fs::read(state.join("node.key"))?;
    std::fs::remove_dir_all(&state)?;
    std::fs::create_dir(&state)?;
    write_private(&state.join("node.key"), &node_key)?;
    let complaint = place.fail(&["restore", &folder])?;
    ensure!(complaint.contains("'Fabrikam'") && complaint.contains(&lost), "{complaint}");
    ensure!(complaint.contains("ritorno restored") && !complaint.contains("Contoso"), "{complaint}");
    place.succeed(&["audit", "verify", "--tenant", "Contoso"])?;
    // Found after all.
    std::fs::create_dir_all(root.parent().unwrap_or(&root))?;
    write_private(&root, &root_key)?;
    place.succeed(&["restored"])?;
    place.succeed(&["audit", "verify", "--tenant", "Fabrikam"])?;
    Ok(())
}

/// Two tenants, the second with somebody to whom a mail goes when an address is registered for them, and the configuration's `[mail]`.
fn with_mail(mail: &str, account: &str) -> Result<(Place, Site)> {
    let place = Place::new()?;
    place.write(&format!("{}{mail}", place.configuration("http")))?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let fabrikam = Site { address: format!("http://127.0.0.1:{}", place.port) };
    place.succeed(&["tenant", "create", "Fabrikam", "--url", &fabrikam.address])?;
    place.put_person_into(1, account)?;
    Ok((place, fabrikam))
}

/// Queues one.
fn queue_mail(place: &Place, account: &str) -> Result<()> {
    let file = place.folder.join("people.csv");
    std::fs::write(&file, format!("user,mail\n{account}@contoso.test,other@posta.example\n"))?;
    let path = file.display().to_string();
    place.succeed(&["person", "preregister", &path, "--tenant", "Fabrikam"])?;
    ensure!(place.mails_waiting_of(1)? == 1, "nothing waits");
    Ok(())
}

#[test]
fn mail_of_a_tenant_that_is_not_served_waits_until_it_is() -> Result<()> {
    const ACCOUNT: &str = "ritorno-it-resting";
    let server = Lab::open()?.mail()?;
    server.start()?;
    let secret = std::env::temp_dir().join(format!("ritorno-resting-{}", std::process::id()));
    std::fs::write(&secret, server.password)?;
    let mail = format!(
        "[mail]\nhost = \"{}\"\nport = {}\nuser = \"{}\"\npassword_file = {secret:?}\nca_file = {:?}\nfrom = \"ritorno@contoso.test\"\n",
        server.address, server.smtp_port, server.user, server.ca_pem
    );
    let (place, fabrikam) = with_mail(&mail, ACCOUNT)?;
    let to = format!("{ACCOUNT}@mail.test");
    let service = Service::start(&place, &format!("http://localhost:{}/health/ready", place.port), None)?;
    place.succeed(&["tenant", "disable", "Fabrikam"])?;
    fabrikam.gets("421")?;
    let after = server.newest()?;
    queue_mail(&place, ACCOUNT)?;
    // Longer than the outbox of a tenant that is served is left alone.
    std::thread::sleep(Duration::from_secs(8));
    ensure!(place.mails_waiting_of(1)? == 1 && server.to(&to, after)?.is_empty(), "it went");
    place.succeed(&["tenant", "enable", "Fabrikam"])?;
    server.wait_for(&to, after, Duration::from_secs(30))?;
    service.terminate()?;
    Ok(std::fs::remove_file(secret)?)
}

/// A mail server that takes its time keeps no tenant from being taken up.
#[test]
fn a_tenant_that_goes_while_its_mail_is_under_way_holds_nobody_up() -> Result<()> {
    const ACCOUNT: &str = "anna.rossi";
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = silent.local_addr()?.port();
    let mail = format!("[mail]\nhost = \"127.0.0.1\"\nport = {port}\nfrom = \"ritorno@contoso.test\"\n");
    let (place, fabrikam) = with_mail(&mail, ACCOUNT)?;
    let service = Service::start(&place, &format!("http://localhost:{}/health/ready", place.port), None)?;
    fabrikam.gets("200")?;
    queue_mail(&place, ACCOUNT)?;
    // Whoever connects waits for a greeting.
    let held = silent.accept()?;
    let connected = Instant::now();
    place.succeed(&["tenant", "disable", "Fabrikam"])?;
    fabrikam.gets("421")?;
    place.succeed(&["tenant", "enable", "Fabrikam"])?;
    fabrikam.gets("200")?;
    ensure!(connected.elapsed() < Duration::from_secs(15), "{:?}", connected.elapsed());
    drop((silent, held));
    service.terminate()?;
    Ok(())
}

/// One whose keys can't be used keeps nobody else from being served.
#[test]
fn a_tenant_without_its_root_key_is_told_of_and_the_others_are_served() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let fabrikam = Site { address: format!("http://127.0.0.1:{}", place.port) };
    let said = place.succeed(&["tenant", "create", "Fabrikam", "--url", &fabrikam.address, "--json"])?;
    let made: serde_json::Value = serde_json::from_str(&said)?;
    let root = std::path::PathBuf::from(made["root_key_file"].as_str().unwrap_or_default());
    let aside = root.with_extension("aside");
    std::fs::rename(&root, &aside)?;
    let ready = format!("http://localhost:{}/health/ready", place.port);
    let service = Service::start(&place, &ready, None)?;
    fabrikam.gets("421")?;
    let log = std::fs::read_to_string(place.folder.join("log"))?;
    ensure!(log.contains("a tenant can't be served"), "{log}");
    std::fs::rename(&aside, &root)?;
    fabrikam.gets("200")?;
    service.terminate()?;
    Ok(())
}

fn write_private(path: &std::path::Path, bytes: &[u8]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, bytes)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?)
}

#[test]
fn a_tenant_is_removed_for_good_and_the_other_one_is_untouched() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let address = format!("http://127.0.0.1:{}", place.port);
    let said = place.succeed(&["tenant", "create", "Fabrikam", "--url", &address, "--json"])?;
    let made: serde_json::Value = serde_json::from_str(&said)?;
    let root = std::path::PathBuf::from(made["root_key_file"].as_str().unwrap_or_default());
    ensure!(root.exists(), "{said}");
    place.put_person_into(1, "anna")?;
    place.put_person("anna")?;

    let first = place.fail(&["tenant", "remove", "Contoso", "--confirm", "Contoso"])?;
    ensure!(first.contains("`ritorno init` made") && first.lines().count() == 1, "{first}");
    let shown = place.succeed(&["tenant", "remove", "fabrikam"])?;
    ensure!(shown.contains("users") && shown.contains("Nothing was removed"), "{shown}");
    let other = place.fail(&["tenant", "remove", "fabrikam", "--confirm", "fabrikam"])?;
    ensure!(other.contains("is called 'Fabrikam'"), "{other}");
    ensure!(place.succeed(&["tenant", "list"])?.contains("Fabrikam") && root.exists());

    // One that was stopped on the way: it is served no more, and the same command goes on.
    place.succeed(&["tenant", "disable", "Fabrikam"])?;
    let gone = place.succeed(&["tenant", "remove", "127.0.0.1", "--confirm", "Fabrikam"])?;
    ensure!(gone.contains("'Fabrikam' is gone"), "{gone}");
    ensure!(!root.exists() && !root.parent().is_some_and(std::path::Path::exists), "its keys are there");
    ensure!(!place.succeed(&["tenant", "list"])?.contains("Fabrikam"));
    let unknown = place.fail(&["tenant", "remove", "Fabrikam", "--confirm", "Fabrikam"])?;
    ensure!(unknown.contains("no tenant is called"), "{unknown}");
    // The audit of the one that stays tells of it, and holds.
    place.succeed(&["audit", "verify"])?;
    Ok(())
}
