//! The checker of measures: from what was written to a function over typed fields.

use super::syntax::{self, MeasureExpr};
use super::{Function, Measure, codes};
use crate::predicate::syntax::{Cursor, Spanned, tokens};
use crate::predicate::{self, FieldTypes, limits};
use crate::{Diagnostic, Field, Predicate, Span, StepName, ValueType};

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

/// A measure whose function and filter fit the fields it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedMeasure {
    /// What it computes.
    pub function: Function,
    /// Which rows count.
    pub filter: Predicate,
    /// The type of what it gives.
    pub kind: ValueType,
}

impl Measure {
    /// Reads and checks the text form of a measure over a step, which the text may leave out:
    /// `count(where error_code == "Throttling")`, `distinct(request_id)`.
    ///
    /// # Errors
    /// All that is wrong with the text, each with its place; a step that is another one (`R031`).
    pub fn parse(
        name: &str,
        step: &StepName,
        text: &str,
        fields: &dyn FieldTypes,
    ) -> Result<Self, Vec<Diagnostic>> {
        if text.len() > limits::TEXT {
            let message = format!("longer than {} bytes", limits::TEXT);
            return Err(vec![Diagnostic::new("P013", Span::default(), message)]);
        }
        let (tokens, mut diagnostics) = tokens(text);
        let mut cursor = Cursor::new(&tokens);
        let expression = match syntax::measure(&mut cursor, Some(step.as_str())) {
            Ok(expression) => expression,
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                return Err(diagnostics);
            }
        };
        if cursor.peek().is_some() {
            diagnostics.push(cursor.unexpected("the end"));
        }
        match check(&expression, fields) {
            Ok(CheckedMeasure { function, filter, .. }) if diagnostics.is_empty() => Ok(Self {
                name: name.to_owned(),
                step: step.clone(),
                function,
                filter,
                window: expression.window,
            }),
            Ok(_) => Err(diagnostics),
            Err(more) => {
                diagnostics.extend(more);
                Err(diagnostics)
            }
        }
    }
}

/// Checks a measure against the fields of its step.
///
/// Codes: `R030` unknown measure, `R032` unknown field, `R033` field of a type that it cannot be
/// computed over, `R034` a part too many or too few; those of [`predicate::check`] for its filter.
///
/// # Errors
/// All that is wrong with it, each with its place.
pub fn check(
    expression: &MeasureExpr,
    fields: &dyn FieldTypes,
) -> Result<CheckedMeasure, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let field = expression.field.as_ref().and_then(|field| match typed_field(field, fields) {
        Ok(field) => Some(field),
        Err(diagnostic) => {
            found.push(diagnostic);
            None
        }
    });
    let filter = match &expression.filter {
        None => Predicate::always(),
        Some(filter) => predicate::check(filter, fields).unwrap_or_else(|more| {
            found.extend(more);
            Predicate::always()
        }),
    };
    match function(expression, field) {
        Ok(Some((function, kind))) if found.is_empty() => {
            Ok(CheckedMeasure { function, filter, kind })
        }
        Ok(_) => Err(found),
        Err(more) => {
            found.extend(more);
            Err(found)
        }
    }
}

fn typed_field(
    name: &Spanned<String>,
    fields: &dyn FieldTypes,
) -> Result<(Field, ValueType), Diagnostic> {
    let typed = Field::parse(&name.value)
        .ok()
        .and_then(|field| fields.field_type(&field).map(|kind| (field, kind)));
    typed.ok_or_else(|| {
        let names = fields.names();
        let names = names.iter().map(String::as_str);
        Diagnostic::unknown(codes::FIELD, "field", &name.value, name.span, names)
    })
}

type Typed = Option<(Function, ValueType)>;

