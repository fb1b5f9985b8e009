//! Programs of the lab that outlive the process that started them: each leads a session of its own, and ends as a whole.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::progress::wait_until;

/// How long a program may take to end by itself after it was asked to.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Starts a command whose first words are `setsid --fork`, with its output appended to a log.
///
/// # Errors
/// When it cannot be started; what happens after that is in the log.
pub(crate) fn start(command: &mut Command, log: &Path) -> Result<()> {
    let output = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()
        .context("cannot start `setsid`")?;
    if !status.success() {
        bail!("`setsid` could not start the program");
    }
    Ok(())
}

/// The end of a log, for an error message.
pub(crate) fn log_tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// Asks the leader of a session to end, waits until the whole session is gone, and kills what stays.
///
/// # Errors
/// When processes stay even after SIGKILL.
pub(crate) fn stop_session(leader: Pid, signal: Signal) -> Result<()> {
    // ESRCH means that it ended in between, which is what is wanted.
    let _ = kill(leader, signal);
    if wait_until(STOP_LIMIT, || Ok(session(leader)?.is_empty()))? {
        return Ok(());
    }
    kill_session(leader)
}

/// Sends a signal to every process of a session.
///
/// # Errors
/// When `/proc` can't be read.
pub(crate) fn signal_session(leader: Pid, signal: Signal) -> Result<()> {
    for process in session(leader)? {
        // Ended in between: then there is nobody to tell.
        let _ = kill(process, signal);
    }
    Ok(())
}

/// Kills a whole session and waits until it is gone.
///
/// # Errors
/// When processes stay.
pub(crate) fn kill_session(leader: Pid) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_as_a_whole() {
        let folder = std::env::temp_dir().join(format!("ritorno-lab-session-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let pid_file = folder.join("pid");
        // The leader ignores the polite signal and has a child, so only killing both empties the session.
        let script = "trap '' TERM; echo $$ > \"$0\"; sleep 600 & wait; wait";
        let mut command = Command::new("setsid");
        command.args(["--fork", "bash", "-c", script]).arg(&pid_file);
        start(&mut command, &folder.join("log")).unwrap();
        let mut leader = None;
        assert!(
            wait_until(Duration::from_secs(10), || {
                let text = std::fs::read_to_string(&pid_file).unwrap_or_default();
                leader = text.trim().parse().ok().map(Pid::from_raw);
                Ok(leader.is_some_and(|pid| session(pid).is_ok_and(|all| all.len() == 2)))
            })
            .unwrap()
        );
        let leader = leader.unwrap();
        kill_session(leader).unwrap();
        assert_eq!(session(leader).unwrap(), []);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
