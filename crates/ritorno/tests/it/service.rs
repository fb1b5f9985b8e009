//! `serve`, until it is told to end.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::place::Place;

/// A running service; killed when dropped.
pub(crate) struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Service {
    /// Starts it and waits until `url` answers.
    pub(crate) fn start(place: &Place, url: &str, ca: Option<&Path>) -> Result<Self> {
        Self::start_logging(place, "info", url, ca)
    }

    /// The same with another filter for its log.
    pub(crate) fn start_logging(place: &Place, filter: &str, url: &str, ca: Option<&Path>) -> Result<Self> {
        let log = std::fs::File::create(place.folder.join("log"))?;
        let mut command = place.program();
        command.arg("serve").env("RITORNO_LOG", filter).stdout(Stdio::null()).stderr(log);
        let mut service = Self(command.spawn()?);
        let began = Instant::now();
        while curl(&[url], ca)? != "ready\n" {
            if let Some(status) = service.0.try_wait()? {
                bail!("it ended ({status}): {}", std::fs::read_to_string(place.folder.join("log"))?);
            }
            ensure!(began.elapsed() < Duration::from_secs(60), "not ready within a minute");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(service)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as systemd does, and returns how long that took.
    pub(crate) fn terminate(mut self) -> Result<Duration> {
        let began = Instant::now();
        ensure!(Command::new("kill").arg(self.0.id().to_string()).status()?.success(), "kill failed");
        let status = self.0.wait()?;
        ensure!(status.success(), "it ended with {status}");
        Ok(began.elapsed())
    }
}

/// What is answered; empty if nothing is.
pub(crate) fn curl(arguments: &[&str], ca: Option<&Path>) -> Result<String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--max-time", "10"]);
    if let Some(ca) = ca {
        command.arg("--cacert").arg(ca);
    }
    Ok(String::from_utf8(command.args(arguments).output()?.stdout)?)
}

/// What the command line makes and revokes, a running server knows at once.
#[test]
fn a_token_of_the_command_line_opens_the_api_until_it_is_revoked() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let at = |path: &str| format!("http://localhost:{}{path}", place.port);
    let service = Service::start(&place, &at("/health/ready"), None)?;
    let said = place.succeed(&[
        "token",
        "create",
        "monitoring",
        "--administrator",
        "admin",
        "--scopes",
        "tenant.read",
        "--expires",
        "90d",
    ])?;
    let token = said.split_whitespace().next().unwrap_or_default();
    let header = format!("Authorization: Bearer {token}");
    let overview = at("/api/v1/overview");
    let ask = || curl(&[overview.as_str(), "--header", header.as_str()], None);
    ensure!(ask()?.contains("\"organisation\":\"Contoso\""), "{}", ask()?);
    let listed = place.succeed(&["token", "list"])?;
    let id = listed
        .lines()
        .find(|line| line.contains("monitoring"))
        .and_then(|line| line.split_whitespace().next());
    place.succeed(&["token", "revoke", id.unwrap_or_default()])?;
    ensure!(ask()?.contains("urn:ritorno:problem:token"), "{}", ask()?);
    service.terminate()?;
    Ok(())
}

#[test]
fn it_gets_ready_and_ends_in_order() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    let base = format!("http://localhost:{}", place.port);
    let service = Service::start(&place, &format!("{base}/health/ready"), None)?;
    assert_eq!(curl(&[&format!("{base}/health/live")], None)?, "live\n");
    let second = place.fail(&["serve"])?;
    assert!(second.contains("can't listen"), "{second}");
    assert!(service.terminate()? < Duration::from_secs(10));
    let log = std::fs::read_to_string(place.folder.join("log"))?;
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line)?;
        assert!(line["message"].is_string(), "{line}");
    }
    assert!(log.contains("\"ended\""), "{log}");
    Ok(())
}

