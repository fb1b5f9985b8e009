//! `ritorno-agent update`: installs the latest package that the server offers. The server is not believed: a package is installed
//! only if its release is signed by the key that came with the installed package, is a later version, and is what was downloaded.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::{Method, Response};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::random::array;
use ritorno_protocol::release::{MAXIMUM_PACKAGE, Release, Version};
use ritorno_protocol::signed::Signed;
use sha2::{Digest as _, Sha256};

use crate::client::{Client, plain};
use crate::config::Config;
use crate::outbound::Outbound;
use crate::output::say;
use crate::state::State;
use crate::system;

/// Longest wait for a package.
const DOWNLOAD_WITHIN: Duration = Duration::from_secs(600);
/// Where the package keeps the key that releases are signed with.
pub(crate) const RELEASE_KEY: &str = "/usr/share/ritorno-agent/release-key";
/// The package.
const PACKAGE: &str = "ritorno-agent";

/// What is to be done.
pub(crate) enum What {
    /// Say whether there is a later version.
    Check,
    /// Put the package into a folder.
    Download(PathBuf),
    /// Install it.
    Install,
}

/// Does it. The exit code is 1 if there is a later version that was only asked about.
///
/// # Errors
/// What the server offers and can't be installed, and why.
pub(crate) async fn run(config: &Config, what: &What, key: &Path) -> anyhow::Result<ExitCode> {
    let installed = installed()?;
    let key = read_key(key)?;
    let keys = State::open(&config.state_dir)?.keys()?;
    let client = Client::new(plain(&Outbound::new(config)?)?, keys, system::clock(), system::random());
    let release = ask(&client, &key).await?;
    if release.version <= installed {
        say(format_args!("{installed} is the latest; the server offers {}", release.version))?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = match what {
        What::Check => {
            say(format_args!("{installed} is out of date: the server offers {}", release.version))?;
            return Ok(ExitCode::FAILURE);
        }
        What::Download(folder) => folder.clone(),
        What::Install => {
            ensure!(
                is_root(),
                "installing needs root: run it with sudo, or download the package with --download FOLDER"
            );
            private_folder()?
        }
    };
    let file = folder.join(release.file_name());
    let got = async {
        let package =
            client.download(&format!("/agent/v1/release/package{}", query()), DOWNLOAD_WITHIN).await?;
        keep(package, &release, &file).await?;
        if matches!(what, What::Install) { install(&file) } else { Ok(()) }
    };
    let got = got.await;
    match what {
        What::Install => {
            // What is there of it is of no use to anybody.
            let _ = std::fs::remove_dir_all(&folder);
            got?;
            say(format_args!("{} is installed", release.version))?;
        }
        What::Download(_) | What::Check => {
            got?;
            say(format_args!("{} is the package, checked; install it with dpkg --install", file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The version of this program.
///
/// # Errors
/// Never, as releases have versions of this form.
pub(crate) fn installed() -> anyhow::Result<Version> {
    Ok(env!("CARGO_PKG_VERSION").parse()?)
}

/// The latest release that the server offers for this machine; none if it offers none.
///
/// # Errors
/// When the server can't be asked, or offers what is not to be believed.
pub(crate) async fn offered(client: &Client, key: &PublicKey) -> anyhow::Result<Option<Release>> {
    match ask(client, key).await {
        Err(error) if error.to_string().contains("No package is offered") => Ok(None),
        other => other.map(Some),
    }
}

async fn ask(client: &Client, key: &PublicKey) -> anyhow::Result<Release> {
    let offered = client.call(Method::GET, &format!("/agent/v1/release{}", query())).await?;
    check(&offered, key)
}

fn query() -> String {
    format!("?architecture={}", architecture())
}

/// The key in the file: one line.
///
/// # Errors
/// When there is none.
pub(crate) fn read_key(path: &Path) -> anyhow::Result<PublicKey> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("{}: without the key that releases are signed with none is believed", path.display())
    })?;
    serde_json::from_value(serde_json::Value::String(text.trim().to_owned()))
        .with_context(|| format!("{} holds no release key", path.display()))
}

/// What is offered, if whoever holds the key released it for this machine.
fn check(offered: &Signed<Release>, key: &PublicKey) -> anyhow::Result<Release> {
    let release = offered
        .verify(key)
        .context("what the server offers is not signed by the release key: it is not installed")?;
    ensure!(release.package == PACKAGE, "the server offers the package of another program");
    ensure!(release.architecture == architecture(), "the server offers a package for another machine");
    ensure!(release.size <= MAXIMUM_PACKAGE, "the package that the server offers is too large");
    Ok(release)
}

/// Writes what comes into a new file, which goes again if it is not what was released.
async fn keep(mut package: Response, release: &Release, path: &Path) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)
        .with_context(|| path.display().to_string())?;
    let kept = async {
        let (mut digest, mut size) = (Sha256::new(), 0_u64);
        while let Some(piece) = package.chunk().await.context("the package broke off")? {
            size += piece.len() as u64;
            ensure!(size <= release.size, "the package is larger than its release says");
            digest.update(&piece);
            file.write_all(&piece).with_context(|| path.display().to_string())?;
        }
        ensure!(
            size == release.size && digest.finalize().as_slice() == release.sha256.0,
            "the package is not the one that was released: it is not installed"
        );
        file.sync_all().with_context(|| path.display().to_string())
    };
    let kept = kept.await;
    if kept.is_err() {
        // Nobody is to take it for what it is not.
        let _ = std::fs::remove_file(path);
    }
    kept
}

fn install(package: &Path) -> anyhow::Result<()> {
    let status = Command::new("dpkg")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["--force-confold", "--install"])
        .arg(package)
        .status()
        .context("dpkg can't be run")?;
    if !status.success() {
        bail!("dpkg did not install the package ({status}); what it said stands above");
    }
    Ok(())
}

