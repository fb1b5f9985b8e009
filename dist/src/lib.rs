//! Debian packages of both programs: `cargo xtask dist`. What goes into them besides the programs lies beside this crate.

pub mod release;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use ritorno_lab::command::run;
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::release::Version;

/// A program that is packaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// The cloud side.
    Server,
    /// The part on premises.
    Agent,
}

/// What of a package is not the same each time.
#[derive(Clone, Copy)]
pub struct Build<'a> {
    /// Its version; the workspace's, but in a test of an upgrade.
    pub version: Version,
    /// Where the program is that writes the manual pages and the completion: the packaged one, but in a test of an earlier one.
    pub pages: &'a Path,
    /// Signs the releases; its public half goes into the package, so that the next one is believed.
    pub key: &'a SigningKey,
}

impl std::fmt::Debug for Build<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Build({})", self.version)
    }
}

/// The workspace's version.
///
/// # Errors
/// When it is none that packages can have.
pub fn version() -> Result<Version> {
    env!("CARGO_PKG_VERSION").parse().context("the workspace's version")
}

/// A file of a package: where it goes, its mode, and what is in it.
type Entry = (&'static str, u32, &'static str);

const COPYRIGHT: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
     Upstream-Name: Ritorno\n\nFiles: *\nCopyright: the Ritorno authors\nLicense: Apache-2.0\n \
     On Debian systems the licence's text is in /usr/share/common-licenses/Apache-2.0.\n";

/// What is another's in the agent's package: the passwords that very many people choose.
const COPYRIGHT_OF_LIST: &str = "\nFiles: usr/share/ritorno-agent/common-passwords\n\
     Copyright: 2012-2016 Dan Wheeler and Dropbox, Inc.; 2021 @zxcvbn-ts\nLicense: Expat\n \
     Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files\n \
     (the \"Software\"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge,\n \
     publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do\n \
     so, subject to the following conditions:\n .\n \
     The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.\n .\n \
     THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF\n \
     MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE\n \
     FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION\n \
     WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.\n";

