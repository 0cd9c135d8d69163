//! Text written fast: digits go straight into a buffer.

/// A line's text while it is written.
#[derive(Debug, Default)]
pub(super) struct Text(Vec<u8>);

impl Text {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn as_str(&self) -> &str {
        // Only whole texts and ASCII are pushed.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(super) fn push(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn number(&mut self, number: u64) {
        self.padded(number, 1);
    }

    /// A number with zeros before it, at least so many digits.
    pub(super) fn padded(&mut self, mut number: u64, digits: usize) {
        let begin = self.0.len();
        loop {
            self.0.push(digit(number % 10));
            number /= 10;
            if number == 0 && self.0.len() - begin >= digits {
                break;
            }
        }
        if let Some(written) = self.0.get_mut(begin..) {
            written.reverse();
        }
    }

    /// The lower so many digits in base 16.
    pub(super) fn hex(&mut self, number: u64, digits: u32) {
        for place in (0..digits).rev() {
            self.0.push(hex_digit(number.checked_shr(place * 4).unwrap_or_default()));
        }
    }
}

const fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

const fn hex_digit(number: u64) -> u8 {
    let nibble = (number & 15) as u8;
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn numbers_are_written_as_format_does() {
        for number in [0, 7, 10, 999, 1_000, u64::MAX] {
            let mut text = Text::default();
            text.number(number);
            text.byte(b' ');
            text.padded(number, 5);
            text.byte(b' ');
            text.hex(number, 16);
            assert_eq!(text.as_str(), format!("{number} {number:05} {number:016x}"));
        }
    }
}
