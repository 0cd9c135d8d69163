//! Whole numbers as JSON may write them.

/// A whole number: digits, or with a fraction of zeros or an exponent, as ProtoJSON allows.
pub(super) fn whole(text: &str) -> Option<i128> {
    if let Ok(number) = text.parse::<i128>() {
        return Some(number);
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (before, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if fraction.bytes().chain(before.bytes().skip(1)).any(|byte| !byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let zeros = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let digits = format!("{before}{fraction}").parse::<i128>().ok()?;
    if digits == 0 {
        return Some(0);
    }
    match u32::try_from(zeros) {
        Ok(zeros) => digits.checked_mul(10_i128.checked_pow(zeros)?),
        Err(_) => {
            let unit = 10_i128.checked_pow(zeros.unsigned_abs())?;
            (digits % unit == 0).then_some(digits / unit)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::whole;

    #[test]
    fn whole_numbers_are_exact() {
        for (text, number) in [
            ("0", Some(0)),
            ("-17", Some(-17)),
            ("18446744073709551615", Some(18_446_744_073_709_551_615)),
            ("1.5447126603e18", Some(1_544_712_660_300_000_000)),
            ("1544712660300000001.000", Some(1_544_712_660_300_000_001)),
            ("12E+2", Some(1200)),
            ("1200e-2", Some(12)),
            ("1201e-2", None),
            ("1.5", None),
            ("0.0e999999999", Some(0)),
            ("1e999999999", None),
            ("1e9999999999", None),
            ("1e-999999999", None),
            ("", None),
            ("-", None),
            (".", None),
            ("1.-5", None),
            ("0x10", None),
            ("1 ", None),
        ] {
            assert_eq!(whole(text), number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_of_64_bits_is_read(number in any::<i64>(), zeros in 0_u32..4) {
            prop_assert_eq!(whole(&number.to_string()), Some(number.into()));
            let padded = format!("{number}{}e-{zeros}", "0".repeat(zeros as usize));
            prop_assert_eq!(whole(&padded), Some(number.into()));
        }
    }
}
