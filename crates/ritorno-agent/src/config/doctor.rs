//! The `[doctor]` table: how often the running agent looks at itself.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

/// Least and longest pause, in seconds. What is older than two hours counts as unknown on the cloud side.
const PAUSES: std::ops::RangeInclusive<u32> = 10..=3_600;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    every_seconds: Spanned<u32>,
}

impl Default for File {
    fn default() -> Self {
        Self { every_seconds: Spanned::new(0..0, 900) }
    }
}

/// The pause between two looks; none if there are none.
pub(super) fn check(file: &File) -> Result<Option<Duration>, (Range<usize>, String)> {
    let seconds = *file.every_seconds.get_ref();
    if seconds == 0 {
        return Ok(None);
    }
    if !PAUSES.contains(&seconds) {
        let reason = format!("{seconds} s: from {} to {}, or 0 for none", PAUSES.start(), PAUSES.end());
        return Err((file.every_seconds.span(), reason));
    }
    Ok(Some(Duration::from_secs(u64::from(seconds))))
}
