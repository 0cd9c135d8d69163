//! The value at a path of a JSON text, without building the rest of it.
//!
//! The answer is that of parsing the whole text into a [`serde_json::Value`] and following the
//! path, errors included: everything is read and checked as for a value (numbers that are too
//! large, lone surrogates, nesting beyond 128), and of equal keys the last counts. That is why
//! `serde::de::IgnoredAny` will not do for what is skipped: it checks less.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

/// The value at a path; `None` if there is none.
pub(super) fn at(text: &str, path: &[String]) -> serde_json::Result<Option<Json>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let found = At(path).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(found)
}

struct At<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<Json>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Json>, D::Error> {
        match self.0.split_first() {
            Some((key, rest)) => deserializer.deserialize_any(Member { key, rest }),
            None => Json::deserialize(deserializer).map(Some),
        }
    }
}

/// Reads a value; keeps what lies below one key of it.
struct Member<'p> {
    key: &'p str,
    rest: &'p [String],
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<Json>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Json>, A::Error> {
        let mut found = None;
        while let Some(is_key) = map.next_key_seed(Is(self.key))? {
            if is_key {
                found = map.next_value_seed(At(self.rest))?;
            } else {
                map.next_value::<Skipped>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<Json>, A::Error> {
        while seq.next_element::<Skipped>()?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<Json>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<Json>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<Json>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<Json>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<Json>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<Json>, E> {
        Ok(None)
    }
}

/// Whether a key is this one.
struct Is<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// A value that is read and not kept.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_key::<Self>()?.is_some() {
            map.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use logdive_core::walk;
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::Value as Json;

    use super::at;

    /// The same value, or an error where there was one, as by way of the whole value.
    fn check(text: &str) {
        for path in [&[] as &[&str], &["a"], &["a", "b"], &["b"], &["a.b"], &["a", "b", "c"]] {
            let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
            let whole: serde_json::Result<Json> = serde_json::from_str(text);
            match (at(text, &path), whole) {
                (Ok(found), Ok(whole)) => {
                    assert_eq!(found.as_ref(), walk(&whole, &path), "{path:?} of {text}");
                }
                (Err(_), Err(_)) => {}
                (found, whole) => panic!("{path:?} of {text}: {found:?}, not {whole:?}"),
            }
        }
    }

    #[test]
    fn is_as_strict_as_parsing_all() {
        for text in [
            r#"{"a":{"b":1}}"#,
            r#"{"a":{"b":1},"a":{}}"#,
            r#"{"a":{"b":1},"a":2}"#,
            r#"{"a":{"b":1,"b":null}}"#,
            r#"{"a":[{"b":1}]}"#,
            r#"{"\u0061":1,"a.b":2}"#,
            r#"{"x":"\ud800","a":1}"#,
            r#"{"\ud800":1,"a":1}"#,
            r#"{"x":"\ud83e\udd80","a":1}"#,
            r#"{"x":1e999,"a":1}"#,
            r#"{"x":[1e999],"a":1}"#,
            r#"{"x":-0,"a":-0.0}"#,
            r#"{"x":123456789012345678901234567890,"a":18446744073709551616}"#,
            r#"{"x":01,"a":1}"#,
            r#"{"x":NaN,"a":1}"#,
            r#"{"x":Infinity,"a":1}"#,
            r#"{"a":1,}"#,
            r#"{"a":1}{"a":2}"#,
            r#"{"a":1} "#,
            r#"{"a":1} x"#,
            r#"{"a":1"#,
            "{\"x\":\"\u{1}\",\"a\":1}",
            "{\"a\":\"\\u0000\"}",
            "\u{feff}{}",
            "",
            "null",
            "[]",
            "\"a\"",
            r#"{"$serde_json::private::Number":"1","a":1}"#,
            r#"{"a":{"$serde_json::private::RawValue":"1"}}"#,
        ] {
            check(text);
        }
        for depth in [126, 127, 128, 129, 100_000] {
            let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            check(&deep);
            check(&format!("{{\"x\":{deep},\"a\":1}}"));
            check(&format!("{{\"a\":{}1{}}}", "{\"b\":".repeat(depth), "}".repeat(depth)));
        }
    }

    /// JSON that is nearly right, from the pieces that make the difference.
    fn text() -> impl Strategy<Value = String> {
        let scalar = select(vec![
            "1",
            "-0",
            "1e400",
            "0.1",
            "null",
            "true",
            "\"b\"",
            "\"\\u0061\"",
            "\"\\udc00\"",
            "",
            "18446744073709551616",
            "tru",
            "\"\u{0}\"",
        ]);
        let scalar = scalar.prop_map(str::to_owned);
        let key =
            select(vec!["\"a\"", "\"b\"", "\"c\"", "\"\\u0061\"", "\"a.b\"", "a", "\"\\ud800\""]);
        scalar.prop_recursive(4, 24, 4, move |inner| {
            let member =
                (key.clone(), inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
            prop_oneof![
                4 => prop::collection::vec(member, 0..4)
                    .prop_map(|members| format!("{{{}}}", members.join(","))),
                1 => prop::collection::vec(inner, 0..3)
                    .prop_map(|items| format!("[{}]", items.join(" ,"))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn agrees_with_parsing_all(text in text()) {
            check(&text);
        }

        #[test]
        fn cut_texts_agree(text in text(), cut in 0_usize..40) {
            check(&text.chars().take(cut).collect::<String>());
        }
    }
}
