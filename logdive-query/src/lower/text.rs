//! Tests of text by bytes, and ids as hexadecimal digits.

use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, StringArrayType, StringBuilder,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility, lit,
};
use logdive_core::{Pattern, Phrase, TextTest};
use memchr::memmem;

use super::phrase::PhraseFinder;
use crate::columns::binary_at;

/// Whether a text passes a test; null for null. Nothing in the constant is special, as it is in
/// `LIKE`.
pub(crate) fn test(expr: Expr, test: TextTest, text: &str) -> Expr {
    let (name, finder) = match test {
        TextTest::Contains => {
            ("text contains", Finder::Contains(memmem::Finder::new(text).into_owned()))
        }
        TextTest::StartsWith => ("text starts_with", Finder::StartsWith(text.to_owned())),
        TextTest::EndsWith => ("text ends_with", Finder::EndsWith(text.to_owned())),
    };
    call(expr, name, text, finder)
}

/// Whether a text has tokens in sequence; null for null.
pub(crate) fn phrase(expr: Expr, phrase: &Phrase) -> Expr {
    call(expr, "text has_phrase", phrase.as_str(), Finder::Phrase(PhraseFinder::new(phrase)))
}

/// Whether a part of a text matches; null for null. The expression must be one that can be used.
pub(crate) fn matches(expr: Expr, pattern: &Pattern) -> Expr {
    call(expr, "text matches", pattern.as_str(), Finder::Matches(pattern.clone()))
}

/// The constant is an argument, too: it tells two tests apart by name.
fn call(expr: Expr, name: &'static str, constant: &str, finder: Finder) -> Expr {
    let signature = signature(&[DataType::Utf8]);
    let test = TestText { name, constant: constant.to_owned(), finder, signature };
    ScalarUDF::from(test).call(vec![expr, lit(constant)])
}

/// A text, however it lies, and what follows it.
pub(super) fn signature(rest: &[DataType]) -> Signature {
    let exact = |text: DataType| {
        let types = std::iter::once(text).chain(rest.iter().cloned());
        TypeSignature::Exact(types.collect())
    };
    // The first is what other kinds of text are turned into.
    let texts = [DataType::Utf8, DataType::Utf8View].map(exact);
    Signature::one_of(texts.to_vec(), Volatility::Immutable)
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

/// A test made ready: what it takes to make is done once, not for each line.
#[derive(Debug, Clone)]
enum Finder {
    Contains(memmem::Finder<'static>),
    StartsWith(String),
    EndsWith(String),
    Phrase(PhraseFinder),
    Matches(Pattern),
}

impl Finder {
    fn test(&self, array: &ArrayRef) -> Result<BooleanArray> {
        Ok(match self {
            Self::Contains(finder) => tested(array, |text| finder.find(text.as_bytes()).is_some())?,
            Self::StartsWith(start) => tested(array, |text| text.starts_with(start.as_str()))?,
            Self::EndsWith(end) => tested(array, |text| text.ends_with(end.as_str()))?,
            Self::Phrase(finder) => tested(array, |text| finder.is_in(text))?,
            Self::Matches(pattern) => {
                tested(array, |text| pattern.is_match(text).unwrap_or(false))?
            }
        })
    }
}

fn tested(array: &ArrayRef, test: impl Fn(&str) -> bool) -> Result<BooleanArray> {
    match array.data_type() {
        DataType::Utf8 => Ok(tested_of(&array.as_string::<i32>(), test)),
        DataType::Utf8View => Ok(tested_of(&array.as_string_view(), test)),
        other => datafusion::common::internal_err!("a text is tested, not {other}"),
    }
}

fn tested_of<'a>(array: &impl StringArrayType<'a>, test: impl Fn(&str) -> bool) -> BooleanArray {
    let passes = |row| array.is_valid(row) && test(array.value(row));
    let values = BooleanBuffer::collect_bool(array.len(), passes);
    BooleanArray::new(values, array.nulls().cloned())
}

#[derive(Debug, Clone)]
struct TestText {
    name: &'static str,
    constant: String,
    finder: Finder,
    signature: Signature,
}

/// The name and the constant say what the finder is.
impl PartialEq for TestText {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.constant == other.constant
    }
}

impl Eq for TestText {}

impl Hash for TestText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.constant.hash(state);
    }
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
        let Some(text) = args.args.first() else {
            return datafusion::common::internal_err!("a test takes a text and a constant");
        };
        let texts = text.to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(self.finder.test(&texts)?)))
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
