//! `sms test`, through a gateway that listens.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, ensure};

use crate::place::Place;

/// Answers one request with this status; the request, as it came.
fn answering(listener: TcpListener, status: &'static str) -> JoinHandle<Result<String>> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut request, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            request.push_str(&line);
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        request.push_str(std::str::from_utf8(&body)?);
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        Ok(request)
    })
}

#[test]
fn a_text_message_is_sent_at_once_or_it_is_said_what_to_do() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let send = ["sms", "test", "+39 333 1234567", "--language", "it"];
    assert!(place.fail(&send)?.contains("no [sms] table"));
    let secret = place.folder.join("sms-token");
    std::fs::write(&secret, "g3heim\n")?;
    let configured = |url: &str| {
        place.write(&format!(
            "{}[sms]\nurl = \"{url}\"\nheaders = {{ X-Token = {{ file = {secret:?} }} }}\n\
             body = '{{\"to\": \"{{number}}\", \"text\": \"{{text}}\"}}'\n",
            place.configuration("http"),
        ))
    };
    for (url, told) in [
        ("http://sms.example.org/send", "begins with https://"),
        ("http://127.0.0.1:9/send", "[sms] url is right"),
    ] {
        configured(url)?;
        let complaint = place.fail(&send)?;
        ensure!(complaint.contains(told) && !complaint.contains("g3heim"), "{told}: {complaint}");
        ensure!(!complaint.contains("1234567"), "{complaint}");
    }
    for (status, told) in [
        ("401 Unauthorized", "[sms] headers"),
        ("422 Unprocessable Content", "refused for good"),
        ("307 Temporary Redirect", "not carried there"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        configured(&format!("http://{}/send", listener.local_addr()?))?;
        let gateway = answering(listener, status);
        let complaint = place.fail(&send)?;
        ensure!(complaint.contains(told), "{told}: {complaint}");
        gateway.join().ok().context("the gateway fell")??;
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    configured(&format!("http://{}/send", listener.local_addr()?))?;
    assert!(place.fail(&["sms", "test", "333 1234567"])?.contains("begins with +"));
    assert!(place.succeed(&["check-config"])?.contains("sms             goes out over http://127.0.0.1:"));
    let gateway = answering(listener, "202 Accepted");
    let said = place.succeed(&send)?;
    ensure!(said.contains("took it"), "{said}");
    let request = gateway.join().ok().context("the gateway fell")??;
    ensure!(request.to_ascii_lowercase().contains("x-token: g3heim"), "{request}");
    ensure!(
        request.contains("{\"to\": \"+393331234567\", \"text\": \"Contoso: una prova degli SMS"),
        "{request}"
    );
    // With a gateway, the method can be allowed.
    let shown = place.succeed(&["tenant", "gates", "1", "mail", "sms"])?;
    ensure!(shown.contains("1 of mail, sms, 1 to register"), "{shown}");
    Ok(())
}
