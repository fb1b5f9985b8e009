//! `ritorno tenant brand`: how the tenant's pages look.

use std::path::Path;

use anyhow::{Context as _, ensure};
use ritorno_http::brand::change::{Fault, Wanted, changed};
use ritorno_identity::brand::Colour;

use crate::installation::Installation;

pub(super) use ritorno_http::brand::change::{forget_others, in_words, reason};

/// Largest file that is looked at, in bytes: a picture may carry much that does not draw.
const FILE_AT_MOST: u64 = 4 << 20;

/// What is asked for.
pub(super) struct Options<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) accent: Option<Colour>,
    pub(super) accent_dark: Option<Colour>,
    pub(super) logo: Option<&'a Path>,
    pub(super) logo_dark: Option<&'a Path>,
    pub(super) clear: bool,
}

/// A name that fits on a page and into a mail's header.
///
/// # Errors
/// In words.
pub(super) fn name(typed: &str) -> Result<String, String> {
    ritorno_http::brand::change::name(typed).map_err(|fault| fault.to_string())
}

/// Changes the tenant, which is not stored yet, and keeps the pictures.
///
/// # Errors
/// When a colour can't be read or a file is no logo; then nothing was changed.
pub(super) async fn set(installation: &mut Installation, options: &Options<'_>) -> anyhow::Result<()> {
    let file = |path: Option<&Path>| path.map(read).transpose();
    let wanted = Wanted {
        name: options.name.map(str::to_owned),
        accent: options.accent,
        accent_dark: options.accent_dark,
        logo: file(options.logo)?,
        logo_dark: file(options.logo_dark)?,
        clear: options.clear,
    };
    let shown = |path: Option<&Path>| path.map(|path| format!("{}: ", path.display())).unwrap_or_default();
    let changed = changed(&installation.store, &installation.tenant, wanted).await;
    installation.tenant = changed.map_err(|fault| {
        let file = match fault {
            Fault::Logo { dark: false, .. } => shown(options.logo),
            Fault::Logo { dark: true, .. } => shown(options.logo_dark),
            _ => String::new(),
        };
        anyhow::anyhow!("{file}{fault}: nothing was changed")
    })?;
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let whole = || format!("{}: nothing was changed", file.display());
    ensure!(
        std::fs::metadata(file).with_context(whole)?.len() <= FILE_AT_MOST,
        "{}: it is larger than any logo: nothing was changed",
        file.display()
    );
    std::fs::read(file).with_context(whole)
}
