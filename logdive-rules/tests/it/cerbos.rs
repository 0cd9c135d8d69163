//! Conditions and rows that were made to catch evaluators which disagree, written by nobody here:
//! each condition of the corpus that our language can say is put into it and evaluated over all
//! rows, against a direct evaluation of the CEL. The others are refused by name.

mod cel;
mod form;
mod oracle;
mod rows;
mod translate;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arrow_array::Array;
use logdive_core::{Conclusion, Facts, Truth};
use logdive_rules::{FactBatch, Rule, RuleSet, Verdict};
use proptest::prelude::*;
use serde_json::Value as Json;

use cel::Cel;
use rows::{Row, SCHEMA};
use translate::translate;

/// Least number of conditions that our language can say.
const EXPRESSIBLE: usize = 110;

/// Least number of them that are true of some rows and not of all: an evaluator that always says
/// the same does not pass.
const TELLING: usize = 107;

/// The conditions of the corpus by the name of their action: the lines of the policy that say
/// `actions`, `all`, `any` and `expr`; the rest of it is the same for all.
fn conditions() -> Vec<(String, Cel)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cerbos/adversarial.yaml");
    let text = fs::read_to_string(path).unwrap();
    let mut found: Vec<(String, &str, Vec<Cel>)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("- actions: [\"") {
            found.push((name.trim_end_matches("\"]").to_owned(), "", Vec::new()));
        } else if let Some((_, join, parts)) = found.last_mut() {
            match line {
                "all:" => *join = "&&",
                "any:" => *join = "||",
                "none:" => panic!("`none` is not read here"),
                _ => {}
            }
            if let Some(expression) = line.trim_start_matches("- ").strip_prefix("expr: ") {
                let quoted = expression.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                let expression =
                    quoted.map_or_else(|| expression.to_owned(), |text| text.replace("''", "'"));
                let cel = Cel::parse(&expression).unwrap_or_else(|error| panic!("{error}"));
                parts.push(cel);
            }
        }
    }
    let joined = |symbol: &'static str, parts: Vec<Cel>| {
        let both = |left, right| Cel::Binary(symbol, Box::new(left), Box::new(right));
        parts.into_iter().reduce(both).expect("an action has a condition")
    };
    found
        .into_iter()
        .map(|(name, join, parts)| {
            assert!(parts.len() == 1 || !join.is_empty(), "{name}");
            (name, joined(if join == "||" { "||" } else { "&&" }, parts))
        })
        .collect()
}

/// What our language can say of the corpus, as one rule set with a rule a condition, and what it
/// refuses, by reason.
struct Corpus {
    conditions: usize,
    /// The conditions that are in the rule set, by name, with their text.
    said: BTreeMap<String, (Cel, String)>,
    rules: RuleSet,
    refused: BTreeMap<&'static str, Vec<String>>,
    principal: Json,
}

impl Corpus {
    fn read() -> Self {
        let (principal, conditions) = (rows::principal(), conditions());
        let mut refused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut said = BTreeMap::new();
        let mut text = SCHEMA.to_owned();
        let total = conditions.len();
        for (name, cel) in conditions {
            match translate(&cel, &principal) {
                Ok(condition) => {
                    let rule = format!(
                        "rule \"{name}\" v1 mode suggest {{\n  when {condition}\n  decide allowed\n}}\n"
                    );
                    text += &rule;
                    said.insert(name, (cel, condition));
                }
                Err(reason) => refused.entry(reason).or_default().push(name),
            }
        }
        let rules = RuleSet::parse(&text).unwrap_or_else(|errors| {
            panic!("it does not load\n{}", errors.render("corpus", &text))
        });
        assert_eq!(rules.rules().len(), said.len());
        Self { conditions: total, said, rules, refused, principal }
    }

