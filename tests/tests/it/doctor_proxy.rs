//! `ritorno-agent doctor`: what a proxy between agent and server can do wrong, and a link that is lost again and again.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::progress::wait_until;
use ritorno_lab::squid::Squid;

use crate::doctor::Report;
use crate::world::{Running, World};

/// A proxy that ends TLS, looks into requests and sends them on, as inspecting ones do: what makes a WebSocket of one gets lost.
const INSPECTING: &str = r#"
import http.client, socket, ssl, sys, threading
listen = socket.create_server(('127.0.0.1', 0))
print(listen.getsockname()[1], flush=True)
inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
inside.load_cert_chain(sys.argv[1], sys.argv[2])
outside = ssl.create_default_context(cafile=sys.argv[3])
def lines(stream):
    while True:
        line = stream.readline().decode().strip()
        if not line: return
        yield line
def one(client):
    plain = client.makefile('rb')
    host, port = plain.readline().split()[1].decode().split(':')
    list(lines(plain))
    client.sendall(b'HTTP/1.1 200 OK\r\n\r\n')
    client = inside.wrap_socket(client, server_side=True)
    stream = client.makefile('rb')
    while True:
        first = stream.readline().decode()
        if not first: return
        method, path, _ = first.split(' ', 2)
        heads = dict((name.lower(), value.strip()) for name, _, value in (line.partition(':') for line in lines(stream)))
        body = stream.read(int(heads.get('content-length', '0')))
        for hop in ('upgrade', 'connection'): heads.pop(hop, None)
        server = http.client.HTTPSConnection(host, int(port), context=outside)
        server.request(method, path, body, heads)
        answer = server.getresponse()
        data = answer.read()
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in ('content-length', 'transfer-encoding', 'connection')]
        told = ''.join('%s: %s\r\n' % pair for pair in kept)
        client.sendall(('HTTP/1.1 %d %s\r\ncontent-length: %d\r\n%s\r\n' % (answer.status, answer.reason, len(data), told)).encode() + data)
while True:
    client, _ = listen.accept()
    threading.Thread(target=one, args=(client,), daemon=True).start()
"#;

/// A proxy that lets nobody out; its port.
fn refusing() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request);
            // Whoever is refused may have gone.
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        }
    });
    Ok(port)
}

#[test]
fn each_fault_of_a_proxy_fails_its_check() -> Result<()> {
    let world = World::start("doctor-proxy", |_| Ok(()))?;
    Report::of(&world)?.is_all_green()?;
    let folder = world.stack.folder();
    let agent_toml = folder.join("agent.toml");
    let text = std::fs::read_to_string(&agent_toml)?;
    let through = |port: u16, more: &str| -> Result<Report> {
        let table = format!("{text}\n[proxy]\nurl = \"http://127.0.0.1:{port}\"\n{more}");
        std::fs::write(&agent_toml, table)?;
        Report::of(&world)
    };

    // One that wants a password, and has the wrong one; then the right one, in the file that the fix names.
    let squid = Squid::start(&folder.join("squid"))?;
    let password = folder.join("proxy-password");
    std::fs::write(&password, "not this one")?;
    let known = format!("user = \"{}\"\npassword_file = \"{}\"\n", Squid::USER, password.display());
    let report = through(squid.port, &known)?;
    report.only_fails("server-https", "password_file and no_proxy are in the [proxy] table")?;
    ensure!(report.with("could_not_tell").contains(&"relay-socket"), "{}", report.0);
    std::fs::write(&password, Squid::PASSWORD)?;
    through(squid.port, &known)?.is_all_green()?;

    // One that lets nobody out.
    let port = refusing()?;
    let report = through(port, "")?;
    report.only_fails("server-https", &format!("curl --verbose --proxy http://127.0.0.1:{port}"))?;

    // One that inspects, whose authority is trusted: everything passes but the upgrade.
    let authority = world.forest.ca_pem.clone();
    let mut child = Command::new("python3")
        .args(["-c", INSPECTING])
        .arg(folder.join("portal.pem"))
        .arg(folder.join("portal.key"))
        .arg(authority)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut port = String::new();
    BufReader::new(child.stdout.take().context("piped")?).read_line(&mut port)?;
    let inspecting = Running(child);
    let report = through(port.trim().parse()?, "")?;
    report.only_fails("relay-socket", "exempt this host from inspection")?;
    ensure!(report.with("could_not_tell").is_empty(), "{}", report.0);
    let port: u16 = port.trim().parse()?;
    through(port, "no_proxy = [\"localhost\"]\n")?.is_all_green()?;
    drop(inspecting);
    std::fs::write(&agent_toml, &text)?;
    Report::of(&world)?.is_all_green()
}

#[test]
fn a_link_that_is_lost_again_and_again_is_told() -> Result<()> {
    let mut world = World::start("doctor-losses", |_| Ok(()))?;
    Report::of(&world)?.is_all_green()?;
    for _ in 0..6 {
        world.stack.stop_server();
        let down = || Ok(world.stack.agent_command(&["status"])?.contains("down since"));
        ensure!(wait_until(Duration::from_secs(30), down)?, "the loss is not noticed");
        world.stack.start_server()?;
        let up = || Ok(world.stack.agent_command(&["status"])?.contains("connected since"));
        ensure!(wait_until(Duration::from_secs(60), up)?, "the link is not back");
    }
    world.stack.wait_until_open()?;
    let report = Report::of(&world)?;
    report.only_warns("link-losses", "ritorno-agent status")?;
    ensure!(report.0.to_string().contains("lost 6 times in the last hour"), "{}", report.0);

    // An hour on, with nothing lost since: the lines are moved back by that much, since no test waits so long.
    let log = world.stack.folder().join("agent-events.log");
    let lines = std::fs::read_to_string(&log)?;
    let earlier = |line: &str| -> Result<String> {
        let mut line: serde_json::Value = serde_json::from_str(line)?;
        line["time"] = "2020-01-01T00:00:00Z".into();
        Ok(format!("{line}\n"))
    };
    std::fs::write(&log, lines.lines().map(earlier).collect::<Result<String>>()?)?;
    Report::of(&world)?.is_all_green()
}
