//! Values of any type as JSON.

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::ArrayFormatter;
use datafusion::common::Result;
use serde_json::{Map, Value as Json};

use super::fit::{is_binary, is_text, plain};
use super::text;

/// The values of a column: structs and maps as objects without their nulls, lists as arrays,
/// bools and numbers as they are, all else as text. Numbers that JSON's readers would round are
/// text, too.
pub(super) fn values(array: &ArrayRef) -> Result<Vec<Json>> {
    let array = &cast(array, plain(array.data_type()))?;
    let rows = 0..array.len();
    let kind = array.data_type();
    Ok(match kind {
        DataType::Null => vec![Json::Null; array.len()],
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().map(values);
            let columns: Vec<Vec<Json>> = columns.collect::<Result<_>>()?;
            let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
            let mut objects = Vec::with_capacity(array.len());
            for row in rows {
                let mut object = Map::new();
                for (field, column) in fields.iter().zip(&mut columns) {
                    if let Some(value) = column.next().filter(|value| !value.is_null()) {
                        object.insert(field.name().clone(), value);
                    }
                }
                objects.push(if array.is_valid(row) { object.into() } else { Json::Null });
            }
            objects
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let (keys, found) = (text::texts(map.keys())?, values(map.values())?);
            let bounds = map.value_offsets().windows(2);
            let objects = rows.zip(bounds).map(|(row, bounds)| {
                if array.is_null(row) {
                    return Json::Null;
                }
                let entries = entries(bounds).filter_map(|at| {
                    let value = found.get(at).filter(|value| !value.is_null())?;
                    let key = keys.is_valid(at).then(|| keys.value(at).to_owned())?;
                    Some((key, value.clone()))
                });
                entries.collect::<Map<_, _>>().into()
            });
            objects.collect()
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            lists(array, &values(list.values())?, list.value_offsets())
        }
        DataType::LargeList(item) | DataType::ListView(item) | DataType::LargeListView(item) => {
            let list = cast(array, &DataType::LargeList(item.clone()))?;
            let list = list.as_list::<i64>();
            lists(array, &values(list.values())?, list.value_offsets())
        }
        DataType::FixedSizeList(_, size) => {
            let list = array.as_fixed_size_list();
            let size = usize::try_from(*size).unwrap_or_default();
            let found = values(list.values())?;
            let mut parts = found.chunks(size.max(1));
            rows.map(|row| match (array.is_valid(row), parts.next()) {
                (true, part) => Json::Array(part.unwrap_or_default().to_vec()),
                (false, _) => Json::Null,
            })
            .collect()
        }
        kind if is_text(kind) => {
            let texts = text::texts(array)?;
            texts.iter().map(|text| text.map_or(Json::Null, Json::from)).collect()
        }
        kind if is_binary(kind) => {
            let bytes = cast(array, &DataType::LargeBinary)?;
            let bytes = bytes.as_binary::<i64>().iter();
            bytes
                .map(|bytes| bytes.map_or(Json::Null, |b| crate::lower::to_hex(b).into()))
                .collect()
        }
        kind => {
            let options = text::options();
            let formatter = ArrayFormatter::try_new(array, &options)?;
            let plain = kind.is_numeric() || *kind == DataType::Boolean;
            let mut found = Vec::with_capacity(array.len());
            for row in rows {
                if array.is_null(row) {
                    found.push(Json::Null);
                    continue;
                }
                let text = formatter.value(row).try_to_string()?;
                found.push(match serde_json::from_str::<Json>(&text) {
                    Ok(json) if plain && (kind.is_floating() || is_exact(&json, &text)) => json,
                    _ => text.into(),
                });
            }
            found
        }
    })
}

/// Whether JSON says just what the text does.
fn is_exact(json: &Json, text: &str) -> bool {
    let said = json.to_string();
    said == text
}

fn entries<O: Copy + TryInto<usize>>(bounds: &[O]) -> std::ops::Range<usize> {
    let at = |bound: Option<&O>| bound.and_then(|bound| (*bound).try_into().ok()).unwrap_or(0);
    at(bounds.first())..at(bounds.get(1))
}

fn lists<O: Copy + TryInto<usize>>(array: &ArrayRef, found: &[Json], offsets: &[O]) -> Vec<Json> {
    let bounds = (0..array.len()).zip(offsets.windows(2));
    bounds
        .map(|(row, bounds)| match array.is_valid(row) {
            true => found.get(entries(bounds)).unwrap_or_default().to_vec().into(),
            false => Json::Null,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, Decimal128Array, DictionaryArray, Float64Array, Int64Array, Int64Builder,
        ListArray, MapBuilder, StringArray, StringBuilder, StructArray, TimestampSecondArray,
    };
    use arrow::datatypes::{DataType, Field, Int32Type, Int64Type};

    use super::values;

    fn check(array: impl arrow::array::Array + 'static, expected: &str) {
        let array: ArrayRef = Arc::new(array);
        let found = serde_json::Value::Array(values(&array).unwrap()).to_string();
        assert_eq!(found, expected);
    }

    #[test]
    fn values_keep_what_they_are() {
        check(Int64Array::from(vec![Some(i64::MAX), None]), "[9223372036854775807,null]");
        check(Float64Array::from(vec![1.5, f64::NAN]), r#"[1.5,"NaN"]"#);
        check(
            Decimal128Array::from(vec![150, 12_345_678_901_234_567_890_123_i128])
                .with_precision_and_scale(38, 2)
                .unwrap(),
            r#"["1.50","123456789012345678901.23"]"#,
        );
        check(TimestampSecondArray::from(vec![0]), r#"["1970-01-01T00:00:00Z"]"#);
        let words: DictionaryArray<Int32Type> = [Some("a"), None, Some("a")].into_iter().collect();
        check(words, r#"["a",null,"a"]"#);
    }

    #[test]
    fn nested_values_are_nested() {
        let lists = [Some(vec![Some(1), None]), None, Some(vec![])];
        check(ListArray::from_iter_primitive::<Int64Type, _, _>(lists), "[[1,null],null,[]]");
        let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
        map.keys().append_value("k");
        map.values().append_value(7);
        map.append(true).unwrap();
        map.append(false).unwrap();
        let map: ArrayRef = Arc::new(map.finish());
        let names: ArrayRef = Arc::new(StringArray::from(vec![None, Some("x")]));
        let fields = vec![
            Arc::new(Field::new("m", map.data_type().clone(), true)),
            Arc::new(Field::new("s", DataType::Utf8, true)),
        ];
        let whole = StructArray::new(fields.into(), vec![map, names], None);
        check(whole.clone(), r#"[{"m":{"k":7}},{"s":"x"}]"#);
        // A slice begins where it begins.
        check(whole.slice(1, 1), r#"[{"s":"x"}]"#);
    }
}
