//! Rules as the evaluators without a trace walk them: terms over slots, each distinct one once.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::OnceLock;

use logdive_core::{Fact, Mode, Predicate, Truth};

use crate::rule::{Argument, Effect, Rule};
use crate::schema::Schema;

/// What evaluators need to know of a set, worked out once. A **slot** is the place of an entry in
/// the schema, by name.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// For each slot what is read where it is absent.
    pub(crate) defaults: Vec<Option<Fact>>,
    /// Every term of the rules, each once.
    pub(crate) terms: Vec<Term>,
    /// How many terms stand in several places.
    pub(crate) shared: usize,
    /// For each rule, `when and not unless`.
    pub(crate) conditions: Vec<Node>,
    /// For each rule, the slots that its actions need exactly.
    pub(crate) exact: Vec<Vec<usize>>,
    /// The rules that take part and decide and ask for the same, each class in the order in which
    /// its rules are asked: by mode, then by name.
    pub(crate) classes: Vec<Vec<usize>>,
}

/// A condition over terms.
#[derive(Debug)]
pub(crate) enum Node {
    And(Box<[Self]>),
    Or(Box<[Self]>),
    Not(Box<Self>),
    /// By place in [`Compiled::terms`].
    Term(usize),
}

/// A term and the slot that it reads.
#[derive(Debug)]
pub(crate) struct Term {
    /// Beyond the schema for a name that is not in it, which reads as unavailable.
    pub(crate) slot: usize,
    /// Neither `and`, `or` nor `not`.
    pub(crate) test: Predicate,
    /// Where its truth is remembered, if it stands in several places.
    pub(crate) memo: Option<usize>,
}

impl Compiled {
    pub(crate) fn new(schema: &Schema, rules: &[Rule]) -> Self {
        let slots: BTreeMap<&str, usize> =
            schema.entries.keys().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let mut terms = Terms { slots: &slots, found: Vec::new(), places: HashMap::new() };
        let conditions: Vec<Node> = rules.iter().map(|rule| terms.rule(rule)).collect();
        let Terms { found, .. } = terms;
        let mut shared = 0;
        let terms = found.into_iter().map(|(slot, test, count)| {
            let memo = (count > 1).then(|| {
                shared += 1;
                shared - 1
            });
            Term { slot, test: test.clone(), memo }
        });
        let terms = terms.collect();
        let exact = rules.iter().map(|rule| exact(rule, &slots)).collect();
        let defaults = schema.entries.values().map(|entry| entry.default.clone().map(Fact::Known));
        let defaults = defaults.collect();
        Self { defaults, terms, shared, conditions, exact, classes: classes(rules) }
    }
}

/// Collects terms; `found` has each with its slot and how often it stands.
struct Terms<'a> {
    slots: &'a BTreeMap<&'a str, usize>,
    found: Vec<(usize, &'a Predicate, usize)>,
    places: HashMap<&'a Predicate, usize>,
}

impl<'a> Terms<'a> {
    fn rule(&mut self, rule: &'a Rule) -> Node {
        let when = self.node(&rule.when);
        match &rule.unless {
            None => when,
            Some(unless) => {
                let unless = Node::Not(Box::new(self.node(unless)));
                Node::And([when, unless].into())
            }
        }
    }

    fn node(&mut self, condition: &'a Predicate) -> Node {
        match condition {
            Predicate::And(inner) => Node::And(inner.iter().map(|term| self.node(term)).collect()),
            Predicate::Or(inner) => Node::Or(inner.iter().map(|term| self.node(term)).collect()),
            Predicate::Not(inner) => Node::Not(Box::new(self.node(inner))),
            term => {
                let at = *self.places.entry(term).or_insert_with(|| {
                    let slot = term.field().and_then(|field| self.slots.get(field.name()));
                    self.found.push((slot.copied().unwrap_or(usize::MAX), term, 0));
                    self.found.len() - 1
                });
                if let Some((_, _, count)) = self.found.get_mut(at) {
                    *count += 1;
                }
                Node::Term(at)
            }
        }
    }
}

/// The slots of the facts that the arguments of a rule's actions name, each once.
fn exact(rule: &Rule, slots: &BTreeMap<&str, usize>) -> Vec<usize> {
    let arguments = rule.calls().iter().flat_map(|call| call.arguments.values());
    let names = arguments.flat_map(Argument::facts);
    let mut found: Vec<usize> =
        names.map(|name| slots.get(name).copied().unwrap_or(usize::MAX)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn classes(rules: &[Rule]) -> Vec<Vec<usize>> {
    let mut places: HashMap<(&str, &Effect), usize> = HashMap::new();
    let mut classes: Vec<Vec<usize>> = Vec::new();
    for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.mode != Mode::Off) {
        // As `Rule::agrees` compares.
        let class = *places.entry((&rule.decision, &rule.effect)).or_insert(classes.len());
        match classes.get_mut(class) {
            Some(class) => class.push(at),
            None => classes.push(vec![at]),
        }
    }
    for class in &mut classes {
        // Stable: of equal modes the first by name stays first.
        class.sort_by_key(|at| rules.get(*at).map(|rule| rule.mode));
    }
    classes
}

impl Node {
    /// The truth, given that of each term, which is asked for only while it can change the answer.
    pub(crate) fn truth<F: FnMut(usize) -> Truth>(&self, term: &mut F) -> Truth {
        match self {
            Self::And(inner) => {
                let mut truth = Truth::True;
                for node in inner {
                    truth = truth.and(node.truth(term));
                    if truth == Truth::False {
                        break;
                    }
                }
                truth
            }
            Self::Or(inner) => {
                let mut truth = Truth::False;
                for node in inner {
                    truth = truth.or(node.truth(term));
                    if truth == Truth::True {
                        break;
                    }
                }
                truth
            }
            Self::Not(inner) => !inner.truth(term),
            Self::Term(at) => term(*at),
        }
    }
}

/// A [`Compiled`] that is made when first needed. It follows from the rules: it neither tells sets
/// apart nor shows itself, and a clone, whose rules may be changed, makes its own.
#[derive(Default)]
pub(crate) struct CompiledOnce(OnceLock<Compiled>);

impl CompiledOnce {
    pub(crate) fn get(&self, make: impl FnOnce() -> Compiled) -> &Compiled {
        self.0.get_or_init(make)
    }
}

impl Clone for CompiledOnce {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for CompiledOnce {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for CompiledOnce {}

impl fmt::Debug for CompiledOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}
