//! The row evaluator: the meaning of a predicate.

use std::cmp::Ordering;

use ipnet::IpNet;

use super::{Comparison, Predicate, Quantifier, TextTest};
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
            term => match term.field() {
                Some(field) => term.of(&read(field)),
                None => Truth::Unknown,
            },
        }
    }

    /// What a single term says of the fact it reads: the one definition of what terms mean, for
    /// evaluators that read facts in another way than [`Predicate::eval`]. `and`, `or` and `not`
    /// are no terms, and say what they would if all their fields read as this fact.
    #[must_use]
    pub fn of(&self, fact: &Fact) -> Truth {
        self.of_read(Read::from(fact))
    }

    fn of_read(&self, read: Read<'_>) -> Truth {
        match self {
            Self::And(terms) => {
                terms.iter().map(|term| term.of_read(read)).fold(Truth::True, Truth::and)
            }
            Self::Or(terms) => {
                terms.iter().map(|term| term.of_read(read)).fold(Truth::False, Truth::or)
            }
            Self::Not(term) => !term.of_read(read),
            Self::Compare { comparison, value, .. } => compare(read, *comparison, value),
            Self::In { values, .. } => member(read, values),
            Self::Text { test, text, .. } => of_text(read, |read| Some(passes(read, *test, text))),
            Self::Phrase { phrase, .. } => of_text(read, |read| Some(phrase.is_in(read))),
            Self::Matches { pattern, .. } => of_text(read, |read| pattern.is_match(read)),
            Self::Each { quantifier, test, .. } => each(read, *quantifier, test),
            Self::Absent(_) => match read {
                Read::Absent => Truth::True,
                Read::Known(_) | Read::AtLeast(_) => Truth::False,
                Read::Unavailable => Truth::Unknown,
            },
            Self::Unavailable(_) => matches!(read, Read::Unavailable).into(),
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

/// What a term sees of a fact, or of a member of a set.
#[derive(Clone, Copy)]
enum Read<'a> {
    Known(&'a Value),
    AtLeast(&'a Value),
    Absent,
    Unavailable,
}

impl<'a> From<&'a Fact> for Read<'a> {
    fn from(fact: &'a Fact) -> Self {
        match fact {
            Fact::Known(value) => Self::Known(value),
            Fact::AtLeast(bound, _) => Self::AtLeast(bound),
            Fact::Absent => Self::Absent,
            Fact::Unavailable(_) => Self::Unavailable,
        }
    }
}

fn compare(read: Read<'_>, comparison: Comparison, value: &Value) -> Truth {
    match read {
        Read::Known(read) => match read.compare(value) {
            Some(ordering) => holds(ordering, comparison).into(),
            // The checker lets one type meet the same type only; a set of facts that was filled
            // otherwise is ill-typed, which is unknown.
            None => Truth::Unknown,
        },
        Read::AtLeast(bound) => match bound.compare(value) {
            Some(ordering) => at_least(ordering, comparison),
            None => Truth::Unknown,
        },
        Read::Absent | Read::Unavailable => Truth::Unknown,
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

fn member(read: Read<'_>, values: &[Value]) -> Truth {
    values
        .iter()
        .map(|value| match value {
            Value::Cidr(network) => within(read, network),
            value => compare(read, Comparison::Equal, value),
        })
        .fold(if values.is_empty() { empty_set(read) } else { Truth::False }, Truth::or)
}

/// Whether an address or network is a part of a network.
fn within(read: Read<'_>, network: &IpNet) -> Truth {
    match read {
        Read::Known(read @ (Value::Ip(_) | Value::Cidr(_))) => read.is_within(network).into(),
        _ => Truth::Unknown,
    }
}

/// What is true of the members of a set.
fn each(read: Read<'_>, quantifier: Quantifier, test: &Predicate) -> Truth {
    let Read::Known(Value::Set(members)) = read else { return Truth::Unknown };
    let passes = members.iter().map(|member| test.of_read(Read::Known(member)));
    match quantifier {
        Quantifier::Any => passes.fold(Truth::False, Truth::or),
        Quantifier::All => passes.fold(Truth::True, Truth::and),
    }
}

/// Nothing is a member of the empty set, but what cannot be had stays unknown, as for any other
/// term over it.
const fn empty_set(read: Read<'_>) -> Truth {
    match read {
        Read::Known(_) | Read::AtLeast(_) => Truth::False,
        Read::Absent | Read::Unavailable => Truth::Unknown,
    }
}

/// What a test says of a text; unknown of anything else, and if the test says nothing.
fn of_text(read: Read<'_>, test: impl FnOnce(&str) -> Option<bool>) -> Truth {
    match read {
        Read::Known(Value::Text(read)) => test(read).map_or(Truth::Unknown, Truth::from),
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

    use super::{Comparison, Read, compare};
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
            let exact = compare(Read::from(&Fact::from(bound + more)), comparison, &value);
            let certain = compare(Read::from(&loose), comparison, &value);
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
                (0..30).map(|more| compare(Read::from(&Fact::from(bound + more)), comparison, &value)).collect();
            let agreed = all.iter().all(|truth| *truth == all[0]);
            prop_assert_eq!(compare(Read::from(&loose), comparison, &value) != Truth::Unknown, agreed);
        }
    }
}
