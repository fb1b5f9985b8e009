//! The Debian packages on two hosts with a real systemd and a middlebox between them: installed, started by their units with everything
//! that those close, used, upgraded in either order, rolled back, updated from what the cloud side offers, purged.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_dist::{Build, Package, release};
use ritorno_lab::booted::Booted;
use ritorno_lab::clean_root::CleanRoot;
use ritorno_lab::command::run;
use ritorno_lab::lone::Lone;
use ritorno_lab::middlebox::Middlebox;
use ritorno_lab::progress::wait_until;
use ritorno_lab::stack::Programs;
use ritorno_lab::{Forest, Lab, PrivateLab};
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::release::{SUFFIX, Version};

use crate::world::{World, programs};

/// Names a folder with the programs of an earlier version, which then are in the packages that are upgraded: see
/// `lab/README.md`. Without it both versions hold the same programs; the recorded frames of the first version are what every run
/// compares (`crates/protocol/tests/it/before.rs`).
const BEFORE: &str = "RITORNO_PROGRAMS_BEFORE";

/// How soon a service is there again.
const SOON: Duration = Duration::from_secs(20);
/// How soon its doctor has looked for the first time: a minute after its start at the latest, and a look takes some seconds.
const LOOKED_WITHIN: Duration = Duration::from_secs(90);

/// One package on its host. The host ends before its files go.
struct Host {
    package: Package,
    host: Booted,
    root: CleanRoot,
    /// What was there before.
    listing: Vec<String>,
    /// The packages: the version before, and this one.
    files: [PathBuf; 2],
}

impl Host {
    fn name(&self) -> &'static str {
        self.package.name()
    }

    fn run(&self, command: &[&str]) -> Result<String> {
        self.host.run(command)
    }

    /// The version that dpkg knows.
    fn installed(&self) -> Result<String> {
        let format = "--showformat=${Version}";
        self.run(&["dpkg-query", "--show", format, self.name()])
    }

    /// Installs one of the two versions, as its administrator would. What runs is started anew by the package itself.
    fn install(&self, which: usize) -> Result<String> {
        self.run(&["dpkg", "--force-confold", "--install", &self.files[which].to_string_lossy()])
    }

    /// The service's first process, by the machine's own numbers.
    fn process(&self) -> Result<String> {
        let shown = self.run(&["systemctl", "show", "--property", "MainPID", "--value", self.name()])?;
        Ok(shown.trim().to_owned())
    }

    /// Installs one of the two versions over what runs, as an upgrade or a roll-back is, and waits until it is of use again.
    fn replace(&self, world: &World, which: usize) -> Result<()> {
        let before = self.process()?;
        self.install(which)?;
        let anew = wait_until(SOON, || Ok(!["0", &before].contains(&self.process()?.as_str())))?;
        ensure!(anew, "{} runs on as it was: {before}", self.name());
        self.works(world)
    }

    fn works(&self, world: &World) -> Result<()> {
        let connected =
            || Ok(world.stack.agent_command(&["status"]).is_ok_and(|said| said.contains("connected")));
        ensure!(wait_until(Duration::from_secs(40), connected)?, "there is no link again");
        world.stack.wait_until_open()
    }

    /// The unit runs the program on the test's own configuration, in the lab's folder: all else is as the package has it. The folder is bound,
    /// since it may lie below /tmp, of which the unit has its own.
    fn points_to(&self, lab: &Path, stack: &Path, verb: &str, marker: &str) -> Result<()> {
        let (name, lab, stack) = (self.name(), lab.display(), stack.display());
        let settings = Path::new(settings(self.package)).file_name().context("a file")?.to_string_lossy();
        let text = format!(
            "[Unit]\nConditionPathExists=\nConditionPathExists={stack}/{marker}\n[Service]\nExecStart=\n\
             ExecStart=/usr/bin/{name} --config {stack}/{settings} {verb}\n\
             BindReadOnlyPaths={lab}\nBindPaths={stack}\n"
        );
        let write = format!(
            "mkdir -p /run/systemd/system/{name}.service.d && cat > /run/systemd/system/{name}.service.d/lab.conf <<'END'\n{text}END\n\
             systemctl daemon-reload"
        );
        self.run(&["sh", "-c", &write]).map(drop)
    }
}

