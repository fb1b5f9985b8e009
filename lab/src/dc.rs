//! A domain controller's process: start, stop, kill, and whether it answers.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::account::Account;
use crate::command::{capture, run};
use crate::host::Host;
use crate::progress::wait_until;

/// How long a controller may take to answer after its start; it usually takes one second.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a controller may take to end by itself after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const LDAPS: u16 = 636;

/// The running process of a host, when there is one: Samba's first process, which leads a session of its own.
#[must_use]
pub fn running(host: &Host) -> Option<Pid> {
    let file = host.state.join("run/samba.pid");
    let pid: i32 = std::fs::read_to_string(&file).ok()?.trim().parse().ok()?;
    // A number in a file can be another process's by now: it is ours only if it sees this very file at Samba's path.
    let seen = std::fs::metadata(format!("/proc/{pid}/root/run/samba/samba.pid")).ok()?;
    let own = std::fs::metadata(&file).ok()?;
    (seen.ino() == own.ino() && seen.dev() == own.dev()).then_some(Pid::from_raw(pid))
}

/// Starts the controller and waits until it answers over LDAPS and says that it is in step. It outlives this process.
///
/// # Errors
/// When its address is taken, or when it does not answer within a minute; the message holds the end of its log.
pub fn start(host: &Host, administrator: &Account, ca: &Path) -> Result<()> {
    if running(host).is_none() {
        if listens(host) {
            bail!(
                "something else serves {}:{LDAPS}, perhaps another lab: stop it, or give this one a network of its \
                 own with RITORNO_LAB_NET=127.0.1",
                host.address
            );
        }
        let _ = std::fs::remove_file(host.state.join("run/samba.pid"));
        let log = File::options().create(true).append(true).open(host.state.join("log/samba.out"))?;
        let started = host
            .enter(&["setsid", "--fork"], &["samba", "-F", "--no-process-group", "--debug-stdout", "-d1"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .status()
            .context("cannot start `setsid`")?;
        if !started.success() {
            bail!("`setsid` could not start Samba");
        }
    }
    let ready = wait_until(START_LIMIT, || in_step(host, administrator, ca))?;
    if !ready {
        let log = std::fs::read_to_string(host.state.join("log/samba.out")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(15).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        bail!("{} does not answer; its log ends:\n{}", host.fqdn(), tail.join("\n"));
    }
    Ok(())
}

/// Stops the controller and waits until all its processes are gone.
///
/// # Errors
/// When they stay even after SIGKILL.
pub fn stop(host: &Host) -> Result<()> {
    let Some(leader) = running(host) else {
        return Ok(());
    };
    // ESRCH means that it ended in between, which is what is wanted.
    let _ = kill(leader, Signal::SIGTERM);
    if !wait_until(STOP_LIMIT, || Ok(session(leader)?.is_empty()))? {
        kill_session(leader)?;
    }
    let _ = std::fs::remove_file(host.state.join("run/samba.pid"));
    Ok(())
}

/// Ends the controller at once, as a power cut would, and waits until its ports are free.
///
/// # Errors
/// When its processes stay.
pub fn kill_now(host: &Host) -> Result<()> {
    if let Some(leader) = running(host) {
        kill_session(leader)?;
    }
    Ok(())
}

fn kill_session(leader: Pid) -> Result<()> {
    let gone = wait_until(STOP_LIMIT, || {
        let left = session(leader)?;
        for process in &left {
            // Ended in between is what is wanted.
            let _ = kill(*process, Signal::SIGKILL);
        }
        Ok(left.is_empty())
    })?;
    if !gone {
        bail!("processes of session {leader} do not end");
    }
    Ok(())
}

/// The living processes of a session. Field 3 of `/proc/PID/stat` is the state, field 6 the session (proc(5)).
fn session(leader: Pid) -> Result<Vec<Pid>> {
    let mut members = Vec::new();
    for entry in std::fs::read_dir("/proc").context("cannot read /proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // Gone since the folder was read.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        // Field 2 is the program's name in brackets and may hold blanks.
        let Some((_, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let zombie = matches!(fields.first(), Some(&"Z" | &"X"));
        if !zombie && fields.get(3) == Some(&leader.to_string().as_str()) {
            members.push(Pid::from_raw(pid));
        }
    }
    Ok(members)
}

fn listens(host: &Host) -> bool {
    let address = SocketAddr::from((host.address, LDAPS));
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}

/// Whether an LDAPS bind works and the root DSE says `isSynchronized: TRUE`.
fn in_step(host: &Host, administrator: &Account, ca: &Path) -> Result<bool> {
    if !listens(host) {
        return Ok(false);
    }
    let output = capture(
        Command::new("timeout")
            .args(["5", "ldapsearch", "-x", "-LLL", "-y", "/dev/stdin"])
            .args(["-H", &format!("ldaps://{}", host.address)])
            .args(["-D", &administrator.upn, "-s", "base", "-b", ""])
            .arg("isSynchronized")
            .env("LDAPTLS_CACERT", ca)
            .env("LDAPTLS_REQCERT", "demand"),
        administrator.password.as_bytes(),
    )?;
    Ok(output.success && output.stdout.contains("TRUE"))
}

/// Packs a stopped controller's state. Sparse files stay sparse and Samba's extended attributes are kept.
///
/// # Errors
/// When tar fails.
pub fn pack(host: &Host, archive: &Path) -> Result<()> {
    if let Some(folder) = archive.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let unfinished = archive.with_extension("part");
    run(
        Command::new("tar")
            .args(["--xattrs", "--xattrs-include=*", "-S", "-czf"])
            .arg(&unfinished)
            .args(["--exclude=./run/*", "--exclude=./log/*", "-C"])
            .arg(&host.state)
            .arg("."),
        b"",
    )?;
    std::fs::rename(&unfinished, archive).context("cannot keep the snapshot")
}

/// Puts a snapshot in the place of a stopped controller's state.
///
/// # Errors
/// When tar fails or the old state cannot be removed.
pub fn unpack(host: &Host, archive: &Path) -> Result<()> {
    if host.state.exists() {
        std::fs::remove_dir_all(&host.state)?;
    }
    std::fs::create_dir_all(&host.state)?;
    run(
        Command::new("tar")
            .args(["--xattrs", "--xattrs-include=*", "-xzf"])
            .arg(archive)
            .arg("-C")
            .arg(&host.state),
        b"",
    )?;
    host.prepare()
}
