//! A stream of resets while everything breaks in turn: nothing is lost silently, nothing is applied twice, everybody is told
//! the truth, and what was unknown is settled.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ritorno_lab::command::run;
use ritorno_lab::progress::wait_until;
use ritorno_lab::squid::Squid;
use ritorno_lab::wire::Wire;
use ritorno_protocol::link::SILENT_AFTER;
use ritorno_tests::visitor::{Answer, Choosing, Page, Visitor};
use tokio::task::JoinHandle;

use crate::world::World;

/// What is unknown is settled within this long after everything is back: a write counts as not made 20 s after it began, and
/// the pauses between two looks double.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// A link that can be made again is, within this long.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// The middlebox on the way forgets what is idle for so long.
const IDLE_CUT: Duration = Duration::from_secs(60);

/// Everything, with a proxy and a bad wire between agent and server.
pub(crate) struct Chaos {
    pub(crate) world: World,
    squid: Squid,
    wire: Wire,
    pub(crate) longest_wait: Duration,
    pub(crate) longest_settling: Duration,
    pub(crate) told: Vec<String>,
}

/// Somebody who may choose a password.
pub(crate) struct Person {
    sam: String,
    visitor: Visitor,
    choosing: Choosing,
    password: String,
    before: u32,
}

/// Somebody who has chosen.
pub(crate) struct Asked {
    sam: String,
    visitor: Visitor,
    choosing: Choosing,
    password: String,
    before: u32,
    answer: Result<Answer>,
    waited: Duration,
}

/// How it ended, as the returning page tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    NotApplied,
    Open,
}

impl End {
    fn of(page: &Page) -> Self {
        let words = page.text();
        if page.html.contains("notice-ok") {
            Self::Done
        } else if words.contains("on its way") || words.contains("can't tell") {
            Self::Open
        } else {
            Self::NotApplied
        }
    }
}

impl Chaos {
    pub(crate) fn start(name: &str) -> Result<Self> {
        let mut world = World::start(name, |_| Ok(()))?;
        let squid = Squid::start(&world.stack.folder().join("squid"))?;
        let wire = Wire::to(SocketAddr::from((Ipv4Addr::LOCALHOST, squid.port)))?;
        wire.forget_idle_after(IDLE_CUT);
        world.stack.stop_agent();
        let folder = world.stack.folder().to_owned();
        std::fs::write(folder.join("proxy-password"), Squid::PASSWORD)?;
        let configuration = folder.join("agent.toml");
        let text = std::fs::read_to_string(&configuration)?;
        let proxy = format!(
            "\n[proxy]\nurl = \"http://127.0.0.1:{}\"\nuser = \"{}\"\npassword_file = \"{}\"\n",
            wire.port,
            Squid::USER,
            folder.join("proxy-password").display()
        );
        std::fs::write(&configuration, text + &proxy)?;
        world.stack.start_agent()?;
        world.stack.wait_until_open()?;
        let (longest_wait, longest_settling) = (Duration::ZERO, Duration::ZERO);
        Ok(Self { world, squid, wire, longest_wait, longest_settling, told: Vec::new() })
    }

    /// Takes people through the gate, side by side.
    pub(crate) fn at_the_page(&self, people: &[&str]) -> Result<Vec<Person>> {
        let mut ways = Vec::new();
        for sam in people {
            let person = self.world.forest.person(sam)?.clone();
            let (mut visitor, mail) = (self.world.visitor(sam)?, self.world.mail.clone());
            let sam = (*sam).to_owned();
            ways.push(self.world.runtime.spawn(async move {
                let choosing = visitor.pass_gate(&person.upn, &mail, &person.alternate_mail).await;
                choosing.map(|choosing| (sam, visitor, choosing))
            }));
        }
        let mut there = Vec::new();
        for way in ways {
            let (sam, visitor, choosing) = self.world.runtime.block_on(way)??;
            let before = self.version(&sam)?;
            let password = format!("Sotto-Sopra-{}-{before}", sam.len());
            there.push(Person { sam, visitor, choosing, password, before });
        }
        Ok(there)
    }

    fn version(&self, sam: &str) -> Result<u32> {
        self.world.version(sam)?.version.context("the directory counts writes")
    }

    /// They send what they chose, one after the other, so far apart.
    pub(crate) fn send(&self, people: Vec<Person>, apart: Duration) -> Vec<JoinHandle<Asked>> {
        let mut sent = Vec::new();
        for (person, order) in people.into_iter().zip(0_u32..) {
            let random = self.world.random.clone();
            sent.push(self.world.runtime.spawn(async move {
                tokio::time::sleep(apart * order).await;
                let since = Instant::now();
                let Person { sam, visitor, choosing, password, before } = person;
                let answer = visitor.reset(&choosing, &password, &random).await;
                Asked { sam, visitor, choosing, password, before, answer, waited: since.elapsed() }
            }));
        }
        sent
    }