/// The networks: the server's beyond a middlebox, and the agent's with nothing in it but the domain controller and the server.
struct Networks {
    middlebox: Middlebox,
    lone: Lone,
}

impl Networks {
    fn start(lab: &PrivateLab) -> Result<Self> {
        let mut middlebox = Middlebox::start(lab)?;
        let mail = lab.mail()?;
        middlebox.show_beyond((mail.address, mail.smtp_port).into())?;
        let forest = lab.forest(Forest::Contoso)?;
        let mut lone = Lone::start(lab)?;
        lone.show_names(SocketAddr::from((forest.dc_ip, 53)))?;
        lone.show(SocketAddr::from((forest.dc_ip, 636)))?;
        lone.show(SocketAddr::from((middlebox.far_address(), crate::world::PORT_BEYOND)))?;
        Ok(Self { middlebox, lone })
    }

    fn of(&self, package: Package) -> Vec<String> {
        match package {
            Package::Server => self.middlebox.beyond(),
            Package::Agent => self.lone.within(),
        }
    }
}

#[test]
fn packages_are_installed_used_upgraded_and_purged_without_a_trace() -> Result<()> {
    let shared = Lab::open()?;
    let lab = shared.private("dist")?;
    let folder = lab.folder().to_owned();
    let now = programs()?.agent.parent().context("the programs are in a folder")?.to_owned();
    let before = std::env::var_os(BEFORE).map_or_else(|| now.clone(), PathBuf::from);
    let key = release::open_or_make(&folder.join("release.key"))?;
    let this = ritorno_dist::version()?;
    let [major, minor, patch] = this.0;
    let versions = [this, Version([major, minor, patch + 1])];
    let networks = Networks::start(&lab)?;
    let stack = folder.join("stack");
    let mut hosts = Vec::new();
    for package in Package::ALL {
        let name = package.name();
        let root = CleanRoot::make(&lab, &folder.join(format!("{name}.root")))?;
        let host = Booted::start(&lab, &root, name, &networks.of(package))?;
        let listing = root.listing()?;
        let made = |index: usize, programs: &Path| {
            package.build(
                programs,
                &folder.join(format!("packages-{index}")),
                Build { version: versions[index], pages: &now, key: &key },
            )
        };
        let host = Host { package, host, root, listing, files: [made(0, &before)?, made(1, &now)?] };
        host.install(0)?;
        is_in_order(&host)?;
        let (verb, marker) = match package {
            Package::Server => ("serve", "cloud/root.key"),
            Package::Agent => ("run", "agent/enrolment.json"),
        };
        host.points_to(shared.folder(), &stack, verb, marker)?;
        host.host.program(name, verb, &folder.join(name))?;
        hosts.push(host);
    }
    let [server, agent] = hosts.try_into().ok().context("two packages")?;
    let installed = Programs { ritorno: folder.join("ritorno"), agent: folder.join("ritorno-agent") };
    let numbers = [&server, &agent].map(|host| host.root.numbers(host.name()));
    let [server_numbers, agent_numbers] = numbers;
    let numbers = server_numbers?;
    ensure!(numbers == agent_numbers?, "the files of both are given to one number");
    let mut world = World::start_beyond_that(lab, &installed, numbers, networks.middlebox)?;
    world.reset("lukas.weber", "Aus-Dem-Paket-1")?;
    for host in [&server, &agent] {
        is_closed_up(host)?;
    }
    reloads(&world, &agent)?;
    looks_by_itself(&world)?;
    comes_back(&world, &agent)?;

    settings_stay(&server)?;
    // The agent first, then back; then the cloud side first.
    agent.replace(&world, 1)?;
    world.reset("emily.clarke", "Agent-Zuerst-2")?;
    agent.replace(&world, 0)?;
    world.reset("anna.rossi", "Agent-Zurueck-3")?;
    server.replace(&world, 1)?;
    is_in_order(&server)?;
    world.reset("marco.conti", "Wolke-Zuerst-4")?;
    if agent.run(&["ritorno-agent", "update", "--help"]).is_ok() {
        update(&world, &agent, &key, versions[1])?;
    } else {
        // The first versions can't by themselves.
        ensure!(std::env::var_os(BEFORE).is_some(), "it can't update itself");
        agent.replace(&world, 1)?;
    }
    world.reset("giulia.ferrari", "Beide-Neu-5")?;
    if std::env::var_os(BEFORE).is_none() {
        // The first version did not yet know that later ones only add to its tables.
        server.replace(&world, 0)?;
        world.reset("luca.esposito", "Wolke-Zurueck-6")?;
    }
    rotated(&agent)?;
    world.stack.stop_agent();
    world.stack.stop_server();
    // As an administrator has it: started with the machine, until the package goes.
    for host in [&server, &agent] {
        host.run(&["systemctl", "enable", "--now", host.name()])?;
        host.run(&["systemctl", "is-active", host.name()])?;
    }

    for host in [&server, &agent] {
        host.run(&["dpkg", "--purge", host.name()])?;
        ensure!(host.run(&["systemctl", "is-active", host.name()]).is_err(), "{} runs on", host.name());
        let after = host.root.listing()?;
        let new: Vec<&String> = after.iter().filter(|line| !host.listing.contains(line)).collect();
        let gone: Vec<&String> = host.listing.iter().filter(|line| !after.contains(line)).collect();
        ensure!(new.is_empty() && gone.is_empty(), "{} leaves {new:?} and took {gone:?}", host.name());
    }
    Ok(())
}

