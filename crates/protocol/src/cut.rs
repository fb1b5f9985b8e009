//! Texts that somebody else wrote, cut to what may be kept.

/// Cuts a text to so many characters, and shows that it was.
pub(crate) fn cut(text: &mut String, most: usize) {
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
        text.push('…');
    }
}