    /// Waits until everybody has an answer, and what it says is settled; then compares it with the directory.
    pub(crate) fn settle(&mut self, what: &str, sent: Vec<JoinHandle<Asked>>) -> Result<Vec<Asked>> {
        self.settle_within(what, sent, SETTLED_WITHIN)
    }

    /// The same, where it may take that long.
    pub(crate) fn settle_within(
        &mut self,
        what: &str,
        sent: Vec<JoinHandle<Asked>>,
        within: Duration,
    ) -> Result<Vec<Asked>> {
        let mut all = Vec::new();
        for asked in sent {
            all.push(self.world.runtime.block_on(asked)?);
        }
        let back = Instant::now();
        let mut tally = Vec::new();
        for asked in &mut all {
            self.longest_wait = self.longest_wait.max(asked.waited);
            let end = loop {
                let page = self.world.runtime.block_on(asked.visitor.open("/reset/outcome"))?;
                let end = End::of(&page);
                if end != End::Open {
                    break end;
                }
                if back.elapsed() > within {
                    bail!("{what}: {} is not settled, but {}", asked.sam, self.state_of(&page)?);
                }
                std::thread::sleep(Duration::from_millis(200));
            };
            let first = asked.answer.as_ref().map_or("no answer", |answer| answer.state.as_str()).to_owned();
            let truthful = match first.as_str() {
                "done" => end == End::Done,
                "failed" | "refused" => end == End::NotApplied,
                _ => true,
            };
            ensure!(truthful, "{what}: {} was told '{first}', and it is {end:?}", asked.sam);
            let written = self.version(&asked.sam)? - asked.before;
            let expected = u32::from(end == End::Done);
            ensure!(written == expected, "{what}: {} is {end:?}, and was written {written} times", asked.sam);
            let works = self.world.forest.kinit(&asked.sam, &asked.password)?;
            ensure!(works == (end == End::Done), "{what}: {}: {end:?}, and Kerberos: {works}", asked.sam);
            tally.push(format!("{first}/{end:?} {:.1} s", asked.waited.as_secs_f32()));
        }
        self.longest_settling = self.longest_settling.max(back.elapsed());
        self.told.push(format!("{what}: {}", tally.join(", ")));
        Ok(all)
    }

