//! Texts that a line must hold for a predicate to be true of it, so that a store can leave out
//! lines without them.
//!
//! The body of a line is the line, or, of a JSON object, one of its texts. So a line may write the
//! body with JSON's escapes. What is asked of the store therefore is one of: the text as it is, or
//! `\u`, by which anything may be hidden. Characters with a shorter escape are not looked for.

use logdive_core::{Comparison, Field, Predicate, Value};

/// Most texts of one clause, and most clauses, that are sent.
const MOST: usize = 50;

/// Clauses, all of which must hold; of each, the body of a line must hold at least one text.
pub(super) fn needles(predicate: &Predicate) -> Vec<Vec<&str>> {
    match predicate {
        Predicate::Compare {
            field: Field::Body,
            comparison: Comparison::Equal,
            value: Value::Text(text),
        }
        | Predicate::Text { field: Field::Body, text, .. } => clause(vec![text]),
        Predicate::In { field: Field::Body, values } => {
            let texts = values.iter().map(|value| match value {
                Value::Text(text) => Some(text.as_str()),
                _ => None,
            });
            texts.collect::<Option<_>>().map_or_else(Vec::new, clause)
        }
        Predicate::And(terms) => terms.iter().flat_map(needles).take(MOST).collect(),
        Predicate::Or(terms) => {
            let best = terms.iter().map(|term| best(needles(term)));
            let all: Option<Vec<Vec<&str>>> = best.collect();
            all.map_or_else(Vec::new, |all| clause(all.concat()))
        }
        // A negation, an order, and what is absent need nothing of a line's text.
        _ => Vec::new(),
    }
}

fn clause(texts: Vec<&str>) -> Vec<Vec<&str>> {
    let useful = !texts.is_empty() && texts.len() <= MOST && texts.iter().all(|t| !t.is_empty());
    if useful { vec![texts] } else { Vec::new() }
}

/// The clause that leaves out most: the one whose shortest text is longest.
pub(super) fn best(clauses: Vec<Vec<&str>>) -> Option<Vec<&str>> {
    clauses.into_iter().max_by_key(|texts| texts.iter().map(|text| text.len()).min())
}

/// The longest run of characters that a store can look for, none of which JSON may write in
/// another way than as itself or with `\u`.
pub(super) fn run(text: &str, can: impl Fn(char) -> bool) -> Option<&str> {
    let escaped = |c: char| matches!(c, '"' | '\\' | '/') || c.is_control();
    let runs = text.split(|c: char| escaped(c) || !can(c));
    runs.max_by_key(|run| run.len()).filter(|run| !run.is_empty())
}

#[cfg(test)]
mod tests {
    use logdive_core::{Layer, Predicate};

    use super::{best, needles, run};

    fn check(text: &str, expected: &[&[&str]]) {
        let predicate = Predicate::parse(text, &Layer::new("x").unwrap()).unwrap();
        let found = needles(&predicate);
        assert_eq!(
            found,
            expected.iter().map(|texts| texts.to_vec()).collect::<Vec<_>>(),
            "{text}"
        );
    }

    #[test]
    fn only_what_every_line_must_hold() {
        check(r#"body contains "a""#, &[&["a"]]);
        check(r#"body == "a" and severity >= error"#, &[&["a"]]);
        check(r#"body starts_with "a" and body ends_with "b""#, &[&["a"], &["b"]]);
        check(r#"body in {"a", "b"}"#, &[&["a", "b"]]);
        check(r#"body contains "a" or body contains "b""#, &[&["a", "b"]]);
        check(r#"(body contains "a" and body contains "long") or body == "b""#, &[&["long", "b"]]);
        for none in [
            "true",
            "false",
            r#"not (body contains "a")"#,
            r#"body != "a""#,
            r#"body contains """#,
            r#"body contains "a" or severity >= error"#,
            r#"emitter == "a""#,
            "body is absent",
        ] {
            check(none, &[]);
        }
    }

    #[test]
    fn runs_have_nothing_that_is_escaped() {
        assert_eq!(run("GET /health \"x\"", |_| true), Some("health "));
        assert_eq!(run("a\tb\u{e9}c", |_| true), Some("b\u{e9}c"));
        assert_eq!(run("a b", |c| c != ' '), Some("b"));
        assert_eq!(run("\"/", |_| true), None);
        assert_eq!(best(vec![vec!["a", "bbbb"], vec!["cc"]]), Some(vec!["cc"]));
    }
}
