//! Dives over lines in memory, without an engine.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::log::{LogBatch, LogRecord};
use crate::port::{Description, DiveError, DiveRequest, EvidenceSource, StepDescription};
use crate::predicate::FieldTypes;
use crate::{
    Coverage, Digest, Evidence, Fact, Facts, Field, Function, Layer, LayerCoverage, Layers,
    Predicate, Provenance, StepEvidence, StepKind, StepName, WindowSpec,
};

/// Dives over lines in memory: each step is the lines of the window that meet a predicate. For
/// tests of rules and pilots, and for tools whose lines fit in memory.
#[derive(Debug, Clone)]
pub struct MemoryEvidence {
    layer: Layer,
    lines: LogBatch,
    window: WindowSpec,
    steps: Vec<(StepName, Predicate)>,
}

impl MemoryEvidence {
    /// A layer, its lines, and the window to look at.
    #[must_use]
    pub const fn new(layer: Layer, lines: LogBatch, window: WindowSpec) -> Self {
        Self { layer, lines, window, steps: Vec::new() }
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, name: StepName, predicate: Predicate) -> Self {
        self.steps.push((name, predicate));
        self
    }
}

#[async_trait]
impl EvidenceSource for MemoryEvidence {
    fn describe(&self) -> Description {
        let fields: BTreeMap<_, _> = self
            .layer
            .names()
            .into_iter()
            .filter_map(|name| {
                let kind = self.layer.field_type(&Field::parse(&name).ok()?)?;
                Some((name, kind))
            })
            .collect();
        let step = |(name, _): &(StepName, Predicate)| StepDescription {
            name: name.clone(),
            fields: fields.clone(),
        };
        Description {
            steps: self.steps.iter().map(step).collect(),
            plan: Digest::of_json(&(self.window, &self.steps)),
        }
    }

    async fn dive(&self, request: &DiveRequest) -> Result<Evidence, DiveError> {
        let window = self
            .window
            .resolve(&request.ticket.times)
            .map_err(|error| DiveError::Plan(error.to_string()))?;
        let time = |record: &LogRecord| record.time();
        let newest = self.lines.records().map(|record| time(&record)).max();
        let mut coverage = LayerCoverage {
            newest,
            watermark: LayerCoverage::watermark_of(newest, self.layer.declared_lateness()),
            scanned: self.lines.len() as u64,
            ..LayerCoverage::default()
        };
        let mut steps = Vec::new();
        let mut rows_of = BTreeMap::new();
        for (name, predicate) in &self.steps {
            let mut rows: Vec<LogRecord> = self
                .lines
                .rows()
                .filter(|row| {
                    let reader = self.layer.reader(*row);
                    reader.is_in(&window) && predicate.eval(&|field| reader.read(field)).is_true()
                })
                .map(|row| row.to_record())
                .collect();
            rows.sort_by_key(|record| (record.time(), record.seq));
            coverage.matched += rows.len() as u64;
            coverage.shown += rows.len() as u64;
            rows_of.insert(name.clone(), rows.iter().cloned().collect::<LogBatch>());
            steps.push(StepEvidence {
                matched: rows.len() as u64,
                rows,
                ..StepEvidence::new(name.clone(), StepKind::Select, predicate.to_string())
            });
        }
        let layers: Layers = std::iter::once(self.layer.clone()).collect();
        let name = self.layer.name().clone();
        let mut facts = Facts::new();
        for measure in &request.measures {
            let window = match measure.window {
                None => window,
                Some(own) => own
                    .resolve(&request.ticket.times)
                    .ok()
                    .and_then(|own| own.intersection(&window))
                    .unwrap_or(window),
            };
            let gap = coverage.gap(&name, window.to());
            let fact = match (&measure.function, rows_of.get(&measure.step)) {
                (Function::Watermark, _) => coverage.watermark.map_or(Fact::Absent, Fact::from),
                (_, Some(rows)) => measure.compute(rows, &layers, &window, gap.as_ref()),
                (_, None) => {
                    return Err(DiveError::Plan(format!("there is no step `{}`", measure.step)));
                }
            };
            facts.insert_overwrite(&measure.name, fact);
        }
        Ok(Evidence {
            steps,
            facts,
            coverage: Coverage {
                window,
                layers: BTreeMap::from([(name, coverage)]),
                not_looked_at: Vec::new(),
                skews: Vec::new(),
            },
            provenance: Provenance {
                plan: format!("{} steps in memory", self.steps.len()),
                plan_digest: self.describe().plan,
                lake_version: None,
                engine: concat!("logdive-core ", env!("CARGO_PKG_VERSION")).to_owned(),
            },
        })
    }
}
