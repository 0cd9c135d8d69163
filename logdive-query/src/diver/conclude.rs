//! What can be known of each measure.

use std::collections::BTreeMap;

use logdive_core::measure::Tally;
use logdive_core::{
    Fact, Facts, Function, LayerCoverage, LayerName, Measure, Reason, ReasonKind, Window,
};

use super::dive::Found;
use crate::gather::Asked;
use crate::plan::{CheckedPlan, Looks};

/// The facts of all measures.
pub(super) fn conclude(
    plan: &CheckedPlan,
    windows: &[Window],
    asked: &[Vec<Asked<'_>>],
    found: &[Found],
    layers: &BTreeMap<LayerName, LayerCoverage>,
) -> Facts {
    let mut facts = Facts::new();
    for (index, (asked, one)) in asked.iter().zip(found).enumerate() {
        let mut tallies = one.gathered.tallies.iter();
        for Asked { measure, window } in asked {
            let incomplete = gap(plan, windows, found, layers, index, window, None);
            let tally = (!measure.function.is_of_coverage()).then(|| tallies.next()).flatten();
            let fact = match (&measure.function, &one.failed, tally) {
                (Function::Watermark, ..) => watermark(plan, layers, index, measure),
                (Function::Complete, ..) => {
                    measure.conclude(&Tally::default(), window, incomplete.as_ref())
                }
                (_, Some(reason), _) => Fact::Unavailable(reason.clone()),
                (_, None, Some(tally)) => measure.conclude(tally, window, incomplete.as_ref()),
                (_, None, None) => Fact::unavailable(
                    ReasonKind::NotMeasured,
                    format!("`{}` was not measured", measure.name),
                ),
            };
            facts.insert_overwrite(measure.name.clone(), fact);
        }
    }
    facts
}

/// Why lines of a step may be missing up to the end of a window, in one of its layers or in any;
/// those of the step it follows count, since an id that was missed there is missed here.
pub(super) fn gap(
    plan: &CheckedPlan,
    windows: &[Window],
    found: &[Found],
    layers: &BTreeMap<LayerName, LayerCoverage>,
    index: usize,
    window: &Window,
    only: Option<&LayerName>,
) -> Option<Reason> {
    let step = plan.steps.get(index)?;
    let of_layer = |layer: &logdive_core::Layer| match layers.get(layer.name()) {
        Some(coverage) => coverage.gap(layer.name(), window.to()),
        None => {
            Some(Reason::new(ReasonKind::Failed, format!("{}: it was not opened", layer.name())))
        }
    };
    let wanted = |layer: &&logdive_core::Layer| only.is_none_or(|only| layer.name() == only);
    if let Some(reason) = step.layers.iter().filter(wanted).find_map(of_layer) {
        return Some(reason);
    }
    if let Some(doubt) = found.get(index).and_then(|found| found.doubts.first()) {
        return Some(doubt.clone());
    }
    match &step.looks {
        Looks::Follow { from, .. } => {
            gap(plan, windows, found, layers, *from, windows.get(*from)?, None)
        }
        _ => None,
    }
}

/// The lowest watermark over the layers of a step.
fn watermark(
    plan: &CheckedPlan,
    layers: &BTreeMap<LayerName, LayerCoverage>,
    index: usize,
    measure: &Measure,
) -> Fact {
    let step = plan.steps.get(index);
    let mut lowest = None;
    for layer in step.into_iter().flat_map(|step| &step.layers) {
        let watermark = layers.get(layer.name()).and_then(|coverage| coverage.watermark);
        let Some(watermark) = watermark else {
            let detail = format!("`{}`: layer `{}` has no watermark", measure.name, layer.name());
            return Fact::unavailable(ReasonKind::Late, detail);
        };
        lowest = Some(lowest.map_or(watermark, |lowest| watermark.min(lowest)));
    }
    lowest.map_or(Fact::Absent, Fact::from)
}
