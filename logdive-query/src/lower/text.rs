//! Tests of text by bytes, and ids as hexadecimal digits.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array as _, BooleanBuilder, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use logdive_core::TextTest;

use crate::columns::{binary_at, text_at};

/// Whether a text passes a test; null for null. Nothing in the constant is special, as it is in
/// `LIKE`.
pub(crate) fn test(expr: Expr, test: TextTest, text: &str) -> Expr {
    let name = match test {
        TextTest::Contains => "text contains",
        TextTest::StartsWith => "text starts_with",
        TextTest::EndsWith => "text ends_with",
    };
    let signature = Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable);
    ScalarUDF::from(TestText { name, test, signature }).call(vec![expr, lit(text)])
}

/// A truth as it is, which the optimiser does not look into.
pub(crate) fn kept(truth: Expr) -> Expr {
    let signature = Signature::exact(vec![DataType::Boolean], Volatility::Immutable);
    ScalarUDF::from(Kept { signature }).call(vec![truth])
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(expr: Expr) -> Expr {
    let signature = Signature::exact(vec![DataType::Binary], Volatility::Immutable);
    ScalarUDF::from(Hex { signature }).call(vec![expr])
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes whose digits a text is, exactly as we write them.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        })
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |sum, d| sum * 16 + d)).collect())
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TestText {
    name: &'static str,
    test: TextTest,
    signature: Signature,
}

impl ScalarUDFImpl for TestText {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [texts, constants] = arrays.as_slice() else {
            return datafusion::common::internal_err!("a test takes a text and a constant");
        };
        let mut builder = BooleanBuilder::with_capacity(texts.len());
        for row in 0..texts.len() {
            builder.append_option(text_at(texts, row).zip(text_at(constants, row)).map(
                |(text, constant)| match self.test {
                    TextTest::Contains => text.contains(constant),
                    TextTest::StartsWith => text.starts_with(constant),
                    TextTest::EndsWith => text.ends_with(constant),
                },
            ));
        }
        Ok(ColumnarValue::Array(Arc::new(builder.finish())))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kept {
    signature: Signature,
}

impl ScalarUDFImpl for Kept {
    fn name(&self) -> &str {
        "kept"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(truth) => Ok(truth),
            None => datafusion::common::internal_err!("a truth is kept of one"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Hex {
    signature: Signature,
}

impl ScalarUDFImpl for Hex {
    fn name(&self) -> &str {
        "hex digits"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [array] = arrays.as_slice() else {
            return datafusion::common::internal_err!("digits are made of one column");
        };
        let mut builder = StringBuilder::new();
        for row in 0..array.len() {
            builder.append_option(binary_at(array, row).map(to_hex));
        }
        Ok(ColumnarValue::Array(Arc::new(builder.finish())))
    }
}

#[cfg(test)]
mod tests {
    use super::{from_hex, to_hex};

    #[test]
    fn digits_round_trip() {
        assert_eq!(from_hex("00ff7f"), Some(vec![0, 255, 127]));
        assert_eq!(to_hex(&[0, 255, 127]), "00ff7f");
        for other in ["0", "0F", "0g", "é0"] {
            assert_eq!(from_hex(other), None, "{other}");
        }
    }
}
