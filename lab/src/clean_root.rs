//! Clean Debian roots, as a machine is before anything of Ritorno is on it: what the packages are installed into.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::Lab;
use crate::command::run;
use crate::packages::{Purpose, ensure_packages};
use crate::progress::step;
use crate::root::{MAKE_ROOT, require_root};

const ENTER: &str = include_str!("../scripts/clean-enter.sh");
/// What the packages depend on, and a Debian that is only just there does not have; and what reads their files.
const INCLUDED: &str = "adduser ca-certificates libgssapi-krb5-2 logrotate systemd systemd-sysv dbus";

/// A Debian bookworm of its own: a copy that is removed when this value is dropped.
#[derive(Debug)]
pub struct CleanRoot {
    path: PathBuf,
    shared: PathBuf,
}

impl CleanRoot {
    /// Makes one in `folder`. The first of a lab takes some twenty seconds, further ones are copied in two.
    ///
    /// # Errors
    /// Without root, or when Debian's mirror can't be reached.
    pub fn make(lab: &Lab, folder: &Path) -> Result<Self> {
        require_root()?;
        ensure_packages(Purpose::Lab)?;
        let base = lab.shared_folder().join("root-clean.4");
        {
            let _lock = lab.lock_shared("root-clean")?;
            if !base.exists() {
                step("making a clean Debian root", || {
                    let arguments = ["-c", MAKE_ROOT, "make-root.sh", "bookworm", "no"];
                    run(Command::new("bash").args(arguments).arg(&base).arg(INCLUDED), b"")
                })?;
            }
        }
        let copied = Self { path: folder.to_owned(), shared: lab.shared_folder().to_owned() };
        run(Command::new("cp").args(["--archive", "--reflink=auto"]).arg(&base).arg(folder), b"")?;
        // What an installer writes, and mmdebstrap does not.
        std::fs::write(copied.inside(Path::new("/etc/hosts")), "127.0.0.1 localhost\n")?;
        // The lab's folder is seen at its own path; whoever is asked what is new must not find that.
        std::fs::create_dir_all(copied.inside(&copied.shared))?;
        Ok(copied)
    }

    /// Where the root lies on the machine.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a path of the root lies on the machine.
    #[must_use]
    pub fn inside(&self, path: &Path) -> PathBuf {
        self.path.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn enter(&self, user: &str, command: &[&str]) -> Command {
        let mut entered = Command::new("unshare");
        entered.args(["--mount", "--propagation", "private", "bash", "-c", ENTER, "clean-enter.sh"]);
        entered.arg(&self.path).arg(user).arg(&self.shared).args(command);
        entered
    }

    /// Runs a command as a user of the root, and returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn run(&self, user: &str, command: &[&str]) -> Result<String> {
        run(&mut self.enter(user, command), b"")
    }

    /// User and group numbers of a user of the root.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn numbers(&self, user: &str) -> Result<(u32, u32)> {
        let users = std::fs::read_to_string(self.inside(Path::new("/etc/passwd")))?;
        let line = users.lines().find(|line| line.split(':').next() == Some(user));
        let mut fields = line.with_context(|| format!("there is no user {user}"))?.split(':').skip(2);
        let mut next = || -> Result<u32> { Ok(fields.next().context("a field is missing")?.parse()?) };
        Ok((next()?, next()?))
    }

    /// Every file of the root, and who there is, but for what dpkg and systemd themselves write down.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn listing(&self) -> Result<Vec<String>> {
        let skipped = [
            "run",
            "tmp",
            "var/lib/dpkg",
            "var/lib/systemd",
            "var/log/dpkg.log",
            "var/log/alternatives.log",
            "var/log/journal",
            "var/log/wtmp",
            "var/cache",
        ];
        let mut find = Command::new("find");
        find.current_dir(&self.path).args([".", "-xdev"]);
        for path in skipped {
            find.args(["-path", &format!("./{path}"), "-prune", "-o"]);
        }
        let found = run(find.args(["-printf", "%p %M %U:%G\\n"]), b"")?;
        // The copies that are made before each change, as /etc/passwd-, tell of the change before.
        let mut lines: Vec<String> =
            found.lines().filter(|line| !line.contains("- -")).map(str::to_owned).collect();
        for file in ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"] {
            let text = std::fs::read_to_string(self.path.join("etc").join(file)).unwrap_or_default();
            lines.extend(text.lines().map(|line| format!("{file}: {line}")));
        }
        lines.sort();
        Ok(lines)
    }
}

impl Drop for CleanRoot {
    fn drop(&mut self) {
        // It may have gone with the private lab that it lay in.
        if let Err(error) = std::fs::remove_dir_all(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            eprintln!("a root stays in {}: {error}", self.path.display());
        }
    }
}
