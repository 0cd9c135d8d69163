//! Framing: where one record ends and the next begins, before anything is parsed.

use std::ops::Range;

/// The lines of a text, without their ends (`\n` or `\r\n`) and without empty ones.
#[cfg(any(test, feature = "json"))]
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    bytes.split(|byte| *byte == b'\n').filter_map(move |line| {
        let begin = start;
        start += line.len() + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let blank = line.iter().all(u8::is_ascii_whitespace);
        (!blank).then(|| begin..begin + line.len())
    })
}

/// The elements of the array under a key of the outermost object, found by brackets and quotes
/// alone: one broken element does not hide the others.
///
/// Gives the elements, and what is left where the array does not end. `None` if there is no such
/// array.
#[cfg(any(test, feature = "cloudtrail"))]
pub(super) fn array_elements(bytes: &[u8], key: &str) -> Option<(Vec<Range<usize>>, Range<usize>)> {
    let quoted = format!("\"{key}\"");
    let at = bytes.windows(quoted.len()).position(|window| window == quoted.as_bytes())?;
    let mut at = skip_space(bytes, at + quoted.len());
    if bytes.get(at) != Some(&b':') {
        return None;
    }
    at = skip_space(bytes, at + 1);
    if bytes.get(at) != Some(&b'[') {
        return None;
    }
    at += 1;
    let mut elements = Vec::new();
    loop {
        at = skip_space(bytes, at);
        match bytes.get(at) {
            Some(b',') => at += 1,
            Some(b']') => return Some((elements, bytes.len()..bytes.len())),
            None => return Some((elements, bytes.len()..bytes.len())),
            Some(_) => match element_end(bytes, at) {
                Some(end) => {
                    elements.push(at..end);
                    at = end;
                }
                None => return Some((elements, at..bytes.len())),
            },
        }
    }
}

#[cfg(any(test, feature = "cloudtrail"))]
fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Where the element that begins here ends; `None` if it does not.
#[cfg(any(test, feature = "cloudtrail"))]
fn element_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth += 1,
            // A stray bracket is an element of its own: the scan must move on.
            b'}' | b']' if depth == 0 => return Some(at.max(start + 1)),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b',' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{array_elements, lines};

    #[test]
    fn elements_are_found_and_a_cut_tail_is_kept() {
        let text = br#"{"Records": [ {"a":"]}\""} , 7, {"b":[1,2]} ,{"c": "#;
        let (elements, rest) = array_elements(text, "Records").unwrap();
        let found: Vec<&str> =
            elements.into_iter().map(|e| std::str::from_utf8(&text[e]).unwrap()).collect();
        assert_eq!(found, [r#"{"a":"]}\""}"#, "7", r#"{"b":[1,2]}"#]);
        assert_eq!(&text[rest], br#"{"c": "#);
        assert!(array_elements(b"{}", "Records").is_none());
    }

    proptest! {
        #[test]
        fn lines_lose_only_ends_and_blanks(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut last = 0;
            for range in lines(&bytes) {
                prop_assert!(bytes[last..range.start].iter().all(u8::is_ascii_whitespace));
                last = range.end;
            }
            prop_assert!(bytes[last..].iter().all(u8::is_ascii_whitespace));
        }

        #[test]
        fn any_bytes_are_framed(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut text = br#"{"Records":["#.to_vec();
            text.extend(bytes);
            let (elements, rest) = array_elements(&text, "Records").unwrap();
            let mut last = 0;
            for range in elements.into_iter().chain([rest]) {
                prop_assert!(last <= range.start && range.start <= range.end);
                last = range.end;
            }
        }
    }
}
