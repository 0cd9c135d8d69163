//! The schema: entries, steps, measures and the types they give.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::measure::syntax::MeasureExpr;
use logdive_core::measure::{self, CheckedMeasure};
use logdive_core::predicate::syntax::Spanned;
use logdive_core::{Diagnostic, Field, Measure, StepName, Value, ValueSet, ValueType, predicate};

use super::condition::field_at;
use super::{Places, names};
use crate::diagnostics::{DUPLICATE, MEASURE_TYPE, NAME, STEP, Suggestions, TYPE, unknown};
use crate::limits;
use crate::schema::{Entry, Origin, Schema, StepTypes};
use crate::syntax::{Absence, EntryNode, SchemaNode, TypeNode};

/// Checks a schema; names of entries that do not hold together are added to `broken`.
pub(super) fn schema(
    node: SchemaNode,
    suggestions: &Suggestions,
    places: &mut Places,
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
                step(&mut schema, &name, fields, places, broken, diagnostics);
            }
            other => rest.push(other),
        }
    }
    for entry in rest {
        let (name, checked) = match entry {
            EntryNode::Typed { name, kind, at, absence } => {
                let checked = typed(&name, kind, at, absence);
                (name, checked)
            }
            EntryNode::Measured { name, measure } => {
                let checked = measured(&schema, &name, &measure, suggestions, places, broken);
                (name, checked)
            }
            EntryNode::Step { .. } => continue,
        };
        if schema.entries.contains_key(&name.value) {
            let message = format!("a second `{}`", name.value);
            let mut diagnostic = Diagnostic::new(DUPLICATE, name.span, message);
            if let Some(first) = places.get(&name.value) {
                diagnostic = diagnostic.label(*first, "the first is here");
            }
            diagnostics.push(diagnostic.help("give one another name"));
            continue;
        }
        places.entry(name.value.clone()).or_insert(name.span);
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
    places: &mut Places,
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
        // A step stands beside facts and ticket fields: its place has a name that none of them has.
        let diagnostic = match places.get(&step_place(&name.value)) {
            Some(first) => diagnostic.label(*first, "the first is here"),
            None => diagnostic,
        };
        diagnostics.push(diagnostic.help("join their fields"));
        return;
    }
    places.insert(step_place(&name.value), name.span);
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
        let place = field_place(&name.value, &field.value);
        if declared.insert(field.value.clone(), kind.kind).is_some() {
            let message = format!("field `{}` stands twice", field.value);
            let mut diagnostic = Diagnostic::new(DUPLICATE, field.span, message);
            if let Some(first) = places.get(&place) {
                diagnostic = diagnostic.label(*first, "the first is here");
            }
            diagnostics.push(diagnostic.help("remove one"));
        }
        places.entry(place).or_insert(field.span);
    }
    schema.steps.insert(step, declared);
}

/// The key of a step's place.
fn step_place(step: &str) -> String {
    format!("evidence {step}")
}

/// The key of the place of a step's field.
fn field_place(step: &str, field: &str) -> String {
    format!("evidence {step}.{field}")
}

fn typed(
    name: &Spanned<String>,
    TypeNode { kind, range, json, span }: TypeNode,
    at: Option<Spanned<String>>,
    absence: Absence,
) -> Result<Entry, Vec<Diagnostic>> {
    let ticket = name.value.starts_with("ticket.");
    if let Some(at) = &at {
        pointer(at, ticket)?;
    }
    if json && !ticket {
        let message = "`json` is what stands in a ticket";
        let diagnostic = Diagnostic::new(TYPE, span, message).help("write `text`");
        return Err(vec![diagnostic.suggestion("text")]);
    }
    let optional = matches!(absence, Absence::Optional);
    let default = default(&name.value, &kind, range, absence)?;
    if ticket {
        names::dotted(&name.value).map_err(|help| vec![bad_name("ticket field", name, help)])?;
    } else {
        fact_name(name, &kind)?;
    }
    let origin = if ticket { Origin::Ticket } else { Origin::Given };
    Ok(Entry { kind, range, optional, default, at: at.map(|at| at.value), json, origin })
}

