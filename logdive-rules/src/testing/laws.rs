//! Laws that every rule set should keep, ready for property tests.

use logdive_core::{Conclusion, Decision, Fact, Facts, Mode, Predicate, Truth};
use proptest::prelude::{ProptestConfig, Strategy as _, any};
use proptest::test_runner::{TestCaseError, TestError, TestRunner};

use crate::set::RuleSet;

/// A law of a rule set, checked on facts that are drawn at random.
///
/// ```
/// # use logdive_rules::RuleSet;
/// use logdive_rules::testing::Law;
///
/// # let rules = RuleSet::parse(r#"
/// # schema s v1 { ticket.severity : int 1..5  fact n : int }
/// # decisions { quota, human } default human "x"
/// # rule "quota" v1 mode automatic { when n >= 50 unless ticket.severity == 1 decide quota }"#)?;
/// for law in [
///     Law::MoreKnowledgeNeverFlips,
///     Law::NeverAutomaticWhen("ticket.severity == 1"),
///     Law::Monotone { fact: "n", decision: "quota" },
/// ] {
///     law.check(&rules, 256)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Law<'a> {
    /// Whatever is learnt of facts that were unavailable, a decision stays: it is made where there
    /// was none, and never turns into another. Holds for every set of which no rule reads
    /// `is unavailable`.
    MoreKnowledgeNeverFlips,
    /// Unless the condition is false, nothing is decided automatically.
    NeverAutomaticWhen(&'a str),
    /// The decision does not depend on this fact.
    Irrelevant(&'a str),
    /// If the decision is made, it is made with a greater value of this fact too, all else equal.
    Monotone {
        /// The fact: of a type that has an order.
        fact: &'a str,
        /// The decision.
        decision: &'a str,
    },
    /// The set in its text form and as data decides the same.
    FormsAgree,
}

impl Law<'_> {
    /// Checks the law on so many cases.
    ///
    /// # Errors
    /// The smallest facts that were found to break it, or why the law cannot be asked of the set.
    pub fn check(self, rules: &RuleSet, cases: u32) -> Result<(), Broken> {
        let when = match self {
            Self::NeverAutomaticWhen(text) => Some(
                rules.condition(text).map_err(|errors| Broken(format!("`{text}`: {errors}")))?,
            ),
            Self::Irrelevant(fact) | Self::Monotone { fact, .. } => {
                if !rules.inputs().any(|(name, _)| name == fact) {
                    return Err(Broken(format!("the schema has no `{fact}`")));
                }
                None
            }
            _ => None,
        };
        let forms = match self {
            Self::FormsAgree => {
                let data =
                    serde_json::to_string(rules).and_then(|json| serde_json::from_str(&json));
                let data: RuleSet = data.map_err(|error| Broken(error.to_string()))?;
                let text = RuleSet::parse(rules.to_string());
                vec![data, text.map_err(|errors| Broken(errors.to_string()))?]
            }
            _ => Vec::new(),
        };
        let config =
            ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
        let two = (rules.any_facts(), rules.any_facts(), any::<u64>());
        let two = two.prop_map(|(facts, other, picks)| Case { facts, other, picks });
        let result = TestRunner::new(config).run(&two, |case| {
            let broken = match self {
                Self::MoreKnowledgeNeverFlips => case.flips(rules),
                Self::NeverAutomaticWhen(text) => case.is_automatic(rules, when.as_ref(), text),
                Self::Irrelevant(fact) => case.depends(rules, fact),
                Self::Monotone { fact, decision } => case.falls(rules, fact, decision),
                Self::FormsAgree => case.differs(rules, &forms),
            };
            broken.map_or(Ok(()), |why| Err(TestCaseError::fail(why)))
        });
        match result {
            Ok(()) => Ok(()),
            Err(TestError::Fail(why, case)) => Err(Broken(format!("{why}: {}", case.shown()))),
            Err(TestError::Abort(why)) => Err(Broken(why.to_string())),
        }
    }
}

/// A law that does not hold, and the facts that show it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(String);

#[derive(Debug, Clone)]
struct Case {
    facts: Facts,
    other: Facts,
    picks: u64,
}

impl Case {
    fn shown(&self) -> String {
        let facts: Vec<String> =
            self.facts.iter().map(|(name, fact)| format!("{name} = {fact}")).collect();
        facts.join(", ")
    }

    /// The facts with one of them as in the other.
    fn with(&self, name: &str) -> Facts {
        self.facts.clone().with(name, self.other.read(name))
    }

    fn flips(&self, rules: &RuleSet) -> Option<String> {
        let before = rules.decide(&self.facts);
        let asked = asked(&before)?;
        let mut more = self.facts.clone();
        for (at, (name, fact)) in self.facts.iter().enumerate() {
            let learnt = self.other.read(name);
            // Knowledge is not lost again.
            let grows =
                matches!(fact, Fact::Unavailable(_)) && !matches!(learnt, Fact::Unavailable(_));
            if grows && self.picks >> (at % 64) & 1 == 1 {
                more.insert_overwrite(name, learnt);
            }
        }
        let after = rules.decide(&more);
        match self::asked(&after) {
            Some(same) if same == asked => None,
            _ => Some(format!("{before} became: {after}")),
        }
    }

    fn is_automatic(
        &self,
        rules: &RuleSet,
        when: Option<&Predicate>,
        text: &str,
    ) -> Option<String> {
        let decision = rules.decide(&self.facts);
        let given = self.facts.iter();
        let given = given.fold(rules.facts(), |all, (name, fact)| all.fact(name, fact.clone()));
        let facts = given.admit();
        let may_be = when?.eval(&|field| facts.read(field.name())) != Truth::False;
        let automatic = decision.mode() == Mode::Automatic;
        (may_be && automatic).then(|| format!("{decision} is automatic, and `{text}` is not false"))
    }

    fn depends(&self, rules: &RuleSet, fact: &str) -> Option<String> {
        let (before, after) = (rules.decide(&self.facts), rules.decide(&self.with(fact)));
        let same = before.conclusion() == after.conclusion();
        let other = self.other.read(fact);
        (!same).then(|| format!("{before} becomes, with {fact} = {other}: {after}"))
    }

    fn falls(&self, rules: &RuleSet, fact: &str, decision: &str) -> Option<String> {
        let (now, more) = (self.facts.read(fact), self.other.read(fact));
        let greater = now.known()?.compare(more.known()?)?.is_lt();
        let before = rules.decide(&self.facts);
        if !greater || asked(&before).map(|(name, _)| name) != Some(decision) {
            return None;
        }
        let after = rules.decide(&self.with(fact));
        let stays = asked(&after).map(|(name, _)| name) == Some(decision);
        (!stays).then(|| format!("{before} becomes, with {fact} = {more}: {after}"))
    }

    fn differs(&self, rules: &RuleSet, forms: &[RuleSet]) -> Option<String> {
        let decision = rules.decide(&self.facts);
        let other = forms.iter().map(|form| form.decide(&self.facts));
        let other = other.into_iter().find(|other| *other != decision)?;
        Some(format!("{decision} in one form, {other} in another"))
    }
}

/// What was decided and what is asked for.
fn asked(decision: &Decision) -> Option<(&str, &[logdive_core::ActionRequest])> {
    match decision.conclusion() {
        Conclusion::Decided { decision: name, .. }
        | Conclusion::NoActionNeeded { decision: name, .. } => Some((name, decision.actions())),
        _ => None,
    }
}
