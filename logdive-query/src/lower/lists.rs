//! Where DataFusion's optimiser would join lists wrongly.
//!
//! It joins two lists over one expression, and takes `x IN (1) AND x IN (2)` for false and
//! `x NOT IN (1) OR x NOT IN (2)` for true: right for lines that have `x`, wrong for those that do
//! not, of which both are unknown. Lists meet across any nesting once conjunctions of one term,
//! `true` and negations are gone, and equalities over a column become lists when `or` joins them.
//! So a field that two lists could be made of in one predicate is crowded, and what is said of it
//! is kept from the optimiser. It still prunes by the fields of all others.

use std::collections::{HashMap, HashSet};

use logdive_core::{Comparison, Field, Predicate};

/// Fields over which two lists could meet.
pub(super) fn crowded(predicate: &Predicate) -> HashSet<&Field> {
    let mut found = HashMap::new();
    count(predicate, &mut found);
    let crowded = found.into_iter().filter(|(_, found)| found.lists + found.single / 2 > 1);
    crowded.map(|(field, _)| field).collect()
}

#[derive(Default)]
struct Found {
    /// Sets, and disjunctions of equalities.
    lists: usize,
    /// Equalities that stand alone; two of them may become a list.
    single: usize,
}

fn count<'a>(predicate: &'a Predicate, found: &mut HashMap<&'a Field, Found>) {
    match predicate {
        Predicate::And(terms) => terms.iter().for_each(|term| count(term, found)),
        Predicate::Not(term) => count(term, found),
        Predicate::Or(terms) => {
            let mut equal: HashMap<&Field, usize> = HashMap::new();
            alternatives(terms, &mut |term| match equality(term) {
                Some(field) => *equal.entry(field).or_default() += 1,
                None => count(term, found),
            });
            for (field, terms) in equal {
                let found = found.entry(field).or_default();
                if terms > 1 { found.lists += 1 } else { found.single += 1 }
            }
        }
        Predicate::In { field, .. } => found.entry(field).or_default().lists += 1,
        // Negated, an inequality is an equality.
        Predicate::Compare { field, comparison: Comparison::NotEqual, .. } => {
            found.entry(field).or_default().single += 1;
        }
        term => {
            if let Some(field) = equality(term) {
                found.entry(field).or_default().single += 1;
            }
        }
    }
}

/// The terms of a disjunction, and of those directly in it.
fn alternatives<'a>(terms: &'a [Predicate], visit: &mut impl FnMut(&'a Predicate)) {
    let mut open: Vec<&Predicate> = terms.iter().collect();
    while let Some(term) = open.pop() {
        match term {
            Predicate::Or(terms) => open.extend(terms),
            term => visit(term),
        }
    }
}

const fn equality(predicate: &Predicate) -> Option<&Field> {
    match predicate {
        Predicate::Compare { field, comparison: Comparison::Equal, .. } => Some(field),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use logdive_core::{Layer, Predicate};

    use super::crowded;

    fn check(text: &str, expected: &[&str]) {
        let predicate = Predicate::parse(text, &Layer::new("x").unwrap()).unwrap();
        let mut found: Vec<&str> =
            crowded(&predicate).into_iter().map(logdive_core::Field::name).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn only_fields_of_two_lists() {
        check(r#"event in {"a", "b"} and body in {"c"}"#, &[]);
        check(r#"event == "a" or event == "b" or (event == "c" or event == "d")"#, &[]);
        check(r#"event == "a" and body == "b" and severity == error"#, &[]);
        check(r#"event in {"a"} and event == "a""#, &[]);
        check(r#"event in {"a"} and event in {"b"}"#, &["event"]);
        check(r#"not (event in {"a"}) or not (true and event in {"b"}) or uid == "a""#, &["event"]);
        check(r#"(event == "a" or event == "b") and (event == "c" or event == "d")"#, &["event"]);
        check(r#"event in {"a"} and (event == "a" or event == "b")"#, &["event"]);
        check(r#"not (event != "a" and event != "b") and event in {"c"}"#, &["event"]);
    }
}
