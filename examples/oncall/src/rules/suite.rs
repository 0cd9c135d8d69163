//! A file of rule tests: TOML, or JSON if it begins with a brace.

use std::path::Path;

use logdive_rules::{Suite, Test};
use serde::{Deserialize as _, de::Error as _};
use serde_json::{Map, Value as Json};
use toml::de::{DeTable, DeValue};

use super::place::Lines;
use crate::error::{Context as _, Failure};
use crate::files;

/// A suite, and the line of each test where that is known.
pub(super) struct SuiteFile {
    pub(super) name: String,
    pub(super) suite: Suite,
    pub(super) lines: Vec<Option<usize>>,
}

pub(super) fn read(path: &Path) -> Result<SuiteFile, Failure> {
    let name = files::name(path);
    let text = files::read(path)?;
    let what = || format!("`{name}` is no file of rule tests");
    if text.trim_start().starts_with('{') {
        let suite: Suite = serde_json::from_str(&text).context(what())?;
        let lines = vec![None; suite.tests.len()];
        return Ok(SuiteFile { name, suite, lines });
    }
    let (suite, lines) = of_toml(&text).map_err(|causes| {
        Failure::new(what()).because(causes).help(
            "a test is `[[test]]` with `name`, `facts = { … }` and `expect = { decision = \"…\", \
             rule = \"…\" }`, `{ undetermined = [\"…\"] }` or `{ no_rule = true }`",
        )
    })?;
    Ok(SuiteFile { name, suite, lines })
}

/// Every mistake with its line.
fn of_toml(text: &str) -> Result<(Suite, Vec<Option<usize>>), Vec<String>> {
    let lines = Lines::of(text);
    let at = |span: std::ops::Range<usize>, what: &dyn std::fmt::Display| {
        let (line, column) = lines.place(span.start);
        format!("line {line}, column {column}: {what}")
    };
    let table = DeTable::parse(text)
        .map_err(|error| vec![at(error.span().unwrap_or_default(), &error.message())])?;
    let mut wrong = Vec::new();
    let mut head = Map::new();
    let mut tests = Vec::new();
    let mut places = Vec::new();
    for (key, value) in table.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("test", DeValue::Array(entries)) => {
                for entry in entries {
                    let test = Test::deserialize(json(entry.get_ref()));
                    match test {
                        Ok(test) => {
                            tests.push(test);
                            places.push(Some(lines.place(entry.span().start).0));
                        }
                        Err(error) => wrong.push(at(entry.span(), &error)),
                    }
                }
            }
            ("test", _) => {
                let error = serde_json::Error::custom("tests are written `[[test]]`");
                wrong.push(at(value.span(), &error));
            }
            (name, value) => {
                head.insert(name.to_owned(), json(value));
            }
        }
    }
    let mut suite = match Suite::deserialize(Json::Object(head)) {
        Ok(suite) => suite,
        Err(error) => {
            wrong.insert(0, at(0..0, &error));
            return Err(wrong);
        }
    };
    if !wrong.is_empty() {
        return Err(wrong);
    }
    suite.tests = tests;
    Ok((suite, places))
}

/// The value as JSON has it; times become texts.
fn json(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Boolean(value) => Json::from(*value),
        DeValue::Datetime(time) => Json::from(time.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) => Json::from(value),
            // Too large for any fact: it is told by its digits.
            Err(_) => Json::from(number.as_str()),
        },
        DeValue::Float(number) => {
            let value: Option<f64> = number.as_str().parse().ok();
            let value = value.and_then(serde_json::Number::from_f64);
            value.map_or_else(|| Json::from(number.as_str()), Json::Number)
        }
        DeValue::Array(members) => members.iter().map(|member| json(member.get_ref())).collect(),
        DeValue::Table(table) => {
            let members =
                table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())));
            Json::Object(members.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::of_toml;

    #[test]
    fn times_are_texts_and_tests_have_lines() {
        let text = "now = 2026-11-23T03:00:00Z\n\n[[test]]\nname = \"a\"\n\
            facts = { at = 2026-11-23T02:00:00Z, n = 0x10, r = 0.5 }\nexpect = { no_rule = true }\n\
            [[test]]\nname = \"b\"\nexpect = { no_rule = true }\n";
        let (suite, lines) = of_toml(text).unwrap();
        assert_eq!(suite.now.unwrap().to_rfc3339(), "2026-11-23T03:00:00+00:00");
        assert_eq!(
            suite.tests[0].facts.to_string(),
            r#"{"at":"2026-11-23T02:00:00Z","n":16,"r":0.5}"#
        );
        assert_eq!(lines, [Some(3), Some(7)]);
    }

    #[test]
    fn mistakes_have_their_lines() {
        let text = "[[test]]\nname = \"a\"\nexpct = 1\n[[test]]\nname = 3\nexpect = {}\n";
        let wrong = of_toml(text).unwrap_err();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].starts_with("line 1,") && wrong[0].contains("expct"), "{wrong:?}");
        assert!(wrong[1].starts_with("line 4,"), "{wrong:?}");
        assert!(of_toml("now = \"soon\"").unwrap_err()[0].starts_with("line 1"));
        assert!(of_toml("[[test]]\nname = ").unwrap_err()[0].starts_with("line 2"));
        assert!(of_toml("test = 1").unwrap_err()[0].contains("[[test]]"));
    }
}
