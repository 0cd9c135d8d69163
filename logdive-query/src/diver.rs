//! The diver: layers to dive into, and plans bound to them.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use logdive_core::port::{
    Budget, Clock, Description, DiveError, DiveRequest, EvidenceSource, LayerSource,
    StepDescription, SystemClock,
};
use logdive_core::predicate::FieldTypes as _;
use logdive_core::{
    Evidence, Field, IdKind, Layer, LayerError, LayerName, Layers, LayersFields, LogBatch, Measure,
    NameError, Ticket, Times,
};
use thiserror::Error;

use crate::emitters::Emitters;
#[cfg(feature = "lake")]
use crate::lake::Lake;
use crate::layers::foreign::ForeignLayer;
use crate::layers::memory::{MemoryLayer, add_emitters};
use crate::layers::{BringLayer, LayerTable};
use crate::plan::{CheckedPlan, DivePlan, PlanError, ids_of};

mod compare;
mod conclude;
mod context;
mod dive;
mod estimate;
mod follow;
mod mined;
mod open;
mod skew;
mod survey;
mod usage;

use dive::{Request, parts_in};
pub use estimate::Estimate;
pub use usage::Usage;

use crate::gather::Id;

/// What is wrong with the layers of a diver.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Two layers have one name.
    #[error("two layers are named `{0}`: give one another name")]
    Twice(LayerName),
    /// A layer does not hold together.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The files of a layer do not fit.
    #[error("layer `{layer}` cannot be read: {why}")]
    #[non_exhaustive]
    Unreadable {
        /// The layer.
        layer: LayerName,
        /// Why, and what to do.
        why: String,
    },
}

/// Dives: layers, and everything that is needed to look into them.
#[derive(Debug, Clone)]
pub struct Diver {
    layers: Layers,
    tables: Vec<Arc<dyn LayerTable>>,
    #[cfg(feature = "lake")]
    lakes: Vec<LakeLayers>,
    partitions: usize,
    clock: Arc<dyn Clock>,
}

#[cfg(feature = "lake")]
#[derive(Debug, Clone)]
struct LakeLayers {
    lake: Lake,
    layers: Vec<Layer>,
}

impl Diver {
    /// Begins a diver.
    #[must_use]
    pub fn builder() -> DiverBuilder {
        DiverBuilder {
            brought: Vec::new(),
            memory: Vec::new(),
            #[cfg(feature = "lake")]
            lakes: Vec::new(),
            partitions: None,
            clock: Arc::new(SystemClock::new()),
            failed: None,
        }
    }

    /// The layers there are.
    #[must_use]
    pub const fn layers(&self) -> &Layers {
        &self.layers
    }

    /// Begins a dive of a plan.
    pub fn dive<'a>(&'a self, plan: &'a DivePlan) -> Dive<'a> {
        Dive {
            diver: self,
            plan,
            times: None,
            ids: Vec::new(),
            budget: Budget::default(),
            measures: Vec::new(),
        }
    }

    /// Binds a plan, so that tickets can be dived for.
    ///
    /// # Errors
    /// If the plan does not fit the layers.
    pub fn bind(&self, plan: &DivePlan) -> Result<BoundDive, PlanError> {
        Ok(BoundDive { diver: self.clone(), plan: CheckedPlan::of(plan, &self.layers)? })
    }
}

/// One dive, before it runs.
#[derive(Debug, Clone)]
#[must_use = "a dive does nothing until it is run"]
pub struct Dive<'a> {
    diver: &'a Diver,
    plan: &'a DivePlan,
    times: Option<Times>,
    ids: Vec<Id>,
    budget: Budget,
    measures: Vec<Measure>,
}

impl Dive<'_> {
    /// Gives the times that windows around a ticket's time are laid around.
    pub const fn times(mut self, times: Times) -> Self {
        self.times = Some(times);
        self
    }

    /// Dives for a ticket: windows are laid around its times, its entities are the ids.
    pub fn ticket(mut self, ticket: &Ticket) -> Self {
        self.times = Some(ticket.times);
        self.ids.extend(ids_of(ticket));
        self
    }

    /// Gives ids by their kinds, for steps that select by them. Each is bound as a value of the
    /// type that a layer's field has.
    pub fn ids(mut self, ids: impl IntoIterator<Item = (IdKind, String)>) -> Self {
        self.ids.extend(ids);
        self
    }

    /// Limits what the dive may use.
    pub const fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Asks for measures.
    pub fn measures(mut self, measures: impl IntoIterator<Item = Measure>) -> Self {
        self.measures.extend(measures);
        self
    }

    /// Dives. What could not be read is in the evidence's coverage.
    ///
    /// # Errors
    /// If the plan or a measure does not fit, or the engine cannot start.
    pub async fn run(self) -> Result<Evidence, DiveError> {
        self.run_metered().await.map(|(evidence, _)| evidence)
    }

    /// Dives, and says what it used: time and memory, which differ from run to run and are no part
    /// of the evidence.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_metered(self) -> Result<(Evidence, Usage), DiveError> {
        let plan =
            CheckedPlan::of(self.plan, &self.diver.layers).map_err(|error| misfit(&error))?;
        let request = Request {
            times: self.times.as_ref(),
            ids: &self.ids,
            measures: &self.measures,
            budget: self.budget,
        };
        let begun = usage::Begun::now();
        let (evidence, held) = dive::run(self.diver, &plan, &request).await?;
        Ok((evidence, begun.usage(held)))
    }

    /// What the dive would read of its lakes, without reading it.
    ///
    /// # Errors
    /// If the plan does not fit.
    pub async fn estimate(self) -> Result<Estimate, DiveError> {
        let plan =
            CheckedPlan::of(self.plan, &self.diver.layers).map_err(|error| misfit(&error))?;
        let windows = plan.windows(self.times.as_ref()).map_err(|error| misfit(&error))?;
        let wanted = open::looked_at(&plan, &windows);
        let versions = open::Versions::newest(self.diver).await;
        Ok(dive::estimate(self.diver, &versions, &plan, &windows, &wanted))
    }
}

