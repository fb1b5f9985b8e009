//! The link through a real middlebox that forgets what is idle for a minute: kept up for as long as nothing happens, noticed
//! when it is cut, and back at once.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use ritorno_lab::Lab;
use ritorno_lab::progress::wait_until;
use ritorno_protocol::clock::{Clock as _, SystemClock, Timestamp};
use ritorno_protocol::link::SILENT_AFTER;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::doctor::{Report, doctor};
use crate::world::{World, programs};

/// What is idle for so long is forgotten.
const IDLE_CUT: Duration = Duration::from_secs(60);
/// A link that is cut without a word is known to be, within this long.
const NOTICED_WITHIN: Duration = Duration::from_secs(25);
/// A link that can be made again is, within this long.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// Names how long the link is left to itself, in seconds, if it is to be longer than is good for every run: see `lab/README.md`.
const IDLE_SECONDS: &str = "RITORNO_IDLE_SECONDS";

fn status(world: &World) -> Result<String> {
    world.stack.agent_command(&["status"])
}

/// Waits for the link to be up or down, and tells how long that took.
fn until_link(world: &World, up: bool, within: Duration) -> Result<Duration> {
    let since = Instant::now();
    let word = if up { "connected since" } else { "down since" };
    let seen = wait_until(within, || Ok(status(world)?.contains(word)))?;
    ensure!(seen, "the link is not '{word}' within {} s", within.as_secs());
    Ok(since.elapsed())
}

#[test]
fn an_idle_link_outlives_the_middlebox_and_a_cut_one_is_back_at_once() -> Result<()> {
    let idle = match std::env::var(IDLE_SECONDS) {
        Ok(text) => Duration::from_secs(text.parse().context(IDLE_SECONDS)?),
        Err(_) => Duration::from_secs(130),
    };
    ensure!(idle > IDLE_CUT * 2, "the middlebox has to get a chance");
    let lab = Lab::open()?.private("middlebox-link")?;
    let world = World::start_beyond(lab, &programs()?)?;
    let middlebox = world.middlebox.as_ref().context("the server is beyond one")?;
    middlebox.forget_idle_after(IDLE_CUT)?;

    // Beside the link one that says nothing, and one that speaks only after the wait.
    let place = SocketAddr::from((middlebox.far_address(), 7));
    let listener = middlebox.listen_beyond(place)?;
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let Ok(mut back) = stream.try_clone() else { return };
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut back));
        }
    });
    let mut silent = TcpStream::connect(place)?;
    silent.set_read_timeout(Some(Duration::from_secs(3)))?;
    let answers = |stream: &mut TcpStream| stream.write_all(b"x").is_ok() && stream.read(&mut [0]).is_ok();
    ensure!(answers(&mut silent), "nothing passes the middlebox");

    let before = status(&world)?;
    let since = before.lines().find(|line| line.contains("connected since")).context("no link")?.to_owned();
    // The doctor looks how long connections of its own live meanwhile.
    let command = doctor(&world, &["--json"])?;
    let looking = std::thread::spawn(move || Report::told(command));
    // Nothing happens on the link: that is what is tried.
    std::thread::sleep(idle);
    let after = status(&world)?;
    ensure!(after.contains(&since), "the link was lost in {} s:\n{before}\n{after}", idle.as_secs());
    ensure!(!answers(&mut silent), "the middlebox forgets nothing");
    world.reset("anna.rossi", "Dopo-Il-Silenzio-1")?;
    let report = looking.join().map_err(|_| anyhow!("the doctor was not run"))??;
    report.only_warns("idle-connections", "keep idle TCP connections for 180 s")?;
    // At sixty seconds either may come first.
    let said = report.0.to_string();
    let found = [
        "there after 45 s without a byte, gone after 60 s",
        "there after 60 s without a byte, gone after 90 s",
    ];
    ensure!(found.iter().any(|found| said.contains(found)), "{said}");

    middlebox.cut()?;
    let cut_at = SystemClock.now();
    until_link(&world, false, SILENT_AFTER * 2)?;
    middlebox.mend()?;
    // By the agent's own account: however long it takes to ask it on a busy machine.
    let down = status(&world)?;
    let down = down.split("down since ").nth(1).and_then(|rest| rest.split(": ").next());
    let down = OffsetDateTime::parse(down.context("the link is up again")?, &Rfc3339)?;
    let noticed = Timestamp::from_unix_ms(down.unix_timestamp() * 1_000).since(cut_at);
    ensure!(noticed <= NOTICED_WITHIN, "a cut is noticed after {:.1} s only", noticed.as_secs_f32());
    let back = until_link(&world, true, BACK_WITHIN)?;
    eprintln!(
        "idle for {} s; a cut noticed after {:.1} s, the link back after {:.1} s",
        idle.as_secs(),
        noticed.as_secs_f32(),
        back.as_secs_f32()
    );
    world.stack.wait_until_open()?;
    world.reset("marco.conti", "Dopo-Il-Taglio-2")
}
