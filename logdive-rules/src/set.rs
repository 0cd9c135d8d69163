//! A checked set of rules.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use logdive_core::port::{ActionNeed, Needs};
use logdive_core::{Digest, Level, Measure, Predicate, Value, ValueType};

use crate::analysis::{Finding, codes};
use crate::check::{Checked, check};
use crate::compiled::{Compiled, CompiledOnce};
use crate::diagnostics::{RuleErrors, Suggestions};
use crate::facts::FactsBuilder;
use crate::limits;
use crate::rule::{Argument, Rule};
use crate::schema::{EntryTypes, Origin, Schema};
use crate::statement::Statement;
use crate::syntax;

/// A checked set of rules: what they may read, what they may decide, and the rules themselves.
///
/// It is made from text ([`RuleSet::parse`]) and written as text in its normal form (`Display`).
/// Two sets are equal if their normal forms are: the order of the file, its comments and its
/// layout do not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
// Invariant: rules are sorted by name, every `over` names one of them, and no rule ranks above
// itself; the default's decision is listed; `digest` is that of the normal form.
pub struct RuleSet {
    pub(crate) schema: Schema,
    pub(crate) decisions: BTreeSet<String>,
    pub(crate) default_decision: String,
    pub(crate) default_because: String,
    /// Sorted by kind and text, each once.
    pub(crate) statements: Vec<Statement>,
    pub(crate) rules: Vec<Rule>,
    /// For each rule the rules that its `over` names, by place in `rules`.
    pub(crate) below: Vec<Vec<usize>>,
    digest: Digest,
    /// Made when first needed; no part of what the set is.
    compiled: CompiledOnce,
}

/// The version of the language: what a digest is made under.
const LANGUAGE: &str = "logdive-rules 1";

impl RuleSet {
    /// Reads and checks a rule file.
    ///
    /// # Errors
    /// All that is wrong with it, each mistake with its place and the way out. A file beyond a
    /// limit of [`limits`](crate::limits) is refused.
    pub fn parse(text: impl AsRef<str>) -> Result<Self, RuleErrors> {
        let text = text.as_ref();
        let (file, mut diagnostics) = syntax::parse_within_limits(text);
        if text.len() > limits::FILE {
            return Err(RuleErrors::new(diagnostics, text));
        }
        match check(file, text, &mut diagnostics) {
            Some(checked) if diagnostics.is_empty() => Ok(Self::from_checked(checked)),
            _ => Err(RuleErrors::new(diagnostics, text)),
        }
    }

    /// Reads and checks a rule file, and proves what must hold of a set that runs: rules that decide
    /// differently and are not ranked are never true together, every `cover` and every
    /// `never automatic` holds. A statement that cannot be decided is refused too. For warnings ask
    /// [`RuleSet::analyse`].
    ///
    /// # Errors
    /// What [`RuleSet::parse`] refuses; what does not hold, each with facts that show it.
    pub fn compile(text: impl AsRef<str>) -> Result<Self, RuleErrors> {
        let text = text.as_ref();
        let rules = Self::parse(text)?;
        let mut analysis = rules.proofs();
        let unproved =
            |finding: &Finding| finding.code == codes::UNDECIDED && finding.statement.is_some();
        analysis.retain(|finding| finding.level == Level::Error || unproved(finding));
        // Only what is reported needs its place in the text.
        if analysis.is_clean() {
            return Ok(rules);
        }
        let mut found = analysis.diagnostics(&rules, text);
        found.iter_mut().for_each(|diagnostic| diagnostic.level = Level::Error);
        Err(RuleErrors::new(found, text))
    }

    fn from_checked(checked: Checked) -> Self {
        let Checked { schema, decisions, default, mut statements, rules } = checked;
        let (default_decision, default_because) = default;
        statements.sort_by_cached_key(|statement| (statement.kind, statement.when.to_string()));
        statements.dedup();
        let index: BTreeMap<&str, usize> =
            rules.iter().enumerate().map(|(at, rule)| (rule.name(), at)).collect();
        let below = rules
            .iter()
            .map(|rule| rule.over().filter_map(|name| index.get(name).copied()).collect())
            .collect();
        let digest = Digest::of("");
        let compiled = CompiledOnce::default();
        let mut set = Self {
            schema,
            decisions,
            default_decision,
            default_because,
            statements,
            rules,
            below,
            digest,
            compiled,
        };
        set.digest = Digest::of_parts([LANGUAGE.to_owned(), set.to_string()]);
        set
    }