/// The function of a measure and the type of what it gives. `None` if what it lacks is reported
/// already.
fn function(
    node: &MeasureExpr,
    field: Option<(Field, ValueType)>,
) -> Result<Typed, Vec<Diagnostic>> {
    let name = node.function.value.as_str();
    let form = |span: Span, message: String, help: String| {
        vec![Diagnostic::new(codes::FORM, span, message).help(help)]
    };
    if !FUNCTIONS.contains(&name) {
        let span = node.function.span;
        return Err(vec![Diagnostic::unknown(codes::FUNCTION, "measure", name, span, FUNCTIONS)]);
    }
    let step = &node.step.value;
    let takes_field =
        matches!(name, "distinct" | "sum" | "min" | "max" | "percentile" | "newest" | "only");
    match (&node.field, takes_field) {
        (None, true) => {
            return Err(form(
                node.span,
                format!("`{name}` is computed over a field"),
                format!("write `{name}({step}.FIELD …)`"),
            ));
        }
        (Some(field), false) => {
            let message = format!("`{name}` takes a step, not the field `{}`", field.value);
            let span = node.step.span.to(field.span);
            let diagnostic = Diagnostic::new(codes::FORM, span, message);
            let diagnostic = diagnostic.help(format!("write `{name}({step} …)`"));
            // Where the step is left out, only the field stands there.
            let written = node.step.span.end < field.span.start
                && node.step.span.start > node.function.span.start;
            return Err(vec![match written {
                true => diagnostic.suggestion(step),
                false => Diagnostic { span: field.span, ..diagnostic },
            }]);
        }
        _ => {}
    }
    let rank = match (name, &node.rank) {
        ("percentile", None) => {
            return Err(form(
                node.span,
                "a percentile of which rank?".to_owned(),
                "write `percentile(step.field, 99)`".to_owned(),
            ));
        }
        ("percentile", Some(rank)) => match u8::try_from(rank.value) {
            Ok(rank @ 1..=100) => rank,
            _ => {
                let message = format!("there is no percentile {}", rank.value);
                return Err(form(rank.span, message, "it is 1 to 100".to_owned()));
            }
        },
        (_, Some(rank)) => {
            return Err(form(
                rank.span,
                format!("`{name}` takes no number"),
                "remove it".to_owned(),
            ));
        }
        (_, None) => 0,
    };
    if matches!(name, "complete" | "watermark") {
        if let Some(filter) = &node.filter {
            return Err(form(
                filter.span,
                format!("`{name}` is a fact of the whole step"),
                "remove `where …`".to_owned(),
            ));
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
    node: &MeasureExpr,
    field: Field,
    kind: ValueType,
    rank: u8,
) -> Result<(Function, ValueType), Vec<Diagnostic>> {
    let number = matches!(kind, ValueType::Int | ValueType::Decimal | ValueType::Duration);
    let ordered = kind.is_ordered();
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
            Diagnostic::new(codes::FIELD_TYPE, span, message)
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

#[cfg(test)]
mod tests {
    use crate::{Function, Layer, LayerField, Measure, StepName, ValueType};

    fn parse(text: &str) -> Result<Measure, String> {
        let layer = Layer::new("s3")
            .unwrap()
            .field("size", LayerField::attribute("size", ValueType::Int))
            .unwrap()
            .field("user.name", LayerField::attribute("user.name", ValueType::Text))
            .unwrap();
        let step = StepName::parse("errors").unwrap();
        Measure::parse("x", &step, text, &layer)
            .map_err(|all| all.iter().map(|one| format!("{one}\n")).collect())
    }

    #[test]
    fn the_step_may_be_left_out() {
        for (short, long) in [
            ("count()", "count(errors)"),
            ("count(where size > 5)", "count(errors where size > 5)"),
            ("distinct(user.name)", "distinct(errors.user.name)"),
            ("percentile(size, 99)", "percentile(errors.size, 99)"),
            ("any(within 5m before started)", "any(errors within 5m before started)"),
        ] {
            let measure = parse(short).unwrap();
            assert_eq!(Ok(&measure), parse(long).as_ref(), "{short}");
            assert_eq!(measure.to_string(), long);
        }
        let field = crate::Field::parse("size").unwrap();
        assert_eq!(parse("sum(size)").unwrap().function, Function::Sum(field));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("", "a measure"),
            ("count(", "`where`, `within` or `)`"),
            ("count() and more", "expected the end"),
            ("cuont()", "did you mean `count`?"),
            ("sum(sizes)", "did you mean `size`?"),
            ("sum(user.name)", "has no `sum`"),
            ("sum()", "computed over a field"),
            ("count(where size > \"x\")", "P011"),
            ("count(size)", "takes a step"),
            ("count(others)", "takes a step"),
            ("any(within 0s before started)", "the window is empty"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
