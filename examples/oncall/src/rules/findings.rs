//! What the analysis finds, at its place in the file.

use logdive_core::{Diagnostic, Level};
use logdive_rules::{Finding, RuleSet};
use serde_json::{Value as Json, json};

use super::place::Lines;

/// A finding at its place.
pub(crate) struct Found {
    finding: Finding,
    pub(crate) diagnostic: Diagnostic,
}

/// Analyses a rule set that was made from a text.
pub(crate) fn all(rules: &RuleSet, text: &str) -> Vec<Found> {
    let analysis = rules.analyse();
    let findings = analysis.findings().iter().chain(analysis.undecided());
    let found = findings.zip(analysis.diagnostics(rules, text)).map(|(finding, mut diagnostic)| {
        // The facts are shown apart, a line each.
        diagnostic.help = finding.fix.as_ref().map(ToString::to_string);
        Found { finding: finding.clone(), diagnostic }
    });
    found.collect()
}

impl Found {
    pub(crate) fn is_error(&self) -> bool {
        self.diagnostic.level == Level::Error
    }

    /// For people: drawn at its line, then the facts that show it.
    pub(crate) fn draw(&self, name: &str, text: &str) -> String {
        let mut drawn = self.diagnostic.render(name, text);
        drawn.extend(self.facts());
        drawn
    }

    /// The facts that show it, those that matter, a line each.
    fn facts(&self) -> Option<String> {
        let matter = |name: &str| self.finding.matter.iter().any(|matter| matter == name);
        let facts = self.finding.witness.as_ref()?;
        let facts: Vec<String> = facts
            .iter()
            .filter(|(name, _)| matter(name))
            .map(|(name, fact)| format!("      {name}: {fact}\n"))
            .collect();
        (!facts.is_empty()).then(|| format!("  for example with\n{}", facts.concat()))
    }

    /// For programs: the finding and its place, as a diagnostic has it.
    pub(crate) fn json(&self, lines: &Lines<'_>) -> Json {
        let mut value = lines.json(&self.diagnostic);
        if let (Some(object), Json::Object(finding)) = (value.as_object_mut(), json!(self.finding))
        {
            object.extend(finding);
        }
        value
    }
}