pub(crate) fn misfit(error: &PlanError) -> DiveError {
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        text = format!("{text}: {cause}");
    }
    DiveError::Plan(text)
}

/// A plan bound to a diver: what the loop asks for evidence.
#[derive(Debug, Clone)]
pub struct BoundDive {
    diver: Diver,
    plan: CheckedPlan,
}

#[async_trait]
impl EvidenceSource for BoundDive {
    fn describe(&self) -> Description {
        // Measures read lines, so they can be asked of steps that find some.
        let with_lines = self.plan.steps.iter().filter(|step| step.looks.has_lines());
        let steps = with_lines.map(|step| {
            let fields = LayersFields::new(&step.layers);
            let typed = fields.names().into_iter().filter_map(|name| {
                let kind = fields.field_type(&Field::parse(&name).ok()?)?;
                Some((name, kind))
            });
            StepDescription { name: step.name.clone(), fields: typed.collect() }
        });
        Description { steps: steps.collect(), plan: self.plan.digest() }
    }

    async fn dive(&self, request: &DiveRequest) -> Result<Evidence, DiveError> {
        let ids: Vec<Id> = ids_of(&request.ticket);
        let request = Request {
            times: Some(&request.ticket.times),
            ids: &ids,
            measures: &request.measures,
            budget: request.budget,
        };
        dive::run(&self.diver, &self.plan, &request).await.map(|(evidence, _)| evidence)
    }
}

/// Collects the layers of a diver.
#[derive(Debug)]
pub struct DiverBuilder {
    brought: Vec<Arc<dyn LayerTable>>,
    memory: Vec<(Layer, Vec<LogBatch>)>,
    #[cfg(feature = "lake")]
    lakes: Vec<LakeLayers>,
    partitions: Option<usize>,
    clock: Arc<dyn Clock>,
    // The first thing that went wrong; said by `build`, so that building reads as one chain.
    failed: Option<BuildError>,
}

impl DiverBuilder {
    /// Adds a layer by name: Parquet files, a Delta table, any table, a command.
    #[must_use]
    pub fn layer(mut self, name: impl AsRef<str>, layer: impl BringLayer) -> Self {
        let brought = LayerName::parse(name).map_err(Into::into).and_then(|name| layer.bring(name));
        match brought {
            Ok(brought) => self.brought.push(brought.0),
            Err(error) => {
                self.failed.get_or_insert(error);
            }
        }
        self
    }

    /// Adds a layer that is read through core's seam.
    #[must_use]
    pub fn source(mut self, source: Arc<dyn LayerSource>) -> Self {
        self.brought.push(Arc::new(ForeignLayer(source)));
        self
    }

    /// Adds layers that lie in a lake.
    #[cfg(feature = "lake")]
    #[must_use]
    pub fn lake(mut self, lake: Lake, layers: impl IntoIterator<Item = Layer>) -> Self {
        self.lakes.push(LakeLayers { lake, layers: layers.into_iter().collect() });
        self
    }

    /// Adds a layer whose lines are in memory. The lines of all layers in memory count as one
    /// store: an emitter may write to several.
    #[must_use]
    pub fn memory(mut self, layer: Layer, batches: impl IntoIterator<Item = LogBatch>) -> Self {
        self.memory.push((layer, batches.into_iter().collect()));
        self
    }

    /// How many threads a query may use. Answers do not depend on it.
    #[must_use]
    pub const fn partitions(mut self, partitions: usize) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// The clock by which deadlines are told to foreign stores.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the diver.
    ///
    /// # Errors
    /// The first thing that is wrong with a layer.
    pub async fn build(self) -> Result<Diver, BuildError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        try_join_all(self.brought.iter().map(|table| table.check())).await?;
        let mut emitters = Emitters::default();
        for (_, batches) in &self.memory {
            add_emitters(&mut emitters, batches);
        }
        let emitters = Arc::new(emitters);
        let mut tables = self.brought;
        for (layer, batches) in self.memory {
            tables.push(Arc::new(MemoryLayer::new(layer, &batches, Arc::clone(&emitters))));
        }
        let mut layers = Layers::new();
        let mut insert = |layer: &Layer| {
            layers
                .insert_unique(layer.clone())
                .map_err(|layer| BuildError::Twice(layer.name().clone()))
        };
        tables.iter().try_for_each(|table| insert(table.layer()))?;
        #[cfg(feature = "lake")]
        self.lakes.iter().flat_map(|lake| &lake.layers).try_for_each(insert)?;
        let partitions = self.partitions.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
        Ok(Diver {
            layers,
            tables,
            #[cfg(feature = "lake")]
            lakes: self.lakes,
            partitions: partitions.max(1),
            clock: self.clock,
        })
    }
}
