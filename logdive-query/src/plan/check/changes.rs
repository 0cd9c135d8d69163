//! The step that is added for layers of changes: deploys and flags belong on every timeline.

use logdive_core::{Layer, Layers, StepName};

use super::{CheckedStep, Looks};
use crate::plan::{Shown, words};

/// How many of the changes are shown.
const SHOWN: u64 = 200;

/// A step over all layers of changes, unless there are none or a step looks only at such layers
/// already.
pub(super) fn step(layers: &Layers, steps: &[CheckedStep]) -> Option<CheckedStep> {
    let changes: Vec<Layer> = layers.iter().filter(|layer| layer.is_changes()).cloned().collect();
    let looked_at = steps
        .iter()
        .any(|step| step.looks.has_lines() && step.layers.iter().all(Layer::is_changes));
    if changes.is_empty() || looked_at {
        return None;
    }
    let free = |name: &String| steps.iter().all(|step| step.name.as_str() != name);
    let numbered = (2..).map(|number: usize| format!("changes-{number}"));
    let name = std::iter::once("changes".to_owned()).chain(numbered).find(free)?;
    let names: Vec<String> = changes.iter().map(|layer| layer.name().to_string()).collect();
    let show = Shown::newest(SHOWN);
    Some(CheckedStep {
        name: StepName::parse(name).ok()?,
        about: words::changes(&names, show),
        layers: changes,
        window: None,
        show,
        looks: Looks::Changes,
    })
}
