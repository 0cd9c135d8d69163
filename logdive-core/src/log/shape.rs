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
    let mut hash = Fnv::new();
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        let run = |inside: fn(u8) -> bool| {
            rest.iter().position(|byte| !inside(*byte)).unwrap_or(rest.len())
        };
        let len = if is_word(*first) {
            let len = run(is_word);
            let (word, _) = rest.split_at(len);
            if word.iter().any(u8::is_ascii_digit) {
                hash.write(b'#');
            } else {
                word.iter().for_each(|byte| hash.write(*byte));
            }
            len
        } else if first.is_ascii_whitespace() {
            hash.write(b' ');
            run(|byte| byte.is_ascii_whitespace())
        } else {
            hash.write(*first);
            1
        };
        rest = rest.get(len..).unwrap_or_default();
    }
    hash.finish()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    const fn write(&mut self, byte: u8) {
        self.0 = (self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01b3);
    }

    const fn finish(&self) -> i64 {
        self.0.cast_signed()
    }
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

    /// Written to disk: a change of the function would group old and new lines apart.
    #[test]
    fn the_function_is_frozen() {
        assert_eq!(shape(""), -3_750_763_034_362_895_579);
        assert_eq!(shape("PutParameter failed: 17"), shape("PutParameter failed: 18"));
    }
}