/// Checks a JSON pointer: RFC 6901, and of ticket fields only.
fn pointer(at: &Spanned<String>, ticket: bool) -> Result<(), Vec<Diagnostic>> {
    let wrong =
        |message: String, help: &str| Err(vec![Diagnostic::new(NAME, at.span, message).help(help)]);
    if !ticket {
        return wrong("a fact stands nowhere in a ticket".to_owned(), "remove `at`");
    }
    let escapes = at.value.split('~').skip(1);
    let escaped = escapes.clone().all(|rest| rest.starts_with('0') || rest.starts_with('1'));
    if !at.value.starts_with('/') || !escaped || at.value.len() > limits::POINTER {
        let help = "write keys behind slashes: `/protoPayload/@type`; in a key `~` is `~0`, `/` \
                    is `~1`";
        let slashed = Spanned::new(format!("/{}", at.value), at.span);
        return wrong("this is no JSON pointer".to_owned(), help).map_err(|mut found| {
            if !at.value.starts_with('/') && pointer(&slashed, ticket).is_ok() {
                let text = Value::from(slashed.value.as_str()).to_string();
                found = found.into_iter().map(|one| one.suggestion(text.clone())).collect();
            }
            found
        });
    }
    Ok(())
}

/// What is read where an entry is absent.
fn default(
    name: &str,
    kind: &ValueType,
    range: Option<(i64, i64)>,
    absence: Absence,
) -> Result<Option<Value>, Vec<Diagnostic>> {
    let literal = match (absence, kind) {
        (Absence::Required | Absence::Optional, _) => return Ok(None),
        (Absence::Empty(_), ValueType::Set(_)) => {
            return Ok(Some(Value::Set(ValueSet::default())));
        }
        (Absence::Empty(span), kind) => {
            let message = format!("`{{}}` is a set, and the entry is of type {kind}");
            let diagnostic = Diagnostic::new(TYPE, span, message).help("write a constant");
            return Err(vec![match kind {
                ValueType::Text => diagnostic.suggestion("\"\""),
                _ => diagnostic,
            }]);
        }
        (Absence::Default(literal), ValueType::Set(_)) => {
            let message = "what is absent of a set is the empty set";
            let diagnostic = Diagnostic::new(TYPE, literal.span, message);
            return Err(vec![diagnostic.help("write `or else {}`").suggestion("{}")]);
        }
        (Absence::Default(literal), _) => literal,
    };
    let span = literal.span;
    let value = predicate::constant(name, kind, &literal).map_err(|found| vec![found])?;
    match (&value, range) {
        (Value::Int(number), Some((low, high))) if !(low..=high).contains(number) => {
            let message = format!("`{number}` is outside of {low} to {high}");
            Err(vec![Diagnostic::new(TYPE, span, message).help("write one inside")])
        }
        _ => Ok(Some(value)),
    }
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
    places: &Places,
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
        measure::check(node, &StepTypes { fields, suggestions }).map_err(|found| {
            let labelled = found.into_iter().map(|diagnostic| {
                let read = match diagnostic.code.as_str() {
                    "P011" | "P012" => {
                        node.filter.as_ref().and_then(|filter| field_at(filter, diagnostic.span))
                    }
                    MEASURE_TYPE => node.field.as_ref().map(|field| field.value.as_str()),
                    _ => None,
                };
                let place = read.and_then(|read| places.get(&field_place(&node.step.value, read)));
                match place {
                    Some(place) => diagnostic.label(*place, "it is declared here"),
                    None => diagnostic,
                }
            });
            labelled.collect::<Vec<_>>()
        })?;
    fact_name(name, &kind)?;
    let measure = Measure { name: name.value.clone(), step, function, filter, window: node.window };
    let origin = Origin::Measured(measure);
    Ok(Entry { kind, range: None, optional: false, default: None, at: None, json: false, origin })
}
