//! The identity of what a plan looks for.

use logdive_core::{Digest, Layer, StepName, WindowSpec};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{CheckedPlan, Looks};
use crate::plan::Shown;

/// The digest of everything that changes what is looked for, and of nothing else. Layers, ids,
/// fields, baselines and measures are in an order of their own here, predicates are printed from
/// their trees.
pub(super) fn of(plan: &CheckedPlan) -> Digest {
    #[derive(Serialize)]
    struct Identity<'a> {
        name: &'a StepName,
        layers: Vec<&'a Layer>,
        window: Option<WindowSpec>,
        show: Shown,
        looks: Json,
    }
    let steps: Vec<Identity<'_>> = plan
        .steps
        .iter()
        .map(|step| Identity {
            name: &step.name,
            layers: step.layers.iter().collect(),
            window: step.window,
            show: step.show,
            looks: looks(&step.looks),
        })
        .collect();
    Digest::of_json(&(plan.around, plan.times, &plan.padding, &plan.ids, steps))
}

fn looks(looks: &Looks) -> Json {
    match looks {
        Looks::Select { predicate, ids } => json!(["select", predicate.to_string(), ids]),
        Looks::Follow { from, ids, hops, max_ids, max_rows } => {
            json!(["follow", from, ids, hops, max_ids, max_rows])
        }
        Looks::Context { of, before, after, within } => {
            json!(["context", of, before, after, within])
        }
        Looks::Templates { of, most } => json!(["templates", of, most]),
        Looks::Compare { of, baselines, fields } => json!(["compare", of, baselines, fields]),
        Looks::Measure { of, measures } => {
            let measures: Vec<Json> = measures
                .iter()
                .map(|one| json!([one.name, one.function, one.filter.to_string(), one.window]))
                .collect();
            json!(["measure", of, measures])
        }
        Looks::Check(predicate) => json!(["check", predicate.to_string()]),
        Looks::Changes => json!(["changes"]),
    }
}
