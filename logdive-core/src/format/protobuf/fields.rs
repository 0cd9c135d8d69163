//! The fields of a message.

use super::varint;

/// A value as it is written. What the bits mean, the field's type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// A text, bytes, or a message.
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// What it is called in errors.
    pub(in crate::format) const fn kind(&self) -> &'static str {
        match self {
            Self::Varint(_) => "a number of variable length",
            Self::Fixed64(_) => "a number of 64 bits",
            Self::Fixed32(_) => "a number of 32 bits",
            Self::Bytes(_) => "bytes with a length",
        }
    }
}

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) struct Field<'a> {
    pub(in crate::format) number: u64,
    pub(in crate::format) value: Value<'a>,
    /// The field as it is written, with its tag.
    pub(in crate::format) whole: &'a [u8],
}

/// Where a message can be read no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) struct Broken<'a> {
    /// From the broken field's tag to the end of the message.
    pub(in crate::format) rest: &'a [u8],
    pub(in crate::format) why: &'static str,
}

/// The fields of a message, one after another; a broken one is the last.
#[derive(Debug, Clone)]
pub(in crate::format) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(in crate::format) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&self) -> Result<(u64, Value<'a>, &'a [u8]), &'static str> {
        let (tag, rest) = number(self.rest).ok_or("a tag that does not end")?;
        let (value, rest) = match tag & 7 {
            0 => {
                let (value, rest) = number(rest).ok_or("a number that does not end")?;
                (Value::Varint(value), rest)
            }
            1 => {
                let (bytes, rest) = rest.split_first_chunk().ok_or(SHORT)?;
                (Value::Fixed64(u64::from_le_bytes(*bytes)), rest)
            }
            2 => {
                let (length, rest) = number(rest).ok_or("a length that does not end")?;
                let length = usize::try_from(length).map_err(|_| SHORT)?;
                let (bytes, rest) = rest.split_at_checked(length).ok_or(SHORT)?;
                (Value::Bytes(bytes), rest)
            }
            5 => {
                let (bytes, rest) = rest.split_first_chunk().ok_or(SHORT)?;
                (Value::Fixed32(u32::from_le_bytes(*bytes)), rest)
            }
            3 | 4 => return Err("a group, which OTLP does not have"),
            _ => return Err("a tag of no type"),
        };
        match tag >> 3 {
            0 | 0x2000_0000.. => Err("a field of no number"),
            number => Ok((number, value, rest)),
        }
    }
}

const SHORT: &str = "a field that is longer than its message";

/// A variable-length number and what follows it; most have one byte.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match bytes {
        [byte @ ..0x80, rest @ ..] => Some((u64::from(*byte), rest)),
        _ => {
            let (value, length) = varint(bytes)?;
            Some((value, bytes.get(length..)?))
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Broken<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let before = self.rest;
        match self.field() {
            Ok((number, value, rest)) => {
                self.rest = rest;
                let (whole, _) = before.split_at_checked(before.len() - rest.len())?;
                Some(Ok(Field { number, value, whole }))
            }
            Err(why) => {
                self.rest = &[];
                Some(Err(Broken { rest: before, why }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Broken, Field, Fields, Value};

    #[test]
    fn fields_are_told_apart() {
        let message =
            [8, 150, 1, 0x12, 2, b'h', b'i', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0];
        let fields: Vec<_> = Fields::of(&message).map(Result::unwrap).collect();
        let values: Vec<_> = fields.iter().map(|field| (field.number, field.value)).collect();
        assert_eq!(
            values,
            [
                (1, Value::Varint(150)),
                (2, Value::Bytes(b"hi")),
                (3, Value::Fixed32(1)),
                (4, Value::Fixed64(2))
            ]
        );
        assert_eq!(fields[1].whole, &message[3..7]);
    }

    #[test]
    fn a_broken_field_is_the_last_and_keeps_its_bytes() {
        for broken in [
            &[0x12, 5, 1][..],
            &[0x80],
            &[0x08, 0x80],
            &[0x09, 1],
            &[0x0d, 1],
            &[0x0b],
            &[0x0c],
            &[0x0e],
            &[0x00, 1],
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ] {
            let message = [&[8, 1][..], broken].concat();
            let mut fields = Fields::of(&message);
            let first = Field { number: 1, value: Value::Varint(1), whole: &message[..2] };
            assert_eq!(fields.next(), Some(Ok(first)));
            let error = fields.next().unwrap().unwrap_err();
            assert_eq!(error, Broken { rest: broken, why: error.why });
            assert_eq!(fields.next(), None);
        }
    }

    proptest! {
        #[test]
        fn no_byte_is_lost(message in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut seen = Vec::new();
            for field in Fields::of(&message) {
                match field {
                    Ok(field) => seen.extend_from_slice(field.whole),
                    Err(broken) => seen.extend_from_slice(broken.rest),
                }
            }
            prop_assert_eq!(seen, message);
        }
    }
}
