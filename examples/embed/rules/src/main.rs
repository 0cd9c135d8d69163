//! The rules alone: facts from anywhere in, a decision that explains itself out.

#![expect(clippy::print_stdout, reason = "it prints what it found")]

use logdive_core::Conclusion;
use logdive_rules::RuleSet;

const RULES: &str = r#"
schema kms v1 {
  ticket.severity : int
  fact throttled : int
  fact other_err : int
}
decisions { quota_notice, human }
default human "no rule applies"

rule "throttled by own quota" v1 mode automatic {
  when   ticket.severity > 1 and throttled >= 50 and other_err == 0
  decide quota_notice because "{throttled} throttles and no other error"
  no action
}
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rules = RuleSet::parse(RULES)?;
    let ticket = serde_json::json!({ "severity": 3, "title": "KMS is slow" });
    let facts = rules
        .facts()
        .ticket(&ticket)
        .known("throttled", 72)
        .unavailable("other_err", "loki timed out")
        .build()?;
    let decision = rules.decide(&facts);
    let text = match decision.conclusion() {
        Conclusion::Decided { decision, because, .. } => format!("do {decision}: {because}"),
        Conclusion::NoActionNeeded { because, .. } => format!("nothing to do: {because}"),
        Conclusion::Undetermined { missing } => format!("ask a person, unknown: {missing:?}"),
        Conclusion::NoRule { because } => format!("ask a person: {because}"),
    };
    println!("{text}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use logdive_core::{Mode, Value};
    use logdive_rules::RuleSet;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn severity_one_is_never_automatic(facts in RuleSet::parse(super::RULES).unwrap().any_facts()) {
            let decision = RuleSet::parse(super::RULES).unwrap().decide(&facts);
            let severe = facts.read("ticket.severity").known() == Some(&Value::Int(1));
            prop_assert!(!(severe && decision.mode() == Mode::Automatic));
        }
    }
}
