//! Which name was probably meant.

use std::borrow::Cow;

/// Longest word that a candidate is looked for, in bytes.
const LONGEST_WORD: usize = 256;
/// Longest part of somebody's text that a message repeats, in characters.
const LONGEST_SHOWN: usize = 80;

/// A part of somebody's text as messages repeat it: a long one is cut.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((at, _)) => Cow::Owned(format!("{}…", text.get(..at).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// The name that was most likely meant: one that is spelled alike, or the only one that the word
/// begins.
#[must_use]
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    did_you_mean(word, names.iter().copied()).or_else(|| {
        let mut begun = names.iter().filter(|name| word.len() >= 2 && name.starts_with(word));
        begun.next().filter(|_| begun.next().is_none()).copied()
    })
}

/// The names there are, the first dozen of them.
pub(super) fn listed(names: &[&str]) -> String {
    const MOST: usize = 12;
    let some = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST) {
        None | Some(0) => some,
        Some(more) => format!("{some} and {more} more"),
    }
}

/// The candidate that a misspelt word most likely meant.
#[must_use]
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Nobody misspells such a word, and the distance takes the product of both lengths.
    if word.len() > LONGEST_WORD {
        return None;
    }
    let length = word.chars().count();
    let limit = (length / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, nearest, shown};

    #[test]
    fn suggests_near_words_only() {
        assert_eq!(nearest("th", &["throttled", "other"]), Some("throttled"));
        assert_eq!(nearest("t", &["throttled"]), None);
        let words = ["throttled", "other_err"];
        assert_eq!(did_you_mean("thorttled", words), Some("throttled"));
        assert_eq!(did_you_mean("xyz", words), None);
        let long = "a".repeat(1 << 20);
        assert_eq!(did_you_mean(&long, [long.as_str()]), None);
    }

    #[test]
    fn messages_repeat_a_part() {
        assert_eq!(shown("é"), "é");
        assert_eq!(shown(&"é".repeat(80)), "é".repeat(80));
        assert_eq!(shown(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
    }
}
