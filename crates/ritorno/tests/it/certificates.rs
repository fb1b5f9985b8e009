//! A certificate per tenant: which one a client gets, by the name that it asks for, over real sockets; and that they are read again.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ritorno_lab::Lab;

use crate::place::Place;
use crate::service::{Service, curl};

const FABRIKAM: &str = "reset.fabrikam.test";

/// The names on the certificate that the server shows to whoever asks for that name; with none, to whoever asks for no name.
fn shown(port: u16, name: Option<&str>) -> Result<String> {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).stdin(Stdio::null());
    match name {
        Some(name) => command.args(["-servername", name]),
        None => command.arg("-noservername"),
    };
    let said = command.output()?.stdout;
    let mut reading = Command::new("openssl");
    reading.args(["x509", "-noout", "-serial", "-ext", "subjectAltName"]);
    let mut reading = reading.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    if let Some(mut input) = reading.stdin.take() {
        std::io::Write::write_all(&mut input, &said)?;
    }
    Ok(String::from_utf8(reading.wait_with_output()?.stdout)?)
}

fn issue(place: &Place, file: &str, name: &str) -> Result<()> {
    let (chain, key) = (place.folder.join(format!("{file}.pem")), place.folder.join(format!("{file}.key")));
    Lab::open()?.authority()?.issue(&[name], &[])?.write(&chain, &key)
}

fn table(place: &Place, host: &str) -> String {
    let folder = place.folder.display();
    format!(
        "[[tenant]]\nhost = \"{host}\"\ntls.certificate = \"{folder}/own.pem\"\ntls.key = \"{folder}/own.key\"\n"
    )
}

fn hang_up(service: &Service) -> Result<()> {
    ensure!(Command::new("kill").args(["-HUP", &service.id().to_string()]).status()?.success());
    Ok(())
}

fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !holds()? {
        ensure!(began.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[test]
fn a_host_has_its_own_certificate_and_every_other_name_the_default_one() -> Result<()> {
    let place = Place::new()?;
    let (ready, ca) = place.with_tls()?;
    let bare = std::fs::read_to_string(place.folder.join("ritorno.toml"))?;
    issue(&place, "own", FABRIKAM)?;
    place.write(&format!("{bare}{}", table(&place, FABRIKAM)))?;
    let told = place.succeed(&["check-config"])?;
    ensure!(told.contains(&format!("that of {FABRIKAM} names it")), "{told}");
    place.succeed(&[
        "tenant",
        "create",
        "Fabrikam",
        "--url",
        &format!("https://{FABRIKAM}:{}", place.port),
    ])?;
    let service = Service::start(&place, &ready, Some(&ca))?;
    for name in [FABRIKAM, "RESET.Fabrikam.test"] {
        ensure!(shown(place.port, Some(name))?.contains(&format!("DNS:{FABRIKAM}")), "{name}");
    }
    for name in [Some("localhost"), Some("other.test"), None] {
        let names = shown(place.port, name)?;
        ensure!(names.contains("DNS:localhost") && !names.contains(FABRIKAM), "{name:?}: {names}");
    }
    // A client that checks is served by it, as the tenant that it is.
    let resolve = format!("{FABRIKAM}:{}:127.0.0.1", place.port);
    let page = format!("https://{FABRIKAM}:{}/", place.port);
    let fetch = |ca: Option<&Path>| curl(&["--resolve", &resolve, &page], ca);
    ensure!(fetch(Some(&ca))?.contains("Fabrikam"), "its page");
    assert_eq!(fetch(None)?, "");

    // Renewed, it is read again, while the server runs.
    let before = shown(place.port, Some(FABRIKAM))?;
    issue(&place, "own", FABRIKAM)?;
    assert_eq!(shown(place.port, Some(FABRIKAM))?, before, "not before it is told");
    hang_up(&service)?;
    until("the renewed one", || Ok(shown(place.port, Some(FABRIKAM))? != before))?;
    let renewed = shown(place.port, Some(FABRIKAM))?;
    // What can't be used changes nothing, and is in the log with its place.
    std::fs::write(place.folder.join("own.key"), "no key")?;
    hang_up(&service)?;
    let log = || std::fs::read_to_string(place.folder.join("log"));
    until("the log", || Ok(log()?.contains("the certificates of before stay")))?;
    ensure!(log()?.contains("key 'tls.key'"), "{}", log()?);
    assert_eq!(shown(place.port, Some(FABRIKAM))?, renewed);
    // A tenant's own is taken out of the configuration.
    place.write(&bare)?;
    hang_up(&service)?;
    until("the default one", || Ok(shown(place.port, Some(FABRIKAM))?.contains("DNS:localhost")))?;
    service.terminate()?;
    Ok(())
}

#[test]
fn what_is_wrong_with_one_is_told_with_file_line_and_key() -> Result<()> {
    let place = Place::new()?;
    place.with_tls()?;
    let bare = std::fs::read_to_string(place.folder.join("ritorno.toml"))?;
    let line = bare.lines().count() + 3;
    issue(&place, "own", "somebody.else.test")?;
    place.write(&format!("{bare}{}", table(&place, FABRIKAM)))?;
    let file = place.folder.join("ritorno.toml").display().to_string();
    let wrong = |command: &str, line: usize, key: &str| -> Result<()> {
        let complaint = place.fail(&[command])?;
        let at = format!("{file}, line {line}, key '{key}': ");
        ensure!(complaint.contains(&at), "{command}: {complaint}");
        Ok(())
    };
    for command in ["check-config", "serve"] {
        wrong(command, line, "tls.certificate")?;
    }
    issue(&place, "own", FABRIKAM)?;
    std::fs::copy(place.folder.join("portal.key"), place.folder.join("own.key"))?;
    wrong("check-config", line + 1, "tls.key")?;
    std::fs::remove_file(place.folder.join("own.pem"))?;
    wrong("check-config", line, "tls.certificate")?;
    // The default one's is told the same way.
    place.write(&bare)?;
    std::fs::write(place.folder.join("portal.pem"), "no certificate")?;
    wrong("check-config", line - 4, "certificate")
}
