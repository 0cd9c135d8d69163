//! Ids in hexadecimal digits.

/// Bytes of exactly so many hexadecimal digits; an id of zeros means that there is none (W3C
/// Trace Context).
pub(super) fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}
