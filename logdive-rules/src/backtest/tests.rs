//! What a back-test counts.

use logdive_core::Conclusion;
use serde_json::{Value as Json, json};

use super::{Backtest, BacktestError, BacktestKind, BacktestReport, Record};
use crate::{RuleSet, limits};

const RULES: &str = r#"
schema quota v1 {
  ticket.severity : int 1..5
  fact throttled : int
  fact other : int
}
decisions { quota, calm, escalate, human }
default human "no rule applies"
rule "own quota" v2 mode automatic { when throttled >= 50 and other == 0 decide quota }
rule "calm" v1 mode confirm { when throttled == 0 decide calm no action }
rule "off" v1 mode off { when true decide escalate }
"#;

fn run(lines: &[Json]) -> BacktestReport {
    let rules = RuleSet::parse(RULES).unwrap();
    let text: Vec<String> = lines.iter().map(Json::to_string).collect();
    let mut test = Backtest::new(&rules);
    test.read(text.join("\n").as_bytes()).unwrap();
    test.finish()
}

fn record(id: &str, throttled: i64, decision: &Json) -> Json {
    let facts = json!({ "ticket": { "severity": 3 }, "throttled": throttled, "other": 0 });
    json!({ "id": id, "facts": facts, "decision": decision })
}

#[test]
fn every_way_is_counted_once() {
    let undetermined = |id: &str, decision: &Json| {
        let mut record = record(id, 60, decision);
        record["facts"]["other"] = json!({ "unavailable": "loki" });
        record
    };
    let report = run(&[
        record("agreed", 72, &json!("quota")),
        record("differed", 72, &json!("escalate")),
        record("unasked", 72, &Json::Null),
        record("as the default", 20, &json!("human")),
        record("no rule", 20, &json!("escalate")),
        record("could", 20, &json!("quota")),
        undetermined("missing", &json!("quota")),
        undetermined("both silent", &Json::Null),
        record("calm", 0, &json!("calm")),
        record("typo", 0, &json!("clam")),
    ]);
    let totals = report.totals;
    assert_eq!((totals.records, totals.agreed, totals.differed), (10, 3, 2));
    assert_eq!((totals.left, totals.undetermined, totals.could), (3, 1, 2));
    assert_eq!((totals.unasked, totals.open, totals.misfits), (1, 1, 0));
    let rules: Vec<(&str, u64, u64, u64, u64)> = report
        .rules
        .iter()
        .map(|r| (r.rule.as_str(), r.decided, r.agreed, r.differed, r.unasked))
        .collect();
    assert_eq!(rules, [("calm", 2, 1, 1, 0), ("own quota", 3, 1, 1, 1)]);
    let found: Vec<(&str, BacktestKind)> =
        report.differences.iter().map(|d| (d.id.as_str(), d.kind)).collect();
    use BacktestKind::{Differed, Left, Unasked};
    assert_eq!(
        found,
        [
            ("differed", Differed),
            ("typo", Differed),
            ("no rule", Left),
            ("could", Left),
            ("missing", Left),
            ("unasked", Unasked),
        ]
    );
    assert_eq!(report.differences[4].missing, ["other: loki"]);
    assert_eq!(report.differences[5].rule.as_deref(), Some("own quota"));
    assert_eq!(report.unknown_decisions.into_iter().collect::<Vec<_>>(), [("clam".to_owned(), 1)]);
}

#[test]
fn facts_that_do_not_fit_are_unavailable_and_counted() {
    let report = run(&[
        json!({ "id": "a", "facts": { "throttled": "many", "old": 1 }, "decision": "quota" }),
        json!({ "id": "b", "ticket": { "severity": 9 }, "facts": { "throttled": 60, "other": 0 },
                "decision": "quota" }),
        json!({ "id": "c", "facts": [1], "decision": "quota" }),
    ]);
    assert_eq!(report.totals.misfits, 3);
    assert_eq!((report.totals.agreed, report.totals.left), (1, 2));
    let found: Vec<(&str, u64)> =
        report.misfits.iter().map(|misfit| (misfit.name.as_str(), misfit.records)).collect();
    assert_eq!(found, [("throttled", 1), ("ticket.severity", 3), ("old", 1), ("ticket", 1)]);
    assert_eq!(report.misfits[2].problem, "the schema has no `old`");
}

#[test]
fn what_is_kept_is_bounded() {
    let rules = RuleSet::parse(RULES).unwrap();
    let mut test = Backtest::new(&rules);
    let count = limits::DIFFERENCES_KEPT + 5_000;
    for at in 0..count {
        let facts = json!({ "ticket": { "severity": 1 }, "throttled": 99, "other": 0 });
        test.push(Record::new(at.to_string(), facts, Some(format!("d{at}"))));
    }
    let report = test.finish();
    assert_eq!(report.totals.differed, count as u64);
    assert_eq!(report.differences.len(), limits::DIFFERENCES_KEPT);
    assert_eq!(report.more, 5_000);
    assert_eq!(report.unknown_decisions.len(), limits::NAMES_KEPT);
}

#[test]
fn lines_that_are_no_records_are_named() {
    let rules = RuleSet::parse(RULES).unwrap();
    let read = |text: &str| Backtest::new(&rules).read(text.as_bytes()).unwrap_err();
    let text = format!("\n{}\n{{\"id\": 1}}", record("a", 1, &Json::Null));
    let error = read(&text);
    assert!(matches!(error, BacktestError::Record { line: 3, column: 8, .. }), "{error}");
    assert!(!error.to_string().contains(" at line "), "{error}");
    let error = read(r#"{"id": "a", "decison": "quota"}"#);
    assert!(error.to_string().contains("unknown field `decison`"), "{error}");
    let error = read(&format!("{{\"id\": \"{}\"}}", "x".repeat(limits::RECORD)));
    assert!(matches!(error, BacktestError::TooLong { line: 1 }), "{error}");
    let deep = read(&"[".repeat(100_000));
    assert!(matches!(deep, BacktestError::Record { line: 1, .. }), "{deep}");
}

/// Each record is decided as it would be alone, whatever the chunks.
#[test]
fn many_records_are_decided_as_each_alone() {
    let rules = RuleSet::parse(RULES).unwrap();
    let facts = |at: i64| {
        let other = if at % 3 == 0 { json!({ "unavailable": "late" }) } else { json!(at % 2) };
        json!({ "ticket": { "severity": 1 + at % 5 }, "throttled": at % 101, "other": other })
    };
    let mut test = Backtest::new(&rules);
    let (mut decided, mut undetermined) = (0, 0);
    for at in 0..9_000 {
        let alone = rules.facts().json(&facts(at), None).build().unwrap();
        let decision = rules.decide(&alone);
        decided += u64::from(decision.rule().is_some());
        undetermined += u64::from(matches!(decision.conclusion(), Conclusion::Undetermined { .. }));
        test.push(Record::new(at.to_string(), facts(at), Some("escalate".to_owned())));
    }
    let totals = test.finish().totals;
    assert_eq!((totals.differed, totals.undetermined), (decided, undetermined));
    assert!(decided > 0 && undetermined > 0);
}
