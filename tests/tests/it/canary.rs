//! A password that went all the way is nowhere on the cloud side: not in a log, not in the database, not in memory. One whose directory is
//! the tenant itself is in no log and no database.
//! In each place a control that was planted there has to be found, or the search proves nothing.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use ritorno_directory::roots_from_pem_file;
use ritorno_tests::secrets::{self, Needle};
use ritorno_tests::visitor::{Choosing, Visitor};

use crate::canary_faces::{CHOSEN, GIVEN, KEPT, MISTYPED, TOO_SHORT, of_a_caller, of_the_tenants_own};
use crate::world::World;

/// Letters, signs and a character beyond the Latin ones, so that every encoding of it looks different.
const CANARY: &str = "Kanarie/ë+\"Vogel\" 42-漢";
/// Refused by the directory, so that the ways of a refusal are searched too.
const REFUSED: &str = "kanarienvögelchenöhnegroß";
/// The person's display name, set while the server runs: it travels through the import and the export into the
/// write-ahead log, and from there into the database. A database may wipe or reuse the room of an older value, so the
/// control is the value that holds.
const IN_DATABASES: &str = "Kontrolle Gartengrasmücke 6484";
/// Sent as the browser's name on a connection that stays open.
const IN_MEMORY: &str = "Kontrolle-Rotkehlchen-7262";
/// Written at the end of each log.
const IN_LOGS: &str = "Kontrolle-Blaumeise-9373";
const WHO: &str = "beatrice.giordano";
/// Who has to change the first password.
const BEGINNER: &str = "tommaso.rizzo";
/// What that is changed to.
const CHANGED: &str = "Nachtigall/ï+\"Lied\" 57-鳥";

#[test]
fn password_is_nowhere_on_the_cloud_side() -> Result<()> {
    let mut world = World::start("canary", |_| Ok(()))?;
    // Everything that can be logged is.
    world.stack.log = Some("trace".to_owned());
    world.stack.stop_agent();
    world.stack.stop_server();
    world.stack.start_server()?;
    world.stack.start_agent()?;
    world.stack.wait_until_open()?;

    world.forest.set_attribute(&world.forest.person(WHO)?.dn, "displayName", IN_DATABASES)?;
    world.stack.first_sync()?;

    let (visitor, mut choosing) = world.pass_gate(WHO)?;
    let refused = world.runtime.block_on(visitor.reset(&choosing, REFUSED, &world.random))?;
    ensure!(refused.state == "refused", "{refused:?}");
    choosing.context = refused.context.context("a refusal without a next try")?;
    let done = world.runtime.block_on(visitor.reset(&choosing, CANARY, &world.random))?;
    ensure!(done.state == "done", "{done:?}");
    ensure!(
        world.forest.kinit(WHO, CANARY)?,
        "the canary is not the password, so its absence proves nothing"
    );

    // The other page that takes a password: wrong first, then right.
    let upn = &world.forest.person(WHO)?.upn;
    let mut visitor = world.visitor(WHO)?;
    let mut asked = world.runtime.block_on(visitor.ask_to_register(upn))?;
    let verify = |visitor: &Visitor, asked: &Choosing, password: &str| {
        let envelope = asked.seal(password, &*world.random)?;
        world.runtime.block_on(visitor.submit(asked, &envelope))
    };
    let wrong = verify(&visitor, &asked, REFUSED)?;
    ensure!(wrong.state == "refused", "{wrong:?}");
    asked.context = wrong.context.context("a refusal without a next try")?;
    // Right, as the directory says; but it has just replaced another one, which proves nothing for an hour.
    let right = verify(&visitor, &asked, CANARY)?;
    ensure!(right.state == "refused", "{right:?}");
    let said = world.stack.server_command(&["requests", "--most", "1", "--json"])?;
    ensure!(said.contains("ReplacedLately"), "{said}");

    // The third page: whoever has to change a password proves it all the same, and hands over both. It is the account's first one:
    // what has just replaced another proves nothing here either.
    let beginner = world.forest.person(BEGINNER)?.clone();
    world.forest.set_attribute(&beginner.dn, "pwdLastSet", "0")?;
    let mut visitor = world.visitor(BEGINNER)?;
    let asked = world.runtime.block_on(visitor.ask_to_register(&beginner.upn))?;
    let envelope = asked.seal(&beginner.password, &*world.random)?;
    let right = world.runtime.block_on(visitor.prove(&asked, &envelope))?;
    ensure!(right.location.as_deref() == Some("/reset/password"), "{right:?}");
    let changing = async {
        let page = visitor.open("/reset/password").await?;
        let choosing = Visitor::choosing(&page)?;
        let envelope = choosing.seal_change(&beginner.password, CHANGED, &*world.random)?;
        visitor.submit(&choosing, &envelope).await
    };
    let changed = world.runtime.block_on(changing)?;
    ensure!(changed.state == "done", "{changed:?}");
    ensure!(world.forest.kinit(BEGINNER, CHANGED)?, "Kerberos refuses the password that it was changed to");

    of_a_caller(&world)?;
    of_the_tenants_own(&world)?;

    let sealed = [
        secrets::forms("the canary", CANARY),
        secrets::forms("the refused canary", REFUSED),
        secrets::forms("what had to be changed", &beginner.password),
        secrets::forms("what it was changed to", CHANGED),
        secrets::forms("what the help desk gave", GIVEN),
    ]
    .concat();
    // What the server is the directory of it sees, and so holds while a request lasts; it writes it nowhere all the same.
    let seen = [
        secrets::forms("what one of the tenant's own chose", CHOSEN),
        secrets::forms("what was too short", TOO_SHORT),
        secrets::forms("what was mistyped", MISTYPED),
        secrets::forms("what one of the tenant's own was given", KEPT),
    ]
    .concat();
    let needles = [sealed.as_slice(), &seen].concat();

    let _open = half_a_request(&world)?;
    let process = world.stack.server_pid().context("ritorno does not run")?;
    let memory = secrets::in_memory(process, &with(&sealed, "the control", IN_MEMORY))?;
    eprintln!("{} MB of ritorno's memory searched", memory.bytes >> 20);
    eprintln!("of what it saw it holds {:?}", secrets::in_memory(process, &seen)?.found);
    judge("ritorno's memory", &memory.found)?;

    // While it runs, so that the write-ahead log is there to be searched; and once more when all was written.
    let cloud = world.stack.folder().join("cloud");
    let log = with(&needles, "the control", IN_DATABASES);
    judge("the write-ahead log", &secrets::in_file(&cloud.join("ritorno.db-wal"), &log)?)?;
    databases(&cloud, &needles, "the cloud side's state")?;
    world.stack.stop_server();
    databases(&cloud, &needles, "the cloud side's state after its end")?;
    databases(&world.stack.folder().join("agent"), &needles, "the agent's state")?;

    world.stack.stop_agent();
    for log in ["ritorno.log", "agent.log", "agent-events.log"] {
        let path = world.stack.folder().join(log);
        let mut file = std::fs::File::options().append(true).open(&path).with_context(|| log.to_owned())?;
        writeln!(file, "{IN_LOGS}")?;
        judge(log, &secrets::in_file(&path, &with(&needles, "the control", IN_LOGS))?)?;
    }
    Ok(())
}