/// A new folder that nobody else looks into, or puts anything into.
fn private_folder() -> anyhow::Result<PathBuf> {
    let name: String = array::<16>(&*system::random()).iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = std::env::temp_dir().join(format!("{PACKAGE}-{name}"));
    DirBuilder::new().mode(0o700).create(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// Whether this runs as root: by who owns what the process is known by.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Debian's name of this machine.
const fn architecture() -> &'static str {
    if cfg!(target_arch = "x86_64") {
        "amd64"
    } else if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        std::env::consts::ARCH
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::bytes::Bytes;
    use ritorno_protocol::key::SigningKey;

    use super::*;

    fn released(change: impl FnOnce(&mut Release)) -> Release {
        let mut release = Release {
            package: PACKAGE.into(),
            version: Version([9, 0, 0]),
            architecture: architecture().into(),
            size: 5,
            sha256: Bytes(Sha256::digest("bytes").to_vec()),
        };
        change(&mut release);
        release
    }

    fn answer(body: &'static str) -> Response {
        Response::from(http::Response::new(body))
    }

    #[test]
    fn only_what_the_key_signed_for_this_program_and_machine_is_believed() {
        let [key, other] = [(); 2].map(|()| SigningKey::generate(&*system::random()));
        let offered = |release: Release, by: &SigningKey| check(&Signed::sign(&release, by), &key.public());
        assert!(offered(released(|_| {}), &key).is_ok());
        let forged = offered(released(|_| {}), &other).unwrap_err().to_string();
        assert!(forged.contains("not signed by the release key"), "{forged}");
        type Change = fn(&mut Release);
        let changes: [Change; 3] = [
            |release| release.package = "ritorno".into(),
            |release| release.architecture = "m68k".into(),
            |release| release.size = MAXIMUM_PACKAGE + 1,
        ];
        for change in changes {
            assert!(offered(released(change), &key).is_err());
        }
    }

    #[tokio::test]
    async fn what_comes_is_kept_only_if_it_is_what_was_released() {
        let folder = private_folder().unwrap();
        let path = folder.join("package.deb");
        for (body, good) in [("bytez", false), ("byte", false), ("bytesbytes", false), ("bytes", true)] {
            let kept = keep(answer(body), &released(|_| {}), &path).await;
            assert_eq!((kept.is_ok(), path.exists()), (good, good), "{body}: {kept:?}");
        }
        let again = keep(answer("bytes"), &released(|_| {}), &path).await;
        assert!(again.is_err(), "it wrote over a file that was there");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_without_a_key_is_no_key() {
        let folder = private_folder().unwrap();
        let path = folder.join("release-key");
        assert!(read_key(&path).unwrap_err().to_string().contains("none is believed"));
        std::fs::write(&path, "nothing\n").unwrap();
        assert!(read_key(&path).is_err());
        let key = SigningKey::generate(&*system::random()).public();
        let text = serde_json::to_value(&key).unwrap();
        std::fs::write(&path, format!("{}\n", text.as_str().unwrap())).unwrap();
        assert_eq!(read_key(&path).unwrap(), key);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
