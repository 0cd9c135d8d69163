//! The schema: entries, steps, measures and the types they give.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::measure::syntax::MeasureExpr;
use logdive_core::measure::{self, CheckedMeasure};
use logdive_core::predicate::syntax::Spanned;
use logdive_core::{Diagnostic, Field, Measure, StepName, ValueType};

use super::names;
use crate::diagnostics::{DUPLICATE, MEASURE_TYPE, NAME, STEP, Suggestions, unknown};
use crate::schema::{Entry, Origin, Schema, StepTypes};
use crate::syntax::{EntryNode, SchemaNode, TypeNode};

/// Checks a schema; names of entries that do not hold together are added to `broken`.
pub(super) fn schema(
    node: SchemaNode,
    suggestions: &Suggestions,
    broken: &mut BTreeSet<String>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Schema {
    broken.extend(node.broken);
    let mut schema = Schema {
        name: node.name,
        version: node.version,
        entries: BTreeMap::new(),
        steps: BTreeMap::new(),
    };
    // Steps first: a fact may stand before the evidence it measures.
    let mut rest = Vec::new();
    for entry in node.entries {
        match entry {
            EntryNode::Step { name, fields } => {
                step(&mut schema, &name, fields, broken, diagnostics);
            }
            other => rest.push(other),
        }
    }
    for entry in rest {
        let (name, checked) = match entry {
            EntryNode::Typed { name, kind, optional } => {
                let checked = typed(&name, kind, optional);
                (name, checked)
            }
            EntryNode::Measured { name, measure } => {
                let checked = measured(&schema, &name, &measure, suggestions, broken);
                (name, checked)
            }
            EntryNode::Step { .. } => continue,
        };
        if schema.entries.contains_key(&name.value) {
            let message = format!("a second `{}`", name.value);
            let diagnostic = Diagnostic::new(DUPLICATE, name.span, message);
            diagnostics.push(diagnostic.help("give one another name"));
            continue;
        }
        match checked {
            Ok(entry) => {
                schema.entries.insert(name.value, entry);
            }
            Err(found) => {
                diagnostics.extend(found);
                broken.insert(name.value);
            }
        }
    }
    schema
}

fn bad_name(what: &str, name: &Spanned<String>, help: &str) -> Diagnostic {
    let message = format!("`{}` cannot be the name of a {what}", name.value);
    Diagnostic::new(NAME, name.span, message).help(help)
}

fn step(
    schema: &mut Schema,
    name: &Spanned<String>,
    fields: Vec<(Spanned<String>, TypeNode)>,
    broken: &mut BTreeSet<String>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Ok(step) = StepName::parse(&name.value) else {
        let help = "a step is named with 1 to 64 of a-z, 0-9 and `_`";
        diagnostics.push(bad_name("step", name, help));
        broken.insert(name.value.clone());
        return;
    };
    if schema.steps.contains_key(&step) {
        let diagnostic =
            Diagnostic::new(DUPLICATE, name.span, format!("a second step `{}`", name.value));
        diagnostics.push(diagnostic.help("join their fields"));
        return;
    }
    let mut declared = BTreeMap::new();
    for (field, kind) in fields {
        if let Err(help) = names::dotted(&field.value) {
            diagnostics.push(bad_name("field", &field, help));
            continue;
        }
        let built_in = Field::parse(&field.value).ok().and_then(|field| field.built_in_type());
        if let Some(built_in) = built_in.filter(|built_in| *built_in != kind.kind) {
            let message = format!("every line has `{}`, of type {built_in}", field.value);
            let diagnostic = Diagnostic::new(MEASURE_TYPE, field.span, message);
            diagnostics.push(diagnostic.help("leave it out: it need not be declared"));
            continue;
        }
        if declared.insert(field.value.clone(), kind.kind).is_some() {
            let message = format!("field `{}` stands twice", field.value);
            diagnostics.push(Diagnostic::new(DUPLICATE, field.span, message).help("remove one"));
        }
    }
    schema.steps.insert(step, declared);
}

fn typed(
    name: &Spanned<String>,
    TypeNode { kind, range }: TypeNode,
    optional: bool,
) -> Result<Entry, Vec<Diagnostic>> {
    let ticket = name.value.starts_with("ticket.");
    if ticket {
        names::dotted(&name.value).map_err(|help| vec![bad_name("ticket field", name, help)])?;
    } else {
        fact_name(name, &kind)?;
    }
    let origin = if ticket { Origin::Ticket } else { Origin::Given };
    Ok(Entry { kind, range, optional, origin })
}

fn fact_name(name: &Spanned<String>, kind: &ValueType) -> Result<(), Vec<Diagnostic>> {
    let refused = |help| vec![bad_name("fact", name, help)];
    names::plain(&name.value).map_err(refused)?;
    // Conditions write constants of the field `severity` as words (`error`), whatever its type.
    if name.value == Field::Severity.name() && *kind != ValueType::Severity {
        return Err(refused("it is the severity of a log line: choose another"));
    }
    Ok(())
}

fn measured(
    schema: &Schema,
    name: &Spanned<String>,
    node: &MeasureExpr,
    suggestions: &Suggestions,
    broken: &BTreeSet<String>,
) -> Result<Entry, Vec<Diagnostic>> {
    let step = StepName::parse(&node.step.value).ok();
    let found = step.and_then(|step| schema.steps.get(&step).map(|fields| (step, fields)));
    let Some((step, fields)) = found else {
        // Without the step's fields there is nothing more to say of the measure.
        let steps = schema.steps.keys().map(StepName::as_str).take(suggestions.most());
        let reported = broken.contains(&node.step.value);
        let unknown = (!reported).then(|| unknown(STEP, "step", &node.step, steps));
        return Err(unknown.into_iter().collect());
    };
    let CheckedMeasure { function, filter, kind, .. } =
        measure::check(node, &StepTypes { fields, suggestions })?;
    fact_name(name, &kind)?;
    let measure = Measure { name: name.value.clone(), step, function, filter, window: node.window };
    let origin = Origin::Measured(measure);
    Ok(Entry { kind, range: None, optional: false, origin })
}
