//! A layer that is any table of DataFusion.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use datafusion::common::Result as EngineResult;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::logical_expr::{ExprFunctionExt as _, LogicalPlan, LogicalPlanBuilder, ident, lit};
use logdive_core::{Layer, LayerCoverage, LayerName, Reason, ReasonKind};
use object_store::ObjectStore;

use super::mapping::{Mapping, mapping_methods};
use super::memory::coverage_of;
use super::span::{AROUND, Span};
use super::{Ask, BringLayer, Brought, LayerTable, Opened};
use crate::columns::{int_at, text_at};
use crate::diver::BuildError;
use crate::emitters::Emitters;
use crate::engine::{Engine, Halt, Purpose};

/// A layer that is any table of DataFusion: one in memory, a view, a connector to a database.
///
/// Columns are mapped as with files: [`column`](Self::column), [`field`](Self::field),
/// [`time`](Self::time) and so on; all that are not mapped with `column` are kept as attributes.
/// Conditions on the time and on text columns are handed to the table, which answers as much of
/// them as it can; the rest is ours. The coverage counts rows. Bytes are counted only for stores
/// that are brought with [`store`](Self::store): what a table reads elsewhere is not seen, and
/// the dive's budget of bytes does not limit it.
///
/// Each query of a dive scans the table, so it should give the same rows for as long as a dive
/// takes: a view over a table that is written to may count a line that it does not show.
///
/// ```
/// use std::sync::Arc;
///
/// use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
/// use datafusion::prelude::{SessionContext, col, lit};
/// use logdive_core::{Field, Window};
/// use logdive_query::{DivePlan, Diver, Select, TableLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text = |values: [&'static str; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
/// let batch = RecordBatch::try_from_iter([
///     ("at", text(["2023-07-10T11:58:00Z", "2023-07-10T11:59:00Z"])),
///     ("said", text(["disk full", "fine"])),
///     ("level", text(["error", "info"])),
///     ("cell", text(["a", "b"])),
/// ])?;
/// // A view of a session of yours; any other table will do.
/// let session = SessionContext::new();
/// let view = session.read_batch(batch)?.filter(col("cell").eq(lit("a")))?.into_view();
/// let layer = TableLayer::new(view)
///     .time("at")
///     .column(Field::Body, "said")
///     .column(Field::Severity, "level");
/// let diver = Diver::builder().layer("storage", layer).build().await?;
/// let window = Window::new(
///     "2023-07-10T11:30:00Z".parse()?,
///     "2023-07-10T12:30:00Z".parse()?,
/// )?;
/// let plan = DivePlan::around(window)
///     .select("errors", Select::layers(["storage"]).filter("severity >= error"));
/// let evidence = diver.dive(&plan).run().await?;
/// assert_eq!(evidence.step("errors").map(|step| step.matched), Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TableLayer {
    provider: Arc<dyn TableProvider>,
    stores: Vec<(String, Arc<dyn ObjectStore>)>,
    mapping: Mapping,
}

impl fmt::Debug for TableLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableLayer").field("mapping", &self.mapping).finish_non_exhaustive()
    }
}

impl TableLayer {
    /// The rows of a table.
    #[must_use]
    pub fn new(provider: Arc<dyn TableProvider>) -> Self {
        Self { provider, stores: Vec::new(), mapping: Mapping::default() }
    }

    /// Brings a store that the table reads by an address (`s3://bucket`): dives have sessions of
    /// their own, which do not know the stores of yours.
    #[must_use]
    pub fn store(mut self, address: impl Into<String>, store: Arc<dyn ObjectStore>) -> Self {
        self.stores.push((address.into(), store));
        self
    }

    mapping_methods!();
}

impl BringLayer for TableLayer {
    fn bring(self, name: LayerName) -> Result<Brought, BuildError> {
        let schema = self.provider.schema();
        let wrong = |why: String| BuildError::Unreadable { layer: name.clone(), why };
        self.mapping.missing(&schema).map_err(|misfit| wrong(misfit.to_string()))?;
        self.mapping.fit(&schema).map_err(|misfit| wrong(misfit.to_string()))?;
        let layer = self.mapping.layer(&name)?;
        let mut stores = Vec::with_capacity(self.stores.len());
        for (address, store) in self.stores {
            let url = ObjectStoreUrl::parse(&address).map_err(|_| {
                wrong(format!(
                    "`{address}` is no address of a store: give its scheme and name, as \
                     `s3://bucket`"
                ))
            })?;
            stores.push((url, store));
        }
        let (provider, mapping) = (self.provider, self.mapping);
        Ok(Brought(Arc::new(AnyTable { layer, provider, stores, mapping })))
    }
}

