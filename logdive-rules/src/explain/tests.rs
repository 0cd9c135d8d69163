use logdive_core::{Fact, Facts, Truth};

use super::{Fate, RuleExplanation};
use crate::set::RuleSet;

fn rules() -> RuleSet {
    RuleSet::parse(
        r#"
schema s v1 {
  ticket.severity : int 1..5
  ticket.host     : text optional
  fact throttled  : int
  fact other_err  : int
}
decisions { quota, wild, human }
default human "no rule applies"
rule "quota" v1 mode automatic over "many" {
  when   (throttled >= 50 or ticket.host starts_with "quota-") and other_err == 0
  unless ticket.severity == 1
  decide quota
}
rule "many" v2 mode confirm { when throttled > 10 or other_err > 10 decide wild }
rule "off" v1 mode off { when true decide wild }
"#,
    )
    .unwrap()
}

fn facts(throttled: i64, other_err: i64) -> Facts {
    Facts::new()
        .with("ticket.severity", 3)
        .with("ticket.host", "h1")
        .with("throttled", throttled)
        .with("other_err", other_err)
}

fn terms(rule: &RuleExplanation) -> Vec<&str> {
    rule.terms.iter().map(|term| term.term.as_str()).collect()
}

#[test]
fn it_says_why_and_why_not() {
    let rules = rules();
    let explained = rules.explain(&facts(60, 0));
    let [quota, many, off] = explained.rules.as_slice() else { panic!() };
    assert_eq!(quota.fate, Fate::Decides);
    assert_eq!(terms(quota), ["throttled >= 50", "other_err == 0", "ticket.severity == 1"]);
    assert_eq!(many.fate, Fate::Outranked { by: vec!["quota".to_owned()] });
    assert_eq!((off.fate.clone(), terms(off)), (Fate::Off, vec![]));
    // One term is enough to stop it, though two are false.
    let explained = rules.explain(&facts(5, 3));
    let quota = explained.rules.iter().find(|rule| rule.rule == "quota").unwrap();
    assert_eq!((quota.fate.clone(), terms(quota)), (Fate::False, vec!["other_err == 0"]));
    let explained = rules.explain(&facts(5, 0));
    let quota = explained.rules.iter().find(|rule| rule.rule == "quota").unwrap();
    assert_eq!(terms(quota), ["throttled >= 50", "ticket.host starts_with \"quota-\""]);
    let unknown = facts(60, 0).with("other_err", Fact::Unavailable("loki timed out".into()));
    let explained = rules.explain(&unknown);
    let quota = explained.rules.iter().find(|rule| rule.rule == "quota").unwrap();
    assert_eq!((quota.fate.clone(), terms(quota)), (Fate::Unknown, vec!["other_err == 0"]));
    assert!(quota.terms.iter().all(|term| term.truth == Truth::Unknown));
    let severe = facts(60, 0).with("ticket.severity", 1);
    let text = rules.explain(&severe).to_string();
    assert!(
        text.contains("false: quota\n  hindered by ticket.severity == 1\n    ticket.severity: 1\n"),
        "{text}"
    );
    assert!(text.contains("decides: many\n  throttled > 10\n    throttled: 60\n"), "{text}");
    let json = serde_json::to_value(rules.explain(&severe)).unwrap();
    assert_eq!(json["rules"][0]["fate"]["kind"], "decides");
}

#[test]
fn the_nearest_change_is_the_smallest() {
    let rules = rules();
    let changes = |facts: &Facts, rule: &str| {
        let nearest = rules.nearest(facts, rule)?;
        assert_eq!(rules.decide(&nearest.facts).rule(), Some(rule));
        let changes = nearest.changes.iter();
        Some(changes.map(|c| format!("{} {} -> {}", c.name, c.from, c.to)).collect::<Vec<_>>())
    };
    assert_eq!(changes(&facts(60, 0), "quota"), Some(vec![]));
    // By name, `throttled` comes before `ticket.host`.
    assert_eq!(changes(&facts(30, 0), "quota").unwrap(), ["throttled 30 -> 50"]);
    assert_eq!(
        changes(&facts(30, 7), "quota").unwrap(),
        ["other_err 7 -> 0", "throttled 30 -> 50"]
    );
    assert_eq!(changes(&facts(60, 0), "many").unwrap(), ["other_err 0 -> 1"]);
    assert_eq!(changes(&facts(5, 0), "many").unwrap(), ["other_err 0 -> 11"]);
    assert_eq!(changes(&facts(5, 0), "off"), None);
    assert_eq!(changes(&facts(5, 0), "no such rule"), None);
    let unknown = facts(60, 0).with("other_err", Fact::Unavailable("loki timed out".into()));
    assert_eq!(
        changes(&unknown, "quota").unwrap(),
        ["other_err unavailable (loki timed out) -> 0"]
    );
}
