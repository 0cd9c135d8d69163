//! Predicates and measures: from text to trees, with a bound on what a hostile text costs.

use std::cell::Cell;

use logdive_core::predicate::FieldTypes;
use logdive_core::{Field, Layer, LayersFields, Measure, Predicate, StepName, ValueType};

use crate::plan::PlanError;

/// The fields of a step's layers. Names for suggestions are given only so often: a text of nothing
/// but mistakes must not cost the square of its size.
struct Fields<'a> {
    fields: LayersFields<'a>,
    suggestions: Cell<u32>,
}

impl<'a> Fields<'a> {
    fn new(layers: &'a [Layer]) -> Self {
        Self { fields: LayersFields::new(layers), suggestions: Cell::new(16) }
    }
}

impl FieldTypes for Fields<'_> {
    fn field_type(&self, field: &Field) -> Option<ValueType> {
        self.fields.field_type(field)
    }

    fn names(&self) -> Vec<String> {
        let left = self.suggestions.get();
        self.suggestions.set(left.saturating_sub(1));
        if left == 0 { Vec::new() } else { self.fields.names() }
    }
}

pub(super) fn predicate(step: &str, text: &str, layers: &[Layer]) -> Result<Predicate, PlanError> {
    Predicate::parse(text, &Fields::new(layers)).map_err(|diagnostics| PlanError::Predicate {
        step: step.to_owned(),
        what: "predicate".to_owned(),
        text: text.to_owned(),
        diagnostics,
    })
}

pub(super) fn measure(
    step: &str,
    name: &str,
    text: &str,
    of: &StepName,
    layers: &[Layer],
) -> Result<Measure, PlanError> {
    Measure::parse(name, of, text, &Fields::new(layers)).map_err(|diagnostics| {
        PlanError::Predicate {
            step: step.to_owned(),
            what: format!("measure `{name}`"),
            text: text.to_owned(),
            diagnostics,
        }
    })
}
