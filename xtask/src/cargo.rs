//! Runs cargo and npm for the other commands: the web pages, the programs, the test binaries.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ritorno_lab::progress::step;
use serde::Deserialize;

/// The checkout's top folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Runs a command that has to succeed, with its output shown.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    eprintln!("+ {shown}");
    let status = command.current_dir(root()).status().with_context(|| format!("cannot start `{shown}`"))?;
    if status.success() { Ok(()) } else { bail!("`{shown}` failed ({status})") }
}

fn show(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `cargo`, the one that runs this.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Installs the npm packages of `web/` when they changed, and builds the pages' script and style.
pub(crate) fn build_web() -> Result<()> {
    let web = root().join("web");
    let lock = std::fs::read(web.join("package-lock.json")).context("web/package-lock.json")?;
    let stamp = web.join("node_modules/.ritorno-lock");
    if std::fs::read(&stamp).ok().as_deref() != Some(&lock) {
        step("installing the npm packages of web/", || {
            npm(&web, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        })?;
        std::fs::write(&stamp, &lock)?;
    }
    step("building the pages' script and style", || npm(&web, &["run", "--silent", "build"]))
}

/// Runs npm in `folder`.
pub(crate) fn npm(folder: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .context("cannot start npm: Node.js 20 or later with npm has to be installed")?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    bail!("`npm {}` failed:\n{said}", arguments.join(" "))
}

/// What cargo built.
pub(crate) struct Built {
    /// The package's name.
    pub(crate) package: String,
    /// The target's name.
    pub(crate) target: String,
    /// The package's folder.
    pub(crate) folder: PathBuf,
    /// The file.
    pub(crate) executable: PathBuf,
    /// Whether it is a test binary.
    pub(crate) test: bool,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Runs `cargo` with `arguments` and returns the executables that it says it built.
pub(crate) fn build(arguments: &[&str]) -> Result<Vec<Built>> {
    let mut command = cargo(arguments);
    command.arg("--message-format=json-render-diagnostics");
    eprintln!("+ cargo {}", arguments.join(" "));
    let output =
        command.current_dir(root()).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("`cargo {}` failed", arguments.join(" "));
    }
    let mut built = Vec::new();
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{")) {
        let message: Message = serde_json::from_slice(line).context("cargo's own message")?;
        if message.reason != "compiler-artifact" {
            continue;
        }
        if let (Some(manifest), Some(target), Some(profile), Some(executable)) =
            (message.manifest_path, message.target, message.profile, message.executable)
        {
            let folder = manifest.parent().map(Path::to_owned).unwrap_or_default();
            built.push(Built {
                package: package_name(&manifest)?,
                target: target.name,
                folder,
                executable,
                test: profile.test,
            });
        }
    }
    Ok(built)
}

fn package_name(manifest: &Path) -> Result<String> {
    let text = std::fs::read_to_string(manifest).with_context(|| manifest.display().to_string())?;
    text.lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"').map(str::to_owned))
        .with_context(|| format!("{}: no package name", manifest.display()))
}
