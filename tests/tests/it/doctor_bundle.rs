//! `ritorno-agent doctor bundle`: what helps is inside, and no name and no secret.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use ritorno_lab::command::{capture, run};
use serde_json::Value;

use crate::doctor::doctor;
use crate::world::World;

#[test]
fn a_bundle_holds_what_helps_and_nobodys_name_or_secret() -> Result<()> {
    let world = World::start("doctor-bundle", |_| Ok(()))?;
    let folder = world.stack.folder();
    let marco = world.forest.person("marco.conti")?.clone();
    let anna = world.forest.person("anna.rossi")?.clone();
    // People in what the checks find, in the event log as it is, and in lines that nobody foresaw.
    world.forest.set_attribute(&marco.dn, "mS-DS-ConsistencyGuid", "0123456789abcdef")?;
    for profile in ["delta-import", "delta-sync"] {
        world.stack.agent_command(&["sync", "run", "all", profile])?;
    }
    let password = "Era-Vero-Davvero-9";
    world.reset("anna.rossi", password)?;
    let planted = [
        "Kanarienvogel-Passw0rd!",
        "Zaphod Beeblebrox",
        "zaphod@betelgeuse.example",
        "CN=Trillian Astra,OU=Magrathea,DC=betelgeuse,DC=example",
        "deepthought.betelgeuse.example",
        "10.98.76.54",
        "BETELGEUSE\\\\ford.prefect",
        "Sl4rt1b4rtf4stK3y==",
        // Numbers of people, telephones and passwords.
        "00471108",
        "+39 02 5550 1234",
        "555-0199",
        "9081726354",
        "10.98.1.2-10.98.1.9",
    ];
    let mut log = std::fs::File::options().append(true).open(folder.join("agent-events.log"))?;
    for canary in planted {
        writeln!(
            log,
            r#"{{"time":"2026-11-26T10:00:00Z","id":33001,"name":"ADUnKnownError","reason":"{canary} refused"}}"#
        )?;
        writeln!(log, "a line that is no JSON: {canary}")?;
    }

    let file = folder.join("bundle.tar.gz");
    let path = file.to_string_lossy().into_owned();
    let output = capture(&mut doctor(&world, &["bundle", "--output", &path])?, b"")?;
    ensure!(output.success, "{}", output.stderr);
    ensure!(std::fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600, "for its owner's eyes");
    let again = capture(&mut doctor(&world, &["bundle", "--output", &path])?, b"")?;
    ensure!(!again.success, "what is there is not written over");

    let unpacked = folder.join("unpacked");
    std::fs::create_dir(&unpacked)?;
    run(Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(&unpacked), b"")?;
    let inside = unpacked.join("ritorno-agent-bundle");
    let (mut all, mut raw) = (String::new(), Vec::new());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&inside)? {
        let entry = entry?;
        let bytes = std::fs::read(entry.path())?;
        raw.extend_from_slice(&bytes);
        all.push_str(std::str::from_utf8(&bytes)?);
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    ensure!(
        names
            == [
                "MANIFEST.txt",
                "configuration.json",
                "events.log",
                "report.json",
                "status.json",
                "sync.json",
                "versions.txt"
            ],
        "{names:?}"
    );
    let manifest = std::fs::read_to_string(inside.join("MANIFEST.txt"))?;
    ensure!(output.stdout.starts_with(manifest.trim_end()), "what is inside is printed: {}", output.stdout);
    for name in names.iter().filter(|name| *name != "MANIFEST.txt") {
        ensure!(manifest.contains(name.as_str()), "{name} is not in the manifest");
    }

    // It helps: verdicts, numbers of events, versions, switches.
    let read = |name: &str| -> Result<Value> {
        serde_json::from_str(&std::fs::read_to_string(inside.join(name))?).context(name.to_owned())
    };
    let report = read("report.json")?;
    let checks = report["checks"].as_array().context("checks")?;
    let objects = checks.iter().find(|check| check["id"] == "objects").context("the check objects")?;
    ensure!(
        objects["verdict"] == "warning" && objects["title"] == "Every person in scope could be carried on"
    );
    ensure!(objects["evidence"].to_string().contains("object-"), "{objects}");
    ensure!(read("configuration.json")?["limits"]["resets_per_minute"] == 6000);
    ensure!(read("status.json")?["link"]["up"] == true);
    ensure!(read("sync.json")?.to_string().contains("full-import"));
    ensure!(all.contains("\"id\":31002") && all.contains("PasswordResetSuccess"), "the events");
    ensure!(all.contains(concat!("ritorno-agent ", env!("CARGO_PKG_VERSION"))), "the version");

    // And it names nobody.
    let account = &world.forest.service_account;
    let own = [
        password,
        "contoso.test",
        "DC=contoso",
        &account.password,
        &account.upn,
        &account.sam,
        &anna.upn,
        &marco.dn,
        "anna.rossi",
        "Rossi",
        "Conti",
        &world.forest.dc_host,
        &world.stack.administrator.password,
        &anna.alternate_mail,
        "BEGIN",
    ];
    let words =
        ["zaphod", "beeblebrox", "trillian", "magrathea", "betelgeuse", "ford.prefect", "deepthought"];
    let lower = all.to_lowercase();
    for canary in planted.iter().chain(&own).chain(&words) {
        ensure!(!lower.contains(&canary.to_lowercase()), "{canary} is in the bundle");
    }
    for secret in ["identity.key", "sealing.key"] {
        let path = folder.join("agent").join(secret);
        let key = std::fs::read(&path).with_context(|| path.display().to_string())?;
        ensure!(key.len() >= 32, "{} is no key", path.display());
        ensure!(!raw.windows(key.len()).any(|window| window == key), "{secret} is in the bundle");
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        for written in [STANDARD_NO_PAD.encode(&key), URL_SAFE_NO_PAD.encode(&key), hex] {
            ensure!(!lower.contains(&written.to_lowercase()), "{secret} is in the bundle");
        }
    }
    Ok(())
}
