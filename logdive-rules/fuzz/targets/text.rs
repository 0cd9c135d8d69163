//! Any text as a rule file: no panic; what loads has a normal form that is the same set, is laid
//! out as itself once it was laid out, and decides over no facts; what does not load says why.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logdive_rules::{RuleSet, format};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    match RuleSet::parse(&text) {
        Err(errors) => {
            assert!(!errors.diagnostics().is_empty(), "refused without a reason");
            let drawn = errors.render("fuzz.rules", &text);
            assert!(!drawn.contains('\u{1b}'), "the terminal is reached");
        }
        Ok(rules) => {
            let again = RuleSet::parse(rules.to_string()).expect("the normal form loads");
            assert!(again == rules && again.digest() == rules.digest(), "the normal form differs");
            let smooth = format(&text).expect("what loads is laid out");
            let read = RuleSet::parse(&smooth).expect("what is laid out loads");
            assert!(read.digest() == rules.digest(), "the layout says something else");
            assert!(format(&smooth).as_ref() == Ok(&smooth), "the layout is not stable");
            let _ = rules.decide(&rules.facts().admit());
        }
    }
});
