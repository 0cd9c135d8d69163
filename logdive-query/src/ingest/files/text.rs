//! Paths as text, reversibly.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A path as text. Most are text; of others, bytes that are no UTF-8, control characters and
/// every `%` are written as `%` and two digits, and so is `%` where it would look like that. So
/// no two paths have the same text, and the text gives the path back.
pub(crate) fn of_path(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    match path.to_str() {
        Some(text) if !text.contains(char::is_control) && !is_escaped(bytes) => text.to_owned(),
        _ => escape(bytes),
    }
}

fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '%' || character.is_control() {
                let mut buffer = [0; 4];
                hex(character.encode_utf8(&mut buffer).as_bytes(), &mut text);
            } else {
                text.push(character);
            }
        }
        hex(chunk.invalid(), &mut text);
    }
    text
}

fn hex(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "%{byte:02X}");
    }
}

fn pair(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some((digit(high)? << 4) | digit(low)?)
}

fn is_escaped(bytes: &[u8]) -> bool {
    bytes.windows(3).any(|window| pair(window).is_some())
}

/// The path that a text was made of.
pub(crate) fn to_path(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        if let Some(byte) = pair(rest) {
            bytes.push(byte);
            rest = rest.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    use proptest::prelude::*;

    use super::{of_path, to_path};

    #[test]
    fn plain_paths_stay_as_they_are() {
        for plain in ["/var/log/app.log", "/a b/é 100%.log", "%", "%2", "/x/%zz"] {
            assert_eq!(of_path(Path::new(plain)), plain);
        }
        let of = |bytes: &[u8]| of_path(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(of(b"/a\xff%"), "/a%FF%25");
        assert_eq!(of(b"/a%FF"), "/a%25FF");
        assert_eq!(of(b"/a\nb"), "/a%0Ab");
    }

    proptest! {
        #[test]
        fn paths_come_back(
            bytes in prop::collection::vec(prop::sample::select(b"/a%F2\xff\xc3\xa9\n ".as_slice()), 0..12)
        ) {
            let path = Path::new(OsStr::from_bytes(&bytes));
            prop_assert_eq!(to_path(&of_path(path)), path);
        }
    }
}
