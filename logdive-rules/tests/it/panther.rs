//! Detections that nobody here wrote, in the language: the rules of `tests/data/panther` against
//! the verdicts that their authors expect of their own test events.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use logdive_core::{Conclusion, RuleTrace, Truth};
use logdive_rules::RuleSet;
use serde::Deserialize;

/// One test event of a detection.
#[derive(Deserialize)]
struct Case {
    rule: String,
    log_type: String,
    test: String,
    expected: bool,
    log: serde_json::Value,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/panther")
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(folder().join("cases.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rule files by log type, named as they are: `AWS.CloudTrail` is in `aws_cloudtrail.rules`.
fn files() -> BTreeMap<String, RuleSet> {
    let paths = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "rules"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let rules = RuleSet::parse(&text).map_err(|errors| errors.render(&name, &text));
            let rules = rules.unwrap_or_else(|found| panic!("{name} does not load\n{found}"));
            let printed = RuleSet::parse(rules.to_string()).expect("the normal form loads");
            assert_eq!(printed, rules, "{name}");
            (name, rules)
        })
        .collect()
}

fn file_of(log_type: &str) -> String {
    log_type.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_")
}

/// How every rule of a file sees an event.
fn traces(rules: &RuleSet, log: &serde_json::Value) -> (Conclusion, Vec<RuleTrace>) {
    let decision = rules.decide(&rules.facts().ticket(log).admit());
    (decision.conclusion, decision.trace)
}

#[test]
fn detections_agree_with_their_authors() {
    let (files, cases) = (files(), cases());
    let mut failures = Vec::new();
    // Of each detection: the verdicts on its own events, and on all events of its log type.
    let mut own: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
    let mut seen: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    let mut agree = 0;
    for case in &cases {
        let Case { rule, log_type, test, expected, log } = case;
        let rules = files.get(&file_of(log_type)).unwrap_or_else(|| panic!("no file: {log_type}"));
        let (conclusion, traces) = traces(rules, log);
        for trace in &traces {
            let seen = seen.entry(trace.rule.clone()).or_default();
            seen.extend((!trace.truth.is_unknown()).then_some(trace.truth.is_true()));
        }
        let Some(trace) = traces.iter().find(|trace| trace.rule == *rule) else {
            failures.push(format!("{rule}: there are cases, and no rule"));
            continue;
        };
        if trace.truth != Truth::from(*expected) {
            let terms = trace.when.iter().chain(&trace.unless);
            let terms: Vec<String> = terms
                .map(|term| format!("  {} is {:?}: {}", term.term, term.truth, term.read))
                .collect();
            let said = trace.truth;
            let terms = terms.join("\n");
            failures.push(format!("{rule}, `{test}`: expected {expected}, got {said:?}\n{terms}"));
            continue;
        }
        if *expected && !matches!(conclusion, Conclusion::Decided { .. }) {
            failures.push(format!("{rule}, `{test}`: the rule is true, and nothing is decided"));
        }
        own.entry(rule).or_default().insert(*expected);
        agree += 1;
    }
    for rule in files.values().flat_map(RuleSet::rules) {
        let name = rule.name();
        if !own.contains_key(name) {
            failures.push(format!("{name}: no event exercises it"));
        }
        // A rule that is true of whatever comes, or of nothing, says nothing.
        if seen.get(name).is_none_or(|verdicts| verdicts.len() < 2) {
            failures.push(format!("{name}: all events of its log type look the same to it"));
        }
    }
    let one_sided = own.values().filter(|verdicts| verdicts.len() < 2).count();
    println!(
        "panther: {} detections of {} log types, {agree} of {} cases agree; of {one_sided} \
         detections the authors test one side only",
        own.len(),
        files.len(),
        cases.len(),
    );
    assert!(failures.is_empty(), "{}\n{} failures", failures.join("\n"), failures.len());
    assert!(own.len() >= 200 && cases.len() >= 700, "the corpus shrank");
}

/// `docs/detections.md` lists what is here, with the number of events, and nothing else.
#[test]
fn the_documented_list_is_that_of_the_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/detections.md");
    let text = fs::read_to_string(path).unwrap();
    let mut cases_of: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for case in cases() {
        cases_of.entry(case.rule).or_insert_with(|| (case.log_type, 0)).1 += 1;
    }
    let expected: Vec<String> = cases_of
        .iter()
        .map(|(rule, (log_type, count))| format!("| `{rule}` | {log_type} | {count} |"))
        .collect();
    let documented: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches('|').count() == 4)
        .collect();
    for line in &documented {
        assert!(expected.iter().any(|row| row == line), "documented, and not so: {line}");
    }
    for row in &expected {
        assert!(documented.contains(&row.as_str()), "not documented: {row}");
    }
    let total: usize = cases_of.values().map(|(_, count)| count).sum();
    let sentence = format!("{} detections, {total} events", cases_of.len());
    assert!(text.contains(&sentence), "`{sentence}` is not said");
    // What cannot be said is not said here.
    let refused = text.lines().filter_map(|line| line.strip_prefix("- `")?.split('`').next());
    let refused: Vec<&str> = refused.collect();
    assert!(refused.len() >= 25, "{}", refused.len());
    for id in refused {
        assert!(!cases_of.contains_key(id), "{id} is written, and listed as one that cannot be");
    }
}
