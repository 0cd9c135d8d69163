//! Reads a text from left to right.

use memchr::memchr;

/// What is left of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// What is left.
    pub(super) const fn rest(&self) -> &'a str {
        self.0
    }

    /// The next byte.
    pub(super) fn first(&self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    /// Takes so many bytes; none if they end inside of a character or behind the text.
    pub(super) fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.0.split_at_checked(bytes).unwrap_or(("", self.0));
        self.0 = rest;
        taken
    }

    /// Steps over a text, if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.0.strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Steps over spaces.
    pub(super) fn spaces(&mut self) {
        self.0 = self.0.trim_start_matches(' ');
    }

    /// Takes what stands in front of an ASCII byte and steps over that too, if there is one.
    pub(super) fn until(&mut self, byte: u8) -> Option<&'a str> {
        let at = memchr(byte, self.0.as_bytes())?;
        let taken = self.take(at);
        self.take(1);
        Some(taken)
    }

    /// Takes what stands in front of the next space; all if there is none.
    pub(super) fn word(&mut self) -> &'a str {
        let end = memchr(b' ', self.0.as_bytes()).unwrap_or(self.0.len());
        self.take(end)
    }

    /// Takes decimal digits.
    pub(super) fn digits(&mut self) -> &'a str {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        self.take(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn a_text_is_taken_apart() {
        let mut cursor = Cursor::new("<34>  é x:17");
        assert!(!cursor.eat("34") && cursor.eat("<"));
        assert_eq!(cursor.until(b'>'), Some("34"));
        assert_eq!(cursor.until(b'>'), None);
        cursor.spaces();
        assert_eq!((cursor.take(1), cursor.take(99)), ("", ""));
        assert_eq!(cursor.word(), "é");
        assert!(cursor.eat(" x:"));
        assert_eq!((cursor.first(), cursor.digits(), cursor.first()), (Some(b'1'), "17", None));
        assert_eq!((cursor.word(), cursor.rest()), ("", ""));
    }
}
