//! Zones as logs write them.

use super::number;

/// A zone, if there is one: `Z`, `UTC`, `GMT` (behind a space or not), `+02:00`, `+0200`, `+02`
/// (behind a space if it has four digits, or if PostgreSQL's ` [` follows), or ` CEST` and its
/// like. A zone of another name is none: it takes the assumption, which is written down.
pub(in crate::format) fn zone(bytes: &[u8], at: usize) -> (Option<i32>, usize) {
    let none = (None, at);
    let spaced = usize::from(bytes.get(at) == Some(&b' '));
    let rest = bytes.get(at + spaced..).unwrap_or_default();
    let ends = |len: usize| rest.get(len).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    match rest.first() {
        Some(b'Z' | b'z') if spaced == 0 && ends(1) => (Some(0), at + 1),
        Some(b'U' | b'G') if (rest.starts_with(b"UTC") || rest.starts_with(b"GMT")) && ends(3) => {
            (Some(0), at + spaced + 3)
        }
        Some(sign @ (b'+' | b'-')) => {
            let Some(hours) = number(rest, 1, 2) else { return none };
            let colon = usize::from(rest.get(3) == Some(&b':'));
            let (minutes, len) = match number(rest, 3 + colon, 2) {
                Some(minutes) => (minutes, 5 + colon),
                None => (0, 3),
            };
            // ` -12` behind a time is rather a number or a dash than a zone.
            let odd = spaced == 1 && len == 3 && rest.get(3..5) != Some(b" [");
            if !ends(len) || hours > 18 || minutes > 59 || odd {
                return none;
            }
            let seconds = i32::try_from(hours * 3_600 + minutes * 60).unwrap_or_default();
            let signed = if *sign == b'-' { -seconds } else { seconds };
            (Some(signed), at + spaced + len)
        }
        Some(b'A'..=b'Z') if spaced == 1 => {
            let len = rest.iter().take(5).take_while(|byte| byte.is_ascii_uppercase()).count();
            match abbreviated(rest.get(..len).unwrap_or_default()) {
                Some(minutes) if ends(len) => (Some(minutes * 60), at + spaced + len),
                _ => none,
            }
        }
        _ => none,
    }
}

/// Minutes east of UTC of a zone's abbreviation.
///
/// Abbreviations are not unique: `CST` is Central Standard Time here, never China's; `BST` is
/// British Summer Time. Those that are as common in two meanings, such as `IST`, are none.
///
/// Source: PostgreSQL, *Date/Time Configuration Files*, the set `Default`.
fn abbreviated(name: &[u8]) -> Option<i32> {
    Some(match name {
        b"EST" | b"CDT" => -5 * 60,
        b"EDT" => -4 * 60,
        b"CST" | b"MDT" => -6 * 60,
        b"MST" | b"PDT" => -7 * 60,
        b"PST" | b"AKDT" => -8 * 60,
        b"AKST" => -9 * 60,
        b"HST" => -10 * 60,
        b"WET" => 0,
        b"BST" | b"CET" | b"MET" | b"WEST" => 60,
        b"CEST" | b"EET" | b"MEST" => 2 * 60,
        b"EEST" | b"MSK" => 3 * 60,
        b"SGT" | b"HKT" => 8 * 60,
        b"JST" | b"KST" => 9 * 60,
        b"AEST" => 10 * 60,
        b"AEDT" => 11 * 60,
        b"NZST" => 12 * 60,
        b"NZDT" => 13 * 60,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::zone;

    #[test]
    fn zones_of_logs() {
        for (text, offset, rest) in [
            ("Z", Some(0), ""),
            (" UTC [17]", Some(0), " [17]"),
            (" GMT", Some(0), ""),
            ("+02:00 x", Some(7_200), " x"),
            (" -0730", Some(-27_000), ""),
            ("+02", Some(7_200), ""),
            (" -03 [99] LOG:", Some(-10_800), " [99] LOG:"),
            (" CEST [1]", Some(7_200), " [1]"),
            (" CST", Some(-21_600), ""),
            (" MSK", Some(10_800), ""),
            (" -12 things", None, " -12 things"),
            (" IST", None, " IST"),
            (" ESTIMATE", None, " ESTIMATE"),
            ("EST", None, "EST"),
            (" INFO", None, " INFO"),
            ("+99:00", None, "+99:00"),
            ("", None, ""),
        ] {
            let (found, end) = zone(text.as_bytes(), 0);
            assert_eq!((found, text.get(end..)), (offset, Some(rest)), "{text}");
        }
    }
}
