//! The protobuf wire format, read in place.
//!
//! Generated code would copy every text into a message of its own and could not say which bytes a
//! record has; rows need the place of each record, and its texts once, in the batch.
//!
//! Source: Protocol Buffers documentation, *Encoding*.

#[cfg(feature = "otlp")]
mod fields;

#[cfg(feature = "otlp")]
pub(super) use fields::{Field, Fields, Value};

/// The tag of field 1, with a length.
pub(super) const FIELD_1: u8 = 0x0a;

/// A variable-length number at the beginning, and its bytes; `None` if it does not end or has
/// more than 64 bits.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && bits > 1 {
            return None;
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::varint;

    #[test]
    fn numbers_have_64_bits_and_no_more() {
        for (bytes, value) in [
            (&[0x00][..], Some((0, 1))),
            (&[0xac, 0x02, 0xff], Some((300, 2))),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Some((u64::MAX, 10))),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], None),
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(varint(bytes), value, "{bytes:?}");
        }
    }
}
