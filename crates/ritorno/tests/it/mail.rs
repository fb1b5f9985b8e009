//! `mail test`, through a real SMTP server that demands STARTTLS and a password.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::Lab;

use crate::place::Place;

#[test]
fn a_mail_is_sent_at_once_or_it_is_said_what_to_do() -> Result<()> {
    const TO: &str = "ritorno-it-test@mail.test";
    let server = Lab::open()?.mail()?;
    server.start()?;
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let send = ["mail", "test", TO, "--language", "it"];
    assert!(place.fail(&send)?.contains("no [mail] table"));
    let secret = place.folder.join("mail-password");
    let configured = |port: u16, password: &str, trusted: bool| -> Result<()> {
        std::fs::write(&secret, password)?;
        let ca = if trusted { format!("ca_file = {:?}\n", server.ca_pem) } else { String::new() };
        place.write(&format!(
            "{}[mail]\nhost = \"{}\"\nport = {port}\nuser = \"{}\"\npassword_file = {secret:?}\n{ca}\
             from = \"ritorno@contoso.test\"\ndns_servers = [\"127.0.0.1:9\"]\n",
            place.configuration("http"),
            server.address,
            server.user,
        ))
    };
    // A port that nobody listens on, an authority that nobody trusts, a password that is another one.
    for (port, password, trusted, told) in [
        (9, server.password, true, "host and port"),
        (server.smtp_port, server.password, false, "certificate"),
        (server.smtp_port, "another", true, "user and password_file"),
    ] {
        configured(port, password, trusted)?;
        let complaint = place.fail(&send)?;
        ensure!(complaint.contains(told), "{told}: {complaint}");
        ensure!(!complaint.contains(server.password), "{complaint}");
    }
    configured(server.smtp_port, server.password, true)?;
    assert!(place.fail(&["mail", "test", "nowhere"])?.contains("name@domain"));
    let after = server.newest()?;
    let output = place.run(&send)?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(said.contains("took it (STARTTLS, signed in as") && said.contains(TO), "{said}");
    ensure!(said.contains("comes back to ritorno@contoso.test"), "{said}");
    // Nobody asked is no fault of the mail server's, and is told all the same.
    ensure!(said.contains("[mail-spf]") && said.contains("DNS does not answer"), "{said}");
    ensure!(output.status.code() == Some(2), "{}: {said}", output.status);
    let message = server.wait_for(TO, after, Duration::from_secs(20))?;
    assert_eq!((message.subject.as_str(), message.language.as_str()), ("Una prova della posta", "it"));
    let text = message.text.context("the mail has no text")?;
    ensure!(text.contains("Contoso") && text.contains("DKIM"), "{text}");
    Ok(())
}
