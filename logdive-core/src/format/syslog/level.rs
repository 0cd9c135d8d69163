//! A level at the beginning of a message that has no priority.

use crate::log::LogSeverity;

/// The level that a message plainly begins with: a word in brackets, one with a colon behind it,
/// or one in capitals. Anything else may as well be text.
pub(super) fn leading(body: &str) -> Option<(LogSeverity, &str)> {
    let bytes = body.as_bytes();
    let bracket = match bytes.first()? {
        b'[' => Some(b']'),
        b'<' => Some(b'>'),
        _ => None,
    };
    let begin = usize::from(bracket.is_some());
    let letters = bytes.iter().skip(begin).take(10).take_while(|byte| byte.is_ascii_alphabetic());
    let end = begin + letters.count();
    let word = body.get(begin..end)?;
    let behind = bytes.get(end);
    let plain = match bracket {
        Some(close) => behind == Some(&close),
        None => {
            let is_capital = word.bytes().all(|byte| byte.is_ascii_uppercase());
            behind == Some(&b':') || (is_capital && matches!(behind, Some(b' ' | b'\t')))
        }
    };
    if !plain || !is_level(word) {
        return None;
    }
    LogSeverity::from_level(word).map(|severity| (severity, word))
}

/// The words that are nothing but levels. `note`, `log`, `fine`, `config` are other things too.
fn is_level(word: &str) -> bool {
    [
        "trace", "debug", "info", "notice", "warn", "warning", "err", "error", "crit", "critical",
        "alert", "emerg", "fatal", "severe", "panic",
    ]
    .iter()
    .any(|level| level.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::leading;

    #[test]
    fn only_plain_levels_are_taken() {
        for (body, word) in [
            ("ERROR: no", Some("ERROR")),
            ("error: no", Some("error")),
            ("[Warning] x", Some("Warning")),
            ("<info> x", Some("info")),
            ("INFO started", Some("INFO")),
            ("fatal: Read from socket failed", Some("fatal")),
            ("Error in module", None),
            ("error", None),
            ("INFORMATION x", None),
            ("note: x", None),
            ("[error x]", None),
            ("", None),
            ("[", None),
        ] {
            assert_eq!(leading(body).map(|(_, word)| word), word, "{body}");
        }
    }
}
