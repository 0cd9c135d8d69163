//! Any bytes as the serde form of a rule set, and as facts for it: no panic; what loads is the same
//! set in its text form.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logdive_rules::{Draft, RuleSet};

const SMALL: &str = r#"
schema s v1 {
  ticket.severity : int 1..5
  ticket.tags : set of text or else {}
  fact n : int
  fact d : duration
  fact t : time
}
decisions { a, human }
default human "x"
rule "r" v1 mode automatic { when n >= 5 and d < 1s or any ticket.tags == "x" decide a }
"#;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(draft) = serde_json::from_slice::<Draft>(bytes) {
        if let Ok(rules) = draft.build() {
            let text = RuleSet::parse(rules.to_string()).expect("the normal form loads");
            assert!(text.digest() == rules.digest(), "the forms differ");
            let data = serde_json::to_vec(&rules).expect("a set is written");
            let read: RuleSet = serde_json::from_slice(&data).expect("what is written is read");
            assert!(read.digest() == rules.digest(), "the data differs");
        }
    }
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) {
        let rules = RuleSet::parse(SMALL).expect("it loads");
        let _ = rules.facts().json(&json, None).lenient().build();
        let facts = rules.facts().json(&json, None).admit();
        let _ = rules.decide(&facts);
    }
});
