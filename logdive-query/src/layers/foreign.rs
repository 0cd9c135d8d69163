//! Layers that somebody else keeps, read into memory for a dive.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use chrono::TimeDelta;
use futures_util::StreamExt as _;
use logdive_core::port::{LayerItem, LayerQuery, LayerSource, LayerSourceError};
use logdive_core::{Layer, LayerCoverage, Reason, ReasonKind, format_duration};

use super::memory::{add_emitters, coverage_of, table};
use super::{Ask, LayerTable, Opened};
use crate::emitters::Emitters;

/// A layer behind core's seam.
#[derive(Debug)]
pub(crate) struct ForeignLayer(pub(crate) Arc<dyn LayerSource>);

#[async_trait]
impl LayerTable for ForeignLayer {
    fn layer(&self) -> &Layer {
        self.0.layer()
    }

    async fn open(&self, ask: &Ask<'_>) -> Opened {
        let mut batches = Vec::new();
        let read = self.read(ask, &mut batches);
        let mut coverage = match tokio::time::timeout(ask.time, read).await {
            Ok(Ok(coverage)) => coverage,
            Ok(Err(error)) => failed(with_causes(&error), error.kind),
            Err(_) => failed(
                format!("no answer within {}", format_duration(ask.time)),
                ReasonKind::TimedOut,
            ),
        };
        let mut emitters = Emitters::default();
        add_emitters(&mut emitters, &batches);
        let (of_lines, names) = coverage_of(&emitters, self.layer());
        coverage.newest = coverage.newest.or(of_lines.newest);
        let bytes = Arc::new(AtomicU64::new(coverage.cost.bytes));
        Opened {
            table: table(batches.into_iter().map(logdive_core::LogBatch::into_arrow).collect()),
            coverage,
            emitters: names,
            bytes,
            sharers: 1,
            lost: Arc::default(),
        }
    }
}

impl ForeignLayer {
    async fn read(
        &self,
        ask: &Ask<'_>,
        batches: &mut Vec<logdive_core::LogBatch>,
    ) -> Result<LayerCoverage, LayerSourceError> {
        let most = ask.engine.budget().rows;
        let deadline = TimeDelta::from_std(ask.time)
            .ok()
            .and_then(|time| ask.clock.now().checked_add_signed(time));
        let query = LayerQuery {
            window: ask.window,
            predicate: ask.predicate.clone(),
            limit: Some(most.saturating_add(1)),
            deadline,
        };
        let mut stream = self.0.read(&query).await?;
        let mut rows: u64 = 0;
        while let Some(item) = stream.next().await {
            match item? {
                LayerItem::Coverage(coverage) => return Ok(coverage),
                LayerItem::Batch(batch) => {
                    rows = rows.saturating_add(batch.len() as u64);
                    batches.push(batch);
                    if rows > most {
                        return Ok(LayerCoverage {
                            planned: 1,
                            stopped_by: Some(format!("the row budget of {most} rows")),
                            ..LayerCoverage::default()
                        });
                    }
                }
            }
        }
        let message = format!("the answer of `{}` was cut off", self.layer().name());
        Err(LayerSourceError::new(ReasonKind::Failed, message))
    }
}

fn failed(detail: String, kind: ReasonKind) -> LayerCoverage {
    LayerCoverage {
        planned: 1,
        failed: vec![Reason::new(kind, detail)],
        ..LayerCoverage::default()
    }
}

/// An error and its causes in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
