//! Pinning the layers of a plan: every query of a dive reads the same lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
#[cfg(feature = "lake")]
use logdive_core::{Layer, Reason, ReasonKind};
use logdive_core::{LayerName, Predicate, Window};

use super::Diver;
use crate::engine::Engine;
#[cfg(feature = "lake")]
use crate::lake::LakeSnapshot;
#[cfg(feature = "lake")]
use crate::layers::lake::{LakeLayer, LakeView};
use crate::layers::{Ask, LayerTable, Opened};
use crate::plan::{CheckedPlan, Looks};

/// What is asked of each layer: all its windows together, and what lines must meet to be of use.
pub(super) type Wanted = BTreeMap<LayerName, (Window, Predicate)>;

/// Adds what a step asks of a layer.
pub(super) fn want(wanted: &mut Wanted, layer: &LayerName, window: Window, predicate: &Predicate) {
    let either = |a: &Predicate| match (a, predicate) {
        (a, b) if *a == Predicate::always() || *b == Predicate::always() => Predicate::always(),
        (Predicate::Or(terms), b) => {
            Predicate::Or(terms.iter().chain(std::iter::once(b)).cloned().collect())
        }
        (a, b) => Predicate::Or(vec![a.clone(), b.clone()]),
    };
    wanted
        .entry(layer.clone())
        .and_modify(|(all, any)| {
            *all = all.hull(&window);
            *any = either(any);
        })
        .or_insert_with(|| (window, predicate.clone()));
}

/// What a plan asks of each layer, baselines left out.
pub(super) fn looked_at(plan: &CheckedPlan, windows: &[Window]) -> Wanted {
    let mut wanted = Wanted::new();
    for (step, window) in plan.steps.iter().zip(windows) {
        let (window, predicate) = match &step.looks {
            Looks::Select { predicate, .. } | Looks::Check(predicate) => {
                (*window, predicate.clone())
            }
            Looks::Context { within, .. } => {
                (super::context::around(window, *within), Predicate::always())
            }
            // Which ids are followed is not known yet; of changes all lines are wanted.
            Looks::Follow { .. } | Looks::Changes => (*window, Predicate::always()),
            // These read the lines of other steps.
            Looks::Templates { .. } | Looks::Compare { .. } | Looks::Measure { .. } => continue,
        };
        for layer in &step.layers {
            let window = plan.window_in(layer.name(), window);
            want(&mut wanted, layer.name(), window, &predicate);
        }
    }
    wanted
}

/// Layers as they are pinned, and the version of the lake, if one lake is among them.
pub(super) struct Pinned {
    pub(super) layers: BTreeMap<LayerName, Opened>,
    pub(super) lake_version: Option<u64>,
}

/// The versions of the diver's lakes that a dive reads: one each, whatever is committed meanwhile.
#[derive(Debug)]
pub(super) struct Versions {
    #[cfg(feature = "lake")]
    pub(super) lakes: Vec<(Arc<LakeSnapshot>, Option<Reason>)>,
}

impl Versions {
    /// The newest ones.
    pub(super) async fn newest(diver: &Diver) -> Self {
        #[cfg(feature = "lake")]
        {
            let mut lakes = Vec::with_capacity(diver.lakes.len());
            for of_lake in &diver.lakes {
                lakes.push(match of_lake.lake.refresh().await {
                    Ok(snapshot) => (snapshot, None),
                    Err(error) => {
                        let detail = format!("an older version was read: {error}");
                        let stale = Reason::new(ReasonKind::Failed, detail);
                        (of_lake.lake.snapshot(), Some(stale))
                    }
                });
            }
            Self { lakes }
        }
        #[cfg(not(feature = "lake"))]
        {
            let _ = diver;
            Self {}
        }
    }
}

/// Pins layers, all at once. `reads` is how often their lines will be read, about.
pub(super) async fn open(
    diver: &Diver,
    engine: &Engine,
    versions: &Versions,
    wanted: &Wanted,
    reads: usize,
) -> Pinned {
    let (tables, lake_version) = tables(diver, versions, wanted, reads);
    let opening = tables.iter().filter_map(|table| {
        let name = table.layer().name();
        let (window, predicate) = wanted.get(name)?;
        let ask = Ask {
            window: *window,
            predicate: predicate.clone(),
            engine,
            clock: &*diver.clock,
            time: engine.time_left(),
        };
        Some(async move { (name.clone(), table.open(&ask).await) })
    });
    Pinned { layers: join_all(opening).await.into_iter().collect(), lake_version }
}

fn tables(
    diver: &Diver,
    versions: &Versions,
    wanted: &Wanted,
    reads: usize,
) -> (Vec<Arc<dyn LayerTable>>, Option<u64>) {
    #[cfg_attr(not(feature = "lake"), expect(unused_mut, reason = "only lakes add tables"))]
    let mut tables = diver.tables.clone();
    #[cfg_attr(not(feature = "lake"), expect(unused_mut, reason = "only lakes have versions"))]
    let mut version = None;
    #[cfg(feature = "lake")]
    for ((number, of_lake), (snapshot, stale)) in
        diver.lakes.iter().enumerate().zip(&versions.lakes)
    {
        // Layers that are looked at in the same window are read together.
        let mut views: Vec<(Window, Vec<Layer>)> = Vec::new();
        for layer in &of_lake.layers {
            let Some((window, _)) = wanted.get(layer.name()) else { continue };
            match views.iter_mut().find(|(known, _)| known == window) {
                Some((_, layers)) => layers.push(layer.clone()),
                None => views.push((*window, vec![layer.clone()])),
            }
        }
        if !views.is_empty() {
            version = Some(snapshot.version());
        }
        for (nth, (window, layers)) in views.into_iter().enumerate() {
            let view = Arc::new(LakeView::new(
                of_lake.lake.clone(),
                (number, nth),
                Arc::clone(snapshot),
                stale.clone(),
                window,
                (layers.len() as u64, reads),
            ));
            for layer in layers {
                tables.push(Arc::new(LakeLayer::new(layer, Arc::clone(&view))));
            }
        }
    }
    let _ = (versions, wanted, reads);
    (tables, version)
}
