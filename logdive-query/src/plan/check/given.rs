//! What the plan itself gives: padding and ids.

use std::collections::BTreeMap;
use std::time::Duration;

use logdive_core::{IdKind, LayerName, Layers, did_you_mean, format_duration};

use super::{Padding, caps};
use crate::plan::error::short;
use crate::plan::{Around, DivePlan, PlanError, limits};

pub(super) fn padding(
    plan: &DivePlan,
    layers: &Layers,
) -> Result<BTreeMap<LayerName, Padding>, PlanError> {
    let mut checked = BTreeMap::new();
    for (layer, padding) in &plan.padding {
        let found = layers.iter().find(|known| known.name().as_str() == layer);
        let Some(found) = found else { return Err(unknown_layer("the padding", layer, layers)) };
        let of = format!("the padding of layer `{layer}`");
        if padding.before.max(padding.after) > limits::PADDING {
            let why = format!(
                "it is longer than {}: give the step a window of its own (`limits::PADDING`)",
                format_duration(limits::PADDING)
            );
            return Err(PlanError::Window { of, why });
        }
        checked.insert(found.name().clone(), *padding);
    }
    let most = checked.values().map(|padding| padding.before.saturating_add(padding.after)).max();
    let own = match &plan.around {
        Around::Window(window) => window.length(),
        Around::Ticket(spec) => spec.before.saturating_add(spec.after),
    };
    caps::window("the plan", own.saturating_add(most.unwrap_or(Duration::ZERO)))?;
    if let (Around::Ticket(spec), Some(times)) = (&plan.around, &plan.times) {
        spec.resolve(times).map_err(|error| PlanError::window("the plan", &error))?;
    } else if own.is_zero() {
        let why = "it is empty: say how long before or after it lasts".to_owned();
        return Err(PlanError::Window { of: "the plan".to_owned(), why });
    }
    Ok(checked)
}

pub(super) fn ids(plan: &DivePlan) -> Result<Vec<(IdKind, String)>, PlanError> {
    let mut ids = Vec::new();
    for (kind, values) in &plan.ids {
        let step = || format!("ids.{}", short(kind));
        let kind =
            IdKind::parse(kind).map_err(|source| PlanError::Name { step: step(), source })?;
        ids.extend(values.iter().map(|value| (kind.clone(), value.clone())));
    }
    Ok(ids)
}

pub(super) fn unknown_layer(of: &str, layer: &str, layers: &Layers) -> PlanError {
    let known: Vec<String> = layers.iter().map(|layer| layer.name().as_str().to_owned()).collect();
    PlanError::UnknownLayer {
        of: of.to_owned(),
        layer: layer.to_owned(),
        near: did_you_mean(layer, known.iter().map(String::as_str)).map(str::to_owned),
        known,
    }
}