/// `ritorno-agent update`: nothing without a package that is offered and signed, and then exactly that.
fn update(world: &World, agent: &Host, key: &SigningKey, later: Version) -> Result<()> {
    let configuration = world.stack.folder().join("agent.toml");
    let configuration = configuration.to_string_lossy();
    let run = |more: &[&str]| {
        agent.run(&[&["ritorno-agent", "--config", &*configuration, "update"], more].concat())
    };
    let refused = |more: &[&str], why: &str| -> Result<()> {
        match run(more) {
            Ok(said) => anyhow::bail!("it was updated, though {why}: {said}"),
            Err(error) if format!("{error:#}").contains(why) => Ok(()),
            Err(error) => Err(error.context(format!("'{why}' was to be said"))),
        }
    };
    refused(&[], "No package is offered")?;
    let offered = world.stack.folder().join("cloud/packages");
    std::fs::create_dir_all(&offered)?;
    let file = &agent.files[1];
    let offer = |file: &Path| -> Result<()> {
        let name = file.file_name().context("a package has a name")?;
        std::fs::copy(file, offered.join(name)).map(drop).context("it is offered")
    };
    let signed = PathBuf::from(format!("{}{SUFFIX}", file.display()));
    offer(file)?;
    offer(&signed)?;
    refused(&["--check"], &format!("is out of date: the server offers {later}"))?;
    // The doctor ends with an exit code of its own for a warning.
    let looked = agent.run(&[
        "sh",
        "-c",
        &format!("ritorno-agent --config {configuration} doctor --quick || true"),
    ])?;
    ensure!(
        looked.contains(&format!("and the server offers {later}")),
        "the doctor does not see it: {looked}"
    );
    let list = world.stack.server_command(&["agent", "list"])?;
    ensure!(list.contains("(out of date)") && list.contains("out of date "), "not flagged: {list}");

    // A key of somebody else's: what is offered is not believed. A server that offers something else under the release's name.
    let other = world.stack.folder().join("other-key");
    std::fs::write(
        &other,
        release::public_text(&release::open_or_make(&world.stack.folder().join("other.key"))?)?,
    )?;
    refused(&["--release-key", &other.to_string_lossy()], "not signed by the release key")?;
    ensure!(release::public_text(key)? != std::fs::read_to_string(&other)?, "it is the same key");
    let name = offered.join(file.file_name().context("a name")?);
    let mut bytes = std::fs::read(&name)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&name, &bytes)?;
    refused(&[], "not the one that was released")?;
    ensure!(agent.installed()? != later.to_string(), "it was installed all the same");

    offer(file)?;
    let before = agent.process()?;
    run(&[])?;
    ensure!(agent.installed()? == later.to_string(), "{} is installed", agent.installed()?);
    is_in_order(agent)?;
    ensure!(
        wait_until(SOON, || Ok(!["0", &before].contains(&agent.process()?.as_str())))?,
        "it runs on as it was"
    );
    agent.works(world)
}

