//! What a pilot knows from the journal: cases, modes, stops, and what was begun when.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::case::{Case, CaseId, Entry, IllegalEntry};
use crate::port::{Cap, Row};
use crate::{Action, Modes, Scope, TicketId};

/// An action that was begun, for caps.
#[derive(Debug, Clone)]
struct Begun {
    at: DateTime<Utc>,
    class: String,
    rule: String,
    target: String,
}

/// Derived from journal rows alone.
#[derive(Debug, Default)]
pub(super) struct State {
    seq: u64,
    cases: BTreeMap<CaseId, Case>,
    order: Vec<CaseId>,
    modes: Modes,
    /// Stops in the journal that no reset follows.
    stops: Vec<(Scope, String)>,
    begun: Vec<Begun>,
}

/// How often a class, a rule and a target were acted on in the last hour, and the rule in the time
/// of its own cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) class: usize,
    pub(super) rule: usize,
    pub(super) target: usize,
    pub(super) of_cap: usize,
}

impl State {
    pub(super) const fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) fn apply(&mut self, row: &Row) -> Result<(), IllegalEntry> {
        if row.seq <= self.seq {
            return Ok(());
        }
        match &row.entry {
            Entry::ModeSet(setting) => self.modes.set(setting.clone()),
            Entry::Stopped { scope, by, reason, .. } => {
                let why = format!("{scope} stopped by {by} at {}", row.at.format("%FT%TZ"));
                let why = if reason.is_empty() { why } else { format!("{why}: {reason}") };
                self.stops.push((scope.clone(), why));
            }
            Entry::Reset { scope, .. } => {
                self.stops.retain(|(stopped, _)| *scope != Scope::Global && stopped != scope);
            }
            _ => {}
        }
        if let Some(id) = &row.case {
            let case = match self.cases.get(id) {
                Some(case) => case.clone().apply(row)?,
                None => {
                    self.order.push(id.clone());
                    Case::open(row)?
                }
            };
            if let Entry::Intended { key, .. } = &row.entry
                && let Some((action, _)) = case.action(key)
            {
                let rule = case.decision().and_then(|record| record.decision.rule());
                self.begun.push(Begun {
                    at: row.at,
                    class: action.class.to_string(),
                    rule: rule.unwrap_or_default().to_owned(),
                    target: action.target.clone(),
                });
            }
            self.cases.insert(id.clone(), case);
        }
        self.seq = row.seq;
        Ok(())
    }

    pub(super) fn case(&self, id: &CaseId) -> Option<&Case> {
        self.cases.get(id)
    }

    pub(super) fn cases(&self) -> Vec<Case> {
        self.order.iter().filter_map(|id| self.cases.get(id)).cloned().collect()
    }

    /// The newest case of a ticket, and the ordinal of the next one.
    pub(super) fn latest_case(&self, ticket: &TicketId) -> (Option<Case>, u32) {
        let mut latest = None;
        let mut ordinal = 0;
        while let Some(case) = self.cases.get(&CaseId::new(ticket, ordinal)) {
            latest = Some(case.clone());
            ordinal += 1;
        }
        (latest, ordinal)
    }

    pub(super) const fn modes(&self) -> &Modes {
        &self.modes
    }

    /// A stop in the journal that no reset follows and that holds one of the scopes.
    pub(super) fn stopped(&self, scopes: &[Scope]) -> Option<String> {
        self.stops
            .iter()
            .find(|(scope, _)| *scope == Scope::Global || scopes.contains(scope))
            .map(|(_, why)| why.clone())
    }

    pub(super) fn counts(
        &self,
        action: &Action,
        rule: &str,
        cap: Option<Cap>,
        now: DateTime<Utc>,
    ) -> Counts {
        // A cap over more time than there is counts all.
        let since = cap.map(|cap| TimeDelta::from_std(cap.per).unwrap_or(TimeDelta::MAX));
        let of_cap = |begun: &&Begun| {
            begun.rule == rule && since.is_some_and(|since| now - begun.at < since)
        };
        let recent = |begun: &&Begun| now - begun.at < TimeDelta::hours(1);
        let count = |test: &dyn Fn(&Begun) -> bool| {
            self.begun.iter().filter(recent).filter(|begun| test(begun)).count()
        };
        Counts {
            class: count(&|begun| begun.class == action.class.as_str()),
            rule: count(&|begun| begun.rule == rule),
            target: count(&|begun| begun.target == action.target),
            of_cap: self.begun.iter().filter(of_cap).count(),
        }
    }
}