    /// The set's identity: the digest of its normal form, which comments, layout and the order of
    /// the file do not change.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The conditions as the evaluators walk them.
    pub(crate) fn compiled(&self) -> &Compiled {
        self.compiled.get(|| Compiled::new(&self.schema, &self.rules))
    }

    /// The rules, by name.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.iter()
    }

    /// The rule of a name.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        let at = self.rules.binary_search_by(|rule| rule.name().cmp(name)).ok()?;
        self.rules.get(at)
    }

    /// What is claimed of the set: `cover` and `never automatic`.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The decisions that rules may make.
    pub fn decisions(&self) -> impl Iterator<Item = &str> {
        self.decisions.iter().map(String::as_str)
    }

    /// Reads a condition over what the rules may read.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn condition(&self, text: impl AsRef<str>) -> Result<Predicate, RuleErrors> {
        let text = text.as_ref();
        let suggestions = Suggestions::new();
        let types = EntryTypes { schema: &self.schema, suggestions: &suggestions };
        Predicate::parse(text, &types).map_err(|diagnostics| RuleErrors::new(diagnostics, text))
    }

    /// The decision where no rule applies, and its reason.
    #[must_use]
    pub fn default_decision(&self) -> (&str, &str) {
        (&self.default_decision, &self.default_because)
    }

    /// The schema's name and version.
    #[must_use]
    pub fn schema(&self) -> (&str, u32) {
        (&self.schema.name, self.schema.version)
    }

    /// All that rules may read, by name, with its type: ticket fields (`ticket.severity`) and
    /// facts.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &ValueType)> {
        self.schema.entries.iter().map(|(name, entry)| (name.as_str(), &entry.kind))
    }

    /// The measures that a dive must compute.
    pub fn measures(&self) -> impl Iterator<Item = &Measure> {
        self.schema.entries.values().filter_map(|entry| match &entry.origin {
            Origin::Measured(measure) => Some(measure),
            Origin::Ticket | Origin::Given => None,
        })
    }

    /// Begins a set of facts that is checked against the schema.
    pub fn facts(&self) -> FactsBuilder<'_> {
        FactsBuilder::new(self)
    }

    /// What the set needs of the rest: measures, and actions with the types of their arguments.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let actions = self.rules.iter().flat_map(|rule| {
            rule.calls().iter().map(|call| ActionNeed {
                name: call.name.clone(),
                arguments: call
                    .arguments
                    .iter()
                    .map(|(name, argument)| (name.clone(), self.type_of(argument)))
                    .collect(),
                rule: rule.name.clone(),
            })
        });
        Needs {
            measures: self.measures().cloned().collect(),
            actions: actions.collect(),
            digest: self.digest,
        }
    }

    fn type_of(&self, argument: &Argument) -> ValueType {
        match argument {
            Argument::Constant(value) => type_of_value(value),
            Argument::Text(_) => ValueType::Text,
            Argument::Fact(name) => {
                let entry = self.schema.entries.get(name);
                entry.map_or(ValueType::Text, |entry| entry.kind.clone())
            }
        }
    }
}

const fn type_of_value(value: &Value) -> ValueType {
    match value {
        Value::Bool(_) => ValueType::Bool,
        Value::Int(_) => ValueType::Int,
        Value::Decimal(_) => ValueType::Decimal,
        Value::Time(_) => ValueType::Time,
        Value::Duration(_) => ValueType::Duration,
        Value::Ip(_) => ValueType::Ip,
        _ => ValueType::Text,
    }
}

impl FromStr for RuleSet {
    type Err = RuleErrors;

    fn from_str(text: &str) -> Result<Self, RuleErrors> {
        Self::parse(text)
    }
}
