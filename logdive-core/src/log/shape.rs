//! The shape of a line: a cheap hash of its masked tokens.

/// Bytes of a line that its shape looks at; what differs further on does not count.
const LOOKED_AT: usize = 1024;

/// Hashes a line with every word that has a digit masked, and runs of white space as one.
///
/// Lines that differ in numbers, ids and addresses only have one shape; templates are mined from
/// distinct shapes. FNV-1a, 64 bits, over the masked bytes: stable across runs and machines. It
/// is part of the lake's format and does not change.
#[must_use]
pub fn shape(text: &str) -> i64 {
    let bytes = text.as_bytes();
    let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let mut hash = OFFSET;
    let mut at = 0;
    while let Some(first) = bytes.get(at) {
        at += 1;
        let rest = |at: usize| bytes.get(at..).unwrap_or_default().iter();
        match class(*first) {
            Class::Other => hash = fnv(hash, *first),
            Class::Space => {
                hash = fnv(hash, b' ');
                at += rest(at).take_while(|byte| class(**byte) == Class::Space).count();
            }
            // The word is hashed as it is read, and taken back if a digit comes.
            Class::Letter => {
                let before = hash;
                hash = fnv(hash, *first);
                for byte in rest(at) {
                    match class(*byte) {
                        Class::Letter => hash = fnv(hash, *byte),
                        Class::Digit => {
                            hash = fnv(before, b'#');
                            at += rest(at).take_while(|byte| is_word(**byte)).count();
                            break;
                        }
                        _ => break,
                    }
                    at += 1;
                }
            }
            Class::Digit => {
                hash = fnv(hash, b'#');
                at += rest(at).take_while(|byte| is_word(**byte)).count();
            }
        }
    }
    hash.cast_signed()
}

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

const fn fnv(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Space,
    Other,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let as_byte = byte as u8;
        // The arrays have a place for each byte.
        #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
        if as_byte.is_ascii_digit() {
            classes[byte] = Class::Digit;
        } else if as_byte.is_ascii_alphabetic() || as_byte == b'_' || as_byte >= 0x80 {
            classes[byte] = Class::Letter;
        } else if as_byte.is_ascii_whitespace() {
            classes[byte] = Class::Space;
        }
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Other)
}

fn is_word(byte: u8) -> bool {
    matches!(class(byte), Class::Letter | Class::Digit)
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn numbers_and_ids_are_masked() {
        assert_eq!(
            shape("GET /users/17 took 35 ms from 10.0.0.1"),
            shape("GET /users/9812 took 4 ms from 192.168.77.250")
        );
        assert_eq!(shape("id=7f3a  done"), shape("id=00 done"));
        assert_ne!(shape("connection refused"), shape("connection reset"));
    }

    /// As it is defined: a word with a digit is `#`, a run of white space one space.
    fn defined(text: &str) -> i64 {
        let bytes = &text.as_bytes()[..text.len().min(super::LOOKED_AT)];
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80;
        let kind = |b: &u8| if is_word(b) { 0 } else { 1 + u8::from(b.is_ascii_whitespace()) };
        let masked: Vec<u8> = bytes
            .chunk_by(|a, b| kind(a) == kind(b) && kind(a) != 1)
            .flat_map(|run| match kind(&run[0]) {
                0 if run.iter().any(u8::is_ascii_digit) => b"#".to_vec(),
                2 => b" ".to_vec(),
                _ => run.to_vec(),
            })
            .collect();
        let hash = masked.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash.cast_signed()
    }

    proptest::proptest! {
        #[test]
        fn it_is_as_defined(text in "([a-z_é]{0,3}|[0-9]|[ \t]|[-=:])*") {
            proptest::prop_assert_eq!(shape(&text), defined(&text));
        }
    }

    /// Written to disk: a change of the function would group old and new lines apart.
    #[test]
    fn the_function_is_frozen() {
        assert_eq!(shape(""), -3_750_763_034_362_895_579);
        assert_eq!(shape("PutParameter failed: 17"), shape("PutParameter failed: 18"));
    }
}
