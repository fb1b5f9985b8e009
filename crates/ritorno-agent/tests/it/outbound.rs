//! The real program's way out: the environment's proxy, what is exempted from it, and whose certificates are believed.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use ritorno_protocol::enrolment::EnrolmentToken;
use ritorno_protocol::key::SigningKey;

use crate::hostile::{Agent, Chance, server, tls};

/// A proxy that lets nothing through, and keeps what it is asked.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4_096];
            let length = stream.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..length]);
            kept.lock().unwrap().push(text.lines().next().unwrap_or_default().to_owned());
            // Whoever is refused may have gone.
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (port, asked)
}

/// What `enrol` says when it fails.
fn refused(agent: &Agent, port: u16, variables: &[(&str, &str)]) -> String {
    let root = SigningKey::generate(&Chance).public();
    let token = EnrolmentToken::new(format!("https://localhost:{port}"), [7; 32], &root).to_text();
    let mut command = agent.command(&["enrol", &token]);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_environments_proxy_is_used_and_what_it_exempts_is_not() {
    let (ca, config) = tls();
    let reached = Arc::new(Mutex::new(0_u32));
    let counted = reached.clone();
    let server = server(config, move |stream, _| {
        *counted.lock().unwrap() += 1;
        let _ = stream.write_all(b"HTTP/1.1 418 T\r\ncontent-length: 0\r\n\r\n");
    });
    let (port, asked) = proxy();
    let agent = Agent::new("environment", &ca);
    let address = format!("http://127.0.0.1:{port}");
    let said = refused(&agent, server, &[("HTTPS_PROXY", &address)]);
    assert!(said.contains("can't be reached"), "{said}");
    assert_eq!(*asked.lock().unwrap(), [format!("CONNECT localhost:{server} HTTP/1.1")]);
    assert_eq!(*reached.lock().unwrap(), 0, "it went past the proxy");
    let said = refused(&agent, server, &[("HTTPS_PROXY", &address), ("NO_PROXY", "localhost")]);
    assert!(said.contains("418"), "{said}");
    assert_eq!((asked.lock().unwrap().len(), *reached.lock().unwrap()), (1, 1));
}

/// What a proxy that inspects TLS shows is signed by an authority of the organisation's own: believed only where `ca_file` names it.
#[test]
fn an_authority_of_the_organisations_own_is_believed_by_file_only() {
    let (ca, config) = tls();
    let server = server(config, |stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 418 T\r\ncontent-length: 0\r\n\r\n");
    });
    let agent = Agent::new("authority", &ca);
    let said = refused(&agent, server, &[]);
    assert!(said.contains("418"), "with the authority it is answered: {said}");
    let file = agent.folder.join("agent.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen(&format!("ca_file = \"{}\"\n", ca.display()), "", 1)).unwrap();
    let said = refused(&agent, server, &[]);
    assert!(said.contains("invalid peer certificate: UnknownIssuer"), "{said}");
}
