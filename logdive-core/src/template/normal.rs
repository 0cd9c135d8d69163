//! A text as its shape sees it.

/// The bytes that [`shape`](crate::log::shape) hashes, as text: every word with a digit is `#`,
/// every run of white space one space, and only the first 1,024 bytes count.
///
/// All that mining looks at is this, so that texts of one shape have one template.
pub(super) fn form(text: &str) -> String {
    let bytes = text.as_bytes();
    let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let mut out = Vec::with_capacity(bytes.len());
    // Where the word or the white space that is read began.
    let mut begin = 0;
    let mut last = Kind::Other;
    for byte in bytes {
        let kind = kind(*byte);
        match (last, kind) {
            (Kind::Digit, Kind::Word | Kind::Digit) => continue,
            (Kind::Word, Kind::Digit) => {
                out.truncate(begin);
                out.push(b'#');
            }
            (Kind::Word, Kind::Word) => out.push(*byte),
            (Kind::Space, Kind::Space) => {}
            (_, Kind::Digit) => out.push(b'#'),
            (_, Kind::Space) => out.push(b' '),
            (_, Kind::Word) => {
                begin = out.len();
                out.push(*byte);
            }
            (_, Kind::Other) => out.push(*byte),
        }
        last = kind;
    }
    // The last character may be cut.
    String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// As many as the shape looks at.
const LOOKED_AT: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Digit,
    Space,
    Other,
}

const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut byte: u8 = 0;
    loop {
        // The arrays have a place for each byte.
        #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
        if byte.is_ascii_digit() {
            kinds[byte as usize] = Kind::Digit;
        } else if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 {
            kinds[byte as usize] = Kind::Word;
        } else if byte.is_ascii_whitespace() {
            kinds[byte as usize] = Kind::Space;
        }
        if byte == u8::MAX {
            break kinds;
        }
        byte += 1;
    }
};

fn kind(byte: u8) -> Kind {
    KINDS.get(usize::from(byte)).copied().unwrap_or(Kind::Other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::form;
    use crate::log::shape;

    #[test]
    fn digits_and_white_space_are_masked() {
        assert_eq!(form("a1  b\t-22\u{e9}\n"), "# b -# ");
        assert_eq!(form(&"x".repeat(2_000)).len(), 1_024);
        assert_eq!(form(&"é".repeat(600)).chars().filter(|c| *c == 'é').count(), 512);
    }

    /// FNV-1a, as the shape hashes.
    fn fnv(text: &str) -> i64 {
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash.cast_signed()
    }

    proptest! {
        /// The form is what the shape is the hash of: one shape, one form.
        #[test]
        fn it_is_what_the_shape_hashes(text in "([a-zé]{0,3}|[0-9]|[ \t]|[-=:.#]){0,80}") {
            prop_assert_eq!(fnv(&form(&text)), shape(&text));
        }
    }
}
