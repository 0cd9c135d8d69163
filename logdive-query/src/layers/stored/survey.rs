//! Who wrote to a layer's files, and when last: asked once of each file.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use datafusion::common::Result as EngineResult;
use datafusion::datasource::provider_as_source;
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, ident, lit};

use super::group::{self, FILE, Group};
use super::{OpenFile, Stored, Writers};
use crate::columns::{int_at, text_at};
use crate::engine::{Halt, LayerStore, Purpose};
use crate::layers::{Ask, Lost};

impl Stored {
    /// Who wrote each of the files. Those that could not be read say nothing and are noted.
    pub(super) async fn writers(
        &self,
        ask: &Ask<'_>,
        store: &LayerStore,
        lost: &Arc<Lost>,
        files: &[OpenFile],
    ) -> Result<Vec<Writers>, Halt> {
        let unasked: Vec<OpenFile> =
            files.iter().filter(|file| self.told(file).is_none()).cloned().collect();
        // Files of too many kinds are named where their lines are read.
        let (groups, _) = group::grouped(unasked);
        for group in groups {
            let plan = self.plan(&group, store, lost)?;
            let batches = ask.engine.run(plan, Purpose::Aggregate).await?;
            let by_number = group.by_number();
            let mut found: HashMap<i64, Writers> = HashMap::new();
            for batch in batches {
                for row in 0..batch.num_rows() {
                    let int = |at: usize| int_at(batch.column(at), row);
                    let Some(number) = int(0) else { continue };
                    let writers = found.entry(number).or_default();
                    let (lines, timed) = (int(3).unwrap_or_default(), int(4).unwrap_or_default());
                    writers.timeless += u64::try_from(lines - timed).unwrap_or_default();
                    if let Some(newest) = int(2) {
                        let emitter = text_at(batch.column(1), row).map(str::to_owned);
                        writers.newest.push((emitter, newest));
                    }
                }
            }
            for (number, file) in by_number {
                if lost.has(file.candidate.location.as_ref()) {
                    continue;
                }
                let mut told = file.known.writers.lock().unwrap_or_else(PoisonError::into_inner);
                *told = Some(found.remove(&number).unwrap_or_default());
            }
        }
        Ok(files.iter().filter_map(|file| self.told(file)).collect())
    }

    /// What a file is known to say, from before or from its statistics.
    fn told(&self, file: &OpenFile) -> Option<Writers> {
        if self.mapping.names_emitters() {
            return file.known.writers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        }
        let told = file.known.writers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        told.or_else(|| {
            let time = self.mapping.time_column(file.schema()).ok()?;
            let (newest, timeless) = file.known.footer.newest(&time)?;
            let newest = newest.map(|newest| (None, newest)).into_iter().collect();
            Some(Writers { newest, timeless })
        })
    }

    fn plan(
        &self,
        group: &Group,
        store: &LayerStore,
        lost: &Arc<Lost>,
    ) -> EngineResult<LogicalPlan> {
        let table = Arc::new(group.table(store, lost));
        let [emitter, micros] = self.mapping.emitters(group.schema())?;
        LogicalPlanBuilder::scan("files", provider_as_source(table), None)?
            .project([ident(FILE), emitter, micros])?
            .aggregate(
                [ident(FILE), ident("emitter")],
                [
                    max(ident("micros")).alias("newest"),
                    count(lit(1_i64)).alias("lines"),
                    count(ident("micros")).alias("timed"),
                ],
            )?
            .build()
    }
}
