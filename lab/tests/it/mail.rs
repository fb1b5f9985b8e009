//! The mail server takes mail only after STARTTLS and AUTH, and gives it back decoded.

use std::process::{Command, Output};
use std::time::Duration;

use ritorno_lab::{Lab, MailServer};

/// Sends with Python's own SMTP client, so that no code of ours stands on both sides.
fn send(mail: &MailServer, to: &str, tls: bool, password: &str) -> Output {
    let script = r#"
import email.message, smtplib, ssl, sys
host, port, ca, user, password, to, tls = sys.argv[1:]
message = email.message.EmailMessage()
message["From"], message["To"], message["Subject"] = "sspr@contoso.test", to, "Il codice è pronto"
message.set_content("Il codice è 04711234.\n")
client = smtplib.SMTP(host, int(port), timeout=10)
if tls == "tls":
    client.starttls(context=ssl.create_default_context(cafile=ca))
    client.login(user, password)
client.send_message(message)
"#;
    Command::new("/usr/bin/python3")
        .args(["-c", script])
        .args([mail.address.to_string(), mail.smtp_port.to_string()])
        .arg(&mail.ca_pem)
        .args([mail.user, password, to, if tls { "tls" } else { "plain" }])
        .output()
        .expect("Debian's Python is there")
}

#[test]
fn a_message_comes_back_decoded_and_on_the_page() {
    let mail = Lab::open().unwrap().mail().unwrap();
    mail.start().unwrap();
    let before = mail.newest().unwrap();
    let sent = send(&mail, "round.trip@mail.test", true, mail.password);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let message = mail.wait_for("Round.Trip@mail.test", before, Duration::from_secs(10)).unwrap();
    assert_eq!(message.subject, "Il codice è pronto");
    assert_eq!(message.code(8), Some("04711234"));

    let page = Command::new("/usr/bin/python3")
        .args([
            "-c",
            "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())",
        ])
        .arg(format!("{}{}", mail.page(), message.number))
        .output()
        .unwrap();
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.contains("Il codice è 04711234."), "{page}");
}

#[test]
fn no_mail_without_tls_or_with_the_wrong_password() {
    let mail = Lab::open().unwrap().mail().unwrap();
    mail.start().unwrap();
    let before = mail.newest().unwrap();
    for (tls, password, reply) in [(false, mail.password, "530"), (true, "wrong", "535")] {
        let refused = send(&mail, "nobody@mail.test", tls, password);
        let text = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && text.contains(reply), "{text}");
    }
    assert!(mail.to("nobody@mail.test", before).unwrap().is_empty());
}
