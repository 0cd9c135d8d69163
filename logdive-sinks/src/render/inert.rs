//! Making text inert: what cannot be seen is shown, what would come alive is found.

use std::fmt::Write as _;

/// Shows what cannot be seen, on one line.
///
/// Control characters (and with them terminal sequences), direction marks, zero-width characters,
/// variation selectors and tags become `\u{202e}`; a line break becomes `\n`, a tab a space. What
/// is left is safe to print on a terminal.
///
/// ```
/// assert_eq!(logdive_sinks::visible("ok\u{1b}[31m\nAPPROVED"), "ok\\u{1b}[31m\\nAPPROVED");
/// ```
#[must_use]
pub fn visible(text: &str) -> String {
    shown(text, " ")
}

/// As [`visible`], with tabs shown as the text given.
pub(super) fn shown(text: &str, tab: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str(tab),
            c if is_unseen(c) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Whether a character has no form of its own, or changes how others are shown.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            // Zero width, and direction marks.
            | '\u{200b}'..='\u{200f}'
            // Line and paragraph separators, and direction overrides.
            | '\u{2028}'..='\u{202e}'
            // Word joiner, invisible operators, direction isolates.
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            // Variation selectors.
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            // Tags, and more variation selectors.
            | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a word would come alive in a ticket whatever is escaped in it: a mention, a link, a
/// reference to an issue or a commit, an emoji. Such words are shown as code, in which nothing
/// lives.
pub(super) fn is_live(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    lower.contains('@')
        || lower.contains("://")
        || lower.contains("www.")
        || lower.contains("mailto:")
        || lower.contains("&#")
        || lower.contains("&commat")
        || lower.split('#').skip(1).any(begins_with_digit)
        || lower.split("gh-").skip(1).any(begins_with_digit)
        || lower.split(|c: char| !c.is_alphanumeric()).any(is_commit)
        || has_emoji(&lower)
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

fn is_commit(piece: &str) -> bool {
    (7..=40).contains(&piece.len())
        && piece.bytes().all(|b| b.is_ascii_hexdigit())
        && piece.bytes().any(|b| b.is_ascii_digit())
        && piece.bytes().any(|b| b.is_ascii_alphabetic())
}

/// A time (`10:30:00`) is none: a name has a letter, or is `+1` or `-1`.
fn has_emoji(word: &str) -> bool {
    let mut names = word.split(':').skip(1).peekable();
    while let Some(name) = names.next() {
        let is_name = name.bytes().any(|b| b.is_ascii_alphabetic()) || name == "+1" || name == "-1";
        let is_closed = names.peek().is_some();
        if is_closed && is_name && name.bytes().all(|b| b.is_ascii_graphic()) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{is_live, visible};

    #[test]
    fn what_cannot_be_seen_is_shown() {
        for (text, shown) in [
            ("plain é 漢 🙂", "plain é 漢 🙂"),
            ("a\u{1b}]8;;http://x\u{7}b", "a\\u{1b}]8;;http://x\\u{7}b"),
            ("a\u{9b}31m", "a\\u{9b}31m"),
            ("\u{202e}\u{2066}\u{200b}\u{feff}", "\\u{202e}\\u{2066}\\u{200b}\\u{feff}"),
            ("\u{e0041}\u{e007f}", "\\u{e0041}\\u{e007f}"),
            ("a\r\nb\tc\0\u{2028}", "a\\r\\nb c\\u{0}\\u{2028}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn words_that_would_come_alive_are_known() {
        for word in [
            "@ana",
            "x@y.z",
            "@org/team",
            "&#64;ana",
            "&#x40;ana",
            "&commat;ana",
            "https://e.vil",
            "(http://e.vil)",
            "www.e.vil",
            "WWW.E.VIL",
            "#42",
            "acme/ops#42",
            "GH-42",
            "1760c4e",
            ":smile:",
            ":+1:",
            "mailto:a",
        ] {
            assert!(is_live(word), "{word}");
        }
        for word in ["12:30:45", "ana", "#", "a/b", "1760000", "t0+4s", "key:value", "GH-x", "::"] {
            assert!(!is_live(word), "{word}");
        }
    }
}
