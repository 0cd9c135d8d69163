//! The ids in lines: where each was seen, and when first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue};
use datafusion::physical_plan::PhysicalExpr;
use logdive_core::IdKind;
use logdive_core::log::Column;

use super::{Part, Variant, texts, variants};
use crate::lower::{Encoding, Lowering, decode};
use crate::scan::{Compiler, array, values};

/// An id of a kind.
pub(crate) type Id = (IdKind, String);

/// Where ids were seen: by layer, when first, in microseconds.
pub(crate) type Ids = BTreeMap<Id, BTreeMap<String, i64>>;

/// A field that holds ids of a kind.
#[derive(Debug, Clone)]
struct Reader {
    kind: usize,
    value: Arc<dyn PhysicalExpr>,
    encoding: Encoding,
}

/// Collects ids.
#[derive(Debug)]
pub(super) struct IdCounts {
    kinds: Arc<Vec<IdKind>>,
    readers: Vec<Variant<Reader>>,
    /// By kind and value: layers with the first time in each.
    found: HashMap<(usize, String), Vec<(usize, i64)>>,
    held: usize,
}

impl IdCounts {
    pub(super) fn new(parts: &[&Part], kinds: &[IdKind], compiler: &Compiler<'_>) -> Result<Self> {
        let mut readers = Vec::new();
        for (at, kind) in kinds.iter().enumerate() {
            // A layer may hold a kind of id in several fields: the first of each, the second, …
            let most = parts.iter().map(|part| part.layer.id_fields(kind).count()).max();
            for nth in 0..most.unwrap_or_default() {
                readers.extend(variants(
                    parts,
                    |part| {
                        let field = part.layer.id_fields(kind).nth(nth)?;
                        Lowering::new(&part.layer).value(field)
                    },
                    |(value, encoding)| {
                        let value = compiler.compile(value.clone())?;
                        Ok(Reader { kind: at, value, encoding: *encoding })
                    },
                )?);
            }
        }
        Ok(Self { kinds: Arc::new(kinds.to_vec()), readers, found: HashMap::new(), held: 0 })
    }

    pub(super) fn fresh(&self) -> Self {
        Self {
            kinds: Arc::clone(&self.kinds),
            readers: self.readers.clone(),
            found: HashMap::new(),
            held: 0,
        }
    }

    pub(super) fn take(&mut self, rows: &RecordBatch, places: &[usize]) -> Result<()> {
        let readers = std::mem::take(&mut self.readers);
        for reader in &readers {
            let mask = reader.mask(places);
            let own = reader.rows(rows, places)?;
            let places = places.iter().zip(mask.values()).filter(|(_, of)| *of).map(|(at, _)| *at);
            let times = array(&own, Column::Ts)?.as_primitive::<TimestampMicrosecondType>();
            let found = values(&reader.what.value, &own)?;
            for (row, place) in places.enumerate() {
                let time = times.value(row);
                if let (Encoding::Text, Some(texts)) = (reader.what.encoding, texts(&found)) {
                    if texts.is_valid(row) {
                        self.add(reader.what.kind, texts.value(row), place, time);
                    }
                } else if found.is_valid(row) {
                    let value = ScalarValue::try_from_array(&found, row)?;
                    if let Some(value) = decode(&value, reader.what.encoding) {
                        self.add(reader.what.kind, &value.plain(), place, time);
                    }
                }
            }
        }
        self.readers = readers;
        Ok(())
    }

    fn add(&mut self, kind: usize, value: &str, place: usize, time: i64) {
        // An empty id ties together whatever lacks one.
        if value.trim().is_empty() {
            return;
        }
        let key = (kind, value.to_owned());
        let seen = self.found.entry(key).or_insert_with(|| {
            self.held += value.len() + 150;
            Vec::new()
        });
        see(seen, place, time);
    }

    pub(super) fn join(&mut self, other: Self, places: &[usize]) {
        for (key, seen) in other.found {
            let own = self.found.entry(key).or_insert_with_key(|(_, value)| {
                self.held += value.len() + 150;
                Vec::new()
            });
            for (place, time) in seen {
                see(own, places.get(place).copied().unwrap_or(place), time);
            }
        }
    }

    pub(super) const fn held(&self) -> usize {
        self.held
    }

    pub(super) fn finish(self, layers: &[(String, bool)]) -> Ids {
        let mut ids = Ids::new();
        for ((kind, value), seen) in self.found {
            let Some(kind) = self.kinds.get(kind) else { continue };
            let first = ids.entry((kind.clone(), value)).or_default();
            for (place, time) in seen {
                if let Some((layer, _)) = layers.get(place) {
                    first.insert(layer.clone(), time);
                }
            }
        }
        ids
    }
}

fn see(seen: &mut Vec<(usize, i64)>, place: usize, time: i64) {
    match seen.iter_mut().find(|(known, _)| *known == place) {
        Some((_, first)) => *first = time.min(*first),
        None => seen.push((place, time)),
    }
}
