//! What is asked of Loki: a selector and line filters in LogQL.

use std::fmt::Write as _;

use logdive_core::{Comparison, Field, FieldPath, Layer, Predicate, Value, ValueType};

use crate::layers::http::needles::{needles, run};

/// Most line filters of one query.
const MOST_FILTERS: usize = 8;
/// Most values of one label that are asked for.
const MOST_VALUES: usize = 100;

/// A stream selector.
#[derive(Debug, Clone, PartialEq, Eq)]
// Invariant: begins with `{`, has a matcher, and its only `}` outside of quotes is its last.
pub(super) struct Selector(String);

/// A query, and what of the predicate it answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) text: String,
    pub(super) answered: Vec<String>,
}

impl Selector {
    /// Takes a selector.
    ///
    /// # Errors
    /// If it is none, or has a pipeline behind it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = |why: &str| {
            Err(format!("`{text}` is no stream selector: {why}; write it as `{{app=\"front\"}}`"))
        };
        let mut quote = None;
        let mut escaped = false;
        let mut closed = false;
        let mut matchers = 0;
        for (place, c) in text.chars().enumerate() {
            if closed {
                return wrong("something stands behind its `}`");
            }
            match (quote, c) {
                (Some('"'), _) if escaped => escaped = false,
                (Some('"'), '\\') => escaped = true,
                (Some(open), _) => {
                    if c == open {
                        quote = None;
                        matchers += 1;
                    }
                }
                (None, '"' | '`') => quote = Some(c),
                (None, '{') if place > 0 => return wrong("it has a second `{`"),
                (None, '}') => closed = true,
                (None, _) if place == 0 && c != '{' => return wrong("it begins with no `{`"),
                (None, _) => {}
            }
        }
        match (closed, matchers) {
            (false, _) => wrong("it has no end"),
            (true, 0) => wrong("it is empty, and Loki needs a label to match"),
            (true, _) => Ok(Self(text.to_owned())),
        }
    }

    /// The query for a predicate: every line that meets it is among the answer, and perhaps
    /// others.
    pub(super) fn ask(&self, predicate: &Predicate, layer: &Layer) -> Asked {
        let mut answered = Vec::new();
        let mut text = self.0.trim_end_matches('}').trim_end().trim_end_matches(',').to_owned();
        for term in conjuncts(predicate) {
            if let Some(matcher) = label(term, layer) {
                text.push_str(", ");
                text.push_str(&matcher);
                answered.push(term.to_string());
            }
        }
        text.push('}');
        for texts in needles(predicate).into_iter().take(MOST_FILTERS) {
            let runs: Option<Vec<&str>> = texts.iter().map(|text| run(text, |_| true)).collect();
            let Some(runs) = runs else { continue };
            let mut regex: Vec<String> = runs.into_iter().map(literal).collect();
            regex.push(r"\\u".to_owned());
            let _ = write!(text, " |~ {}", quoted(&regex.join("|")));
            answered.push(format!("body has {}", texts.join(" or ")));
        }
        Asked { text, answered }
    }
}

/// The terms that must all hold.
fn conjuncts(predicate: &Predicate) -> Vec<&Predicate> {
    match predicate {
        Predicate::And(terms) => terms.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// The matcher for a term over a label. A label is always text, and a stream that lacks it meets
/// neither the term nor a matcher of text that is not empty.
fn label(term: &Predicate, layer: &Layer) -> Option<String> {
    let (field, values): (&Field, Vec<&Value>) = match term {
        Predicate::Compare { field, comparison: Comparison::Equal, value } => (field, vec![value]),
        Predicate::In { field, values } => (field, values.iter().collect()),
        _ => return None,
    };
    let declared = layer.declared(field)?;
    let FieldPath::Resource(path) = &declared.path else { return None };
    let [name] = path.as_slice() else { return None };
    let plain = matches!(declared.kind, ValueType::Text | ValueType::Enum(_));
    let named = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !plain || declared.after.is_some() || !named || values.is_empty() {
        return None;
    }
    let texts: Option<Vec<&str>> = values
        .into_iter()
        .map(|value| match value {
            Value::Text(text) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
        .collect();
    match texts?.as_slice() {
        [one] => Some(format!("{name}={}", quoted(one))),
        many if many.len() <= MOST_VALUES => {
            let regex: Vec<String> = many.iter().map(|text| literal(text)).collect();
            Some(format!("{name}=~{}", quoted(&regex.join("|"))))
        }
        _ => None,
    }
}

/// A text as a regular expression that matches it and nothing else (RE2).
fn literal(text: &str) -> String {
    let mut regex = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            regex.push('\\');
        }
        regex.push(c);
    }
    regex
}

/// A string of LogQL, which are those of Go.
fn quoted(text: &str) -> String {
    let mut string = String::with_capacity(text.len() + 2);
    string.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                string.push('\\');
                string.push(c);
            }
            '\n' => string.push_str("\\n"),
            '\r' => string.push_str("\\r"),
            '\t' => string.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(string, "\\u{:04x}", u32::from(c));
            }
            c => string.push(c),
        }
    }
    string.push('"');
    string
}

#[cfg(test)]
mod tests {
    use logdive_core::{FieldPath, Layer, LayerField, Predicate, ValueType};

    use super::Selector;

    fn check(predicate: &str, expected: &str) {
        let resource = FieldPath::Resource(vec!["pod".to_owned()]);
        let layer = Layer::new("x")
            .unwrap()
            .field("pod", LayerField::at(resource.clone(), ValueType::Text))
            .unwrap()
            .field("tail", LayerField::at(resource, ValueType::Text).after("-"))
            .unwrap();
        let predicate = Predicate::parse(predicate, &layer).unwrap();
        let selector = Selector::parse(r#"{app="a}b"}"#).unwrap();
        assert_eq!(selector.ask(&predicate, &layer).text, expected);
    }

    #[test]
    fn only_what_is_sound_is_asked_of_loki() {
        let all = r#"{app="a}b"}"#;
        check("true", all);
        check(r#"pod == "p-1""#, r#"{app="a}b", pod="p-1"}"#);
        check(r#"pod in {"a.b", "c\"d"}"#, r#"{app="a}b", pod=~"a\\.b|c\"d"}"#);
        check(r#"body contains "x.y" and pod == "p""#, r#"{app="a}b", pod="p"} |~ "x\\.y|\\\\u""#);
        check(r#"body contains "say \"hi\" now""#, r#"{app="a}b"} |~ " now|\\\\u""#);
        for none in [
            r#"pod == """#,
            r#"pod != "p""#,
            r#"not (pod == "p")"#,
            r#"tail == "p""#,
            r#"pod == "p" or severity >= error"#,
            r#"body contains "\"""#,
        ] {
            check(none, all);
        }
    }

    #[test]
    fn selectors_are_checked() {
        for bad in ["", "app", "{}", "{ }", r#"{app="a"} |= "x""#, r#"{app="a"#, r#"x{app="a"}"#] {
            assert!(Selector::parse(bad).unwrap_err().contains("no stream selector"), "{bad}");
        }
        for good in [r#" {app="a", b=~`c}`} "#, r#"{app="a\"}"}"#] {
            assert!(Selector::parse(good).is_ok(), "{good}");
        }
    }
}
