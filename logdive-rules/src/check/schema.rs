//! The schema: entries, steps, measures and the types they give.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::predicate::FieldTypes;
use logdive_core::predicate::syntax::Spanned;
use logdive_core::{
    Diagnostic, Field, Function, Measure, Predicate, StepName, ValueType, predicate,
};

use super::names;
use crate::diagnostics::{
    DUPLICATE, MEASURE, MEASURE_FORM, MEASURE_TYPE, NAME, STEP, STEP_FIELD, Suggestions, unknown,
};
use crate::schema::{Entry, Origin, Schema, StepTypes};
use crate::syntax::{EntryNode, MeasureNode, SchemaNode, TypeNode};

const FUNCTIONS: [&str; 13] = [
    "count",
    "any",
    "none",
    "distinct",
    "sum",
    "min",
    "max",
    "percentile",
    "rate",
    "newest",
    "only",
    "complete",
    "watermark",
];

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
    node: &MeasureNode,
    suggestions: &Suggestions,
    broken: &BTreeSet<String>,
) -> Result<Entry, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let step = StepName::parse(&node.step.value).ok().filter(|s| schema.steps.contains_key(s));
    let fields = step.as_ref().and_then(|step| schema.steps.get(step));
    if fields.is_none() && !broken.contains(&node.step.value) {
        let steps = schema.steps.keys().map(StepName::as_str).take(suggestions.most());
        found.push(unknown(STEP, "step", &node.step, steps));
    }
    let types = fields.map(|fields| StepTypes { fields, suggestions });
    let field = match (&node.field, &types) {
        (Some(field), Some(types)) => match typed_field(field, types) {
            Ok(field) => Some(field),
            Err(diagnostic) => {
                found.push(diagnostic);
                None
            }
        },
        _ => None,
    };
    let filter = match (&node.filter, &types) {
        (Some(filter), Some(types)) => match predicate::check(filter, types) {
            Ok(filter) => filter,
            Err(more) => {
                found.extend(more);
                Predicate::always()
            }
        },
        _ => Predicate::always(),
    };
    // Without the step's fields there is nothing more to say of the measure.
    let function = if types.is_some() { function(node, field) } else { Err(Vec::new()) };
    let function = function.unwrap_or_else(|more| {
        found.extend(more);
        None
    });
    match (step, function) {
        (Some(step), Some((function, kind))) if found.is_empty() => {
            fact_name(name, &kind)?;
            let measure =
                Measure { name: name.value.clone(), step, function, filter, window: node.window };
            let origin = Origin::Measured(measure);
            Ok(Entry { kind, range: None, optional: false, origin })
        }
        _ => Err(found),
    }
}

fn typed_field(
    name: &Spanned<String>,
    types: &StepTypes<'_>,
) -> Result<(Field, ValueType), Diagnostic> {
    let typed = Field::parse(&name.value)
        .ok()
        .and_then(|field| types.field_type(&field).map(|kind| (field, kind)));
    typed.ok_or_else(|| {
        let names = types.names();
        unknown(STEP_FIELD, "field", name, names.iter().map(String::as_str))
    })
}

type Typed = Option<(Function, ValueType)>;

/// The function of a measure and the type of what it gives. `None` if what it lacks is reported
/// already.
fn function(
    node: &MeasureNode,
    field: Option<(Field, ValueType)>,
) -> Result<Typed, Vec<Diagnostic>> {
    let name = node.function.value.as_str();
    let form = |message: String, help: String| {
        vec![Diagnostic::new(MEASURE_FORM, node.span, message).help(help)]
    };
    if !FUNCTIONS.contains(&name) {
        return Err(vec![unknown(MEASURE, "measure", &node.function, FUNCTIONS)]);
    }
    let step = &node.step.value;
    let takes_field =
        matches!(name, "distinct" | "sum" | "min" | "max" | "percentile" | "newest" | "only");
    match (&node.field, takes_field) {
        (None, true) => {
            return Err(form(
                format!("`{name}` is computed over a field"),
                format!("write `{name}({step}.FIELD …)`"),
            ));
        }
        (Some(field), false) => {
            return Err(form(
                format!("`{name}` takes a step, not the field `{}`", field.value),
                format!("write `{name}({step} …)`"),
            ));
        }
        _ => {}
    }
    let rank = match (name, &node.rank) {
        ("percentile", None) => {
            return Err(form(
                "a percentile of which rank?".to_owned(),
                "write `percentile(step.field, 99)`".to_owned(),
            ));
        }
        ("percentile", Some(rank)) => match u8::try_from(rank.value) {
            Ok(rank @ 1..=100) => rank,
            _ => {
                let message = format!("there is no percentile {}", rank.value);
                return Err(vec![
                    Diagnostic::new(MEASURE_FORM, rank.span, message).help("it is 1 to 100"),
                ]);
            }
        },
        (_, Some(rank)) => {
            let message = format!("`{name}` takes no number");
            return Err(vec![Diagnostic::new(MEASURE_FORM, rank.span, message).help("remove it")]);
        }
        (_, None) => 0,
    };
    if matches!(name, "complete" | "watermark") {
        if let Some(filter) = &node.filter {
            let message = format!("`{name}` is a fact of the whole step");
            return Err(vec![
                Diagnostic::new(MEASURE_FORM, filter.span, message).help("remove `where …`"),
            ]);
        }
        return Ok(Some(if name == "complete" {
            (Function::Complete, ValueType::Bool)
        } else {
            (Function::Watermark, ValueType::Time)
        }));
    }
    Ok(match (name, field) {
        ("count", _) => Some((Function::Count, ValueType::Int)),
        ("any", _) => Some((Function::Any, ValueType::Bool)),
        ("none", _) => Some((Function::None, ValueType::Bool)),
        ("rate", _) => Some((Function::Rate, ValueType::Decimal)),
        // The field is unknown, which is reported.
        (_, None) => None,
        (_, Some((field, kind))) => Some(over_field(node, field, kind, rank)?),
    })
}

/// The measures that are computed over a field.
fn over_field(
    node: &MeasureNode,
    field: Field,
    kind: ValueType,
    rank: u8,
) -> Result<(Function, ValueType), Vec<Diagnostic>> {
    let number = matches!(kind, ValueType::Int | ValueType::Decimal | ValueType::Duration);
    let ordered = !matches!(kind, ValueType::Bool | ValueType::Enum(_) | ValueType::Ip);
    let (fits, needs) = match node.function.value.as_str() {
        "sum" | "percentile" => (number, "int, decimal or duration"),
        "min" | "max" => (ordered, "a type that has an order"),
        _ => (true, ""),
    };
    if !fits {
        let name = &node.function.value;
        let span = node.field.as_ref().map_or(node.span, |field| field.span);
        let message = format!("`{field}` is of type {kind}, which has no `{name}`");
        return Err(vec![
            Diagnostic::new(MEASURE_TYPE, span, message)
                .help(format!("`{name}` is computed over {needs}")),
        ]);
    }
    Ok(match node.function.value.as_str() {
        "distinct" => (Function::Distinct(field), ValueType::Int),
        "sum" => (Function::Sum(field), kind),
        "min" => (Function::Min(field), kind),
        "max" => (Function::Max(field), kind),
        "percentile" => (Function::Percentile(field, rank), kind),
        "newest" => (Function::Newest(field), kind),
        _ => (Function::Only(field), kind),
    })
}
