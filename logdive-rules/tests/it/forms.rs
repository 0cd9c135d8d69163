//! Three forms of one rule set: text, data, Rust.

use logdive_core::{Diagnostic, Mode, Predicate};
use logdive_rules::{Argument, Call, Condition, Draft, DraftError, RuleDraft, RuleSet};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::cases;
use crate::sets::any_rules;

/// Conditions as trees instead of texts.
fn with_trees(mut draft: Draft, rules: &RuleSet) -> Draft {
    for draft in &mut draft.rules {
        let rule = rules.rule(&draft.name).unwrap();
        draft.when = Condition::Tree(rule.when().clone());
        draft.unless = rule.unless().cloned().map(Condition::Tree);
    }
    draft
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// Whatever its form, it is the same set with the same digest.
    #[test]
    fn all_forms_are_one_set(rules in any_rules(true)) {
        let rules = RuleSet::parse(rules.text()).unwrap();
        let text = RuleSet::parse(rules.to_string()).unwrap();
        let json = serde_json::to_string(&rules).unwrap();
        let json: RuleSet = serde_json::from_str(&json).unwrap();
        let draft = Draft::from(&rules);
        let built = draft.build().unwrap();
        let trees = with_trees(draft, &rules);
        let trees_in_json = serde_json::to_string(&trees).unwrap();
        let trees_read: Draft = serde_json::from_str(&trees_in_json).unwrap();
        for other in [text, json, built, trees.build().unwrap(), trees_read.build().unwrap()] {
            prop_assert_eq!(other.digest(), rules.digest());
            prop_assert_eq!(&other, &rules);
        }
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// What is written into one place of the data says nothing in another.
    #[test]
    fn no_part_says_more_than_its_place_allows(
        rules in any_rules(false),
        at in any::<prop::sample::Index>(),
        part in prop::sample::select(vec![
            "true } rule \"x\" v1 mode automatic { when true",
            "1 == 1 # ",
            "\" ; \"",
            "human } default human \"x\" rule",
            "int } schema",
            "a\nunless false",
            "int optional fact z : int",
            "int # optional",
            "n >= 3 decide q",
            "x",
        ]),
    ) {
        let rules = RuleSet::parse(rules.text()).unwrap();
        let mut json = serde_json::to_value(&rules).unwrap();
        let count = texts(&mut json).len();
        **texts(&mut json).get_mut(at.index(count)).unwrap() = part.to_owned();
        if let Ok(read) = serde_json::from_value::<RuleSet>(json) {
            // A name, a type or a reason may have changed; nothing was added.
            prop_assert_eq!(read.rules().len(), rules.rules().len());
            prop_assert!(read.inputs().count() <= rules.inputs().count());
            prop_assert_eq!(read.statements().len(), rules.statements().len());
        }
    }
}

/// Every text in the data.
fn texts(json: &mut Json) -> Vec<&mut String> {
    match json {
        Json::String(text) => vec![text],
        Json::Array(members) => members.iter_mut().flat_map(texts).collect(),
        Json::Object(members) => members.values_mut().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn draft() -> Draft {
    Draft::new("kms", 3)
        .ticket("severity", "int 1..5")
        .evidence("errors", [("code", "text"), ("caller", "text")])
        .measure("throttled", "count(errors where code == \"ThrottlingException\")")
        .measure("caller", "only(errors.caller)")
        .fact("load", "decimal # given\n or else 0.5")
        .decisions(["quota", "human"])
        .default("human", "no rule applies")
        .never_automatic("ticket.severity == 1")
}

fn rule() -> RuleDraft {
    let call = Call::new("disable-key".parse().unwrap())
        .argument("key", Argument::Fact("caller".to_owned()))
        .argument("count", Argument::Constant(5.into()));
    RuleDraft::new("own \"quota\"", 2, Mode::Automatic)
        .when("throttled >= 50 # of our own\n and load < 1")
        .decide("quota")
        .because("{throttled} throttles")
        .owner("team-kms")
        .action(call)
}

#[test]
fn a_set_is_built_in_rust() {
    let rules = draft().rule(rule()).build().unwrap();
    let text = "
        schema kms v3 {
          evidence errors : rows { caller: text, code: text }
          fact throttled = count(errors where code == \"ThrottlingException\")
          fact caller = only(errors.caller)
          fact load : decimal or else 0.5
          ticket.severity : int 1..5
        }
        decisions { human, quota }
        default human \"no rule applies\"
        never automatic when ticket.severity == 1
        rule \"own \\\"quota\\\"\" v2 owner \"team-kms\" mode automatic {
          when throttled >= 50 and load < 1
          decide quota because \"{throttled} throttles\"
          do \"disable-key\"(count: 5, key: caller)
        }";
    assert_eq!(RuleSet::parse(text).unwrap().digest(), rules.digest());
}

fn first(draft: &Draft) -> Diagnostic {
    match draft.build().unwrap_err() {
        DraftError::Rules { errors, .. } => errors.diagnostics()[0].clone(),
        DraftError::Part { diagnostic, .. } => *diagnostic,
        other => panic!("{other}"),
    }
}

#[test]
fn mistakes_are_those_of_the_text_form() {
    let unknown = draft().rule(rule().when("throtled >= 50"));
    assert_eq!(first(&unknown).suggestion.as_deref(), Some("throttled"));
    assert_eq!(first(&draft().rule(rule().decide("quotas"))).code, "R040");
    assert_eq!(first(&draft().ticket("x", "txt")).code, "R022");
    assert_eq!(first(&draft().rule(rule().when("load >"))).code, "P002");

    let mut future = draft();
    future.form = 9;
    let message = future.build().unwrap_err().to_string();
    assert_eq!(message, "the rule set is of form 9, and this program reads form 1");

    let named = draft().fact("a b", "int").build().unwrap_err();
    assert!(named.to_string().starts_with("`a b` cannot be the name of a fact"), "{named}");

    let odd = json!({"each": {
        "field": "load", "quantifier": "any", "test": {"absent": "throttled"}
    }});
    let tree: Predicate = serde_json::from_value(odd).unwrap();
    let message = draft().rule(rule().when(tree)).build().unwrap_err().to_string();
    assert!(message.contains("no test of one member"), "{message}");
}

#[test]
fn unknown_keys_are_refused() {
    let mut json = serde_json::to_value(draft()).unwrap();
    json["ruels"] = json!([]);
    let message = serde_json::from_value::<Draft>(json).unwrap_err().to_string();
    assert!(message.contains("ruels"), "{message}");
}

/// The form as others have it on disk. It changes only with a new number in `form`; the one before
/// is read on.
#[test]
fn the_form_is_stable() {
    let text = include_str!("../data/heads.rules");
    let golden = include_str!("../data/heads.json");
    let rules = RuleSet::parse(text).unwrap();
    let read: RuleSet = serde_json::from_str(golden).unwrap();
    assert_eq!(read.digest(), rules.digest());
    assert_eq!(serde_json::to_string_pretty(&rules).unwrap(), golden.trim_end());
}
