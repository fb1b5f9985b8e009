//! A clean root as a machine that runs: with a real systemd, so that units, their hardening, reload and the journal are what they are on
//! a server. It shares no file with the machine but the lab's folder, and no process, cgroup or network.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::Lab;
use crate::clean_root::CleanRoot;
use crate::command::run;
use crate::process::log_tail;
use crate::progress::wait_until;

const BOOT: &str = include_str!("../scripts/boot.sh");
const BOOTED_WITHIN: Duration = Duration::from_secs(60);

/// A machine that runs until it is dropped.
#[derive(Debug)]
pub struct Booted {
    child: Child,
    init: String,
    group: PathBuf,
}

impl Booted {
    /// Boots a root. `network` are the words before a command that runs it in the network that the machine is to have.
    ///
    /// # Errors
    /// Without root, when the kernel has no cgroups of version 2, or when systemd does not come up.
    pub fn start(lab: &Lab, root: &CleanRoot, name: &str, network: &[String]) -> Result<Self> {
        let group = unified()?.join(format!("ritorno-{}-{name}", std::process::id()));
        std::fs::create_dir(&group).with_context(|| group.display().to_string())?;
        let enter = format!("echo $$ > '{}/cgroup.procs' && exec \"$@\"", group.display());
        let log_path = lab.folder().join(format!("{name}.boot.log"));
        let log = std::fs::File::create(&log_path)?;
        // Into the group first: `ip netns exec` mounts another /sys, where there are none.
        let mut command = Command::new("bash");
        command.args(["-c", &enter, "enter"]).args(network);
        command.args(["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]);
        command.args(["--cgroup", "--ipc", "--uts", "bash", "-c", BOOT, "boot.sh"]);
        command.arg(root.path()).arg(lab.shared_folder()).arg(name);
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut booted = Self { child, init: String::new(), group };
        // Its first process is the only child of what was started, once everything between has become it.
        let started = wait_until(BOOTED_WITHIN, || {
            if let Some(status) = booted.child.try_wait()? {
                bail!("it ended ({status})");
            }
            let children = format!("/proc/{0}/task/{0}/children", booted.child.id());
            booted.init = std::fs::read_to_string(children)?.trim().to_owned();
            let is_init = std::fs::read_to_string(format!("/proc/{}/comm", booted.init));
            Ok(is_init.is_ok_and(|comm| comm.trim() == "systemd")
                && booted.run(&["systemctl", "is-active", "multi-user.target"]).is_ok())
        });
        if !matches!(started, Ok(true)) {
            bail!("{name} does not boot: {started:?}; it said:\n{}", log_tail(&log_path));
        }
        Ok(booted)
    }

    /// The words before a command that runs it on the machine, as root.
    fn enter(&self) -> [&str; 14] {
        [
            "nsenter",
            "--target",
            &self.init,
            "--mount",
            "--pid",
            "--net",
            "--cgroup",
            "--ipc",
            "--uts",
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive",
        ]
    }

    /// Runs a command on the machine as root, and returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn run(&self, command: &[&str]) -> Result<String> {
        let [nsenter, words @ ..] = self.enter();
        run(Command::new(nsenter).args(words).args(command), b"")
    }

    /// A program on the machine of the tests that stands for one of this machine's: `running` is its service, which is started and stopped
    /// by systemctl; any other command runs as the user of the same name.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn program(&self, name: &str, running: &str, file: &Path) -> Result<()> {
        let enter = self.enter().join(" ");
        let text = format!(
            "#!/bin/sh\n\
             for last; do :; done\n\
             if [ \"$last\" != {running} ]; then exec {enter} runuser -u {name} -- /usr/bin/{name} \"$@\"; fi\n\
             ends() {{ {enter} journalctl --no-pager --unit {name} --lines 40 --output cat; }}\n\
             trap '{enter} systemctl stop {name}; ends; exit 0' TERM INT\n\
             {enter} systemctl start {name} || {{ ends; exit 1; }}\n\
             away=0\n\
             while [ $away -lt 20 ]; do\n\
             \x20 if {enter} systemctl is-active --quiet {name}; then away=0; else away=$((away + 1)); fi\n\
             \x20 sleep 0.5 & wait $!\n\
             done\n\
             ends\n\
             exit 1\n"
        );
        std::fs::write(file, text)?;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))?;
        Ok(())
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        // With its first process everything in it ends.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let empty = wait_until(Duration::from_secs(10), || Ok(remove_groups(&self.group).is_ok()));
        if !matches!(empty, Ok(true)) {
            eprintln!("the cgroup {} stays", self.group.display());
        }
    }
}

/// Where cgroups of version 2 are mounted.
fn unified() -> Result<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let mounted = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (path, kind) = (fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(path))
    });
    mounted.context("no cgroups of version 2 are mounted: a real systemd needs them")
}

/// A group and those below it: only empty ones can be removed.
fn remove_groups(group: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_groups(&entry.path())?;
        }
    }
    std::fs::remove_dir(group)
}