    /// What the server has written down of the request whose support code the page shows.
    fn state_of(&self, page: &Page) -> Result<String> {
        let words = page.text();
        let code = words.split("Support code ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let code = code.context("the page shows no support code")?;
        let requests = self.world.stack.server_command(&["requests", "--json", "--most", "100"])?;
        for line in requests.lines() {
            let request: serde_json::Value = serde_json::from_str(line)?;
            if request["support_code"] == code {
                return Ok(request["state"].as_str().unwrap_or_default().to_owned());
            }
        }
        bail!("the server knows no request with the code {code}")
    }

    fn wait_for_link(&self, up: bool, within: Duration) -> Result<Duration> {
        let since = Instant::now();
        let word = if up { "connected since" } else { "down since" };
        let seen = wait_until(within, || Ok(self.world.stack.agent_command(&["status"])?.contains(word)))?;
        ensure!(seen, "the link is not '{word}' within {} s", within.as_secs());
        Ok(since.elapsed())
    }
}

#[test]
fn whatever_breaks_nothing_is_lost_and_nothing_is_applied_twice() -> Result<()> {
    let mut chaos = Chaos::start("chaos")?;
    killed_agent(&mut chaos)?;
    drained_server(&mut chaos)?;
    killed_server(&mut chaos)?;
    restarted_proxy(&mut chaos)?;
    cut_link(&mut chaos)?;
    bad_wire(&mut chaos)?;
    dead_controller(&mut chaos)?;
    journal_rolled_back(&mut chaos)?;
    full_disk(&mut chaos)?;
    wrong_clock(&mut chaos)?;
    for line in &chaos.told {
        eprintln!("{line}");
    }
    eprintln!(
        "longest wait for an answer {:.1} s, longest settling once all was back {:.1} s",
        chaos.longest_wait.as_secs_f32(),
        chaos.longest_settling.as_secs_f32()
    );
    Ok(())
}

fn killed_agent(chaos: &mut Chaos) -> Result<()> {
    let people = chaos.at_the_page(&["anna.rossi", "marco.conti", "giulia.ferrari", "luca.esposito"])?;
    let sent = chaos.send(people, Duration::from_millis(60));
    std::thread::sleep(Duration::from_millis(150));
    kill_now(chaos.world.stack.agent_pid())?;
    chaos.world.stack.stop_agent();
    chaos.world.stack.start_agent()?;
    chaos.settle("agent killed", sent).map(drop)
}

fn drained_server(chaos: &mut Chaos) -> Result<()> {
    let people = chaos.at_the_page(&["sofia.romano", "davide.colombo", "chiara.ricci"])?;
    let sent = chaos.send(people, Duration::from_millis(60));
    std::thread::sleep(Duration::from_millis(120));
    chaos.world.stack.stop_server();
    chaos.world.stack.start_server()?;
    chaos.wait_for_link(true, Duration::from_secs(40))?;
    chaos.settle("server drained and restarted", sent).map(drop)
}

fn killed_server(chaos: &mut Chaos) -> Result<()> {
    chaos.world.stack.wait_until_open()?;
    let people = chaos.at_the_page(&["matteo.marino", "francesca.costa", "andrea.fontana"])?;
    let sent = chaos.send(people, Duration::from_millis(60));
    std::thread::sleep(Duration::from_millis(120));
    kill_now(chaos.world.stack.server_pid())?;
    chaos.world.stack.stop_server();
    chaos.world.stack.start_server()?;
    chaos.wait_for_link(true, Duration::from_secs(40))?;
    chaos.settle("server killed", sent).map(drop)
}

fn restarted_proxy(chaos: &mut Chaos) -> Result<()> {
    chaos.world.stack.wait_until_open()?;
    let people = chaos.at_the_page(&["martina.caruso", "stefano.moretti", "laura.barbieri"])?;
    let sent = chaos.send(people, Duration::from_millis(60));
    std::thread::sleep(Duration::from_millis(120));
    chaos.squid.restart()?;
    chaos.wait_for_link(true, Duration::from_secs(40))?;
    let log = chaos.squid.log()?;
    ensure!(log.contains("CONNECT localhost:") && log.contains(Squid::USER), "not through the proxy: {log}");
    chaos.settle("proxy restarted", sent).map(drop)
}

/// Cut without a FIN: noticed by the pings, and made good at once when the wire is mended.
fn cut_link(chaos: &mut Chaos) -> Result<()> {
    chaos.world.stack.wait_until_open()?;
    let people = chaos.at_the_page(&["nicolo.lombardi", "beatrice.giordano", "tommaso.rizzo"])?;
    let sent = chaos.send(people, Duration::from_millis(60));
    std::thread::sleep(Duration::from_millis(120));
    chaos.wire.cut();
    let noticed = chaos.wait_for_link(false, SILENT_AFTER + Duration::from_secs(3))?;
    chaos.wire.mend();
    let back = chaos.wait_for_link(true, BACK_WITHIN)?;
    let (noticed, back) = (noticed.as_secs_f32(), back.as_secs_f32());
    chaos.told.push(format!(
        "a cut link is noticed after {noticed:.1} s, and back {back:.1} s after it was mended"
    ));
    chaos.settle("link cut without FIN", sent).map(drop)
}

fn bad_wire(chaos: &mut Chaos) -> Result<()> {
    chaos.world.stack.wait_until_open()?;
    chaos.wire.worsen(Duration::from_millis(150), 4);
    let people = chaos.at_the_page(&["alice.dangelo", "emma.fischer"])?;
    let sent = chaos.send(people, Duration::from_millis(60));
    let asked = chaos.settle("slow and lossy wire", sent)?;
    chaos.wire.worsen(Duration::ZERO, 0);
    for asked in asked {
        let state = asked.answer?.state;
        ensure!(state == "done", "a slow wire is no reason to fail: {} was told '{state}'", asked.sam);
    }
    Ok(())
}

/// The PDC emulator dies while passwords are written.
fn dead_controller(chaos: &mut Chaos) -> Result<()> {
    let people = chaos.at_the_page(&["lukas.weber", "hannah.muller", "pierre.dubois", "camille.lefevre"])?;
    let sent = chaos.send(people, Duration::from_millis(30));
    std::thread::sleep(Duration::from_millis(110));
    chaos.world.forest.kill_dc()?;
    std::thread::sleep(Duration::from_secs(2));
    chaos.world.forest.start_dc()?;
    chaos.settle("PDC emulator dead", sent).map(drop)
}

/// The journal is put back to what it was before a reset; then that reset comes once more.
fn journal_rolled_back(chaos: &mut Chaos) -> Result<()> {
    chaos.world.stack.wait_until_open()?;
    let people = chaos.at_the_page(&["jose.garcia"])?;
    let (state, kept) =
        (chaos.world.stack.folder().join("agent"), chaos.world.stack.folder().join("kept-journal"));
    chaos.world.stack.stop_agent();
    std::fs::create_dir_all(&kept)?;
    copy_journal(&state, &kept)?;
    chaos.world.stack.start_agent()?;
    chaos.world.stack.wait_until_open()?;
    let sent = chaos.send(people, Duration::ZERO);
    let mut asked = chaos.settle("before the journal is rolled back", sent)?;
    chaos.world.stack.stop_agent();
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        let _ = std::fs::remove_file(state.join(name));
    }
    copy_journal(&kept, &state)?;
    chaos.world.stack.start_agent()?;
    chaos.world.stack.wait_until_open()?;
    let Asked { sam, visitor, choosing, password, before, .. } = asked.remove(0);
    ensure!(chaos.version(&sam)? == before + 1, "{sam} was not written once");
    let envelope = choosing.seal(&password, &*chaos.world.random)?;
    // Whatever it is told: the directory counts.
    let _ = chaos.world.runtime.block_on(visitor.submit(&choosing, &envelope));
    ensure!(chaos.version(&sam)? == before + 1, "{sam} was written twice");
    let people = chaos.at_the_page(&["lucia.fernandez"])?;
    let sent = chaos.send(people, Duration::ZERO);
    chaos.settle("journal rolled back", sent).map(drop)
}

