//! Who wrote how many lines.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array as _, AsArray as _};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use logdive_core::log::Column;

use crate::scan::array;

/// Lines by layer and emitter.
#[derive(Debug, Default)]
pub(super) struct Emitting(HashMap<(usize, Option<String>), u64>);

impl Emitting {
    pub(super) fn take(&mut self, rows: &RecordBatch, places: &[usize]) -> Result<()> {
        let names = array(rows, Column::Emitter)?.as_string::<i32>();
        // Emitters are few and lines many: a batch is counted by borrowed names first.
        let mut counts: HashMap<(usize, Option<&str>), u64> = HashMap::new();
        for (row, place) in places.iter().enumerate() {
            let name = names.is_valid(row).then(|| names.value(row));
            *counts.entry((*place, name)).or_default() += 1;
        }
        for ((place, name), count) in counts {
            *self.0.entry((place, name.map(str::to_owned))).or_default() += count;
        }
        Ok(())
    }

    pub(super) fn join(&mut self, other: Self, places: &[usize]) {
        for ((place, name), count) in other.0 {
            let place = places.get(place).copied().unwrap_or(place);
            *self.0.entry((place, name)).or_default() += count;
        }
    }

    pub(super) fn finish(
        self,
        layers: &[(String, bool)],
    ) -> BTreeMap<(String, Option<String>), u64> {
        let named = self.0.into_iter().filter_map(|((place, name), count)| {
            let (layer, _) = layers.get(place)?;
            Some(((layer.clone(), name), count))
        });
        named.collect()
    }
}
