//! What a rule set decides, without saying why: the evaluator for many sets of facts, one by one.

use logdive_core::{Fact, Facts, Mode, Truth};

use crate::compiled::{Compiled, Term};
use crate::rule::{Effect, Rule};
use crate::schema::UNAVAILABLE;
use crate::set::RuleSet;
use crate::standing::{Applies, Standing};

/// What came out of a rule set: the outcome of [`RuleSet::decide`] and the rule that decided, and
/// nothing else. The enum is complete: a caller must say what it does in each case.
#[expect(clippy::exhaustive_enums, reason = "a case that a caller forgets would act wrongly")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// A rule applies and asks for something to be done.
    Decided(&'a Rule),
    /// A rule applies and nothing needs to be done.
    NoActionNeeded(&'a Rule),
    /// Facts are missing that could change the answer. For a person.
    Undetermined,
    /// No rule applies. For a person.
    NoRule,
}

impl<'a> Verdict<'a> {
    /// The verdict of a rule that applies.
    pub(crate) const fn of(rule: &'a Rule) -> Self {
        match rule.effect {
            Effect::Actions(_) => Self::Decided(rule),
            Effect::NoAction => Self::NoActionNeeded(rule),
        }
    }

    /// The rule that decided, if one did.
    #[must_use]
    pub const fn rule(self) -> Option<&'a Rule> {
        match self {
            Self::Decided(rule) | Self::NoActionNeeded(rule) => Some(rule),
            Self::Undetermined | Self::NoRule => None,
        }
    }

    /// How far the rule lets automation go; nothing where no rule decided.
    #[must_use]
    pub fn mode(self) -> Mode {
        self.rule().map_or(Mode::Off, Rule::mode)
    }

    /// The outcome as a word, as the journal writes it: `decided`, `no_action_needed`,
    /// `undetermined`, `no_rule`.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Decided(_) => "decided",
            Self::NoActionNeeded(_) => "no_action_needed",
            Self::Undetermined => "undetermined",
            Self::NoRule => "no_rule",
        }
    }
}

impl RuleSet {
    /// What [`RuleSet::decide`] would conclude, without the trace, the words and the actions. It
    /// is the same for every set of facts, and some hundred times faster.
    #[must_use]
    pub fn verdict(&self, facts: &Facts) -> Verdict<'_> {
        self.bind(facts).verdict()
    }

    /// Looks up once what rules read in a set of facts, to ask several things of it.
    #[must_use]
    pub fn bind<'r: 'f, 'f>(&'r self, facts: &'f Facts) -> BoundFacts<'r, 'f> {
        let compiled = self.compiled();
        let mut given = facts.iter().peekable();
        // Both are sorted by name.
        let entries = self.schema.entries.iter().zip(&compiled.defaults);
        let slots = entries.map(|((name, entry), default)| {
            while given.next_if(|(other, _)| *other < name.as_str()).is_some() {}
            match given.next_if(|(other, _)| *other == name.as_str()) {
                Some((_, fact)) => entry.see(fact, default.as_ref()),
                None => &UNAVAILABLE,
            }
        });
        BoundFacts { rules: self, compiled, slots: slots.collect() }
    }
}

/// A set of facts as a rule set reads it: each fact that does not fit the schema, or is not there,
/// is unavailable. Made by [`RuleSet::bind`].
#[derive(Debug, Clone)]
pub struct BoundFacts<'r, 'f> {
    rules: &'r RuleSet,
    compiled: &'r Compiled,
    /// By place in the schema.
    slots: Vec<&'f Fact>,
}

impl<'r> BoundFacts<'r, '_> {
    /// Whether a rule applies by itself, whatever ranks above it and whatever its mode; unknown
    /// for a name that no rule has.
    #[must_use]
    pub fn truth(&self, rule: &str) -> Truth {
        let at = self.rules.rules.binary_search_by(|other| other.name().cmp(rule));
        at.map_or(Truth::Unknown, |at| self.truth_at(at))
    }

    /// Whether the rule at a place in [`RuleSet::rules`] applies by itself, as
    /// [`BoundFacts::truth`]; unknown beyond the last.
    #[must_use]
    pub fn truth_at(&self, rule: usize) -> Truth {
        let Some(condition) = self.compiled.conditions.get(rule) else { return Truth::Unknown };
        condition.truth(&mut |at| {
            self.compiled.terms.get(at).map_or(Truth::Unknown, |term| self.test(term))
        })
    }

    /// What the rule set decides.
    #[must_use]
    pub fn verdict(&self) -> Verdict<'r> {
        let Self { rules, compiled, .. } = self;
        // Terms that stand in several places are asked once.
        let mut known: Vec<Option<Truth>> = vec![None; compiled.shared];
        let mut term = |at: usize| {
            let Some(term) = compiled.terms.get(at) else { return Truth::Unknown };
            match term.memo.and_then(|memo| known.get_mut(memo)) {
                Some(known) => *known.get_or_insert_with(|| self.test(term)),
                None => self.test(term),
            }
        };
        let truths = rules.rules.iter().zip(&compiled.conditions).map(|(rule, condition)| {
            // A rule that is off is not asked.
            if rule.mode == Mode::Off { Truth::False } else { condition.truth(&mut term) }
        });
        let truths: Vec<Truth> = truths.collect();
        let Standing { applies, open } = rules.standing(&truths);
        match applies {
            Applies::Nothing if open.is_empty() => Verdict::NoRule,
            Applies::Rule(at) if open.is_empty() => match rules.rules.get(at) {
                Some(rule) if self.knows_exactly(at) => Verdict::of(rule),
                _ => Verdict::Undetermined,
            },
            Applies::Nothing | Applies::Rule(_) | Applies::Conflict { .. } => Verdict::Undetermined,
        }
    }

    fn test(&self, term: &Term) -> Truth {
        term.test.of(self.slots.get(term.slot).copied().unwrap_or(&UNAVAILABLE))
    }

    /// Whether every fact that the actions of a rule name is known exactly.
    fn knows_exactly(&self, rule: usize) -> bool {
        let slots = self.compiled.exact.get(rule).into_iter().flatten();
        slots.copied().all(|slot| self.slots.get(slot).is_some_and(|fact| fact.known().is_some()))
    }
}
