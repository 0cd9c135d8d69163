//! A playbook: which tickets, which dive, which rules, how far, where to.

use std::sync::Arc;

use thiserror::Error;

use crate::port::{ActionNeed, Budget, Decide, EvidenceSource, Needs, StepDescription};
use crate::predicate::FieldTypes;
use crate::{
    ActionSpec, Diagnostic, Field, Measure, Mode, NameError, PlaybookName, Predicate, TermTrace,
    Ticket, TicketFields, Truth, ValueType, did_you_mean,
};

/// Why a playbook does not hold together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlaybookError {
    /// Its name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Its condition does not check.
    #[error("playbook `{playbook}`: the condition does not check: {}", first(.diagnostics))]
    #[non_exhaustive]
    When {
        /// The playbook.
        playbook: PlaybookName,
        /// What is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
    /// A part is missing.
    #[error("playbook `{playbook}` has no {part}")]
    #[non_exhaustive]
    Missing {
        /// The playbook.
        playbook: PlaybookName,
        /// The builder's method that gives it.
        part: &'static str,
    },
    /// A measure does not fit the plan.
    #[error("playbook `{playbook}`: fact `{fact}` {problem}")]
    #[non_exhaustive]
    Measure {
        /// The playbook.
        playbook: PlaybookName,
        /// The fact.
        fact: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A rule asks for an action that nobody can do.
    #[error("playbook `{playbook}`: rule `{rule}` {problem}")]
    #[non_exhaustive]
    Action {
        /// The playbook.
        playbook: PlaybookName,
        /// The rule.
        rule: String,
        /// What is wrong with it.
        problem: String,
    },
}

fn first(diagnostics: &[Diagnostic]) -> String {
    diagnostics.first().map(ToString::to_string).unwrap_or_default()
}

/// Which tickets (`when`), which dive (`look`), which rules (`decide`), how far automation may go
/// (`highest`), and where the packet is posted.
#[derive(Debug, Clone)]
// Invariant: every measure the rules name fits the step it names.
pub struct Playbook {
    name: PlaybookName,
    when: Predicate,
    look: Arc<dyn EvidenceSource>,
    decide: Arc<dyn Decide>,
    needs: Needs,
    highest: Mode,
    post_at: String,
    runbook: Option<String>,
    budget: Budget,
}

impl Playbook {
    /// Begins a playbook.
    #[must_use]
    pub fn builder(name: impl Into<String>) -> PlaybookBuilder {
        PlaybookBuilder {
            name: name.into(),
            when: "true".to_owned(),
            look: None,
            decide: None,
            highest: Mode::Suggest,
            post_at: "{native}".to_owned(),
            runbook: None,
            budget: Budget::default(),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &PlaybookName {
        &self.name
    }

    /// Which tickets it takes: those for which this is true.
    #[must_use]
    pub const fn when(&self) -> &Predicate {
        &self.when
    }

    /// The dive.
    #[must_use]
    pub const fn look(&self) -> &Arc<dyn EvidenceSource> {
        &self.look
    }

    /// The rules.
    #[must_use]
    pub const fn decide(&self) -> &Arc<dyn Decide> {
        &self.decide
    }

    /// What the rules need.
    #[must_use]
    pub const fn needs(&self) -> &Needs {
        &self.needs
    }

    /// How far automation may go.
    #[must_use]
    pub const fn highest(&self) -> Mode {
        self.highest
    }

    /// What a dive may use.
    #[must_use]
    pub const fn budget(&self) -> Budget {
        self.budget
    }

    /// The runbook's address.
    #[must_use]
    pub fn runbook(&self) -> Option<&str> {
        self.runbook.as_deref()
    }

    /// Where the packet of a ticket is posted.
    #[must_use]
    pub fn target(&self, ticket: &Ticket) -> String {
        self.post_at.replace("{native}", ticket.id.native()).replace("{source}", ticket.id.source())
    }

    /// Whether the playbook takes a ticket, which it does if this is true, and what each term of
    /// its condition read.
    #[must_use]
    pub fn weigh(&self, ticket: &Ticket) -> (Truth, Vec<TermTrace>) {
        self.when.trace(&|field| ticket.read(field))
    }

    /// Whether the playbook takes a ticket.
    ///
    /// # Errors
    /// Why it does not, in words.
    pub fn takes(&self, ticket: &Ticket) -> Result<(), String> {
        match self.when.eval(&|field| ticket.read(field)) {
            Truth::True => Ok(()),
            Truth::False => Err(format!("`{}` does not hold", self.when)),
            Truth::Unknown => {
                let missing: Vec<&str> = self
                    .when
                    .fields()
                    .into_iter()
                    .filter(|field| ticket.read(field).known().is_none())
                    .map(Field::name)
                    .collect();
                Err(format!(
                    "`{}` cannot be told: the ticket has no {}",
                    self.when,
                    missing.join(", ")
                ))
            }
        }
    }

    /// Refuses a playbook whose rules ask for an action that no actuator has, or with other
    /// arguments.
    ///
    /// # Errors
    /// The first rule that does.
    pub fn check_actions(&self, specs: &[ActionSpec]) -> Result<(), PlaybookError> {
        self.action_problems(specs).into_iter().next().map_or(Ok(()), Err)
    }

    /// What [`Playbook::check_actions`] refuses, all of it: one problem for each action that a
    /// rule asks for.
    #[must_use]
    pub fn action_problems(&self, specs: &[ActionSpec]) -> Vec<PlaybookError> {
        let problems = self.needs.actions.iter().filter_map(|need| {
            let problem = check_action(need, specs).err()?;
            let (playbook, rule) = (self.name.clone(), need.rule.clone());
            Some(PlaybookError::Action { playbook, rule, problem })
        });
        problems.collect()
    }
}

fn check_action(need: &ActionNeed, specs: &[ActionSpec]) -> Result<(), String> {
    let Some(spec) = specs.iter().find(|spec| spec.name == need.name) else {
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        return Err(match did_you_mean(need.name.as_str(), names.iter().copied()) {
            Some(near) => format!(
                "asks for action `{}`, which nobody can do; did you mean `{near}`?",
                need.name
            ),
            None => format!(
                "asks for action `{}`, which nobody can do; there are: {}",
                need.name,
                names.join(", ")
            ),
        });
    };
    for (name, kind) in &need.arguments {
        match spec.parameters.get(name) {
            None => {
                return Err(format!(
                    "gives `{name}` to `{}`, which has no such parameter",
                    need.name
                ));
            }
            Some(expected) if expected != kind => {
                return Err(format!(
                    "gives `{name}` of type {kind} to `{}`, which asks for {expected}",
                    need.name
                ));
            }
            Some(_) => {}
        }
    }
    match spec.parameters.keys().find(|name| !need.arguments.contains_key(*name)) {
        Some(missing) => Err(format!("does not give `{missing}` to `{}`", need.name)),
        None => Ok(()),
    }
}

/// Makes a [`Playbook`].
#[derive(Debug)]
pub struct PlaybookBuilder {
    name: String,
    when: String,
    look: Option<Arc<dyn EvidenceSource>>,
    decide: Option<Arc<dyn Decide>>,
    highest: Mode,
    post_at: String,
    runbook: Option<String>,
    budget: Budget,
}

impl PlaybookBuilder {
    /// Which tickets: a predicate over the ticket's fields. Without it, all.
    #[must_use]
    pub fn when(mut self, predicate: impl Into<String>) -> Self {
        self.when = predicate.into();
        self
    }

    /// Which dive.
    #[must_use]
    pub fn look(mut self, source: impl EvidenceSource + 'static) -> Self {
        self.look = Some(Arc::new(source));
        self
    }

    /// Which rules.
    #[must_use]
    pub fn decide(mut self, rules: impl Decide + 'static) -> Self {
        self.decide = Some(Arc::new(rules));
        self
    }

    /// How far automation may go; without it, it suggests.
    #[must_use]
    pub const fn highest(mut self, mode: Mode) -> Self {
        self.highest = mode;
        self
    }

    /// Where the packet is posted, in the sink's own words; `{native}` and `{source}` stand for
    /// the parts of the ticket's id. Without it, `{native}`.
    #[must_use]
    pub fn post_at(mut self, template: impl Into<String>) -> Self {
        self.post_at = template.into();
        self
    }

    /// The runbook's address.
    #[must_use]
    pub fn runbook(mut self, url: impl Into<String>) -> Self {
        self.runbook = Some(url.into());
        self
    }

    /// What a dive may use.
    #[must_use]
    pub const fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Checks the parts against each other.
    ///
    /// # Errors
    /// If a part is missing, the condition does not check, or a measure names a step or a field
    /// that the plan does not have: the first of [`PlaybookBuilder::problems`].
    pub fn build(self) -> Result<Playbook, PlaybookError> {
        let name = PlaybookName::parse(&self.name)?;
        let when = self.condition(&name)?;
        let missing = |part: &'static str| PlaybookError::Missing { playbook: name.clone(), part };
        let look = self.look.ok_or_else(|| missing("look"))?;
        let decide = self.decide.ok_or_else(|| missing("decide"))?;
        let needs = decide.needs();
        if let Some(problem) = measure_problems(&name, &needs, look.as_ref()).into_iter().next() {
            return Err(problem);
        }
        Ok(Playbook {
            name,
            when,
            look,
            decide,
            needs,
            highest: self.highest,
            post_at: self.post_at,
            runbook: self.runbook,
            budget: self.budget,
        })
    }

    /// All that [`PlaybookBuilder::build`] would refuse, for who mends a playbook.
    #[must_use]
    pub fn problems(&self) -> Vec<PlaybookError> {
        let name = match PlaybookName::parse(&self.name) {
            Ok(name) => name,
            Err(error) => return vec![error.into()],
        };
        let mut problems: Vec<PlaybookError> = self.condition(&name).err().into_iter().collect();
        let parts = [("look", self.look.is_some()), ("decide", self.decide.is_some())];
        problems.extend(
            parts
                .into_iter()
                .filter(|(_, there)| !there)
                .map(|(part, _)| PlaybookError::Missing { playbook: name.clone(), part }),
        );
        if let (Some(look), Some(decide)) = (&self.look, &self.decide) {
            problems.extend(measure_problems(&name, &decide.needs(), look.as_ref()));
        }
        problems
    }

    fn condition(&self, name: &PlaybookName) -> Result<Predicate, PlaybookError> {
        Predicate::parse(&self.when, &TicketFields)
            .map_err(|diagnostics| PlaybookError::When { playbook: name.clone(), diagnostics })
    }
}

fn measure_problems(
    playbook: &PlaybookName,
    needs: &Needs,
    look: &dyn EvidenceSource,
) -> Vec<PlaybookError> {
    let steps = look.describe().steps;
    let problems = needs.measures.iter().filter_map(|measure| {
        let problem = check_measure(measure, &steps).err()?;
        let (playbook, fact) = (playbook.clone(), measure.name.clone());
        Some(PlaybookError::Measure { playbook, fact, problem })
    });
    problems.collect()
}

fn check_measure(measure: &Measure, steps: &[StepDescription]) -> Result<(), String> {
    let Some(step) = steps.iter().find(|step| step.name == measure.step) else {
        let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        return Err(match did_you_mean(measure.step.as_str(), names.iter().copied()) {
            Some(near) => {
                format!("reads step `{}`, which no plan has; did you mean `{near}`?", measure.step)
            }
            None => format!(
                "reads step `{}`, which no plan has; there are: {}",
                measure.step,
                names.join(", ")
            ),
        });
    };
    if let Some(field) = measure.function.field()
        && step.field_type(field).is_none()
    {
        return Err(format!("reads field `{field}`, which step `{}` does not have", step.name));
    }
    // Printed and read again against the step's own fields: names and types are checked at once.
    Predicate::parse(&measure.filter.to_string(), step).map(drop).map_err(|diagnostics| {
        format!("does not fit step `{}`: {}", step.name, first(&diagnostics))
    })
}

impl FieldTypes for StepDescription {
    fn field_type(&self, field: &Field) -> Option<ValueType> {
        self.fields.get(field.name()).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.fields.keys().cloned().collect()
    }
}
