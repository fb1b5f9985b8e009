//! A domain controller's process: start, stop, kill, and whether it answers.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::account::Account;
use crate::command::{capture, run};
use crate::host::Host;
use crate::process;
use crate::progress::wait_until;

/// How long a controller may take to answer after its start; it usually takes one second.
const START_LIMIT: Duration = Duration::from_secs(60);
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
    start_until(host, || in_step(host, administrator, ca))
}

/// Starts a controller that was told to do no TLS, and waits until it answers over LDAP.
///
/// # Errors
/// As [`start`].
pub fn start_without_tls(host: &Host) -> Result<()> {
    start_until(host, || {
        let output =
            capture(
                Command::new("timeout")
                    .args(["5", "ldapsearch", "-x", "-LLL", "-s", "base", "-b", ""])
                    .args(["-H", &format!("ldap://{}", host.address), "isSynchronized"]),
                b"",
            )?;
        Ok(output.success && output.stdout.contains("TRUE"))
    })
}

fn start_until(host: &Host, ready: impl FnMut() -> Result<bool>) -> Result<()> {
    if running(host).is_none() {
        if listens(host) {
            bail!(
                "something else serves {}:{LDAPS}, perhaps another lab: stop it, or give this one a network of its \
                 own with RITORNO_LAB_NET=127.0.1",
                host.address
            );
        }
        let _ = std::fs::remove_file(host.state.join("run/samba.pid"));
        // With a line for each sign-in, so that a test can see which controller was spoken to.
        let samba = ["samba", "-F", "--no-process-group", "--debug-stdout", "--debuglevel=1 auth_audit:3"];
        process::start(&mut host.enter(&["setsid", "--fork"], &samba), &log(host))?;
    }
    if !wait_until(START_LIMIT, ready)? {
        bail!("{} does not answer; its log ends:\n{}", host.fqdn(), process::log_tail(&log(host)));
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
    process::stop_session(leader, Signal::SIGTERM)?;
    let _ = std::fs::remove_file(host.state.join("run/samba.pid"));
    Ok(())
}

/// Ends the controller at once, as a power cut would, and waits until its ports are free.
///
/// # Errors
/// When its processes stay.
pub fn kill_now(host: &Host) -> Result<()> {
    if let Some(leader) = running(host) {
        process::kill_session(leader)?;
    }
    Ok(())
}

/// Stops the controller where it stands, or lets it go on: what is sent to it meanwhile waits in the system's buffers.
///
/// # Errors
/// When its processes can't be listed.
pub fn freeze(host: &Host, frozen: bool) -> Result<()> {
    let signal = if frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
    running(host).map_or(Ok(()), |leader| process::signal_session(leader, signal))
}

/// What the controller has logged.
///
/// # Errors
/// When the log can't be read.
pub fn read_log(host: &Host) -> Result<String> {
    let bytes =
        std::fs::read(log(host)).with_context(|| format!("cannot read the log of {}", host.fqdn()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn log(host: &Host) -> PathBuf {
    host.state.join("log/samba.out")
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
