//! Clocks of layers compared by ids that were seen in several.

use std::collections::BTreeMap;

use logdive_core::compare::{Sighted, skews};
use logdive_core::{LayerName, Skew};

use crate::gather::Ids;

/// Clocks that differ.
pub(super) fn skew<'a>(ids: impl IntoIterator<Item = &'a Ids>) -> Vec<Skew> {
    let mut pairs: BTreeMap<(LayerName, LayerName), Vec<i64>> = BTreeMap::new();
    for seen in ids.into_iter().flat_map(Ids::values) {
        let named: Vec<(LayerName, i64)> = seen
            .iter()
            .filter_map(|(layer, first)| Some((LayerName::parse(layer).ok()?, *first)))
            .collect();
        for (at, (layer, first)) in named.iter().enumerate() {
            for (against, other) in named.iter().skip(at + 1) {
                let ahead = first.saturating_sub(*other);
                pairs.entry((layer.clone(), against.clone())).or_default().push(ahead);
            }
        }
    }
    let sighted = |((layer, against), ahead_micros)| Sighted { layer, against, ahead_micros };
    skews(&pairs.into_iter().map(sighted).collect::<Vec<_>>())
}
