//! The values of fields, counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::Array as _;
use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue};
use datafusion::physical_plan::PhysicalExpr;
use logdive_core::Field;

use super::{Part, Variant, texts, variants};
use crate::lower::{Encoding, Lowering, decode};
use crate::scan::{Compiler, values};

/// A field.
#[derive(Debug, Clone)]
struct Reader {
    field: usize,
    value: Arc<dyn PhysicalExpr>,
    encoding: Encoding,
}

/// Counts values.
#[derive(Debug)]
pub(super) struct Values {
    readers: Vec<Variant<Reader>>,
    /// By layer, field and value.
    counts: HashMap<(usize, usize, String), u64>,
    held: usize,
}

impl Values {
    pub(super) fn new(parts: &[&Part], fields: &[Field], compiler: &Compiler<'_>) -> Result<Self> {
        let mut readers = Vec::new();
        for (at, field) in fields.iter().enumerate() {
            readers.extend(variants(
                parts,
                |part| Lowering::new(&part.layer).value(field),
                |(value, encoding)| {
                    let value = compiler.compile(value.clone())?;
                    Ok(Reader { field: at, value, encoding: *encoding })
                },
            )?);
        }
        Ok(Self { readers, counts: HashMap::new(), held: 0 })
    }

    pub(super) fn fresh(&self) -> Self {
        Self { readers: self.readers.clone(), counts: HashMap::new(), held: 0 }
    }

    pub(super) fn take(&mut self, rows: &RecordBatch, places: &[usize]) -> Result<()> {
        for reader in &self.readers {
            let mask = reader.mask(places);
            let own = reader.rows(rows, places)?;
            let places = places.iter().zip(mask.values()).filter(|(_, of)| *of).map(|(at, _)| *at);
            let found = values(&reader.what.value, &own)?;
            for (row, place) in places.enumerate() {
                if !found.is_valid(row) {
                    continue;
                }
                let value = match (reader.what.encoding, texts(&found)) {
                    (Encoding::Text, Some(texts)) => Some(texts.value(row).to_owned()),
                    (encoding, _) => {
                        let scalar = ScalarValue::try_from_array(&found, row)?;
                        decode(&scalar, encoding).map(|value| value.plain())
                    }
                };
                let Some(value) = value else { continue };
                let length = value.len();
                *self.counts.entry((place, reader.what.field, value)).or_insert_with(|| {
                    self.held += length + 100;
                    0
                }) += 1;
            }
        }
        Ok(())
    }

    pub(super) fn join(&mut self, other: Self, places: &[usize]) {
        for ((place, field, value), count) in other.counts {
            let place = places.get(place).copied().unwrap_or(place);
            let length = value.len();
            *self.counts.entry((place, field, value)).or_insert_with(|| {
                self.held += length + 100;
                0
            }) += count;
        }
    }

    pub(super) const fn held(&self) -> usize {
        self.held
    }

    pub(super) fn finish(
        self,
        layers: &[(String, bool)],
    ) -> BTreeMap<(String, usize, String), u64> {
        let named = self.counts.into_iter().filter_map(|((place, field, value), count)| {
            let (layer, _) = layers.get(place)?;
            Some(((layer.clone(), field, value), count))
        });
        named.collect()
    }
}
