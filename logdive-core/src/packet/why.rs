//! Why a decision was made: every rule with what it read.

use super::quality::short_fact;
use crate::case::DecisionRecord;
use crate::{BlockKind, Document, Line, Priority, RuleTrace, Truth};

pub(super) fn why(document: &mut Document, record: &DecisionRecord) {
    if record.decision.trace.is_empty() {
        return;
    }
    let items = record.decision.trace.iter().flat_map(rule_lines).collect();
    let mut inner = Document::new();
    inner.push(Priority::Normal, BlockKind::List(items));
    document.push(
        Priority::Normal,
        BlockKind::Fold {
            title: "Why, and why not: every rule with what it read".into(),
            blocks: inner.0,
        },
    );
}

fn rule_lines(trace: &RuleTrace) -> Vec<Line> {
    let verdict = match trace.truth {
        Truth::True => "applies",
        Truth::False => "does not apply",
        Truth::Unknown => "cannot be told",
    };
    let mut lines =
        vec![Line::new().strong(format!("\"{}\" v{} {verdict}", trace.rule, trace.version))];
    let terms = trace.when.iter().map(|term| ("when", term));
    let terms = terms.chain(trace.unless.iter().map(|term| ("unless", term)));
    for (word, term) in terms {
        let truth = match term.truth {
            Truth::True => "true",
            Truth::False => "false",
            Truth::Unknown => "unknown",
        };
        lines.push(Line::new().text(format!("{word} ")).code(term.term.clone()).text(format!(
            " is {truth}: {} is {}",
            term.fact,
            short_fact(&term.read)
        )));
    }
    lines
}
