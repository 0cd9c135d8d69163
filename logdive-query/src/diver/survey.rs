//! Counting what was looked at, layer by layer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use logdive_core::{Comparison, Field, LayerName, Predicate, Value, Window};

use super::Diver;
use super::dive::{Found, mark};
use super::open::Wanted;
use crate::engine::Engine;
use crate::gather::{Gathered, Part, Wants, gather};
use crate::layers::Opened;

/// Counts each layer's lines in the window, those that belong to any step, and says who is silent.
pub(super) async fn survey(
    engine: &Engine,
    diver: &Diver,
    wanted: &Wanted,
    opened: &mut BTreeMap<LayerName, Opened>,
    found: &[Found],
) {
    let mut whole = Vec::new();
    let mut any = Vec::new();
    let mut known: BTreeMap<&LayerName, Counted> = BTreeMap::new();
    for (name, (window, _)) in wanted {
        let (Some(layer), Some(one)) = (diver.layers.get(name), opened.get(name)) else { continue };
        let part = |predicate| Part {
            layer: layer.clone(),
            table: Arc::clone(&one.table),
            window: *window,
            predicate,
        };
        let counted = known.entry(name).or_default();
        let of_layer = of_layer(found, name);
        let all = of_layer
            .iter()
            .find(|(part, _)| part.predicate == Predicate::always() && part.window == *window);
        match all {
            Some((_, gathered)) => {
                counted.add_all(name, gathered);
                counted.matched = counted.scanned;
            }
            None => {
                whole.push(part(Predicate::always()));
                match matched(&of_layer, name) {
                    Some(matched) => counted.matched = matched,
                    None => any.push(part(either(&of_layer))),
                }
            }
        }
    }
    // Two questions about the same pinned lines: asked at once.
    let emitters = Wants { emitters: true, ..Wants::default() };
    let lines = Wants::default();
    let (whole_found, any_found) =
        tokio::join!(gather(engine, &whole, &emitters), gather(engine, &any, &lines));
    let asked: [(&[Part], _, bool); 2] = [(&whole, whole_found, true), (&any, any_found, false)];
    for (parts, gathered, is_whole) in asked {
        match gathered {
            Ok(gathered) => {
                for part in parts {
                    let name = part.layer.name();
                    let Some(counted) = known.get_mut(name) else { continue };
                    match is_whole {
                        true => counted.add_all(name, &gathered),
                        false => {
                            let lines = gathered.lines.get(name.as_str());
                            counted.matched = lines.copied().unwrap_or_default();
                        }
                    }
                }
            }
            Err(halt) => {
                let layers: Vec<_> = parts.iter().map(|part| part.layer.clone()).collect();
                mark(opened, &layers, &halt);
            }
        }
    }
    for (name, counted) in known {
        let Some(one) = opened.get_mut(name) else { continue };
        let coverage = &mut one.coverage;
        coverage.scanned = coverage.scanned.max(counted.scanned);
        coverage.matched = counted.matched;
        coverage.cost.rows = coverage.cost.rows.max(counted.scanned);
        coverage.silent_emitters =
            one.emitters.iter().filter(|name| !counted.emitters.contains(*name)).cloned().collect();
    }
}

/// What was counted in one layer.
#[derive(Debug, Default)]
struct Counted {
    scanned: u64,
    matched: u64,
    emitters: BTreeSet<String>,
}

impl Counted {
    fn add_all(&mut self, name: &LayerName, gathered: &Gathered) {
        self.scanned = gathered.lines.get(name.as_str()).copied().unwrap_or_default();
        let own = gathered.emitters.keys().filter(|(layer, _)| layer == name.as_str());
        self.emitters.extend(own.filter_map(|(_, emitter)| emitter.clone()));
    }
}

/// The steps that look into a layer: each way of looking once.
fn of_layer<'a>(found: &'a [Found], name: &LayerName) -> Vec<(&'a Part, &'a Gathered)> {
    let mut looks: Vec<(&Part, &Gathered)> = Vec::new();
    for step in found {
        for part in step.parts.iter().filter(|part| part.layer.name() == name) {
            let same = |(known, _): &(&Part, &Gathered)| {
                known.window == part.window && known.predicate == part.predicate
            };
            if part.predicate != Predicate::never() && !looks.iter().any(same) {
                looks.push((part, &step.gathered));
            }
        }
    }
    looks
}

/// How many lines belong to a step, where it needs no further look: one step, or one that has all
/// lines of the others.
fn matched(looks: &[(&Part, &Gathered)], name: &LayerName) -> Option<u64> {
    let lines =
        |gathered: &Gathered| gathered.lines.get(name.as_str()).copied().unwrap_or_default();
    match looks {
        [] => Some(0),
        [(_, gathered)] => Some(lines(gathered)),
        _ => looks
            .iter()
            .find(|(part, _)| {
                part.predicate == Predicate::always()
                    && looks.iter().all(|(other, _)| part.window.hull(&other.window) == part.window)
            })
            .map(|(_, gathered)| lines(gathered)),
    }
}

/// Lines that belong to any of the steps, each in its own window.
fn either(looks: &[(&Part, &Gathered)]) -> Predicate {
    let bound = |comparison, time| Predicate::Compare {
        field: Field::Time,
        comparison,
        value: Value::Time(time),
    };
    let inside = |window: &Window| {
        [bound(Comparison::GreaterOrEqual, window.from()), bound(Comparison::Less, window.to())]
    };
    let terms = looks.iter().map(|(part, _)| {
        let terms = inside(&part.window).into_iter().chain([part.predicate.clone()]);
        Predicate::And(terms.collect())
    });
    Predicate::Or(terms.collect())
}
