//! Numbers against their limits.

use std::time::Duration;

use logdive_core::format_duration;

use crate::plan::error::short;
use crate::plan::{DivePlan, Kind, PlanError, Scope, limits};

/// What a plan is too large for, before any of it is parsed.
pub(super) fn of_plan(plan: &DivePlan) -> Result<(), PlanError> {
    if plan.steps.is_empty() {
        return Err(PlanError::NoSteps);
    }
    let plan_cap = |cap, value: usize, most: usize, limit, way_out| {
        at_most("the plan", cap, value as u64, most as u64, limit, way_out)
    };
    let way_out = "make several plans of it";
    plan_cap("steps", plan.steps.len(), limits::STEPS, "STEPS", way_out)?;
    let mut text = 0_usize;
    for step in &plan.steps {
        text = text.saturating_add(step.name.len()).saturating_add(written(&step.kind));
        let of = format!("step `{}`", short(&step.name));
        let way_out = "put sets of ids into follow steps, or make several plans of it";
        at_most(&of, "text", text as u64, limits::TEXT as u64, "TEXT", way_out)?;
    }
    let given = plan.ids.values().map(std::collections::BTreeSet::len).sum();
    plan_cap("ids", given, limits::GIVEN, "GIVEN", "give those that matter")
}

/// How many bytes of text somebody wrote.
fn written(kind: &Kind) -> usize {
    let all = |texts: &[String]| texts.iter().map(|text| text.len() + 1).sum::<usize>();
    let of_scope = |scope: &Scope| match scope {
        Scope::All => 0,
        Scope::Layers(layers) => all(layers),
    };
    match kind {
        Kind::Select(select) => select.filter.len() + all(&select.ids) + of_scope(&select.scope),
        Kind::Follow(follow) => follow.from.len() + all(&follow.ids) + of_scope(&follow.scope),
        Kind::Context(context) => context.of.len(),
        Kind::Templates(templates) => templates.of.len(),
        Kind::Compare(compare) => compare.of.len() + all(&compare.fields),
        Kind::Measure(measures) => {
            let facts = measures.facts.iter().map(|(name, text)| name.len() + text.len() + 2);
            measures.of.len() + facts.sum::<usize>()
        }
        Kind::Check(check) => check.filter.len() + of_scope(&check.scope),
    }
}

/// A number that may be anything up to its limit.
pub(super) fn at_most(
    of: &str,
    cap: &'static str,
    value: u64,
    most: u64,
    limit: &str,
    way_out: &str,
) -> Result<(), PlanError> {
    within(of, cap, value, 0, most, limit, way_out)
}

/// A number that is at least one and at most its limit.
pub(super) fn some(
    of: &str,
    cap: &'static str,
    value: u64,
    most: u64,
    limit: &str,
    way_out: &str,
) -> Result<(), PlanError> {
    within(of, cap, value, 1, most, limit, way_out)
}

fn within(
    of: &str,
    cap: &'static str,
    value: u64,
    least: u64,
    most: u64,
    limit: &str,
    way_out: &str,
) -> Result<(), PlanError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let rule = format!("{least} to {most}");
    let way_out = if value < least {
        "ask for one at least".to_owned()
    } else {
        format!("{way_out} (`limits::{limit}`)")
    };
    Err(PlanError::Cap { of: of.to_owned(), cap, value, rule, way_out })
}

/// A window that is not too long.
pub(super) fn window(of: &str, length: Duration) -> Result<(), PlanError> {
    if length <= limits::WINDOW {
        return Ok(());
    }
    let why = format!(
        "it is longer than {}: look at a part of it (`limits::WINDOW`)",
        format_duration(limits::WINDOW)
    );
    Err(PlanError::Window { of: of.to_owned(), why })
}
