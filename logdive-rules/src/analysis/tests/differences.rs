//! Two versions against all facts.

use logdive_core::{Conclusion, Decision, Fact, Mode};

use super::random::{Case, Random, case};
use super::{KMS, parse};
use crate::set::RuleSet;
use crate::{Outcome, RuleErrors};

/// One small edit of a rule file; it may not load any more.
fn edited(random: &mut Random, text: &str) -> Result<RuleSet, RuleErrors> {
    const EDITS: [(&str, &str); 22] = [
        (" and ", " or "),
        (" or ", " and "),
        ("automatic {", "confirm {"),
        ("confirm {", "suggest {"),
        ("off {", "automatic {"),
        (" == ", " != "),
        (" > ", " >= "),
        (" <= ", " < "),
        (" optional", ""),
        ("int 0..3", "int 0..2"),
        ("int 0..2", "int 0..1"),
        ("or else 1", "optional"),
        ("or else 1", "or else 2"),
        ("decide x", "decide y"),
        (" no action", ""),
        (" do g()", " do h()"),
        ("default z", "default x"),
        ("when ", "when not "),
        ("any ", "all "),
        ("over \"r2\"", ""),
        ("bool", "bool optional"),
        ("contains", "starts_with"),
    ];
    let (from, to) = EDITS[random.below(EDITS.len())];
    let places: Vec<usize> = text.match_indices(from).map(|(at, _)| at).collect();
    if places.is_empty() {
        return RuleSet::parse(text);
    }
    let at = places[random.below(places.len())];
    let (before, rest) = text.split_at(at);
    RuleSet::parse(format!("{before}{to}{}", rest.strip_prefix(from).unwrap()))
}

/// What a decision comes to, whoever made it.
fn asked(decision: &Decision, set: &RuleSet) -> String {
    match decision.conclusion() {
        Conclusion::Decided { rule, decision, mode, .. } => {
            format!("{decision} {:?} {mode}", set.rule(rule).unwrap().effect())
        }
        Conclusion::NoActionNeeded { decision, mode, .. } => format!("{decision} none {mode}"),
        Conclusion::Undetermined { .. } => "undetermined".to_owned(),
        Conclusion::NoRule { .. } => format!("default {}", set.default_decision().0),
    }
}

#[test]
fn what_differs_is_what_differs_over_all_facts() {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    let (mut equal, mut apart) = (0, 0);
    for seed in 0..400 * scale.unwrap_or(1_u64).max(1) {
        let mut random = Random::new(seed + 1_000_000);
        let Case { text, facts, finite } = case(&mut random);
        let old = parse(&text);
        let Ok(new) = edited(&mut random, &text) else { continue };
        let found = old.difference(&new);
        let shown = || format!("seed {seed}\n{old}\n{new}\n{found}");
        assert!(found.undecided().is_empty(), "{}", shown());
        let differ = facts
            .iter()
            .any(|facts| asked(&old.decide(facts), &old) != asked(&new.decide(facts), &new));
        assert!(!differ || !found.is_none(), "{}", shown());
        // The facts are those of the old schema: a new one may let in more.
        let all = finite && found.schema().is_empty();
        assert!(!all || differ != found.is_none(), "{}", shown());
        for change in found.changes() {
            let (before, after) = (old.decide(&change.witness), new.decide(&change.witness));
            assert_ne!(asked(&before, &old), asked(&after, &new), "{}", shown());
        }
        // Every pair of outcomes that differs is shown.
        for facts in &facts {
            let (before, after) = (old.decide(facts), new.decide(facts));
            if asked(&before, &old) != asked(&after, &new) {
                let pair = (before.rule(), after.rule());
                let of = |outcome: &Outcome| match outcome {
                    Outcome::Decided { rule, .. } | Outcome::NoActionNeeded { rule, .. } => {
                        Some(rule.clone())
                    }
                    _ => None,
                };
                assert!(
                    found.changes().iter().any(|change| {
                        (of(&change.before).as_deref(), of(&change.after).as_deref()) == pair
                    }),
                    "{pair:?}\n{}",
                    shown()
                );
            }
        }
        *(if found.is_none() { &mut equal } else { &mut apart }) += 1;
    }
    assert!(equal > 20 && apart > 20, "{equal} equal, {apart} apart");
}

#[test]
fn a_change_is_shown_with_facts() {
    let old = parse(KMS);
    let new = parse(&KMS.replace("throttled >= 50", "throttled >= 60"));
    assert!(old.difference(&old).is_none());
    assert!(old.difference(&parse(&KMS.replace("  unless", "  unless false or"))).is_none());
    let found = old.difference(&new);
    // And where the number is not known for certain, before or after.
    let [change, _, _] = found.changes() else { panic!("{found}") };
    assert_eq!(change.witness.read("throttled"), Fact::from(50));
    assert!(matches!(&change.before, Outcome::Decided { mode: Mode::Automatic, .. }));
    assert_eq!(change.after, Outcome::NoRule { decision: "human".to_owned() });
    let text = found.to_string();
    assert!(
        text.starts_with("before: quota_notice, automatic, by `throttled by own quota`; reply"),
        "{text}"
    );
    assert!(text.contains("\n  throttled: 50\n"), "{text}");
}

#[test]
fn schemas_may_differ() {
    let old = parse(KMS);
    let new = parse(&KMS.replace("int 1..5", "int 1..4").replace("within 15m", "within 10m"));
    let found = old.difference(&new);
    let names: Vec<&str> = found.schema().iter().map(|change| change.name.as_str()).collect();
    assert_eq!(names, ["throttled", "ticket.severity"]);
    // No rule reads the severity.
    assert!(found.is_none(), "{found}");
    // What has another type is not guessed.
    let set = |kind: &str, term: &str| {
        parse(&format!(
            "schema s v1 {{ ticket.n : {kind} }} decisions {{ x }} default x \"\"
             rule \"r\" v1 mode confirm {{ when ticket.n {term} decide x }}"
        ))
    };
    let found = set("int", "== 3").difference(&set("text", "== \"3\""));
    assert_eq!(found.schema().len(), 1);
    assert!(!found.is_none());
}