/// The program runs under what its unit says, as the kernel and systemd see it.
fn is_closed_up(host: &Host) -> Result<()> {
    let (name, process) = (host.name(), host.process()?);
    let status = host.run(&["cat", &format!("/proc/{process}/status")])?;
    let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map_or("", str::trim);
    let bound = if host.package == Package::Server { "0000000000000400" } else { "0000000000000000" };
    let seen = ["NoNewPrivs:", "Seccomp:", "CapBnd:", "CapEff:"].map(value);
    ensure!(seen == ["1", "2", bound, bound], "{name} runs with {seen:?}:\n{status}");
    let (user, _) = host.root.numbers(name)?;
    ensure!(
        value("Uid:").split_whitespace().all(|id| id == user.to_string()),
        "{name} is another user:\n{status}"
    );
    // What it sees of the file system.
    let inside =
        |command: &str| host.run(&["nsenter", "--target", &process, "--mount", "--", "sh", "-c", command]);
    for place in ["/usr", "/etc", "/var/log/journal", "/proc/sys/kernel", "/sys/fs/cgroup"] {
        ensure!(inside(&format!("touch {place}/written")).is_err(), "{name} can write to {place}");
    }
    inside(&format!("touch /var/lib/{name}/written && rm /var/lib/{name}/written"))?;
    ensure!(inside("ls /dev").is_ok_and(|devices| !devices.contains("tty1")), "{name} sees devices");
    let exposure = host.run(&["systemd-analyze", "security", "--no-pager", &format!("{name}.service")])?;
    let level = exposure.split("Overall exposure level").nth(1).and_then(|rest| rest.split(": ").nth(1));
    let level: f32 = level.and_then(|rest| rest.split_whitespace().next()).context("no level")?.parse()?;
    ensure!(level < 2.0, "{name} is exposed: {exposure}");
    // Its log is the journal's, with fields of its own.
    let journal = host.run(&["journalctl", "--no-pager", "--unit", name, "--output", "json"])?;
    let field =
        if host.package == Package::Server { "\"RITORNO_LISTEN\"" } else { "\"RITORNO_EVENT\":\"31015\"" };
    ensure!(journal.contains(field), "{field} is not in the journal: {journal}");
    Ok(())
}

/// The agent's own doctor looks in a process of its own, which its unit's restrictions have to allow.
fn looks_by_itself(world: &World) -> Result<()> {
    let found = world.stack.folder().join("agent/doctor-standings.json");
    ensure!(wait_until(LOOKED_WITHIN, || Ok(found.exists()))?, "its doctor did not look");
    Ok(())
}

/// `systemctl reload` opens the event log anew, and nothing else.
fn reloads(world: &World, agent: &Host) -> Result<()> {
    let (before, file) = (agent.process()?, world.stack.folder().join("agent-events.log"));
    std::fs::rename(&file, file.with_extension("moved"))?;
    agent.run(&["systemctl", "reload", agent.name()])?;
    ensure!(wait_until(SOON, || Ok(file.exists()))?, "there is no new event log");
    ensure!(agent.process()? == before, "it was started anew");
    Ok(())
}

/// What is killed is started again by systemd, and the watchdog finds what hangs to be alive as long as it is.
fn comes_back(world: &World, agent: &Host) -> Result<()> {
    let before = agent.process()?;
    agent.run(&["systemctl", "kill", "--signal", "KILL", agent.name()])?;
    let back = wait_until(SOON, || Ok(!["0", &before].contains(&agent.process()?.as_str())))?;
    ensure!(back, "it is not started again");
    agent.works(world)?;
    let fed = agent.run(&[
        "systemctl",
        "show",
        "--property",
        "WatchdogTimestampMonotonic",
        "--value",
        agent.name(),
    ])?;
    ensure!(fed.trim() != "0", "the watchdog is not fed");
    Ok(())
}

