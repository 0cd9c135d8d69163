//! What of a predicate the store can be asked for without missing a line.

use logdive_core::{Comparison, Field, Layer, Predicate, Value, ValueType};
use serde_json::{Value as Json, json};

/// Longest text that every keyword holds: those that were mapped without a word leave out what has
/// more characters (`ignore_above`; Elasticsearch, *Dynamic field mapping*).
const LONGEST: usize = 256;
/// Most values of one term (`index.max_terms_count` is 65,536).
const MOST_VALUES: usize = 10_000;

/// A field of which the index holds the value just as the documents write it.
#[derive(Debug, Clone)]
pub(super) struct Indexed {
    pub(super) name: String,
    pub(super) index: String,
}

/// A filter, and what of the predicate it answers.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) filter: Vec<Json>,
    pub(super) answered: Vec<String>,
}

/// The filter for a predicate: every document that meets it passes, and perhaps others.
pub(super) fn filter(predicate: &Predicate, layer: &Layer, indexed: &[Indexed]) -> Asked {
    let terms = match predicate {
        Predicate::And(terms) => terms.as_slice(),
        other => std::slice::from_ref(other),
    };
    let asked = terms.iter().filter_map(|term| Some((query(term, layer, indexed)?, term)));
    let (filter, answered) = asked.map(|(filter, term)| (filter, term.to_string())).unzip();
    Asked { filter, answered }
}

/// A query that every document passes for which a predicate is true.
fn query(predicate: &Predicate, layer: &Layer, indexed: &[Indexed]) -> Option<Json> {
    let place = |field| place(field, layer, indexed);
    match predicate {
        Predicate::Compare { field, comparison, value } => {
            let value = constant(value)?;
            let place = place(field)?;
            let bound = match comparison {
                Comparison::Equal => return Some(json!({ "term": { place: { "value": value } } })),
                // True of every other value, and documents without one pass no order.
                Comparison::NotEqual => {
                    return Some(
                        json!({ "bool": { "must_not": [{ "term": { place: { "value": value } } }] } }),
                    );
                }
                // Keywords are ordered by bytes as ours are, but not those with a normaliser.
                _ if !value.is_i64() => return None,
                Comparison::Less => "lt",
                Comparison::LessOrEqual => "lte",
                Comparison::Greater => "gt",
                Comparison::GreaterOrEqual => "gte",
            };
            Some(json!({ "range": { place: { bound: value } } }))
        }
        Predicate::In { field, values } if (1..=MOST_VALUES).contains(&values.len()) => {
            let values: Vec<Json> = values.iter().map(constant).collect::<Option<_>>()?;
            Some(json!({ "terms": { place(field)?: values } }))
        }
        Predicate::And(terms) => {
            let all: Vec<Json> =
                terms.iter().filter_map(|term| query(term, layer, indexed)).collect();
            (!all.is_empty()).then(|| json!({ "bool": { "filter": all } }))
        }
        Predicate::Or(terms) if !terms.is_empty() => {
            let any: Option<Vec<Json>> =
                terms.iter().map(|term| query(term, layer, indexed)).collect();
            Some(json!({ "bool": { "should": any?, "minimum_should_match": 1 } }))
        }
        // Too long a keyword is absent from the index and present in the document.
        _ => None,
    }
}

fn place<'a>(field: &Field, layer: &Layer, indexed: &'a [Indexed]) -> Option<&'a str> {
    let declared = layer.declared(field)?;
    let exact = matches!(
        declared.kind,
        ValueType::Text | ValueType::Enum(_) | ValueType::Int | ValueType::Bool | ValueType::Ip
    );
    let found = indexed.iter().find(|indexed| indexed.name == field.name())?;
    (exact && declared.after.is_none()).then_some(found.index.as_str())
}

fn constant(value: &Value) -> Option<Json> {
    match value {
        Value::Text(text) => {
            let fits = !text.is_empty() && text.chars().count() <= LONGEST;
            fits.then(|| json!(text))
        }
        Value::Int(value) => Some(json!(value)),
        Value::Bool(value) => Some(json!(value)),
        Value::Ip(value) => Some(json!(value.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use logdive_core::{Layer, LayerField, Predicate, ValueType};
    use serde_json::json;

    use super::{Indexed, filter};

    fn check(predicate: &str, expected: &serde_json::Value) {
        let layer = Layer::new("x")
            .unwrap()
            .field("code", LayerField::attribute("error.code", ValueType::Text))
            .unwrap()
            .field("status", LayerField::attribute("status", ValueType::Int))
            .unwrap()
            .field("free", LayerField::attribute("free", ValueType::Text))
            .unwrap();
        let indexed = ["code", "status"]
            .map(|name| Indexed { name: name.to_owned(), index: format!("i.{name}") });
        let predicate = Predicate::parse(predicate, &layer).unwrap();
        let asked = filter(&predicate, &layer, &indexed);
        assert_eq!(&serde_json::Value::from(asked.filter), expected, "{predicate}");
    }

    #[test]
    fn only_what_is_sound_is_asked() {
        let long = "x".repeat(257);
        check("true", &json!([]));
        check(r#"code == "a""#, &json!([{ "term": { "i.code": { "value": "a" } } }]));
        check(r#"code in {"a", "b"}"#, &json!([{ "terms": { "i.code": ["a", "b"] } }]));
        check("status >= 500", &json!([{ "range": { "i.status": { "gte": 500 } } }]));
        check(
            r#"status != 200 and free == "x""#,
            &json!([{ "bool": { "must_not": [{ "term": { "i.status": { "value": 200 } } }] } }]),
        );
        check(
            r#"code == "a" or status < 5"#,
            &json!([{ "bool": { "minimum_should_match": 1, "should": [
                { "term": { "i.code": { "value": "a" } } }, { "range": { "i.status": { "lt": 5 } } },
            ] } }]),
        );
        for none in [
            r#"body contains "a""#,
            r#"free == "a""#,
            r#"code == "a" or free == "a""#,
            r#"code > "a""#,
            "code is absent",
            "code is present",
            r#"not (code == "a")"#,
            r#"code == """#,
            &format!("code == \"{long}\""),
            "false",
        ] {
            check(none, &json!([]));
        }
    }
}
