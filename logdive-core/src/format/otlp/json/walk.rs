//! Goes through the members of an object and the elements of an array by brackets and quotes
//! alone: so one that is broken does not hide the others, and each keeps its place.

use std::borrow::Cow;

use super::reader::Reader;
use crate::format::json_scan::JsonScan;

/// A member of an object.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: &'a [u8],
    /// With its key.
    pub(super) whole: &'a [u8],
}

/// Where an object or array can be read no further.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken<'a> {
    /// From there on.
    pub(super) rest: &'a [u8],
    pub(super) why: &'static str,
}

/// The members of an object, one after another; a broken one is the last.
#[derive(Debug, Clone)]
pub(super) struct Members<'a>(Items<'a>);

impl<'a> Members<'a> {
    pub(super) fn of(object: &'a [u8]) -> Self {
        Self(Items::of(object, b'{', b'}'))
    }
}

/// The elements of an array, one after another; a broken one is the last.
#[derive(Debug, Clone)]
pub(super) struct Elements<'a>(Items<'a>);

impl<'a> Elements<'a> {
    pub(super) fn of(array: &'a [u8]) -> Self {
        Self(Items::of(array, b'[', b']'))
    }
}

#[derive(Debug, Clone)]
struct Items<'a> {
    rest: &'a [u8],
    open: u8,
    close: u8,
    begun: bool,
}

impl<'a> Items<'a> {
    const fn of(bytes: &'a [u8], open: u8, close: u8) -> Self {
        Self { rest: bytes, open, close, begun: false }
    }

    /// Goes to the beginning of the next item; `None` behind the last.
    fn next(&mut self) -> Option<Result<&'a [u8], Broken<'a>>> {
        let rest = self.rest.trim_ascii_start();
        if rest.is_empty() && self.begun {
            self.rest = &[];
            return None;
        }
        let first = !self.begun;
        self.begun = true;
        let Some((byte, behind)) = rest.split_first() else {
            return Some(self.fail("it is empty"));
        };
        let behind = behind.trim_ascii_start();
        if first {
            if *byte != self.open {
                return Some(self.fail("an object or an array is expected"));
            }
            if behind.first() != Some(&self.close) {
                return Some(Ok(behind));
            }
            self.rest = behind;
            return self.next();
        }
        match *byte {
            b',' => Some(Ok(behind)),
            byte if byte == self.close && behind.is_empty() => {
                self.rest = &[];
                None
            }
            byte if byte == self.close => {
                self.rest = behind;
                Some(self.fail("something follows the end"))
            }
            _ => Some(self.fail("a comma or the end is expected")),
        }
    }

    /// The value at the beginning of the bytes; what follows is the rest.
    fn value(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        if matches!(bytes.first(), None | Some(b',' | b'}' | b']' | b':')) {
            return None;
        }
        let end = JsonScan::default().end(bytes, 0, false)?;
        let (value, rest) = bytes.split_at_checked(end.at)?;
        self.rest = rest;
        Some(value.trim_ascii_end())
    }

    fn fail<T>(&mut self, why: &'static str) -> Result<T, Broken<'a>> {
        Err(Broken { rest: std::mem::take(&mut self.rest), why })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a [u8], Broken<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|bytes| match self.0.value(bytes) {
            Some(value) => Ok(value),
            None => self.0.fail("a value is expected"),
        }))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, Broken<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|bytes| {
            let mut reader = Reader::of(bytes);
            let key = match reader.key() {
                Ok(key) => key,
                Err(error) => return self.0.fail(error.why),
            };
            reader.peek();
            let Some(value) = self.0.value(reader.rest()) else {
                return self.0.fail("a value is expected");
            };
            let length = (value.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize);
            let whole = bytes.get(..length.saturating_add(value.len())).unwrap_or_default();
            Ok(Member { key, value, whole })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, Elements, Members};

    #[test]
    fn items_are_told_apart_and_keep_their_bytes() {
        let elements = |text: &'static str| -> Vec<_> {
            Elements::of(text.as_bytes())
                .map(|item| match item {
                    Ok(value) => Ok(std::str::from_utf8(value).unwrap()),
                    Err(Broken { rest, .. }) => Err(std::str::from_utf8(rest).unwrap()),
                })
                .collect()
        };
        assert_eq!(elements(" [ ] "), []);
        assert_eq!(elements("[1, {\"a\":[2]} ,\"]\" ]"), [Ok("1"), Ok("{\"a\":[2]}"), Ok("\"]\"")]);
        assert_eq!(elements("[{\"a\" oops},2]"), [Ok("{\"a\" oops}"), Ok("2")]);
        assert_eq!(elements("[1 2,3]"), [Ok("1 2"), Ok("3")]);
        assert_eq!(elements("[{} {},3]"), [Ok("{}"), Err(" {},3]")]);
        assert_eq!(elements("[1,]"), [Ok("1"), Err(",]")]);
        assert_eq!(elements("[1,,2]"), [Ok("1"), Err(",,2]")]);
        assert_eq!(elements("[1}"), [Ok("1"), Err("}")]);
        assert_eq!(elements("[1] 2"), [Ok("1"), Err("2")]);
        assert_eq!(elements("[] 2"), [Err("2")]);
        assert_eq!(elements("{}"), [Err("{}")]);
        assert_eq!(elements("[1,\"a"), [Ok("1"), Err(",\"a")]);
        assert_eq!(elements(""), [Err("")]);
    }

    #[test]
    fn members_have_keys() {
        let members = |text: &'static str| -> Vec<_> {
            Members::of(text.as_bytes())
                .map(|item| match item {
                    Ok(member) => {
                        let text = |bytes| std::str::from_utf8(bytes).unwrap();
                        Ok((member.key.into_owned(), text(member.value), text(member.whole)))
                    }
                    Err(Broken { rest, .. }) => Err(std::str::from_utf8(rest).unwrap()),
                })
                .collect()
        };
        assert_eq!(
            members("{ \"a\" : 1 , \"b\":{ }}"),
            [Ok(("a".to_owned(), "1", "\"a\" : 1")), Ok(("b".to_owned(), "{ }", "\"b\":{ }"))]
        );
        assert_eq!(members("{}"), []);
        assert_eq!(members("{\"a\" 1}"), [Err("{\"a\" 1}")]);
        assert_eq!(members("{\"a\":1,b:2}"), [Ok(("a".to_owned(), "1", "\"a\":1")), Err(",b:2}")]);
        assert_eq!(members("{\"a\":}"), [Err("{\"a\":}")]);
    }
}
