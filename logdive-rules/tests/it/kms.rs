//! A rule set that reads well and is wrong: what is said of it mends it.

use logdive_core::{Diagnostic, Level};
use logdive_rules::RuleSet;

const FLAWED: &str = include_str!("../data/flawed/kms.rules");

fn refused(text: &str) -> Vec<Diagnostic> {
    match RuleSet::compile(text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.diagnostics().to_vec(),
    }
}

#[test]
fn it_is_refused_with_facts_and_mended_by_what_is_proposed() {
    let mut text = FLAWED.to_owned();
    let found = refused(&text);
    let codes: Vec<&str> = found.iter().map(|diagnostic| diagnostic.code.as_str()).collect();
    assert_eq!(codes, ["A007", "A006"], "in the order of the text");
    for diagnostic in &found {
        assert_eq!(diagnostic.level, Level::Error);
        let help = diagnostic.help.as_deref().unwrap();
        assert!(help.contains("it is so with ") && help.contains("To mend it, "), "{help}");
        let drawn = diagnostic.render("kms.rules", &text);
        assert!(drawn.contains("kms.rules:"), "{drawn}");
    }
    // One fix at a time: what is found next is found in the mended text.
    for _ in 0..4 {
        let Some(diagnostic) = refused(&text).into_iter().next() else { break };
        let fix = diagnostic.suggestion.as_deref().unwrap();
        text.replace_range(diagnostic.span.range(), fix);
    }
    let mended =
        RuleSet::compile(&text).unwrap_or_else(|e| panic!("{}", e.render("mended", &text)));
    assert_eq!(mended.rules().len(), 4);
    assert_eq!(mended.statements().len(), 2);
    assert!(text.contains("and whole and ticket.severity > 1"), "{text}");
}
