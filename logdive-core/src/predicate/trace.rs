//! What each term of a condition read: the answer to why it holds, or does not.

use super::Predicate;
use crate::{Fact, Field, TermTrace, Truth};

impl Predicate {
    /// Evaluates as [`Predicate::eval`], and says of every term, in the order of the text, what it
    /// read and what it came out as. `is present` is one term, as it is written.
    #[must_use]
    pub fn trace(&self, read: &dyn Fn(&Field) -> Fact) -> (Truth, Vec<TermTrace>) {
        let mut terms = Vec::new();
        let truth = self.traced(read, &mut terms);
        (truth, terms)
    }

    fn traced(&self, read: &dyn Fn(&Field) -> Fact, found: &mut Vec<TermTrace>) -> Truth {
        match self {
            Self::And(terms) => {
                terms.iter().fold(Truth::True, |t, term| t.and(term.traced(read, found)))
            }
            Self::Or(terms) => {
                terms.iter().fold(Truth::False, |t, term| t.or(term.traced(read, found)))
            }
            Self::Not(inner) if !matches!(**inner, Self::Absent(_)) => !inner.traced(read, found),
            term => {
                let truth = term.eval(read);
                let (fact, read) = match term.fields().first() {
                    Some(field) => (field.name().to_owned(), read(field)),
                    None => (String::new(), Fact::Absent),
                };
                found.push(TermTrace { term: term.to_string(), truth, fact, read });
                truth
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::{Fact, Predicate, TicketFields, Truth};

    #[test]
    fn every_term_is_told() {
        let text = r#"ticket.service == "ssm" and (ticket.severity < 3 or not ticket.title contains "x")
            and ticket.labels.tier is present"#;
        let condition = Predicate::parse(text, &TicketFields).unwrap();
        let read = |field: &crate::Field| match field.name() {
            "ticket.service" => Fact::from("s3"),
            "ticket.severity" => Fact::unavailable(crate::ReasonKind::Late, "late"),
            "ticket.title" => Fact::from("a"),
            _ => Fact::Absent,
        };
        let (truth, terms) = condition.trace(&read);
        assert_eq!(truth, condition.eval(&read));
        let told: Vec<(&str, Truth)> =
            terms.iter().map(|term| (term.term.as_str(), term.truth)).collect();
        assert_eq!(
            told,
            [
                ("ticket.service == \"ssm\"", Truth::False),
                ("ticket.severity < 3", Truth::Unknown),
                ("ticket.title contains \"x\"", Truth::False),
                ("ticket.labels.tier is present", Truth::False),
            ]
        );
        let facts: BTreeSet<&str> = terms.iter().map(|term| term.fact.as_str()).collect();
        let fields: BTreeSet<&str> = condition.fields().iter().map(|field| field.name()).collect();
        assert_eq!(facts, fields);
        assert_eq!(terms[0].read, Fact::from("s3"));
    }
}