    /// Compares all evaluators with CEL over rows; gives, for each condition, in how many rows it
    /// is true.
    fn compare(&self, rows: &[Row]) -> Result<BTreeMap<&str, usize>, String> {
        let mut allowed = BTreeMap::new();
        let mut failures = Vec::new();
        for (row, found) in rows.iter().zip(evaluated(&self.rules, rows)) {
            let scope = row.scope(&self.principal);
            for (name, (cel, condition)) in &self.said {
                let expected = oracle::truth(cel, &scope).map_or(Truth::Unknown, Truth::from);
                *allowed.entry(name.as_str()).or_default() += usize::from(expected.is_true());
                let found = found.get(name);
                if found != Some(&expected) {
                    failures.push(format!(
                        "{name}, row {}: CEL says {expected:?}, we say {found:?}\n  {condition}\n  {}",
                        row.id, row.attributes
                    ));
                }
            }
        }
        let (all, count) = (failures.join("\n"), failures.len());
        if count == 0 { Ok(allowed) } else { Err(format!("{all}\n{count} disagree")) }
    }
}

/// How our evaluators see every rule, row by row: with a trace, without one, and over all rows at
/// once. They must agree before any is compared with CEL.
fn evaluated(rules: &RuleSet, rows: &[Row]) -> Vec<BTreeMap<String, Truth>> {
    let facts: Vec<Facts> = rows.iter().map(|row| row.facts(rules)).collect();
    let batch = FactBatch::from_facts(rules, &facts).unwrap();
    let (verdicts, columns) = (rules.verdicts(&batch), rules.truths(&batch));
    let of_row = |at: usize| {
        let decision = rules.decide(&facts[at]);
        let truths: BTreeMap<String, Truth> =
            decision.trace.iter().map(|trace| (trace.rule.clone(), trace.truth)).collect();
        // All rules decide the same, so one that is true decides.
        let any = truths.values().copied().fold(Truth::False, Truth::or);
        let concluded = match decision.conclusion() {
            Conclusion::Decided { .. } => Truth::True,
            Conclusion::NoRule { .. } => Truth::False,
            _ => Truth::Unknown,
        };
        assert_eq!(any, concluded, "{}", rows[at].id);
        assert_eq!(verdicts.get(at), Some(rules.verdict(&facts[at])), "{}", rows[at].id);
        let by_row = verdicts.get(at).and_then(Verdict::rule).map(Rule::name);
        assert_eq!(by_row, decision.rule(), "{}", rows[at].id);
        for (rule, column) in rules.rules().zip(&columns) {
            let truth = match column.is_null(at) {
                true => Truth::Unknown,
                false => column.value(at).into(),
            };
            assert_eq!(truth, truths[rule.name()], "{}, row {}", rule.name(), rows[at].id);
        }
        truths
    };
    (0..rows.len()).map(of_row).collect()
}

#[test]
fn conditions_mean_what_cel_says() {
    let (corpus, rows) = (Corpus::read(), rows::rows());
    let allowed = corpus.compare(&rows).unwrap_or_else(|failures| panic!("{failures}"));
    let telling = allowed.values().filter(|count| **count > 0 && **count < rows.len()).count();
    let expressible = corpus.said.len();
    let refused: usize = corpus.refused.values().map(Vec::len).sum();
    println!(
        "cerbos: {} conditions, {expressible} expressible ({telling} of them true of some rows and \
         not of all), {refused} refused; {} evaluations over {} rows agree",
        corpus.conditions,
        expressible * rows.len(),
        rows.len(),
    );
    for (reason, names) in &corpus.refused {
        println!("  refused, {reason}: {} ({})", names.len(), names.join(", "));
    }
    // The corpus must not become a corpus of refusals, nor one of conditions that say nothing.
    assert_eq!((corpus.conditions, rows.len()), (199, 21));
    assert_eq!(expressible + refused, corpus.conditions);
    assert!(expressible >= EXPRESSIBLE && telling >= TELLING, "{expressible}, {telling}");
}

/// The rows of the corpus, each attribute taken from any of them: what is missing, null or odd
/// meets what it did not meet there.
#[test]
fn conditions_mean_it_of_other_rows_too() {
    let (corpus, rows) = (Corpus::read(), rows::rows());
    let from = proptest::collection::vec(0..rows.len(), Row::ATTRIBUTES);
    let mixed = proptest::collection::vec(from, 8);
    proptest!(crate::cases(16), |(choices in mixed)| {
        let rows: Vec<Row> = choices.iter().map(|choice| Row::mixed(&rows, choice)).collect();
        let compared = corpus.compare(&rows);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    });
}
