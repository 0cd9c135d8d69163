//! What docs/plans.md says of plans is so.

use std::collections::BTreeMap;

use logdive_core::format_duration;
use logdive_query::{DivePlan, limits};

const DOCS: &str = include_str!("../../../../docs/plans.md");

#[test]
fn the_example_is_a_plan() {
    let (_, block) = DOCS.split_once("```toml\n").unwrap();
    let (text, _) = block.split_once("```").unwrap();
    let plan = DivePlan::from_toml(text).unwrap_or_else(|error| panic!("{error}"));
    assert!(plan.needs_ticket());
    assert_eq!(DivePlan::from_json(&plan.to_json()), Ok(plan.clone()));
    // Every kind of step is in it.
    let words = plan.to_string();
    assert_eq!(words.lines().filter(|line| line.contains(": ")).count(), 8, "{words}");
}

#[test]
fn the_table_of_limits_is_that_of_the_constants() {
    let (_, table) = DOCS.split_once("| constant | at most |\n|---|---|\n").unwrap();
    let documented: BTreeMap<&str, &str> = table
        .lines()
        .map_while(|line| line.strip_prefix("| `"))
        .map(|line| {
            let (name, rest) = line.split_once("` | ").unwrap();
            (name, rest.split([' ', ',']).next().unwrap())
        })
        .collect();
    let constants: BTreeMap<&str, String> = [
        ("TEXT", limits::TEXT.to_string()),
        ("DEPTH", limits::DEPTH.to_string()),
        ("VALUES", limits::VALUES.to_string()),
        ("STEPS", limits::STEPS.to_string()),
        ("WINDOW", format_duration(limits::WINDOW)),
        ("PADDING", format_duration(limits::PADDING)),
        ("SHOWN", limits::SHOWN.to_string()),
        ("GIVEN", limits::GIVEN.to_string()),
        ("ID_KINDS", limits::ID_KINDS.to_string()),
        ("HOPS", limits::HOPS.to_string()),
        ("IDS", limits::IDS.to_string()),
        ("ROWS", limits::ROWS.to_string()),
        ("CONTEXT_LINES", limits::CONTEXT_LINES.to_string()),
        ("CONTEXT_WITHIN", format_duration(limits::CONTEXT_WITHIN)),
        ("TEMPLATES", limits::TEMPLATES.to_string()),
        ("BASELINES", limits::BASELINES.to_string()),
        ("BASELINE_REACH", format_duration(limits::BASELINE_REACH)),
        ("FIELDS", limits::FIELDS.to_string()),
        ("STEP_MEASURES", limits::STEP_MEASURES.to_string()),
        ("MEASURES", limits::MEASURES.to_string()),
        ("TERMS", limits::TERMS.to_string()),
        ("PREDICATE_DEPTH", limits::PREDICATE_DEPTH.to_string()),
        ("MEMBERS", limits::MEMBERS.to_string()),
    ]
    .into();
    let constants: BTreeMap<&str, &str> =
        constants.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(documented, constants);
    let changes = format!("`CHANGES_BEFORE` ({})", format_duration(limits::CHANGES_BEFORE));
    assert!(DOCS.contains(&changes));
}