/// What an administrator wrote stays, and what was taken away stays away: neither keeps a package from being installed.
fn settings_stay(host: &Host) -> Result<()> {
    let settings = host.root.inside(Path::new(settings(host.package)));
    let text = std::fs::read_to_string(&settings)? + "# mine\n";
    std::fs::write(&settings, &text)?;
    host.install(0)?;
    ensure!(std::fs::read_to_string(&settings)? == text, "settings were replaced");
    std::fs::remove_file(&settings)?;
    host.install(0)?;
    ensure!(!settings.exists(), "settings that were taken away are back");
    std::fs::write(&settings, text)?;
    host.install(0)?;
    is_in_order(host)
}

/// The event log is rotated, and the new file is the service's.
fn rotated(agent: &Host) -> Result<()> {
    let log = agent.root.inside(Path::new("/var/log/ritorno-agent/events.log"));
    let (user, group) = agent.root.numbers(agent.name())?;
    std::fs::write(&log, "an event\n")?;
    std::os::unix::fs::chown(&log, Some(user), Some(group))?;
    let rotate = ["logrotate", "--force", "--state", "/tmp/rotated", "/etc/logrotate.d/ritorno-agent"];
    agent.run(&rotate)?;
    let new = std::fs::metadata(&log).context("there is no new event log")?;
    let seen = (new.len(), new.mode() & 0o7777, (new.uid(), new.gid()));
    ensure!(seen == (0, 0o640, (user, group)), "the new event log: {seen:?}");
    let kept = std::fs::read_to_string(log.with_file_name("events.log.1"))?;
    ensure!(kept == "an event\n", "the rotated event log: {kept}");
    Ok(())
}

const fn settings(package: Package) -> &'static str {
    match package {
        Package::Server => "/etc/ritorno/ritorno.toml",
        Package::Agent => "/etc/ritorno-agent/agent.toml",
    }
}

/// The user is there, the program runs as that user, secrets are for it alone, and pages and completion can be read.
fn is_in_order(host: &Host) -> Result<()> {
    let (name, root) = (host.name(), &host.root);
    let version = root.run(name, &[name, "--version"])?;
    ensure!(version.starts_with(name), "{version}");
    let (user, group) = root.numbers(name)?;
    let settings = Path::new(settings(host.package));
    let state = Path::new("/var/lib").join(name);
    let etc = settings.parent().context("settings lie in a folder")?;
    for (path, mode, owner) in
        [(settings, 0o640, (0, group)), (etc, 0o750, (0, group)), (state.as_path(), 0o700, (user, group))]
    {
        let found = std::fs::metadata(root.inside(path))?;
        let seen = (found.mode() & 0o7777, (found.uid(), found.gid()));
        ensure!(seen == (mode, owner), "{}: {:o} {:?}", path.display(), seen.0, seen.1);
    }
    if host.package == Package::Agent {
        let list = root.inside(Path::new("/usr/share/ritorno-agent/common-passwords"));
        let (bytes, mode) = (std::fs::metadata(&list)?.len(), std::fs::metadata(&list)?.mode() & 0o7777);
        ensure!((300_000..500_000).contains(&bytes) && mode == 0o644, "{bytes} bytes, mode {mode:o}");
        ensure!(std::fs::read(&list)?.starts_with(b"RTNBRCH"), "the common passwords are no list");
    }
    let completes = format!(
        ". /usr/share/bash-completion/completions/{name} && COMP_WORDS=({name} '') COMP_CWORD=1 && _{} {name} '' {name} && \
         echo ${{COMPREPLY[*]}}",
        name.replace('-', "__")
    );
    let offered = root.run(name, &["bash", "-c", &completes])?;
    ensure!(offered.split_whitespace().any(|word| word == "check-config"), "completion offers: {offered}");
    // The clean root takes no manual pages, as a container does: they are read from the package.
    let unpacked = format!(
        "dpkg-deb --fsys-tarfile '{}' | tar --extract --to-stdout ./usr/share/man/man1/{name}.1.gz | zcat",
        host.files[1].display()
    );
    let page = run(Command::new("bash").args(["-o", "pipefail", "-c", &unpacked]), b"")?;
    ensure!(page.contains(".TH") && page.contains("check\\-config"), "the manual page: {page}");
    Ok(())
}