fn copy_journal(from: &Path, to: &Path) -> Result<()> {
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name))?;
        }
    }
    Ok(())
}

/// The state folder's disk is full: nothing can be made durable, so nothing is begun.
fn full_disk(chaos: &mut Chaos) -> Result<()> {
    let state = chaos.world.stack.folder().join("agent");
    chaos.world.stack.stop_agent();
    let disk = Disk::mount(&state)?;
    chaos.world.stack.start_agent()?;
    chaos.world.stack.wait_until_open()?;
    let people = chaos.at_the_page(&["joao.silva", "ingrid.sorensen"])?;
    let filling = state.join("filling");
    // It ends when nothing more goes in.
    let full = Command::new("dd").arg("if=/dev/zero").arg(format!("of={}", filling.display())).output()?;
    ensure!(!full.status.success(), "the disk is not full");
    let sent = chaos.send(people, Duration::from_millis(60));
    std::thread::sleep(Duration::from_secs(8));
    std::fs::remove_file(&filling)?;
    // systemd would start it again, if it has ended over this.
    chaos.world.stack.stop_agent();
    chaos.world.stack.start_agent()?;
    chaos.settle("disk full", sent)?;
    chaos.world.stack.stop_agent();
    disk.unmount()?;
    chaos.world.stack.start_agent()
}

/// A small disk in the place of a folder, with what the folder holds.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// Puts a disk of 24 MB there.
    pub(crate) fn mount(folder: &Path) -> Result<Self> {
        let disk = Self(folder.to_owned());
        let kept = folder.with_extension("kept");
        run(Command::new("cp").arg("--archive").arg(folder).arg(&kept), b"")?;
        run(
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs"]).arg(folder),
            b"",
        )?;
        run(Command::new("cp").args(["--archive", "--no-target-directory"]).arg(&kept).arg(folder), b"")?;
        std::fs::remove_dir_all(kept)?;
        Ok(disk)
    }

    /// What it holds now is what the folder holds then.
    pub(crate) fn unmount(self) -> Result<()> {
        let kept = self.0.with_extension("kept");
        run(Command::new("cp").arg("--archive").arg(&self.0).arg(&kept), b"")?;
        let folder = self.0.clone();
        drop(self);
        std::fs::remove_dir_all(&folder)?;
        std::fs::rename(kept, folder).context("the folder's content comes back")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // At once, even if somebody is in it: the folder is removed next.
        if let Err(error) = run(Command::new("umount").arg("--lazy").arg(&self.0), b"") {
            eprintln!("{} stays mounted: {error:#}", self.0.display());
        }
    }
}

/// The agent's machine is ten minutes ahead.
fn wrong_clock(chaos: &mut Chaos) -> Result<()> {
    chaos.world.stack.wait_until_open()?;
    let people = chaos.at_the_page(&["lars.nilsson", "katarzyna.kowalska"])?;
    chaos.world.stack.stop_agent();
    // What Debian's `faketime` does, without a process between; the loader knows what $LIB is.
    let variables = [
        ("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1"),
        ("FAKETIME", "+600s"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    chaos.world.stack.agent_variables =
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    chaos.world.stack.launch_agent()?;
    std::thread::sleep(Duration::from_secs(5));
    let log = std::fs::read_to_string(chaos.world.stack.folder().join("agent.log"))?;
    ensure!(log.contains("clock differs"), "the agent's clock was right");
    let sent = chaos.send(people, Duration::from_millis(60));
    let ended = chaos.settle("clock ten minutes ahead", sent);
    chaos.world.stack.stop_agent();
    chaos.world.stack.agent_variables.clear();
    chaos.world.stack.start_agent()?;
    ended.map(drop)
}

/// Ends a process as a power cut would.
pub(crate) fn kill_now(pid: Option<u32>) -> Result<()> {
    let pid = pid.context("it runs")?.to_string();
    if !Command::new("kill").args(["-9", &pid]).status()?.success() {
        bail!("process {pid} was not there");
    }
    Ok(())
}
