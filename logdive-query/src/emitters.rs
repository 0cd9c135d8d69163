//! Who wrote into which layer, and when last: what watermarks are made of.

use std::collections::BTreeMap;

/// An emitter; of lines that name none, each layer has its own, since nothing says that they come
/// from one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Emitter {
    Named(String),
    Unnamed { layer: String },
}

/// Who wrote into the layers of one store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Emitters {
    /// The newest time of each emitter, in any layer.
    newest: BTreeMap<Emitter, i64>,
    /// The emitters of each layer.
    layers: BTreeMap<String, Vec<Emitter>>,
}

impl Emitters {
    /// Adds a line, or the newest of many.
    pub(crate) fn add(&mut self, layer: &str, emitter: Option<&str>, time: i64) {
        let emitter = match emitter {
            Some(name) => Emitter::Named(name.to_owned()),
            None => Emitter::Unnamed { layer: layer.to_owned() },
        };
        let of_layer = self.layers.entry(layer.to_owned()).or_default();
        if !of_layer.contains(&emitter) {
            of_layer.push(emitter.clone());
        }
        let newest = self.newest.entry(emitter).or_insert(time);
        *newest = time.max(*newest);
    }

    /// The lowest over a layer's emitters of their newest time in any layer: an emitter that
    /// writes to several layers is alive as long as it writes to one of them. A layer without
    /// lines has none: nothing says who would write to it.
    pub(crate) fn newest_of(&self, layer: &str) -> Option<i64> {
        let emitters = self.layers.get(layer)?;
        emitters.iter().filter_map(|emitter| self.newest.get(emitter)).min().copied()
    }

    /// The layers that have lines.
    #[cfg(feature = "lake")]
    pub(crate) fn layers(&self) -> impl Iterator<Item = &str> {
        self.layers.keys().map(String::as_str)
    }

    /// The names of a layer's emitters.
    pub(crate) fn names_of(&self, layer: &str) -> impl Iterator<Item = &str> {
        self.layers.get(layer).into_iter().flatten().filter_map(|emitter| match emitter {
            Emitter::Named(name) => Some(name.as_str()),
            Emitter::Unnamed { .. } => None,
        })
    }
}