impl Package {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Server, Self::Agent];

    /// The package's, the program's, the unit's and the user's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "ritorno",
            Self::Agent => "ritorno-agent",
        }
    }

    /// The unit's text.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Server => include_str!("../ritorno/ritorno.service"),
            Self::Agent => include_str!("../ritorno-agent/ritorno-agent.service"),
        }
    }

    /// The configuration to begin with.
    const fn configuration(self) -> Entry {
        match self {
            Self::Server => {
                ("etc/ritorno/ritorno.toml", 0o640, include_str!("../../crates/ritorno/ritorno.example.toml"))
            }
            Self::Agent => (
                "etc/ritorno-agent/agent.toml",
                0o640,
                include_str!("../../crates/ritorno-agent/agent.example.toml"),
            ),
        }
    }

    fn files(self) -> Vec<Entry> {
        let readme = include_str!("../../README.md");
        match self {
            Self::Server => vec![
                self.configuration(),
                ("lib/systemd/system/ritorno.service", 0o644, self.unit()),
                ("usr/share/doc/ritorno/copyright", 0o644, COPYRIGHT),
                ("usr/share/doc/ritorno/README.md", 0o644, readme),
                ("usr/share/ritorno/grafana.json", 0o644, include_str!("../ritorno/grafana.json")),
            ],
            Self::Agent => vec![
                self.configuration(),
                ("lib/systemd/system/ritorno-agent.service", 0o644, self.unit()),
                ("etc/logrotate.d/ritorno-agent", 0o644, include_str!("../ritorno-agent/logrotate")),
                ("usr/share/doc/ritorno-agent/copyright", 0o644, COPYRIGHT),
                ("usr/share/doc/ritorno-agent/README.md", 0o644, readme),
            ],
        }
    }

    const fn scripts(self) -> [Entry; 3] {
        match self {
            Self::Server => [
                ("DEBIAN/postinst", 0o755, include_str!("../ritorno/postinst")),
                ("DEBIAN/prerm", 0o755, include_str!("../ritorno/prerm")),
                ("DEBIAN/postrm", 0o755, include_str!("../ritorno/postrm")),
            ],
            Self::Agent => [
                ("DEBIAN/postinst", 0o755, include_str!("../ritorno-agent/postinst")),
                ("DEBIAN/prerm", 0o755, include_str!("../ritorno-agent/prerm")),
                ("DEBIAN/postrm", 0o755, include_str!("../ritorno-agent/postrm")),
            ],
        }
    }

    /// What it needs besides the C library: the agent is linked with the system's Kerberos.
    const fn depends(self) -> &'static str {
        match self {
            Self::Server => "libgcc-s1, adduser, ca-certificates",
            Self::Agent => "libgcc-s1, libgssapi-krb5-2, adduser, ca-certificates",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Server => "password writeback: portal, console and relay",
            Self::Agent => "password writeback: the agent beside the directory",
        }
    }

    /// Manual pages and bash completion, as a program writes them.
    fn pages(self, program: &Path, tree: &Path) -> Result<()> {
        let own = tree.with_extension("pages");
        run(Command::new(program).arg("pages").arg(&own), b"")?;
        let completion = tree.join("usr/share/bash-completion/completions").join(self.name());
        make_parent(&completion)?;
        std::fs::copy(own.join("completion.bash"), &completion).context("the completion")?;
        let place = tree.join("usr/share/man/man1");
        std::fs::create_dir_all(&place)?;
        for page in std::fs::read_dir(own.join("man")).context("the manual pages")? {
            let page = page?;
            let copy = place.join(page.file_name());
            std::fs::copy(page.path(), &copy)?;
            // Debian's manual pages are compressed, without the time (Debian Policy 12.1).
            run(Command::new("gzip").args(["--best", "--no-name", "--force"]).arg(&copy), b"")?;
        }
        std::fs::remove_dir_all(&own)?;
        run(Command::new("chmod").arg("--recursive").arg("u=rwX,go=rX").arg(tree.join("usr/share")), b"")?;
        Ok(())
    }

    /// The agent's list of passwords that very many people choose, made of what `web/build.mjs` took out of its package.
    fn lists(self, program: &Path, tree: &Path) -> Result<()> {
        if self == Self::Server {
            return Ok(());
        }
        let words = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/lists/common-passwords.txt");
        let list = tree.join("usr/share/ritorno-agent/common-passwords");
        make_parent(&list)?;
        run(
            Command::new(program)
                .args(["breached", "build", "--passwords"])
                .arg(&words)
                .arg("--out")
                .arg(&list),
            b"",
        )
        .context("run 'npm ci && npm run build' in web/ first")?;
        std::fs::set_permissions(&list, std::fs::Permissions::from_mode(0o644))?;
        let copyright = format!("{COPYRIGHT}{COPYRIGHT_OF_LIST}");
        write(tree, ("usr/share/doc/ritorno-agent/copyright", 0o644, &copyright))
    }

    /// Makes the package of the program in `programs`, such as `target/release`, and returns its file in `output`. Its signed
    /// release is beside it.
    ///
    /// # Errors
    /// When the program is not built, or `strip` or `dpkg-deb` fails.
    pub fn build(self, programs: &Path, output: &Path, build: Build<'_>) -> Result<PathBuf> {
        let (name, version) = (self.name(), build.version);
        std::fs::create_dir_all(output)?;
        let architecture = run(Command::new("dpkg").arg("--print-architecture"), b"")?;
        let architecture = architecture.trim();
        let tree = output.join(format!("{name}.tree"));
        if tree.exists() {
            std::fs::remove_dir_all(&tree)?;
        }
        let program = tree.join("usr/bin").join(name);
        make_parent(&program)?;
        let built = programs.join(name);
        run(Command::new("strip").arg("-o").arg(&program).arg(&built), b"")
            .with_context(|| format!("{} is not built", built.display()))?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        let key = release::public_text(build.key)?;
        write(&tree, (&format!("usr/share/{name}/release-key"), 0o644, &key))?;
        self.pages(&build.pages.join(name), &tree)?;
        let files = self.files();
        for entry in files.iter().chain(&self.scripts()) {
            write(&tree, *entry)?;
        }
        self.lists(&build.pages.join(name), &tree)?;
        let settings: String = files
            .iter()
            .filter(|file| file.0.starts_with("etc/"))
            .map(|file| format!("/{}\n", file.0))
            .collect();
        write(&tree, ("DEBIAN/conffiles", 0o644, &settings))?;
        let kilobytes = run(Command::new("du").args(["-sk", "--apparent-size"]).arg(&tree), b"")?;
        let kilobytes = kilobytes.split_whitespace().next().unwrap_or("0").to_owned();
        let (description, depends) = (self.description(), self.depends());
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n\
             Maintainer: Ritorno <ritorno@users.noreply.github.com>\nInstalled-Size: {kilobytes}\n\
             Depends: libc6 (>= 2.36), {depends}\nSection: net\nPriority: optional\n\
             Description: {description}\n \
             Someone forgot a password and resets it on a web page; it is written to the organisation's own directory.\n"
        );
        write(&tree, ("DEBIAN/control", 0o644, &control))?;
        // Folders are for everybody to read, whatever the umask here is.
        run(Command::new("find").arg(&tree).args(["-type", "d", "-exec", "chmod", "0755", "{}", "+"]), b"")?;
        let package = output.join(format!("{name}_{version}_{architecture}.deb"));
        run(
            Command::new("dpkg-deb")
                .args(["--root-owner-group", "-Zgzip", "--build"])
                .arg(&tree)
                .arg(&package),
            b"",
        )?;
        std::fs::remove_dir_all(&tree)?;
        release::sign(self, &package, architecture, build)?;
        Ok(package)
    }

    /// How exposed systemd finds the unit, in tenths, from 0 to 100 (`systemd-analyze security`).
    ///
    /// # Errors
    /// When systemd can't read the unit.
    pub fn exposure(self, scratch: &Path) -> Result<u32> {
        let unit = scratch.join(format!("{}.service", self.name()));
        std::fs::write(&unit, self.unit())?;
        let said = run(
            Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager"]).arg(&unit),
            b"",
        )?;
        let line = said.lines().find(|line| line.contains("Overall exposure level")).context("no figure")?;
        let figure =
            line.split(':').nth(1).and_then(|rest| rest.split_whitespace().next()).context("no figure")?;
        let (whole, tenth) = figure.split_once('.').with_context(|| format!("'{figure}' is no figure"))?;
        Ok(whole.parse::<u32>()? * 10 + tenth.parse::<u32>()?)
    }
}

fn write(tree: &Path, (place, mode, text): (&str, u32, &str)) -> Result<()> {
    let path = tree.join(place);
    make_parent(&path)?;
    std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
    Ok(())
}

fn make_parent(path: &Path) -> Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_closed_up() {
        let scratch = std::env::temp_dir().join(format!("ritorno-units-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).unwrap();
        for package in Package::ALL {
            let exposure = package.exposure(&scratch).unwrap();
            assert!(exposure < 20, "systemd finds {} exposed by {exposure} tenths", package.name());
        }
        std::fs::remove_dir_all(&scratch).unwrap();
    }
}