#[test]
fn metrics_are_at_an_address_of_their_own_and_the_dashboard_asks_for_what_there_is() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let audit = place.folder.join("audit.jsonl");
    place.write(&format!(
        "{}[mail]\nhost = \"127.0.0.1\"\nfrom = \"ritorno@contoso.test\"\ndns_servers = [\"127.0.0.1:9\"]\n\
         [metrics]\nlisten = \"{free}\"\n[audit]\nfile = \"{}\"\n",
        place.configuration("http"),
        audit.display()
    ))?;
    let base = format!("http://localhost:{}", place.port);
    let service = Service::start(&place, &format!("{base}/health/ready"), None)?;
    curl(&["--request", "INVENTED", &format!("{base}/no/such/page")], None)?;
    assert!(!curl(&[&format!("{base}/metrics")], None)?.contains("ritorno_"), "not where people are");
    // What is done from now on is counted once it is linked, within a second or two, and the file has everything.
    place.succeed(&["tenant", "set", "sspr", "off"])?;
    let (mut told, mut tries) = (String::new(), 0);
    // The server asks about the sender's domain by itself; nobody answers here, so that it can't be told.
    let awaited = [
        "ritorno_audit_facts_total{activity=\"Self-service password reset policy changes\"",
        "ritorno_mail_check{check=\"mail-spf\"} 2",
    ];
    while !awaited.iter().all(|line| told.contains(line)) {
        tries += 1;
        anyhow::ensure!(tries < 300, "{told}");
        std::thread::sleep(Duration::from_millis(100));
        told = curl(&[&format!("http://{free}/metrics")], None)?;
    }
    for expected in [
        "ritorno_http_requests_total{route=\"none\",method=\"other\",status=\"404\"} 1",
        "ritorno_http_request_seconds_bucket{route=\"/health/ready\",le=\"+Inf\"}",
        "ritorno_agents_linked 0",
        "ritorno_requests_waiting 0",
        "ritorno_mail_waiting 0",
        "# HELP ritorno_http_requests_total ",
    ] {
        anyhow::ensure!(told.contains(expected), "{expected} is not in\n{told}");
    }
    service.terminate()?;
    assert!(std::fs::read_to_string(&audit)?.contains("Create tenant"));

    // Every name that the dashboard asks for is one that is told; writeback and agents' checks are told once there were some.
    let dashboard =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/ritorno/grafana.json"))?;
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard)?;
    let told = format!(
        "{told}\nritorno_writeback_seconds_bucket ritorno_writeback_seconds_count ritorno_doctor_check ritorno_sync_age_seconds \
         ritorno_mail_refused_total"
    );
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap_or_default();
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            for name in
                expression.split(|letter| !is_name(letter)).filter(|name| name.starts_with("ritorno_"))
            {
                anyhow::ensure!(told.contains(name), "{name} is not told:\n{told}");
                asked += 1;
            }
        }
    }
    anyhow::ensure!(asked >= 9, "{asked} names");
    Ok(())
}

#[test]
fn it_speaks_tls_with_the_files_of_the_configuration() -> Result<()> {
    let place = Place::new()?;
    let (url, ca) = place.with_tls()?;
    let service = Service::start(&place, &url, Some(&ca))?;
    let version = |arguments: &[&str]| {
        let show = ["--output", "/dev/null", "--write-out", "%{http_version} %{http_code}"];
        curl(&[&show[..], arguments, &[&url]].concat(), Some(&ca))
    };
    assert_eq!(version(&["--http2"])?, "2 200");
    assert_eq!(version(&["--http1.1"])?, "1.1 200");
    assert_eq!(version(&["--tls-max", "1.1"])?, "0 000", "nothing older than TLS 1.2");
    assert_eq!(curl(&[&url], None)?, "", "a client that does not know the authority gets nothing");
    service.terminate()?;

    std::fs::write(place.folder.join("portal.key"), "no key")?;
    let complaint = place.fail(&["serve"])?;
    assert!(complaint.contains("portal.key"), "{complaint}");
    Ok(())
}
