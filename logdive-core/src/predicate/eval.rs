//! The row evaluator: the meaning of a predicate.

use std::cmp::Ordering;

use super::{Comparison, Predicate, TextTest};
use crate::{Fact, Field, Truth, Value};

/// The truth of a predicate, and whether something that could not be had was read on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evaluation {
    /// The truth.
    pub truth: Truth,
    /// Whether a field that decided nothing because it is unavailable was read. An unknown
    /// without one comes from absence only: the row lacks the field, and more knowledge would not
    /// change that.
    pub unavailable: bool,
}

impl Predicate {
    /// Evaluates over what `read` gives for each field. All terms are read: nothing is cut short,
    /// so that a trace is whole.
    #[must_use]
    pub fn eval(&self, read: &dyn Fn(&Field) -> Fact) -> Truth {
        match self {
            Self::And(terms) => {
                terms.iter().map(|term| term.eval(read)).fold(Truth::True, Truth::and)
            }
            Self::Or(terms) => {
                terms.iter().map(|term| term.eval(read)).fold(Truth::False, Truth::or)
            }
            Self::Not(term) => !term.eval(read),
            Self::Compare { field, comparison, value } => compare(&read(field), *comparison, value),
            Self::In { field, values } => member(&read(field), values),
            Self::Text { field, test, text } => {
                of_text(&read(field), |read| Some(passes(read, *test, text)))
            }
            Self::Phrase { field, phrase } => {
                of_text(&read(field), |read| Some(phrase.is_in(read)))
            }
            Self::Matches { field, pattern } => {
                of_text(&read(field), |read| pattern.is_match(read))
            }
            Self::Absent(field) => match read(field) {
                Fact::Absent => Truth::True,
                Fact::Known(_) | Fact::AtLeast(..) => Truth::False,
                Fact::Unavailable(_) => Truth::Unknown,
            },
            Self::Unavailable(field) => matches!(read(field), Fact::Unavailable(_)).into(),
        }
    }

    /// Evaluates a condition over a row, and says whether an unknown comes from something that
    /// could not be had.
    #[must_use]
    pub fn evaluate(&self, read: &dyn Fn(&Field) -> Fact) -> Evaluation {
        let truth = self.eval(read);
        let unavailable = truth.is_unknown() && {
            // Were everything unavailable merely absent, and the answer still unknown, then the
            // unavailable may matter; if any is read at all, say so. This errs to one side only:
            // it may call a row possible that is not.
            self.fields().into_iter().any(|field| read(field).is_incomplete())
        };
        Evaluation { truth, unavailable }
    }
}

fn compare(fact: &Fact, comparison: Comparison, value: &Value) -> Truth {
    match fact {
        Fact::Known(read) => match read.compare(value) {
            Some(ordering) => holds(ordering, comparison).into(),
            // The checker lets one type meet the same type only; a set of facts that was filled
            // otherwise is ill-typed, which is unknown.
            None => Truth::Unknown,
        },
        Fact::AtLeast(bound, _) => match bound.compare(value) {
            Some(ordering) => at_least(ordering, comparison),
            None => Truth::Unknown,
        },
        Fact::Absent | Fact::Unavailable(_) => Truth::Unknown,
    }
}

const fn holds(ordering: Ordering, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    }
}

/// What is certain of a number that is at least a bound: only what holds for all such numbers.
const fn at_least(bound: Ordering, comparison: Comparison) -> Truth {
    match (comparison, bound) {
        (Comparison::Equal, Ordering::Greater)
        | (Comparison::Less, Ordering::Greater | Ordering::Equal)
        | (Comparison::LessOrEqual, Ordering::Greater) => Truth::False,
        (Comparison::NotEqual | Comparison::Greater, Ordering::Greater)
        | (Comparison::GreaterOrEqual, Ordering::Greater | Ordering::Equal) => Truth::True,
        _ => Truth::Unknown,
    }
}

fn member(fact: &Fact, values: &[Value]) -> Truth {
    values
        .iter()
        .map(|value| compare(fact, Comparison::Equal, value))
        .fold(if values.is_empty() { empty_set(fact) } else { Truth::False }, Truth::or)
}

/// Nothing is a member of the empty set, but what cannot be had stays unknown, as for any other
/// term over it.
const fn empty_set(fact: &Fact) -> Truth {
    match fact {
        Fact::Known(_) | Fact::AtLeast(..) => Truth::False,
        Fact::Absent | Fact::Unavailable(_) => Truth::Unknown,
    }
}

/// What a test says of a text; unknown of anything else, and if the test says nothing.
fn of_text(fact: &Fact, test: impl FnOnce(&str) -> Option<bool>) -> Truth {
    match fact {
        Fact::Known(Value::Text(read)) => test(read).map_or(Truth::Unknown, Truth::from),
        _ => Truth::Unknown,
    }
}

fn passes(read: &str, test: TextTest, text: &str) -> bool {
    match test {
        TextTest::Contains => read.contains(text),
        TextTest::StartsWith => read.starts_with(text),
        TextTest::EndsWith => read.ends_with(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Comparison, compare};
    use crate::{Fact, Reason, Truth, Value};

    fn comparison() -> impl Strategy<Value = Comparison> {
        prop_oneof![
            Just(Comparison::Equal),
            Just(Comparison::NotEqual),
            Just(Comparison::Less),
            Just(Comparison::LessOrEqual),
            Just(Comparison::Greater),
            Just(Comparison::GreaterOrEqual),
        ]
    }

    proptest! {
        /// What is said of a lower bound holds for every number it may turn out to be.
        #[test]
        fn a_lower_bound_never_lies(
            bound in -5_i64..5, more in 0_i64..5, constant in -5_i64..10, comparison in comparison()
        ) {
            let value = Value::Int(constant);
            let loose = Fact::AtLeast(Value::Int(bound), Reason::from("late"));
            let exact = compare(&Fact::from(bound + more), comparison, &value);
            let certain = compare(&loose, comparison, &value);
            prop_assert!(certain == Truth::Unknown || certain == exact);
        }

        /// And it says what can be said: unknown only if two completions differ.
        #[test]
        fn a_lower_bound_says_all_it_can(
            bound in -5_i64..5, constant in -5_i64..10, comparison in comparison()
        ) {
            let value = Value::Int(constant);
            let loose = Fact::AtLeast(Value::Int(bound), Reason::from("late"));
            let all: Vec<Truth> =
                (0..30).map(|more| compare(&Fact::from(bound + more), comparison, &value)).collect();
            let agreed = all.iter().all(|truth| *truth == all[0]);
            prop_assert_eq!(compare(&loose, comparison, &value) != Truth::Unknown, agreed);
        }
    }
}