fn with(needles: &[Needle], name: &str, control: &str) -> Vec<Needle> {
    [needles, &secrets::forms(name, control)].concat()
}

/// The control is there, and nothing else is.
fn judge(place: &str, found: &[String]) -> Result<()> {
    let (control, leaked): (Vec<&String>, Vec<&String>) =
        found.iter().partition(|name| name.starts_with("the control"));
    ensure!(leaked.is_empty(), "{place} holds {leaked:?}");
    ensure!(!control.is_empty(), "{place}: the control was not found, so the search proves nothing");
    Ok(())
}

/// Searches every file below a folder; the control has to be in one of them.
fn databases(folder: &Path, needles: &[Needle], place: &str) -> Result<()> {
    let needles = with(needles, "the control", IN_DATABASES);
    let mut found = Vec::new();
    for path in files(folder)? {
        let here = secrets::in_file(&path, &needles).with_context(|| path.display().to_string())?;
        found.extend(here);
    }
    judge(place, &found)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(self::files(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// A request without its end, over a connection that stays open: the server holds what it has read of it.
fn half_a_request(world: &World) -> Result<rustls::StreamOwned<rustls::ClientConnection, TcpStream>> {
    let (_, port) = world.stack.url.rsplit_once(':').context("the portal's address has no port")?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots_from_pem_file(&world.stack.ca_pem)?)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let client = rustls::ClientConnection::new(Arc::new(tls), "localhost".try_into()?)?;
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port.parse()?))?;
    let mut stream = rustls::StreamOwned::new(client, socket);
    // One whole request in front of it: when that is answered, what came with it has been read.
    write!(
        stream,
        "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HTTP/1.1\r\nhost: localhost\r\nuser-agent: {IN_MEMORY}\r\n"
    )?;
    stream.flush()?;
    let mut answer = [0; 256];
    let count = stream.read(&mut answer)?;
    ensure!(answer[..count].starts_with(b"HTTP/1.1 200"), "no answer to the request in front");
    Ok(stream)
}
