//! The Debian packages in clean roots: installed, used, installed again, purged.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use ritorno_dist::Package;
use ritorno_lab::clean_root::CleanRoot;
use ritorno_lab::stack::Programs;
use ritorno_lab::{Forest, Lab};

use crate::world::{World, programs};

#[test]
fn packages_are_installed_used_and_purged_without_a_trace() -> Result<()> {
    let lab = Lab::open()?.private("dist")?;
    let folder = lab.folder().to_owned();
    let built = programs()?;
    let built = built.agent.parent().context("the programs are in a folder")?;
    let mut hosts = Vec::new();
    for package in Package::ALL {
        let root = CleanRoot::make(&lab, &folder.join(format!("{}.root", package.name())))?;
        let before = root.listing()?;
        let file = package.build(built, &folder)?;
        root.install(&file)?;
        is_in_order(&root, package)?;
        root.program(package.name(), package.name(), &folder.join(package.name()))?;
        hosts.push((package, root, before, file));
    }
    let installed = Programs { ritorno: folder.join("ritorno"), agent: folder.join("ritorno-agent") };
    let numbers: Vec<(u32, u32)> =
        hosts.iter().map(|(package, root, ..)| root.numbers(package.name())).collect::<Result<_>>()?;
    ensure!(numbers[0] == numbers[1], "the files of both are given to one number: {numbers:?}");
    let mut world = World::start_with(lab, Forest::Contoso, &installed, Some(numbers[0]), |_| Ok(()))?;
    world.reset("lukas.weber", "Aus-Dem-Paket-1")?;

    // Installed again over a running one, as an upgrade is: settings stay, and what follows works.
    for (package, root, _, file) in &hosts {
        let settings = root.inside(Path::new(settings(*package)));
        let mut text = std::fs::read_to_string(&settings)?;
        text.push_str("# mine\n");
        std::fs::write(&settings, text)?;
        match package {
            Package::Server => world.stack.stop_server(),
            Package::Agent => world.stack.stop_agent(),
        }
        root.install(file)?;
        match package {
            Package::Server => world.stack.start_server()?,
            Package::Agent => world.stack.start_agent()?,
        }
        ensure!(std::fs::read_to_string(&settings)?.ends_with("# mine\n"), "settings were replaced");
        is_in_order(root, *package)?;
    }
    world.stack.wait_until_open()?;
    world.reset("emily.clarke", "Nach-Dem-Wechsel-2")?;
    world.stack.stop_agent();
    world.stack.stop_server();

    for (package, root, before, _) in &hosts {
        root.run("root", &["dpkg", "--purge", package.name()])?;
        let after = root.listing()?;
        let new: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
        let gone: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
        ensure!(new.is_empty() && gone.is_empty(), "{} leaves {new:?} and took {gone:?}", package.name());
    }
    Ok(())
}

const fn settings(package: Package) -> &'static str {
    match package {
        Package::Server => "/etc/ritorno/ritorno.toml",
        Package::Agent => "/etc/ritorno-agent/agent.toml",
    }
}

/// The user is there, the program runs as that user, and secrets are for it alone.
fn is_in_order(root: &CleanRoot, package: Package) -> Result<()> {
    let name = package.name();
    let version = root.run(name, &[name, "--version"])?;
    ensure!(version.trim() == format!("{name} {}", env!("CARGO_PKG_VERSION")), "{version}");
    let (user, group) = root.numbers(name)?;
    let settings = Path::new(settings(package));
    let state = Path::new("/var/lib").join(name);
    let etc = settings.parent().context("settings lie in a folder")?;
    for (path, mode, owner) in
        [(settings, 0o640, (0, group)), (etc, 0o750, (0, group)), (state.as_path(), 0o700, (user, group))]
    {
        let found = std::fs::metadata(root.inside(path))?;
        let seen = (found.mode() & 0o7777, (found.uid(), found.gid()));
        ensure!(seen == (mode, owner), "{}: {:o} {:?}", path.display(), seen.0, seen.1);
    }
    Ok(())
}
