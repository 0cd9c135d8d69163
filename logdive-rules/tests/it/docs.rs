//! The reference: what it shows holds.

use logdive_rules::{RuleSet, Suite, format, limits};
use serde_json::json;

const REFERENCE: &str = include_str!("../../../docs/rules.md");

/// The blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let found: Vec<&str> = REFERENCE
        .split(fence.as_str())
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(!found.is_empty(), "the reference has no block of {language}");
    found
}

fn shown() -> RuleSet {
    let text = blocks("rules")[0];
    RuleSet::compile(text).unwrap_or_else(|errors| panic!("{}", errors.render("rules.md", text)))
}

#[test]
fn files_load_hold_what_they_claim_and_are_laid_out() {
    for text in blocks("rules") {
        if let Err(errors) = RuleSet::compile(text) {
            panic!("{}", errors.render("rules.md", text));
        }
        assert_eq!(format(text).unwrap(), text);
    }
}

#[test]
fn every_condition_can_be_read() {
    let schema = "schema s v1 { ticket.kind : enum { throttling, latency, other } \
                  ticket.tier : enum { standard, enterprise } optional fact throttled : int \
                  fact title : text fact source : ip fact ports : set of int fact read_only : bool }";
    let conditions = blocks("conditions").concat();
    assert!(conditions.lines().count() > 10);
    for condition in conditions.lines() {
        let text = format!(
            "{schema} decisions {{ a, human }} default human \"x\"\n\
             rule \"r\" v1 mode suggest {{ when {condition} decide a }}"
        );
        if let Err(errors) = RuleSet::parse(&text) {
            panic!("{}", errors.render("rules.md", &text));
        }
    }
}

#[test]
fn the_tests_pass() {
    let suite: Suite = toml::from_str(blocks("toml")[0]).unwrap();
    let report = suite.run(&shown());
    assert!(report.passed(), "{report:#?}");
    assert_eq!(report.never_decided, ["enterprise", "throttled, and not only"]);
}

#[test]
fn facts_as_json_are_read() {
    let rules = shown();
    let json = json!({
        "ticket": {"severity": 3, "kind": "throttling", "tier": null},
        "throttled": {"at_least": 60},
        "other_err": {"unavailable": "loki timed out"},
        "facts": {"caller": "x"},
    });
    let facts = rules.facts().json(&json, None).build().unwrap();
    assert_eq!(facts.read("other_err").to_string(), "unavailable (loki timed out)");
    assert_eq!(facts.read("throttled").to_string(), "at least 60 (there may be more)");
    let wrong =
        json!({"ticket": {"severity": 3, "kind": "throttling"}, "throtled": 5, "caller": 5});
    let message = rules.facts().json(&wrong, None).build().unwrap_err().to_string();
    assert!(message.contains("did you mean `throttled`?"), "{message}");
    assert!(message.contains("`caller` is of type text, not `5`"), "{message}");
}

/// The limits are those of the code.
#[test]
fn limits_are_those_that_hold() {
    let thousands = |number: usize| {
        let text = number.to_string();
        match text.len().checked_sub(3) {
            Some(at) if at > 0 => format!("{},{}", &text[..at], &text[at..]),
            _ => text,
        }
    };
    for part in [
        format!("{} MiB, {} rules", limits::FILE >> 20, thousands(limits::RULES)),
        format!("{} deep, {} terms", limits::DEPTH, thousands(limits::TERMS)),
        format!("an enum | {} members", limits::MEMBERS),
        format!("mistakes shown | {}", limits::DIAGNOSTICS),
    ] {
        assert!(REFERENCE.contains(&part), "{part}");
    }
}
