//! The agent's packages that this side offers for download: files in a folder, each with its signed release beside it. They are
//! signed by whoever released them, with a key that is not this side's: it offers, and can make none.

use std::path::{Path, PathBuf};

use ritorno_protocol::key::PublicKey;
use ritorno_protocol::release::{MAXIMUM_PACKAGE, Release, SUFFIX};
use ritorno_protocol::signed::Signed;

/// Largest signed release, in bytes.
const MAXIMUM_RELEASE: u64 = 4_096;
/// The package that is offered.
const PACKAGE: &str = "ritorno-agent";

/// Where packages lie, and what their releases are checked with.
#[derive(Clone, Debug)]
pub struct Releases {
    /// The folder; it need not be there.
    pub folder: PathBuf,
    /// The file of the key that releases are signed with; it need not be there, and then nothing is offered.
    pub key: PathBuf,
}

/// A package that is offered.
#[derive(Clone, Debug)]
pub struct Offered {
    /// What it is.
    pub release: Release,
    /// That, signed.
    pub signed: Signed<Release>,
    /// The package.
    pub file: PathBuf,
}

/// Why a package in the folder is not offered.
#[derive(Debug, thiserror::Error)]
pub enum NotOffered {
    /// A file or the folder can't be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The key's file holds none.
    #[error("{} holds no release key: it is one line, as `cargo xtask dist` wrote it", .0.display())]
    Key(PathBuf),
    /// The release is not signed by the key.
    #[error("{} is not signed by the release key {}", release.display(), key.display())]
    Signature {
        /// The release's file.
        release: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// The release is of something else than the file before its name.
    #[error("{} is not the package that its release is signed for", .0.display())]
    Package(PathBuf),
}

impl Releases {
    /// What lies in the folder. Nothing, if there is no folder or no key.
    ///
    /// # Errors
    /// [`NotOffered`], if the folder or the key can't be read; inside, for each package that is not offered.
    pub fn look(&self) -> Result<Vec<Result<Offered, NotOffered>>, NotOffered> {
        let failed = |path: &Path, source| NotOffered::File { path: path.to_owned(), source };
        let key = match std::fs::read_to_string(&self.key) {
            Ok(text) => read_key(&text).ok_or_else(|| NotOffered::Key(self.key.clone()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&self.key, error)),
        };
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&self.folder, error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| failed(&self.folder, error))?.path();
            if path.to_string_lossy().ends_with(SUFFIX) {
                found.push(self.read(&path, &key));
            }
        }
        Ok(found)
    }

    fn read(&self, path: &Path, key: &PublicKey) -> Result<Offered, NotOffered> {
        let failed = |path: &Path, source| NotOffered::File { path: path.to_owned(), source };
        let unsigned = || NotOffered::Signature { release: path.to_owned(), key: self.key.clone() };
        if std::fs::metadata(path).map_err(|error| failed(path, error))?.len() > MAXIMUM_RELEASE {
            return Err(unsigned());
        }
        let bytes = std::fs::read(path).map_err(|error| failed(path, error))?;
        let signed: Signed<Release> = serde_json::from_slice(&bytes).map_err(|_| unsigned())?;
        let release = signed.verify(key).map_err(|_| unsigned())?;
        let file = PathBuf::from(path.to_string_lossy().trim_end_matches(SUFFIX));
        let size = std::fs::metadata(&file).map_err(|error| failed(&file, error))?.len();
        if release.package != PACKAGE || release.size != size || size > MAXIMUM_PACKAGE {
            return Err(NotOffered::Package(file));
        }
        Ok(Offered { release, signed, file })
    }

    /// The latest package for a machine of that architecture, or of any.
    pub fn latest(&self, architecture: Option<&str>) -> Option<Offered> {
        let fits =
            |offered: &Offered| architecture.is_none_or(|wanted| wanted == offered.release.architecture);
        let all = self.look().ok()?.into_iter().flatten();
        all.filter(fits).max_by_key(|offered| offered.release.version)
    }

    /// The latest version that is offered, or of this side if that is later or none is.
    pub fn latest_version(&self, own: &str) -> String {
        let offered = self.latest(None).map(|offered| offered.release.version);
        match (offered, own.parse().ok()) {
            (Some(offered), Some(own)) => offered.max(own).to_string(),
            (Some(offered), None) => offered.to_string(),
            (None, _) => own.to_owned(),
        }
    }
}

/// A release key's file: one line.
fn read_key(text: &str) -> Option<PublicKey> {
    serde_json::from_value(serde_json::Value::String(text.trim().to_owned())).ok()
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::bytes::Bytes;
    use ritorno_protocol::key::SigningKey;
    use ritorno_protocol::random::Random;

    use super::*;

    struct Fixed(u8);
    impl Random for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    fn scene(name: &str) -> (Releases, SigningKey) {
        let folder = std::env::temp_dir().join(format!("ritorno-releases-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("packages")).unwrap();
        let key = SigningKey::generate(&Fixed(7));
        let releases = Releases { folder: folder.join("packages"), key: folder.join("key") };
        let text: String = serde_json::from_value(serde_json::to_value(key.public()).unwrap()).unwrap();
        std::fs::write(&releases.key, text + "\n").unwrap();
        (releases, key)
    }

    fn add(releases: &Releases, key: &SigningKey, version: &str, change: impl FnOnce(&mut Release)) {
        let mut release = Release {
            package: PACKAGE.into(),
            version: version.parse().unwrap(),
            architecture: "amd64".into(),
            size: 4,
            sha256: Bytes(vec![0; 32]),
        };
        let file = releases.folder.join(release.file_name());
        change(&mut release);
        std::fs::write(&file, "deb.").unwrap();
        let signed = serde_json::to_vec(&Signed::sign(&release, key)).unwrap();
        std::fs::write(
            file.with_file_name(format!("{}{SUFFIX}", file.file_name().unwrap().display())),
            signed,
        )
        .unwrap();
    }

    #[test]
    fn the_latest_signed_package_is_offered() {
        let (releases, key) = scene("latest");
        assert_eq!(releases.latest_version("0.2.0"), "0.2.0", "nothing is offered");
        add(&releases, &key, "0.9.0", |_| {});
        add(&releases, &key, "0.10.0", |_| {});
        add(&releases, &key, "0.11.0", |release| release.architecture = "arm64".into());
        add(&releases, &SigningKey::generate(&Fixed(8)), "1.0.0", |_| {});
        add(&releases, &key, "1.1.0", |release| release.package = "ritorno".into());
        add(&releases, &key, "1.2.0", |release| release.size = 5);
        std::fs::write(releases.folder.join("note.txt"), "").unwrap();
        std::fs::write(releases.folder.join("x.release"), vec![b'x'; 9_000]).unwrap();
        assert_eq!(releases.latest(Some("amd64")).unwrap().release.version.to_string(), "0.10.0");
        assert_eq!(releases.latest_version("0.2.0"), "0.11.0");
        assert_eq!(releases.latest_version("3.0.0"), "3.0.0");
        let looked = releases.look().unwrap();
        let not: Vec<_> =
            looked.iter().filter_map(|found| found.as_ref().err()).map(ToString::to_string).collect();
        assert_eq!(not.len(), 4, "{not:?}");
        std::fs::remove_file(&releases.key).unwrap();
        assert!(releases.latest(None).is_none(), "without a key nothing is offered");
        std::fs::remove_dir_all(releases.folder.parent().unwrap()).unwrap();
    }
}
