//! What an analysis finds.

use std::collections::BTreeSet;
use std::fmt;

use logdive_core::{Facts, Level};
use serde::Serialize;

/// The codes of findings. They are stable and never reused.
pub mod codes {
    /// A rule that can never be true.
    pub const DEAD: &str = "A001";
    /// A rule that is true whatever is known.
    pub const ALWAYS: &str = "A002";
    /// A rule that is put out by others whenever it is true.
    pub const SHADOWED: &str = "A003";
    /// Two rules that can apply together and decide differently.
    pub const CONFLICT: &str = "A004";
    /// A rule without which every decision is the same.
    pub const REDUNDANT: &str = "A005";
    /// Facts that a `cover` statement names and no rule decides.
    pub const GAP: &str = "A006";
    /// An automatic decision that a `never automatic` statement forbids.
    pub const AUTOMATIC: &str = "A007";
    /// A question that is not decided.
    pub const UNDECIDED: &str = "A008";
    /// An `over` that changes nothing.
    pub const OVER: &str = "A009";
    /// A statement whose condition can never be true.
    pub const VAIN: &str = "A010";
}

/// A change of a rule that mends what was found.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Fix {
    /// Add to `when`.
    #[non_exhaustive]
    When {
        /// The rule.
        rule: String,
        /// What to add at the end: `and ticket.severity > 1`.
        add: String,
        /// The condition as it is then.
        becomes: String,
    },
    /// Add to `unless`, or write it if there is none.
    #[non_exhaustive]
    Unless {
        /// The rule.
        rule: String,
        /// What to add at the end: `or ticket.severity == 1`.
        add: String,
        /// The condition as it is then.
        becomes: String,
    },
    /// Add a rule for what the others leave.
    #[non_exhaustive]
    Rule {
        /// The rule.
        text: String,
        /// What the statement's condition becomes, if it must be narrower.
        #[serde(skip_serializing_if = "Option::is_none")]
        cover: Option<String>,
    },
    /// Leave out an `over`.
    #[non_exhaustive]
    RemoveOver {
        /// The rule that ranks above.
        rule: String,
        /// The rule that it names.
        over: String,
    },
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::When { rule, add, .. } => write!(f, "add to `when` of `{rule}`: {add}"),
            Self::Unless { rule, add, .. } => write!(f, "add to `unless` of `{rule}`: {add}"),
            Self::Rule { text, cover } => {
                let one_line: Vec<&str> = text.split_whitespace().collect();
                write!(f, "add a rule for what the others leave: {}", one_line.join(" "))?;
                match cover {
                    Some(cover) => write!(f, "; and claim less: cover when {cover}"),
                    None => Ok(()),
                }
            }
            Self::RemoveOver { rule, over } => write!(f, "remove `over \"{over}\"` of `{rule}`"),
        }
    }
}

/// One thing that an analysis found.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// One of [`codes`].
    pub code: &'static str,
    /// How bad it is.
    pub level: Level,
    /// The rules that it is about, the first most of all.
    pub rules: Vec<String>,
    /// The statement that it is about, by its place in [`RuleSet::statements`].
    ///
    /// [`RuleSet::statements`]: crate::RuleSet::statements
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    /// What was found: a lowercase fragment.
    pub message: String,
    /// Facts that show it, each the fact of a complete set; [`RuleSet::decide`] over them was seen
    /// to do what the message says.
    ///
    /// [`RuleSet::decide`]: crate::RuleSet::decide
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Facts>,
    /// Those of the facts that matter; the rest is what it is on a quiet day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matter: Vec<String>,
    /// A change that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

impl Finding {
    pub(super) fn new(code: &'static str, rules: &[&str], message: impl Into<String>) -> Self {
        let level = match code {
            codes::CONFLICT | codes::GAP | codes::AUTOMATIC => Level::Error,
            codes::UNDECIDED => Level::Note,
            _ => Level::Warning,
        };
        Self {
            code,
            level,
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            statement: None,
            message: message.into(),
            witness: None,
            matter: Vec::new(),
            fix: None,
        }
    }

    pub(super) const fn about(mut self, statement: usize) -> Self {
        self.statement = Some(statement);
        self
    }

    pub(super) fn shown_by(mut self, facts: Facts, matter: BTreeSet<&str>) -> Self {
        self.witness = Some(facts);
        self.matter = matter.into_iter().map(str::to_owned).collect();
        self
    }

    pub(super) fn mended_by(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

/// Writes the finding with the facts that matter, a line each, for a narrow terminal.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.level.name(), self.code, self.message)?;
        if let Some(facts) = &self.witness {
            for (name, fact) in facts.iter() {
                if self.matter.iter().any(|matter| matter == name) {
                    write!(f, "\n  {name}: {fact}")?;
                }
            }
        }
        match &self.fix {
            Some(fix) => write!(f, "\n  fix: {fix}"),
            None => Ok(()),
        }
    }
}