/// A table as the lines of a layer.
struct AnyTable {
    layer: Layer,
    provider: Arc<dyn TableProvider>,
    stores: Vec<(ObjectStoreUrl, Arc<dyn ObjectStore>)>,
    mapping: Mapping,
}

impl fmt::Debug for AnyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyTable").field("layer", self.layer.name()).finish_non_exhaustive()
    }
}

/// What a table says of itself around a window.
#[derive(Debug, Default)]
struct Told {
    emitters: Emitters,
    timeless: u64,
    /// Rows in the window.
    rows: u64,
}

impl AnyTable {
    fn scan(&self) -> EngineResult<LogicalPlanBuilder> {
        let source = provider_as_source(Arc::clone(&self.provider));
        LogicalPlanBuilder::scan("rows", source, None)
    }

    fn lines(&self, ask: &Ask<'_>) -> EngineResult<LogicalPlan> {
        let (name, schema) = (self.layer.name(), self.provider.schema());
        self.mapping.lines(self.scan()?, name, &schema, "table", &Span::of(&ask.window))?.build()
    }

    async fn ask(&self, ask: &Ask<'_>, engine: &Engine) -> Result<Told, Halt> {
        let schema = self.provider.schema();
        let late = self.layer.declared_lateness().unwrap_or_default();
        let window = Span::of(&ask.window);
        let around = window.wider(AROUND, AROUND.saturating_add(late));
        let [emitter, micros] = self.mapping.emitters(&schema)?;
        let inside =
            ident("micros").gt_eq(lit(window.from)).and(ident("micros").lt_eq(lit(window.to)));
        let plan = self
            .scan()?
            .filter(self.mapping.within_or_timeless(&schema, &around)?)?
            .project([emitter, micros])?
            .aggregate(
                [ident("emitter")],
                [
                    max(ident("micros")).alias("newest"),
                    count(lit(1_i64)).alias("lines"),
                    count(ident("micros")).alias("timed"),
                    count(lit(1_i64)).filter(inside).build()?.alias("inside"),
                ],
            )?
            .build()?;
        let mut told = Told::default();
        for batch in engine.run(plan, Purpose::Aggregate).await? {
            for row in 0..batch.num_rows() {
                let int = |at: usize| int_at(batch.column(at), row);
                let count = |at: usize| {
                    int(at).and_then(|count| u64::try_from(count).ok()).unwrap_or_default()
                };
                told.timeless += count(2).saturating_sub(count(3));
                told.rows += count(4);
                if let Some(newest) = int(1) {
                    let emitter = text_at(batch.column(0), row);
                    told.emitters.add(self.layer.name().as_str(), emitter, newest);
                }
            }
        }
        Ok(told)
    }
}

#[async_trait]
impl LayerTable for AnyTable {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn open(&self, ask: &Ask<'_>) -> Opened {
        let bytes = Arc::default();
        for (url, store) in &self.stores {
            ask.engine.store_at(url, Arc::clone(store), &bytes);
        }
        let lines = match self.lines(ask) {
            Ok(lines) => lines,
            Err(error) => return Opened::failed_with(error),
        };
        let told = match self.ask(ask, ask.engine).await {
            Ok(told) => told,
            Err(Halt::Limit(limit)) => return Opened::stopped_by(limit),
            Err(Halt::Failed(reason)) => return Opened::failed(reason),
        };
        let (of_lines, emitters) = coverage_of(&told.emitters, &self.layer);
        let mut coverage = LayerCoverage { planned: 1, read: 1, ..of_lines };
        if told.timeless > 0 {
            let time = self.mapping.time_column(&self.provider.schema());
            let name = time.map(|time| time.name().to_owned()).unwrap_or_default();
            let detail = format!("{} lines have no readable time in `{name}`", told.timeless);
            coverage.failed.push(Reason::new(ReasonKind::IllTyped, detail));
        }
        let most = ask.engine.budget().rows;
        let table: Arc<dyn TableProvider> = if told.rows > most {
            coverage.read = 0;
            coverage.stopped_by =
                Some(format!("the row budget of {most} rows: the window has {}", told.rows));
            super::memory::table(Vec::new())
        } else {
            Arc::new(ViewTable::new(lines, None))
        };
        Opened { table, coverage, emitters, bytes, sharers: 1, lost: Arc::default() }
    }
}
