//! Conditions as they are put together: choices, and macros over lists that are closed by `exists`
//! or `all`.

use super::rows::attributes;
use super::translate::{MIXED, Refusal, SAME, SIZE};

use Form::{And, Known, Not, Open, Or, Term};

/// A condition, as far as it is translated.
#[derive(Debug, Clone)]
pub(super) enum Form {
    Known(bool),
    /// A condition over the row.
    Term(String),
    /// A test of an attribute of the elements of a list, open until `exists` or `all` closes it.
    Open {
        /// The list that is to be closed next.
        list: String,
        set: String,
        test: String,
        /// Inner lists are closed already: by `all`, or by `exists`.
        closed: Option<bool>,
    },
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

pub(super) fn not(form: Form) -> Form {
    Not(Box::new(form))
}

/// The condition in our text form.
pub(super) fn text(form: &Form) -> String {
    let joined = |forms: &[Form], word: &str| {
        let texts: Vec<String> = forms.iter().map(text).collect();
        format!("({})", texts.join(word))
    };
    match form {
        Known(value) => value.to_string(),
        Term(text) => text.clone(),
        Not(inner) => format!("not ({})", text(inner)),
        And(forms) => joined(forms, " and "),
        Or(forms) => joined(forms, " or "),
        Open { list, .. } => panic!("nobody closed `{list}`"),
    }
}

pub(super) fn known_set(set: &str) -> bool {
    attributes().iter().any(|(name, kind)| *name == set && kind.starts_with("set of"))
}

/// An attribute that every element of a list has, so that its set is as empty as the list.
pub(super) fn witness(list: &str) -> Option<String> {
    let candidates = [format!("{list}.id"), format!("{list}.name")];
    // A null in `tagNames` is an element, and no member of its set.
    candidates.into_iter().find(|set| known_set(set))
}

/// `exists` over what there is, and unknown if an element lacks it and none decides.
pub(super) fn any(set: &str, test: &str) -> Form {
    Term(format!("(any ticket.{set} {test} or any ticket.whole.{set} {test})"))
}

fn all(set: &str, test: &str) -> Form {
    Term(format!("(all ticket.{set} {test} and all ticket.whole.{set} {test})"))
}

/// `condition ? then : other`
pub(super) fn choice(condition: Form, then: Form, other: Form) -> Form {
    Or(vec![
        And(vec![condition.clone(), then]),
        And(vec![not(condition.clone()), other]),
        And(vec![condition.clone(), not(condition)]),
    ])
}

fn depends(form: &Form, on: &str) -> bool {
    match form {
        Known(_) | Term(_) => false,
        Open { list, .. } => list == on,
        Not(inner) => depends(inner, on),
        And(forms) | Or(forms) => forms.iter().any(|form| depends(form, on)),
    }
}

/// Closes a list by `all` or by `exists`: of what stands in the body, only tests of its elements
/// change. `exists` goes into `or` and, past what does not depend on the element, into `and`;
/// `all` the other way round.
pub(super) fn close(
    body: &Form,
    by_all: bool,
    list: &str,
    outer: Option<&str>,
) -> Result<Form, Refusal> {
    let empty = || -> Result<Form, Refusal> {
        let set = witness(list).ok_or(SIZE)?;
        // Inside another list it would be the emptiness of each.
        if outer.is_some() { Err(SAME) } else { Ok(Term(format!("ticket.{set} is empty"))) }
    };
    // Unknown where the list is not there at all, else without effect.
    let guarded = |form: Form| -> Result<Form, Refusal> {
        let empty = empty()?;
        Ok(match by_all {
            true => And(vec![form, Or(vec![empty.clone(), not(empty)])]),
            false => Or(vec![form, And(vec![empty.clone(), not(empty)])]),
        })
    };
    if !depends(body, list) {
        let empty = empty()?;
        return guarded(match by_all {
            true => Or(vec![empty, body.clone()]),
            false => And(vec![not(empty), body.clone()]),
        });
    }
    match body {
        Open { set, test, closed, .. } => {
            if closed.is_some_and(|closed| closed != by_all) {
                return Err(MIXED);
            }
            Ok(match outer {
                Some(outer) => Open {
                    list: outer.to_owned(),
                    set: set.clone(),
                    test: test.clone(),
                    closed: Some(by_all),
                },
                None if by_all => all(set, test),
                None => any(set, test),
            })
        }
        Not(inner) => Ok(not(close(inner, !by_all, list, outer)?)),
        And(forms) | Or(forms) => {
            let join = |forms| if matches!(body, And(_)) { And(forms) } else { Or(forms) };
            let distributes = matches!(body, And(_)) == by_all;
            if distributes {
                let closed: Result<Vec<Form>, Refusal> =
                    forms.iter().map(|form| close(form, by_all, list, outer)).collect();
                return Ok(join(closed?));
            }
            let (inside, outside): (Vec<&Form>, Vec<&Form>) =
                forms.iter().partition(|form| depends(form, list));
            let [inside] = inside[..] else { return Err(SAME) };
            let mut forms: Vec<Form> = outside.into_iter().cloned().collect();
            forms.push(close(inside, by_all, list, outer)?);
            match outer {
                // The list within another: what is outside of the inner may stay there as long as
                // the outer is open, since both are closed by the same word.
                Some(_) => Ok(join(forms)),
                None => guarded(join(forms)),
            }
        }
        Known(_) | Term(_) => panic!("they depend on nothing"),
    }
}
