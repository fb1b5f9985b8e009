//! The Debian packages in clean roots, on two hosts with a middlebox between them: installed, used, upgraded in either order,
//! rolled back, updated from what the cloud side offers, purged.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use ritorno_dist::{Build, Package, release};
use ritorno_lab::Lab;
use ritorno_lab::clean_root::CleanRoot;
use ritorno_lab::command::run;
use ritorno_lab::stack::Programs;
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::release::{SUFFIX, Version};

use crate::world::{World, programs};

/// Names a folder with the programs of an earlier version, which then are in the packages that are upgraded: see
/// `lab/README.md`. Without it both versions hold the same programs; the recorded frames of the first version are what every run
/// compares (`crates/protocol/tests/it/before.rs`).
const BEFORE: &str = "RITORNO_PROGRAMS_BEFORE";

/// One package on its host.
struct Host {
    package: Package,
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

    /// The version that dpkg knows.
    fn installed(&self) -> Result<String> {
        let format = "--showformat=${Version}";
        self.root.run("root", &["dpkg-query", "--show", format, self.name()])
    }

    /// Installs one of the two versions over what runs, as an upgrade or a roll-back is.
    fn install(&self, world: &mut World, which: usize) -> Result<()> {
        match self.package {
            Package::Server => world.stack.stop_server(),
            Package::Agent => world.stack.stop_agent(),
        }
        self.root.install(&self.files[which])?;
        match self.package {
            Package::Server => world.stack.start_server()?,
            Package::Agent => world.stack.start_agent()?,
        }
        world.stack.wait_until_open()
    }
}

#[test]
fn packages_are_installed_used_upgraded_and_purged_without_a_trace() -> Result<()> {
    let lab = Lab::open()?.private("dist")?;
    let folder = lab.folder().to_owned();
    let now = programs()?.agent.parent().context("the programs are in a folder")?.to_owned();
    let before = std::env::var_os(BEFORE).map_or_else(|| now.clone(), PathBuf::from);
    let key = release::open_or_make(&folder.join("release.key"))?;
    let this = ritorno_dist::version()?;
    let [major, minor, patch] = this.0;
    let versions = [this, Version([major, minor, patch + 1])];
    let mut hosts = Vec::new();
    for package in Package::ALL {
        let root = CleanRoot::make(&lab, &folder.join(format!("{}.root", package.name())))?;
        let listing = root.listing()?;
        let made = |index: usize, programs: &Path| {
            package.build(
                programs,
                &folder.join(format!("packages-{index}")),
                Build { version: versions[index], key: &key },
            )
        };
        let host = Host { package, root, listing, files: [made(0, &before)?, made(1, &now)?] };
        host.root.install(&host.files[0])?;
        is_in_order(&host)?;
        host.root.program(package.name(), package.name(), &folder.join(package.name()))?;
        hosts.push(host);
    }
    let [server, agent] = hosts.try_into().ok().context("two packages")?;
    let installed = Programs { ritorno: folder.join("ritorno"), agent: folder.join("ritorno-agent") };
    let numbers = [&server, &agent].map(|host| host.root.numbers(host.name()));
    let [server_numbers, agent_numbers] = numbers;
    let numbers = server_numbers?;
    ensure!(numbers == agent_numbers?, "the files of both are given to one number");
    let mut world = World::start_beyond(lab, &installed, Some(numbers))?;
    world.reset("lukas.weber", "Aus-Dem-Paket-1")?;

    settings_stay(&server)?;
    // The agent first, then back; then the cloud side first.
    agent.install(&mut world, 1)?;
    world.reset("emily.clarke", "Agent-Zuerst-2")?;
    agent.install(&mut world, 0)?;
    world.reset("anna.rossi", "Agent-Zurueck-3")?;
    server.install(&mut world, 1)?;
    is_in_order(&server)?;
    world.reset("marco.conti", "Wolke-Zuerst-4")?;
    update(&mut world, &agent, &key, versions[1])?;
    world.reset("giulia.ferrari", "Beide-Neu-5")?;
    if std::env::var_os(BEFORE).is_none() {
        // The first version did not yet know that later ones only add to its tables.
        server.install(&mut world, 0)?;
        world.reset("luca.esposito", "Wolke-Zurueck-6")?;
    }
    rotated(&agent)?;
    world.stack.stop_agent();
    world.stack.stop_server();

    for host in [&server, &agent] {
        host.root.run("root", &["dpkg", "--purge", host.name()])?;
        let after = host.root.listing()?;
        let new: Vec<&String> = after.iter().filter(|line| !host.listing.contains(line)).collect();
        let gone: Vec<&String> = host.listing.iter().filter(|line| !after.contains(line)).collect();
        ensure!(new.is_empty() && gone.is_empty(), "{} leaves {new:?} and took {gone:?}", host.name());
    }
    Ok(())
}

/// `ritorno-agent update`: nothing without a package that is offered and signed, and then exactly that.
fn update(world: &mut World, agent: &Host, key: &SigningKey, later: Version) -> Result<()> {
    let configuration = world.stack.folder().join("agent.toml");
    let configuration = configuration.to_string_lossy();
    let run = |more: &[&str]| {
        let command = [&["ritorno-agent", "--config", &*configuration, "update"], more].concat();
        agent.root.run("root", &command)
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
    world.stack.stop_agent();
    run(&[])?;
    ensure!(agent.installed()? == later.to_string(), "{} is installed", agent.installed()?);
    is_in_order(agent)?;
    world.stack.start_agent()?;
    world.stack.wait_until_open()
}

/// What an administrator wrote stays, and what was taken away stays away: neither keeps a package from being installed.
fn settings_stay(host: &Host) -> Result<()> {
    let settings = host.root.inside(Path::new(settings(host.package)));
    let text = std::fs::read_to_string(&settings)? + "# mine\n";
    std::fs::write(&settings, &text)?;
    host.root.install(&host.files[0])?;
    ensure!(std::fs::read_to_string(&settings)? == text, "settings were replaced");
    std::fs::remove_file(&settings)?;
    host.root.install(&host.files[0])?;
    ensure!(!settings.exists(), "settings that were taken away are back");
    std::fs::write(&settings, text)?;
    host.root.install(&host.files[0])?;
    is_in_order(host)
}

/// The event log is rotated, and the new file is the service's.
fn rotated(agent: &Host) -> Result<()> {
    let log = agent.root.inside(Path::new("/var/log/ritorno-agent/events.log"));
    let (user, group) = agent.root.numbers(agent.name())?;
    std::fs::write(&log, "an event\n")?;
    std::os::unix::fs::chown(&log, Some(user), Some(group))?;
    let rotate = ["logrotate", "--force", "--state", "/tmp/rotated", "/etc/logrotate.d/ritorno-agent"];
    agent.root.run("root", &rotate)?;
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
